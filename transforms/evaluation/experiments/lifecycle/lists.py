"""Coverage of the next journeys and clusters of users by the first journeys of a list, by the order of the list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.experiments.lifecycle.past_journeys import Continuations, Flags, PastJourneys
from transforms.evaluation.experiments.lifecycle.stage import continuation_scores
from transforms.evaluation.metric_rows import metric_row, point
from transforms.journeys.icpc import TermVectors
from transforms.lifecycle.rhythm import Floats, Integers, LogGaps, owners_of
from transforms.lifecycle.term_sums import TermSums, sum_terms
from transforms.lifecycle.top_list import order_journeys

Row = dict[str, Any]

LENGTHS = (3, 5)
"""Numbers of journeys of a list."""

IMPORTANCE, DIVERSE = "importance", "importance, diverse"
ORDERS = (IMPORTANCE, "size", "recency", "return rate")
"""The scores by which journeys are ordered; the first one also with the penalty."""


def journey_terms(journeys: PastJourneys, terms: TermVectors) -> TermSums:
    """Return the term vector of each journey."""
    return sum_terms(owners_of(journeys.member_offsets), journeys.items, len(journeys.users), terms)


def ranks_by_order(
    journeys: PastJourneys, gaps: LogGaps, date: int, terms: TermVectors, config: LifecycleExperimentConfig
) -> dict[str, Integers]:
    """Return by order the rank of each journey among those of its user, from 1; ties: the more recent one."""
    scores = continuation_scores(journeys, gaps, date, config)
    last = journeys.times[journeys.member_offsets[1:] - 1]
    penalty, similarity = config.top_list.penalty, config.top_list.min_similarity
    found = {}
    for name in ORDERS:
        order = np.lexsort((np.arange(len(last)), -last, -scores[name], journeys.users))
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order)) - journeys.offsets[journeys.users[order]] + 1
        found[name] = ranks
    importance = scores[IMPORTANCE]
    diverse = order_journeys(journeys.offsets, importance, journey_terms(journeys, terms), penalty, similarity)
    return found | {DIVERSE: diverse.ranks}


def list_rows(
    journeys: PastJourneys,
    following: Continuations,
    gaps: LogGaps,
    date: int,
    terms: TermVectors,
    config: LifecycleExperimentConfig,
) -> Iterator[Row]:
    """Measure lists of users with more journeys than a list has."""
    ranks = ranks_by_order(journeys, gaps, date, terms, config)
    for length in LENGTHS:
        for covered in ("journeys", "clusters"):
            values = {
                name: coverage(journeys, following, found <= length, covered, length, config.future_days)
                for name, found in ranks.items()
            }
            yield from _compare(values, config.seed, covered=covered, length=length)
        users = np.flatnonzero(np.diff(journeys.offsets) > length)
        changed = (ranks[IMPORTANCE] <= length) != (ranks[DIVERSE] <= length)
        by_user = np.bincount(journeys.users, changed, len(journeys.offsets) - 1)[users] > 0
        if len(users):
            yield metric_row("lifecycle_other_list", point(float(by_user.mean()), len(users)), length=length)


def coverage(
    journeys: PastJourneys, following: Continuations, is_listed: Flags, covered: str, length: int, days: int
) -> Floats:
    """Compute for each user the fraction of what they do next that their list covers.

    Args:
        journeys: the journeys.
        following: what follows the date.
        is_listed: bool, shape (journeys,).
        covered: `journeys`: of the journeys that are continued; `clusters`: of the clusters that are consumed.
        length: length of the lists; users with fewer or as many journeys are left out.
        days: days within which journeys are continued.

    Returns:
        float64: one value for each user with more journeys, who does something next.
    """
    count = len(journeys.offsets) - 1
    many = np.diff(journeys.offsets) > length
    if covered == "journeys":
        continued = following.days < days
        above = np.bincount(journeys.users, continued & is_listed, count)
        below = np.bincount(journeys.users, continued, count)
    else:
        width = int(max(journeys.clusters.max(), following.next_clusters[:, 1].max(initial=0))) + 1
        listed = np.unique((journeys.users * width + journeys.clusters)[is_listed])
        users, clusters = following.next_clusters.T
        above = np.bincount(users, np.isin(users * width + clusters, listed), count)
        below = np.bincount(users, minlength=count)
    chosen = many & (below > 0)
    return above[chosen] / below[chosen]


def _compare(values: dict[str, Floats], seed: int, **parts: object) -> Iterator[Row]:
    if not len(next(iter(values.values()))):
        return
    for name, found in values.items():
        yield metric_row("lifecycle_coverage", mean_interval(found, seed), order=name, **parts)
    for rival in ORDERS:
        gain = paired_difference(values[DIVERSE], values[rival], seed)
        yield metric_row("lifecycle_coverage_difference", gain, rival=rival, **parts)
