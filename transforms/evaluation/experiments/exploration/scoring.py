"""Measures of the sources of the next novel cluster on the test period, as rows of `metrics`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.diversity import coverage, gini
from transforms.evaluation.bootstrap import ratio_interval
from transforms.evaluation.metric_rows import metric_row, point
from transforms.exploration.blending import Vectors
from transforms.exploration.count_models import Source
from transforms.exploration.fitted_sources import fit_sources
from transforms.exploration.network import (
    choose_epochs,
    examples_of_pairs,
    fit_network,
    start_network,
    train,
)
from transforms.exploration.recall import (
    CUTOFFS,
    UserHits,
    breadth,
    is_seen,
    listed_traffic,
    ranks_of_next,
    user_hits,
)
from transforms.exploration.selection import select_balanced, select_frequent
from transforms.exploration.table import Counted, Periods, count_periods
from transforms.exploration.training_counts import TrainingCounts
from transforms.exploration.transitions import (
    TEST,
    VALIDATION,
    Codes,
    FirstOccurrences,
    Flags,
    SplitTimes,
    TransitionCounts,
    Transitions,
    context_keys,
    take_counts,
    take_transitions,
    transitions_of_split,
)
from transforms.exploration.validation import Validation, ValidationSlice, divide_validation

Row = dict[str, Any]

DEFAULT = "blend"
RIVALS = ("popularity", "markov", "item_to_item")
"""The sources with whose best one the default is compared."""

SIZES = (1, 2, 3)
SEEDS = 3
SELECTIONS = ("balanced", "frequent")

_HELD_OUT = 0.25
_PAIR_EPOCHS = 60


@dataclasses.dataclass(frozen=True)
class Log:
    """First occurrences of users, and what is needed to fit sources to them.

    Attributes:
        first: the first occurrences.
        boundaries: boundaries of the periods.
        periods: the periods that are counted.
        centroids: shape (C, dimensions): centres of the clusters.
    """

    first: FirstOccurrences
    boundaries: SplitTimes
    periods: Periods
    centroids: Vectors

    def transitions(self, size: int, split: int) -> Transitions:
        """Return the transitions with contexts of `size` clusters of one split."""
        return transitions_of_split(self.first, size, self.boundaries, split)

    def validation(self, size: int) -> Validation:
        """Return the validation period, for contexts of `size` clusters."""
        return Validation(self.transitions(size, VALIDATION), self.first)

    def slices(self, counted: Counted, validation: Validation) -> tuple[ValidationSlice, ...]:
        """Divide a validation period into slices, with the counts before each."""
        return divide_validation(counted.slices, self.periods.slice_starts, validation)


def count_log(log: Log, size: int) -> Counted:
    """Count a log for contexts of up to `size` clusters."""
    return count_periods(log.first, len(log.centroids), size, log.periods)


def compare_sources(log: Log, size: int, tables: Mapping[str, Source], seed: int) -> Iterator[Row]:
    """Measure all sources on the test period: on all its transitions, and on those after contexts not in training.

    Args:
        log: the log.
        size: number of clusters of a context, K.
        tables: sources that were fitted elsewhere, by name.
        seed: random seed of the network, of intervals, and of the contexts that are held out.
    """
    counted, test = count_log(log, size), log.transitions(size, TEST)
    fitted = fit_sources(log.slices(counted, log.validation(size)), counted.test, log.centroids, seed)
    hits = {}
    for name, source in {**fitted.by_name, **tables}.items():
        ranks = ranks_of_next(source, test, log.first)
        hits[name] = user_hits(test.users, ranks)
        yield from _recall_rows(hits[name], seed, source=name, contexts="all")
        yield from _variety_rows(source, test.contexts, name)
        unseen = ~is_seen(test.contexts, counted.test.orders[size], len(log.centroids))
        yield from _recall_rows(user_hits(test.users[unseen], ranks[unseen]), seed, source=name, contexts="unseen")
    yield from _ratio_rows(hits, seed)
    for name, weight in fitted.weights.items():
        yield metric_row("exploration_blend_weight", point(weight), source=name)
    yield from _held_out_rows(log, size, counted, test, seed)


def _recall_rows(hits: UserHits, seed: int, **parts: object) -> Iterator[Row]:
    """Return recalls with intervals over users; none without transitions."""
    if hits.transitions.sum():
        for place, k in enumerate(CUTOFFS):
            interval = ratio_interval(hits.hits[:, place], hits.transitions, seed)
            yield metric_row("exploration_recall", interval, **parts, k=k)


def _variety_rows(source: Source, contexts: Codes, name: str) -> Iterator[Row]:
    """Return how diverse the clusters are that a source ranks first."""
    first = listed_traffic(source, contexts, 1)
    values = {"effective_clusters": breadth(source, contexts), "coverage": coverage(first), "gini": gini(first)}
    for measure, value in values.items():
        yield metric_row(f"exploration_{measure}", point(value, len(contexts)), source=name)


def _ratio_rows(hits: Mapping[str, UserHits], seed: int) -> Iterator[Row]:
    """Return the recall of the default divided by that of the best rival, resampled by the same users."""
    for place, k in enumerate(CUTOFFS):
        best = max(RIVALS, key=lambda name: hits[name].hits[:, place].sum())
        if hits[best].hits[:, place].sum():
            ratio = ratio_interval(hits[DEFAULT].hits[:, place], hits[best].hits[:, place], seed)
            ratio = ratio._replace(n=int(hits[best].transitions.sum()))
            yield metric_row("exploration_recall_ratio", ratio, baseline=best, k=k)


def _held_out_rows(log: Log, size: int, counted: Counted, test: Transitions, seed: int) -> Iterator[Row]:
    """Measure sources that are fitted without a quarter of the contexts of the test period.

    These contexts are removed from the counts of the longest contexts, not from those of shorter ones and of pairs.
    """
    count = len(log.centroids)
    keys = context_keys(test.contexts, count)
    distinct = np.unique(keys)
    chosen = np.random.default_rng(seed).permutation(len(distinct))[: round(_HELD_OUT * len(distinct))]
    held_out = distinct[chosen]
    slices = tuple(_without_contexts(part, held_out) for part in counted.slices)
    remaining = Counted(slices, _without_contexts(counted.test, held_out))
    validation = log.validation(size)
    kept = ~np.isin(context_keys(validation.transitions.contexts, count), held_out)
    validation = validation._replace(transitions=take_transitions(validation.transitions, kept))
    own = take_transitions(test, np.isin(keys, held_out))
    fitted = fit_sources(log.slices(remaining, validation), remaining.test, log.centroids, seed)
    for name, source in fitted.by_name.items():
        hits = user_hits(own.users, ranks_of_next(source, own, log.first))
        yield from _recall_rows(hits, seed, source=name, contexts="held_out")


def _without_contexts(training: TrainingCounts, held_out: npt.NDArray[np.int64]) -> TrainingCounts:
    """Remove the transitions after some of the longest contexts."""
    longest = training.orders[-1]
    kept = ~np.isin(context_keys(longest.contexts, training.cluster_count), held_out)
    return training._replace(orders=(*training.orders[:-1], take_counts(longest, kept)))


def compare_sizes(log: Log, seed: int) -> Iterator[Row]:
    """Measure the sources with contexts of one, two and three clusters, the network with three seeds.

    All are measured on the same transitions, those with at least three clusters before. Sources of counts have no
    seed.
    """
    for size in SIZES:
        counted, test = count_log(log, size), log.transitions(size, TEST)
        test = take_transitions(test, _has_clusters_before(log.first, test, max(SIZES)))
        if not len(test.users):
            return
        slices = log.slices(counted, log.validation(size))
        fitted = fit_sources(slices, counted.test, log.centroids, seed).by_name
        sources = {(name, seed): source for name, source in fitted.items()}
        for other in range(seed + 1, seed + SEEDS):
            epochs = choose_epochs(counted.slices[0], log.validation(size), log.centroids, other)
            sources["network", other] = fit_network(counted.test, log.centroids, epochs, other)
        for (name, own), source in sources.items():
            recall = user_hits(test.users, ranks_of_next(source, test, log.first)).recall
            for value, k in zip(recall.tolist(), CUTOFFS, strict=True):
                parts = {"source": name, "context_size": size, "seed": own, "k": k}
                yield metric_row("exploration_size_recall", point(value, len(test.users)), **parts)


def _has_clusters_before(first: FirstOccurrences, transitions: Transitions, count: int) -> Flags:
    before = transitions.positions - first.offsets[transitions.users]
    return before >= count


def compare_selections(log: Log, size: int, per_label: int, seed: int) -> Iterator[Row]:
    """Measure what networks generate that are trained on balanced and on unbalanced pairs of the same number.

    A network starts without knowledge of popularity, as a language model does, and each pair has the same weight.

    Args:
        log: the log.
        size: number of clusters of a context, K.
        per_label: number of contexts for each next cluster.
        seed: the first of three random seeds.
    """
    training, test = count_log(log, size).test, log.transitions(size, TEST)
    balanced = select_balanced(training.orders[size], per_label)
    pairs = {"balanced": balanced, "frequent": select_frequent(training.orders[size], len(balanced.users))}
    for selection, own in pairs.items():
        for each in range(seed, seed + SEEDS):
            source = _fit_pairs(own, training, log.centroids, each)
            first = listed_traffic(source, test.contexts, 1)
            recall = user_hits(test.users, ranks_of_next(source, test, log.first)).recall
            values = {"pairs": len(own.users), "recall": recall[-1], "coverage": coverage(first), "gini": gini(first)}
            for measure, value in values.items():
                row = point(float(value), len(test.users))
                yield metric_row(f"exploration_selection_{measure}", row, selection=selection, seed=each)


def _fit_pairs(pairs: TransitionCounts, training: TrainingCounts, centroids: Vectors, seed: int) -> Source:
    start = start_network(training, centroids, seed)
    start = dataclasses.replace(start, logits=np.zeros(len(centroids)))
    networks = train(examples_of_pairs(pairs, len(centroids)), start, seed)
    return [next(networks) for _ in range(_PAIR_EPOCHS)][-1]
