"""Features of a user at a time, from what the user consumed before it (the feature table of papers on intents).

Each interaction is one example. Its features are computed from the interactions of the user at strictly earlier times,
and so is whether it explores: items that a user consumed at the same time do not know of each other. The last example
of a user is the serving example: the features at one time after the end of the log.

The completion ratio and the length of items, which the deployed model has too, are in no log that the project reads.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.intents.config import IntentConfig
from transforms.recommendation.histories import Codes, ItemHistories

Floats = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]

INTENTS = ("cluster", "creator", "item")
"""The kinds of new things: an interaction can be with a new cluster, a new creator, or a new item."""

UNKNOWN = -1
"""The label of an interaction whose item has no cluster or no creator; and the code of that cluster or creator."""

RECENT = 20
"""Number of last interactions that diversity and the fraction of new clusters are computed from."""

_MINUTE = 60_000_000
_DAY = 86_400_000_000


class Feature(NamedTuple):
    """A feature of a user at a time.

    Attributes:
        name: its name.
        description: what it is.
        published_sign: the sign of its correlation with exploration, as published for a video platform: 1, -1; 0: the
            feature is not in that table.
    """

    name: str
    description: str
    published_sign: int


FEATURES = (
    Feature("clusters_consumed", "log(1 + number of distinct clusters so far)", 1),
    Feature("creators_consumed", "log(1 + number of distinct creators so far)", 1),
    Feature("session_minutes", "log(1 + minutes since the start of the session)", 1),
    Feature("session_interactions", "log(1 + number of interactions in the session so far)", 1),
    Feature("hours_since_last_session", "log(1 + hours between the previous session and this one)", 1),
    Feature("diversity", f"distinct clusters among the last {RECENT} interactions, as a fraction of them", 1),
    Feature("mean_dwell", "log(1 + mean of `dwell_seconds`)", -1),
    Feature("activity", "log(1 + number of interactions in the last days)", -1),
    Feature("repeats", "log(1 + number of interactions with an item that was consumed before)", -1),
    Feature("repeat_fraction", "number of such interactions, as a fraction of all", -1),
    Feature("new_cluster_fraction", f"fraction of the last {RECENT} interactions that were of a new cluster", 0),
    Feature("catalogue_fraction", "fraction of the catalogue's items that are in clusters consumed so far", 0),
    Feature("history_length", "log(1 + number of interactions so far)", 0),
)
"""The features, in the order of the columns."""


class Events(NamedTuple):
    """The interactions of users, with what features are computed from.

    Attributes:
        histories: the interactions.
        clusters: int32, shape (interactions,): `UNKNOWN` without one.
        creators: int32, shape (interactions,): `UNKNOWN` without one.
        dwell: float64, shape (interactions,): seconds; NaN where it is not given.
    """

    histories: ItemHistories
    clusters: Codes
    creators: Codes
    dwell: Floats


class Rows(NamedTuple):
    """Examples of one period.

    Attributes:
        features: float32, shape (examples, features).
        labels: int8, shape (examples, intents): 1, 0, or `UNKNOWN`.
    """

    features: Features
    labels: Labels


class Examples(NamedTuple):
    """Examples of interactions, and the serving examples.

    Attributes:
        features: float32, shape (interactions, features).
        labels: int8, shape (interactions, intents): 1 if the interaction is with something new; 0; `UNKNOWN`.
        has_past: bool, shape (interactions,): whether the user has an earlier interaction; others are no examples.
        serving: float32, shape (users, features): the features of users at the serving time.
    """

    features: Features
    labels: Labels
    has_past: npt.NDArray[np.bool_]
    serving: Features


def compute_examples(events: Events, cluster_fractions: Floats, now: int, config: IntentConfig) -> Examples:
    """Compute the features and the labels of all interactions, and the features at the serving time.

    Args:
        events: the interactions.
        cluster_fractions: float64, shape (clusters,): the fraction of the catalogue's items in each cluster.
        now: the serving time in microseconds, not before any interaction.
        config: the gap between sessions and the days of activity.

    Returns:
        The examples; see `FEATURES` and `INTENTS`.
    """
    histories = events.histories
    count, users = len(histories.items), histories.user_count
    features = np.zeros((count + users, len(FEATURES)), np.float32)
    labels = np.full((count, len(INTENTS)), UNKNOWN, np.int8)
    has_past = np.zeros(count, np.bool_)
    sizes = [int(codes.max(initial=-1)) + 1 for codes in (events.clusters, events.creators, histories.items)]
    cluster_users, creator_users, item_users = (np.full(size, -1, np.int64) for size in sizes)
    gap = round(config.session_gap_minutes * _MINUTE)
    _compute(
        *histories,
        events.clusters,
        events.creators,
        np.nan_to_num(events.dwell),
        ~np.isnan(events.dwell),
        cluster_fractions,
        cluster_users,
        creator_users,
        item_users,
        now,
        gap,
        round(config.activity_days * _DAY),
        features,
        labels,
        has_past,
    )
    return Examples(features[:count], labels, has_past, features[count:])


def cluster_fractions(item_clusters: Codes, cluster_count: int) -> Floats:
    """Compute the fraction of the items that are in each cluster, float64, shape (clusters,)."""
    sizes = np.bincount(item_clusters[item_clusters >= 0], minlength=cluster_count)
    return sizes / max(len(item_clusters), 1)


@numba.njit(cache=True, nogil=True)
def _compute(  # type: ignore[no-untyped-def]
    offsets, items, times, clusters, creators, dwell, has_dwell, fractions, cluster_users, creator_users, item_users,
    now, gap, active, features, labels, has_past,
):  # fmt: skip
    recent_clusters, recent_new = np.zeros(RECENT, np.int64), np.zeros(RECENT, np.int64)
    for user in range(len(offsets) - 1):
        first, end = offsets[user], offsets[user + 1]
        distinct_clusters = distinct_creators = repeats = in_session = recent = dwells = 0
        fraction = seconds = 0.0
        session_start = last = np.int64(0)
        since_last_session = np.int64(0)
        oldest, start = first, first
        while start <= end:
            # Phase 1: the interactions of one time; after the last of them, the serving time.
            is_serving = start == end
            time = now if is_serving else times[start]
            stop = start + 1
            while stop < end and times[stop] == time:
                stop += 1
            # Phase 2: the session and the recent activity as they are at this time.
            if start == first:
                session_start = time
            elif time - last > gap:
                session_start, since_last_session, in_session = time, time - last, 0
            while oldest < start and times[oldest] <= time - active:
                oldest += 1
            # Phase 3: the features, equal for all of this time.
            row = len(items) + user if is_serving else start
            past = start - first
            shown = min(recent, RECENT)
            different = new = 0
            for place in range(shown):
                new += recent_new[place]
                is_first = True
                for earlier in range(place):
                    is_first = is_first and recent_clusters[earlier] != recent_clusters[place]
                different += is_first
            features[row, 0] = np.log1p(distinct_clusters)
            features[row, 1] = np.log1p(distinct_creators)
            features[row, 2] = np.log1p((time - session_start) / 6e7)
            features[row, 3] = np.log1p(in_session)
            features[row, 4] = np.log1p(since_last_session / 3.6e9)
            features[row, 5] = different / max(shown, 1)
            features[row, 6] = np.log1p(max(seconds / max(dwells, 1), 0.0))
            features[row, 7] = np.log1p(start - oldest)
            features[row, 8] = np.log1p(repeats)
            features[row, 9] = repeats / max(past, 1)
            features[row, 10] = new / max(shown, 1)
            features[row, 11] = fraction
            features[row, 12] = np.log1p(past)
            if is_serving:
                break
            # Phase 4: the labels, by what was consumed before this time.
            for at in range(start, stop):
                features[at] = features[row]
                has_past[at] = past > 0
                if clusters[at] >= 0:
                    labels[at, 0] = cluster_users[clusters[at]] != user
                if creators[at] >= 0:
                    labels[at, 1] = creator_users[creators[at]] != user
                labels[at, 2] = item_users[items[at]] != user
            # Phase 5: the state after this time.
            for at in range(start, stop):
                cluster = clusters[at]
                if cluster >= 0:
                    recent_clusters[recent % RECENT], recent_new[recent % RECENT] = cluster, labels[at, 0]
                    recent += 1
                    if cluster_users[cluster] != user:
                        cluster_users[cluster] = user
                        distinct_clusters += 1
                        fraction += fractions[cluster]
                if creators[at] >= 0 and creator_users[creators[at]] != user:
                    creator_users[creators[at]] = user
                    distinct_creators += 1
                repeats += 1 - labels[at, 2]
                item_users[items[at]] = user
                if has_dwell[at]:
                    seconds += dwell[at]
                    dwells += 1
            in_session += stop - start
            last, start = time, stop
