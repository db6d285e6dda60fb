"""The journeys of users before a date, and which of them are taken up again after it.

Journeys are formed from what is before the date alone, as `extract` forms them. What follows is judged by journeys
that are formed from the whole log: a journey is continued by an interaction that lies in the same journey of the whole
log as most of its items do. The clusters of a tree give a second judgement that does not depend on the clustering of
journeys.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.evaluation.experiments.recommendation.training import Catalogue
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.config import BayesianConfig, IcpcConfig
from transforms.journeys.form_journeys import journeys_from_labels
from transforms.lifecycle.rhythm import DAY, Integers, owners_of
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import NEVER, before, between, users_of_rows

Flags = npt.NDArray[np.bool_]

_NONE = -1


class PastJourneys(NamedTuple):
    """The journeys before a date, by user.

    Attributes:
        offsets: int64, shape (users + 1,): the journeys of each user.
        users: int64, shape (journeys,): the user of each.
        sizes: int64, shape (journeys,): number of distinct items.
        member_offsets: int64, shape (journeys + 1,): the interactions of each.
        items: int64, shape (interactions,): codes of items.
        times: int64, shape (interactions,): times in microseconds, ascending in each journey.
        clusters: int64, shape (journeys,): the most frequent cluster of its items; ties: the lower code.
    """

    offsets: Integers
    users: Integers
    sizes: Integers
    member_offsets: Integers
    items: Integers
    times: Integers
    clusters: Integers


class Continuations(NamedTuple):
    """The interactions that follow the date, as seen from the journeys before it.

    Attributes:
        days: float64, shape (journeys,): days until the journey is continued; infinite: it is not.
        cluster_days: float64, shape (journeys,): days until the user consumes an item of the cluster of the journey.
        next_clusters: int64, shape (pairs, 2): user and cluster of what users consume from the date on, each once.
    """

    days: npt.NDArray[np.float64]
    cluster_days: npt.NDArray[np.float64]
    next_clusters: Integers


def latest(histories: ItemHistories, limit: int) -> ItemHistories:
    """Return the last interactions of each user, at most `limit`."""
    starts = np.maximum(histories.offsets[:-1], histories.offsets[1:] - limit)
    kept = np.arange(len(histories.items)) >= starts[users_of_rows(histories)]
    return ItemHistories(list_offsets(histories.offsets[1:] - starts), histories.items[kept], histories.times[kept])


def past_journeys(past: ItemHistories, catalogue: Catalogue) -> PastJourneys:
    """Form the journeys of all users by the vectors of items, with the defaults of `extract`.

    Args:
        past: the interactions before the date.
        catalogue: the items.
    """
    labels = cluster_histories(past.offsets, past.items, catalogue.vectors, BayesianConfig())
    found = journeys_from_labels(past.offsets, past.items, labels, catalogue.item_count, IcpcConfig.min_size)
    items = past.items[found.members].astype(np.int64)
    rows = owners_of(found.member_offsets)
    return PastJourneys(
        offsets=list_offsets(np.bincount(found.users, minlength=past.user_count)),
        users=found.users,
        sizes=found.sizes,
        member_offsets=found.member_offsets,
        items=items,
        times=past.times[found.members],
        clusters=_main_values(rows, catalogue.item_clusters[items].astype(np.int64), len(found.users)),
    )


def continuations(
    journeys: PastJourneys, histories: ItemHistories, catalogue: Catalogue, date: int, limit: int
) -> Continuations:
    """Find out what follows the date.

    Args:
        journeys: the journeys before the date, of the same users.
        histories: the interactions of all periods.
        catalogue: the items.
        date: the date, in microseconds.
        limit: maximum number of interactions of a user before the date, and after it, from which journeys are formed.
    """
    future = between(histories, date, NEVER)
    whole = _join(latest(before(histories, date), limit), _earliest(future, limit))
    labels = cluster_histories(whole.offsets, whole.items, catalogue.vectors, BayesianConfig())
    users = users_of_rows(whole)
    # The label of each item of a user: all its interactions have the same.
    width = catalogue.item_count
    keys, first = np.unique(users * width + whole.items, return_index=True)
    owners = owners_of(journeys.member_offsets)
    wanted = journeys.users[owners] * width + journeys.items
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    member_labels = np.where(keys[places] == wanted, labels[first][places], _NONE)
    own = _main_values(owners[member_labels >= 0], member_labels[member_labels >= 0], len(journeys.users))
    is_future = whole.times >= date
    days = _days_until(users[is_future], labels[is_future], whole.times[is_future] - date, journeys.users, own)
    clusters = catalogue.item_clusters[future.items].astype(np.int64)
    of = users_of_rows(future)
    return Continuations(
        days,
        _days_until(of, clusters, future.times - date, journeys.users, journeys.clusters),
        np.unique(np.stack([of, clusters], axis=1), axis=0),
    )


def _earliest(histories: ItemHistories, limit: int) -> ItemHistories:
    ends = np.minimum(histories.offsets[1:], histories.offsets[:-1] + limit)
    kept = np.arange(len(histories.items)) < ends[users_of_rows(histories)]
    return ItemHistories(list_offsets(ends - histories.offsets[:-1]), histories.items[kept], histories.times[kept])


def _join(past: ItemHistories, future: ItemHistories) -> ItemHistories:
    """Join the interactions of the same users before and from a date on."""
    users = np.concatenate([users_of_rows(past), users_of_rows(future)])
    order = np.argsort(users, kind="stable")
    items, times = (np.concatenate([one, other])[order] for one, other in zip(past[1:], future[1:], strict=True))
    return ItemHistories(past.offsets + future.offsets, items, times)


def _main_values(owners: Integers, values: Integers, count: int) -> Integers:
    """Return the most frequent value of each owner, int64, shape (count,); ties: the lower one; none: -1."""
    width = int(values.max(initial=0)) + 1
    keys, counts = np.unique(owners * width + values, return_counts=True)
    order = np.lexsort((keys % width, -counts, keys // width))[::-1]
    found = np.full(count, _NONE, np.int64)
    found[(keys // width)[order]] = (keys % width)[order]  # the first one of an owner is written last
    return found


def _days_until(
    users: Integers, values: Integers, waits: Integers, of: Integers, wanted: Integers
) -> npt.NDArray[np.float64]:
    """Return the days until a user meets a value for the first time; infinite: never, or the value is -1."""
    width = int(max(values.max(initial=0), wanted.max(initial=0))) + 1
    kept = values >= 0
    keys, waits = users[kept] * width + values[kept], waits[kept]
    order = np.lexsort((waits, keys))
    distinct, first = np.unique(keys[order], return_index=True)
    needed = of * width + wanted
    if not len(distinct):
        return np.full(len(needed), np.inf)
    places = np.minimum(np.searchsorted(distinct, needed), len(distinct) - 1)
    has = (distinct[places] == needed) & (wanted >= 0)
    return np.where(has, waits[order][first][places] / DAY, np.inf)
