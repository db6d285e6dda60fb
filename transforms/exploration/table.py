"""The exploration table from counts: fitting its source, and ranking the next clusters of every context."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas import LOOKUP
from schemas.context import format_contexts
from schemas.metric_slice import format_slice
from transforms.exploration.blending import Vectors
from transforms.exploration.blocks import Block, contexts_of
from transforms.exploration.config import SourceName, TransitionConfig
from transforms.exploration.count_models import Source, top_clusters
from transforms.exploration.fitted_sources import BLEND, StoredTable, add_table, fit_sources
from transforms.exploration.lookup_table import LookupTable
from transforms.exploration.recall import CUTOFFS, breadth, ranks_of_next, user_hits
from transforms.exploration.training_counts import TrainingCounts, TrainingPeriods, count_training
from transforms.exploration.transitions import (
    NO_CLUSTER,
    TEST,
    VALIDATION,
    FirstOccurrences,
    SplitTimes,
    Transitions,
    transitions_of_split,
)
from transforms.exploration.validation import Validation, divide_validation


class Periods(NamedTuple):
    """The periods that are counted to choose the parameters, and to fit the table.

    Attributes:
        slices: what is before each slice of the validation period.
        test: what is before the test period.
    """

    slices: tuple[TrainingPeriods, ...]
    test: TrainingPeriods

    @property
    def slice_starts(self) -> list[int]:
        """The start of each slice of the validation period."""
        return [period.end for period in self.slices]


class Counted(NamedTuple):
    """Counts of what is before the starts of periods.

    Attributes:
        slices: counts before each slice of the validation period.
        test: counts before the test period.
    """

    slices: tuple[TrainingCounts, ...]
    test: TrainingCounts


def count_periods(first: FirstOccurrences, cluster_count: int, size: int, periods: Periods) -> Counted:
    """Count what is before each period, for contexts of up to `size` clusters; see `count_training`."""
    return Counted(
        tuple(count_training(first, cluster_count, size, period) for period in periods.slices),
        count_training(first, cluster_count, size, periods.test),
    )


class FittedTable(NamedTuple):
    """A source that is fitted to all that is before the test period, and its metrics.

    Attributes:
        source: the source of the table.
        name: its name.
        metrics: values by metric and slice, measured on the test period.
    """

    source: Source
    name: str
    metrics: dict[tuple[str, str], float]


def fit_table(
    counted: Counted,
    periods: Periods,
    sample: FirstOccurrences,
    boundaries: SplitTimes,
    config: TransitionConfig,
    name: SourceName,
    centroids: Vectors,
    stored: StoredTable | None = None,
) -> FittedTable:
    """Fit the source of the table, and measure all sources on the test period.

    Args:
        counted: counts of all users.
        periods: the periods that were counted.
        sample: first occurrences of a sample of users, of all periods.
        boundaries: boundaries of the periods.
        config: its `context_size` is used.
        name: the source; for `language_model`, the blend, which then ranks for the empty context alone.
        centroids: shape (C, dimensions): centres of the clusters.
        stored: a table that is blended too, with the name `blend`; None: none.

    Raises:
        DataError: see `add_table`.
    """
    validation = Validation(transitions_of_split(sample, config.context_size, boundaries, VALIDATION), sample)
    slices = divide_validation(counted.slices, periods.slice_starts, validation)
    fitted = fit_sources(slices, counted.test, centroids)
    if stored is not None:
        fitted = add_table(fitted, stored, validation)
    test = transitions_of_split(sample, config.context_size, boundaries, TEST)
    metrics: dict[tuple[str, str], float] = {}
    for label, source in fitted.by_name.items():
        metrics |= _measure(label, source, test, sample)
    chosen = name if name in fitted.by_name else BLEND
    if chosen == BLEND and stored is not None:
        chosen = f"{BLEND}_with_{stored.name}"
    return FittedTable(fitted.by_name[chosen], chosen, metrics | _weights(fitted.weights))


def _measure(label: str, source: Source, test: Transitions, sample: FirstOccurrences) -> dict[tuple[str, str], float]:
    """Measure recall and breadth of a source; nothing without transitions in the test period."""
    if not len(test.users):
        return {}
    recall = user_hits(test.users, ranks_of_next(source, test, sample)).recall
    found = {
        ("recall", format_slice({"source": label, "k": k})): value for k, value in zip(CUTOFFS, recall, strict=True)
    }
    return found | {("effective_clusters", format_slice({"source": label})): breadth(source, test.contexts)}


def _weights(weights: dict[str, float]) -> dict[tuple[str, str], float]:
    return {("blend_weight", format_slice({"source": name})): weight for name, weight in weights.items()}


def measure_table(
    rows: Iterable[pa.RecordBatch],
    cluster_ids: pa.StringArray,
    sample: FirstOccurrences,
    boundaries: SplitTimes,
    context_size: int,
) -> dict[tuple[str, str], float]:
    """Measure the recall of a table on the test period as it is served: by `LookupTable`, from the user's history.

    Args:
        rows: rows of `lookup`. They have a limited number of ranks, so recall can be lower than that of the source.
        cluster_ids: the id of each code.
        sample: first occurrences of a sample of users, of all periods.
        boundaries: boundaries of the periods.
        context_size: number of clusters of the contexts of the transitions that are measured.
    """
    test = transitions_of_split(sample, context_size, boundaries, TEST)
    if not len(test.users):
        return {}
    table = LookupTable.from_rows(pa.Table.from_batches(list(rows), LOOKUP.arrow), cluster_ids)
    ranks = np.empty(len(test.users), np.int64)
    for row, (user, position, wanted) in enumerate(
        zip(test.users.tolist(), test.positions.tolist(), test.next_clusters.tolist(), strict=True)
    ):
        history = sample.clusters[sample.offsets[user] : position].tolist()
        found = table.next_clusters(history, max(CUTOFFS))
        ranks[row] = found.index(wanted) + 1 if wanted in found else max(CUTOFFS) + 1
    recall = user_hits(test.users, ranks).recall
    return {("served_recall", format_slice({"k": k})): value for k, value in zip(CUTOFFS, recall, strict=True)}


def lookup_rows(
    table: FittedTable, block: Block, context_size: int, top: int, cluster_ids: pa.StringArray
) -> pa.RecordBatch:
    """Rank the next clusters of the contexts of a block, as rows of `lookup`.

    Args:
        table: the fitted source.
        block: the contexts.
        context_size: number of clusters of the longest contexts, K.
        top: maximum number of next clusters of a context.
        cluster_ids: the id of each code.
    """
    contexts = contexts_of(block, len(cluster_ids))
    padded = np.full((len(contexts), context_size), NO_CLUSTER, np.int32)
    padded[:, context_size - block.size :] = contexts
    clusters, probabilities = top_clusters(table.source, padded, top)
    is_listed = clusters != NO_CLUSTER
    owners, ranks = np.nonzero(is_listed)
    places = [cluster_ids.take(pa.array(place[owners])) for place in contexts.T]
    texts = format_contexts(places) if places else pa.array([""] * len(owners), pa.string())
    return pa.RecordBatch.from_arrays(
        [
            texts,
            pa.array((ranks + 1).astype(np.int32)),
            cluster_ids.take(pa.array(clusters[is_listed])),
            pa.array(np.log(probabilities[is_listed]).astype(np.float32)),
            pa.array([table.name] * len(owners), pa.string()),
        ],
        schema=LOOKUP.arrow,
    )
