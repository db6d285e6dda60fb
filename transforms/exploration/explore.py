"""Beam stages: cluster histories -> the exploration table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import CLUSTER_HISTORIES, LOOKUP, METRICS, TRANSITIONS
from transforms.columnar import concatenate, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.exploration.blocks import CONTEXTS_PER_BLOCK, Block, context_blocks, sharing_blocks
from transforms.exploration.cluster_histories import occurrences_of
from transforms.exploration.config import SourceName, TransitionConfig
from transforms.exploration.fitted_sources import read_stored_table
from transforms.exploration.model_ranking import CONTEXTS_PER_BLOCK as MODEL_CONTEXTS
from transforms.exploration.model_ranking import ModelRanking, RankByModel
from transforms.exploration.refresh import contexts_to_refresh, unchanged_rows
from transforms.exploration.stages import clusters_of_level, select_columns
from transforms.exploration.table import (
    Counted,
    FittedTable,
    Periods,
    count_periods,
    fit_table,
    lookup_rows,
    measure_table,
)
from transforms.exploration.time_sample import SampleTimes
from transforms.exploration.training_counts import add_training_counts, drop_rare_counts, training_periods
from transforms.exploration.transitions import SplitTimes, split_times
from transforms.exploration.validation import slice_starts
from transforms.hashing import StringIndex, stable_hash
from transforms.progress import Progress
from transforms.shuffle import ApplyGlobally

MAX_USERS = 20_000
"""Maximum number of users in the sample on which parameters are chosen and recall is measured."""


class CountTraining(beam.DoFn):
    """Rows of `cluster_histories` -> counts of what these users did before each period."""

    def __init__(self, config: TransitionConfig) -> None:
        self.config = config

    def process(self, histories: pa.RecordBatch, clusters: pa.RecordBatch, periods: Periods) -> Iterator[Counted]:
        first = occurrences_of(histories, StringIndex(clusters["cluster_id"]))
        yield count_periods(first, clusters.num_rows, self.config.context_size, periods)


class AddCounts(beam.CombineFn):
    """Adds the counts of disjoint sets of users. An accumulator has two square matrices of clusters for each period."""

    def create_accumulator(self) -> Counted | None:
        return None

    def add_input(self, accumulator: Counted | None, counted: Counted) -> Counted | None:
        return self.merge_accumulators([accumulator, counted])

    def merge_accumulators(self, accumulators: Iterable[Counted | None]) -> Counted | None:
        found = [each for each in accumulators if each is not None]
        if len(found) < 2:
            return found[0] if found else None
        slices, test = zip(*found, strict=True)
        return Counted(tuple(map(add_training_counts, zip(*slices, strict=True))), add_training_counts(test))

    def extract_output(self, accumulator: Counted | None) -> Counted | None:
        return accumulator


def smallest_users(batches: Iterable[pa.RecordBatch], limit: int = MAX_USERS) -> pa.RecordBatch:
    """Return the rows of `cluster_histories` whose users have the smallest hashes, at most `limit`, by user."""
    rows = concatenate(batches, CLUSTER_HISTORIES.arrow)
    order = np.lexsort((np.arange(rows.num_rows), stable_hash(rows["user_id"])))[:limit]
    kept = rows.take(pa.array(order))
    return kept.take(pc.sort_indices(kept["user_id"]))


def periods_of(times: npt.NDArray[np.int64], boundaries: SplitTimes) -> Periods:
    """Compute the periods before each slice of the validation period and before test, from a sample of times."""
    slices = tuple(training_periods(times, start) for start in slice_starts(times, boundaries))
    return Periods(slices, training_periods(times, boundaries.test))


def fit(
    _: bytes,
    clusters: pa.RecordBatch,
    counted: Counted | None,
    periods: Periods,
    sample: pa.RecordBatch,
    boundaries: SplitTimes,
    config: TransitionConfig,
    source: SourceName,
    stored: Iterable[pa.RecordBatch] | None = None,
) -> FittedTable:
    """Fit the table in one process, from counts of at least `config.min_users` users; see `fit_table`.

    Raises:
        DataError: without histories; see also `add_table`.
    """
    if counted is None:
        raise DataError("there are no cluster histories, so there is nothing to count; nothing was committed")
    slices = tuple(drop_rare_counts(each, config.min_users) for each in counted.slices)
    frequent = Counted(slices, drop_rare_counts(counted.test, config.min_users))
    centroids = np.stack(clusters["centroid"].to_numpy(zero_copy_only=False)).astype(np.float64)
    first = occurrences_of(sample, StringIndex(clusters["cluster_id"]))
    blended = None
    if stored is not None:
        rows = (select_columns(each, LOOKUP) for each in stored)
        blended = read_stored_table(rows, clusters["cluster_id"])
    return fit_table(frequent, periods, first, boundaries, config, source, centroids, blended)


def metric_rows(values: Mapping[tuple[str, str], float], job_name: str) -> pa.RecordBatch:
    """Convert values by metric and slice to rows of `metrics`."""
    rows = [
        {"pipeline": job_name, "metric": metric, "slice": slice_, "value": float(value)}
        for (metric, slice_), value in values.items()
    ]
    return pa.RecordBatch.from_pylist(rows, METRICS.arrow)


@with_output_types(pa.RecordBatch, counts=Count)
class RankContexts(beam.DoFn):
    """Blocks of contexts -> rows of `lookup`; counts as a side output."""

    def __init__(self, context_size: int, top: int) -> None:
        self.context_size = context_size
        self.top = top

    def process(self, block: Block, clusters: pa.RecordBatch, table: FittedTable) -> Iterator[Any]:
        rows = lookup_rows(table, block, self.context_size, self.top, clusters["cluster_id"])
        yield TaggedOutput(COUNTS_TAG, count("contexts", pc.sum(pc.equal(rows["rank"], 1)).as_py() or 0))
        yield from split_by_size(rows)


class Explored(NamedTuple):
    """The collections that `BuildTable` returns.

    Attributes:
        lookup: record batches of `lookup`.
        metrics: record batches of `metrics`.
        counts: counts.
    """

    lookup: beam.PCollection
    metrics: beam.PCollection
    counts: beam.PCollection


class RefreshInputs(NamedTuple):
    """An earlier table, and the transitions that it was computed from and those of now.

    Attributes:
        lookup: record batches of `lookup`.
        transitions_before: record batches of `transitions`.
        transitions: record batches of `transitions`, of the same clusters.
        threshold: as for `freshness.changed_contexts`.
    """

    lookup: beam.PCollection
    transitions_before: beam.PCollection
    transitions: beam.PCollection
    threshold: float


@with_output_types(pa.RecordBatch, counts=Count)
class KeepUnchanged(beam.DoFn):
    """Rows of an earlier `lookup` -> those that are not ranked again; counts as a side output."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def process(self, rows: pa.RecordBatch, changed: pa.StringArray) -> Iterator[Any]:
        kept = unchanged_rows(select_columns(rows, LOOKUP), changed)
        contexts = pc.sum(pc.equal(kept["rank"], 1)).as_py() or 0
        self.progress.add("contexts", contexts)
        yield TaggedOutput(COUNTS_TAG, count("contexts", contexts))
        yield TaggedOutput(COUNTS_TAG, count("contexts_kept", contexts))
        yield kept


@dataclasses.dataclass
class BuildTable(beam.PTransform):
    """Record batches of `cluster_histories` -> the exploration table of every context (2405.16363).

    All workers count and rank; one process chooses the parameters, on a sample of the users.

    Attributes:
        clusters: record batches of `clusters`, of all levels.
        config: configuration of the transitions.
        source: the source of the scores.
        model: the ranking by a language model, for the source `language_model`; None: another source.
        top: maximum number of next clusters of a context.
        level: the level of the tree, from 1; 0: the last one.
        job_name: name of the job, for metrics.
        blend_table: record batches of `lookup` of another run that is blended; None: none.
        checkpoint: where rows of a language model are kept until the job is committed.
        progress: receives the number of contexts that a language model has ranked.
        refresh: an earlier table of a language model, which is refreshed in part; None: all contexts are ranked.
    """

    clusters: beam.PCollection
    config: TransitionConfig
    source: SourceName
    model: ModelRanking | None
    top: int
    level: int
    job_name: str
    blend_table: beam.PCollection | None
    checkpoint: RowCheckpoint
    progress: Progress
    refresh: RefreshInputs | None = None

    def expand(self, histories: beam.PCollection) -> Explored:
        of_level = AsSingleton(self.clusters | "ClustersOfLevel" >> ApplyGlobally(clusters_of_level, (self.level,)))
        histories = histories | "SelectColumns" >> beam.Map(select_columns, CLUSTER_HISTORIES).with_output_types(
            pa.RecordBatch
        )
        times = histories | "SampleTimes" >> beam.CombineGlobally(SampleTimes())
        boundaries = AsSingleton(times | "SplitTimes" >> beam.Map(split_times, self.config))
        periods = times | "Periods" >> beam.Map(periods_of, boundaries)
        counted = (
            histories
            | "Count" >> beam.ParDo(CountTraining(self.config), of_level, AsSingleton(periods))
            | "AddCounts" >> beam.CombineGlobally(AddCounts())
        )
        few = histories | "SmallestOfBatch" >> beam.Map(lambda rows: smallest_users([rows])).with_output_types(
            pa.RecordBatch
        )
        sample = few | "SampleUsers" >> ApplyGlobally(smallest_users)
        given = (of_level, AsSingleton(counted), AsSingleton(periods), AsSingleton(sample), boundaries)
        stored = () if self.blend_table is None else (AsIter(self.blend_table),)
        table = (
            histories.pipeline
            | "Once" >> beam.Impulse()
            | "Fit" >> beam.Map(fit, *given, self.config, self.source, *stored)
        )
        by_counts = self.model is None
        sizes = range(self.config.context_size + 1) if by_counts else range(1)
        ranked = (
            histories.pipeline
            | "Start" >> beam.Impulse()
            | "Blocks" >> beam.FlatMap(_blocks, of_level, tuple(sizes), CONTEXTS_PER_BLOCK)
            | "Spread" >> beam.Reshuffle()
            | "Rank"
            >> beam.ParDo(RankContexts(self.config.context_size, self.top), of_level, AsSingleton(table)).with_outputs(
                COUNTS_TAG, main="rows"
            )
        )
        lookup, counts = ranked.rows, ranked[COUNTS_TAG]
        if self.model is not None:
            modelled = histories.pipeline | "RankByModel" >> RankAllByModel(
                of_level, self.model, self.config.context_size, self.checkpoint, self.progress, self.refresh
            )
            lookup = (lookup, modelled[0]) | "AllRows" >> beam.Flatten()
            counts = (counts, modelled[1]) | "AllCounts" >> beam.Flatten()
        served = (
            histories.pipeline
            | "Serve" >> beam.Impulse()
            | "Measure"
            >> beam.Map(_measure, AsIter(lookup), of_level, AsSingleton(sample), boundaries, self.config.context_size)
        )
        metrics = (
            (table | "FittedMetrics" >> beam.Map(lambda fitted: fitted.metrics), served)
            | "BothMetrics" >> beam.Flatten()
            | "TableMetrics" >> beam.Map(metric_rows, self.job_name).with_output_types(pa.RecordBatch)
        )
        return Explored(lookup, metrics, counts)


@dataclasses.dataclass
class RankAllByModel(beam.PTransform):
    """A pipeline -> rows of `lookup` of all contexts of at least one cluster, and counts, by a language model.

    Attributes:
        clusters: a side input: rows of `clusters` of one level.
        ranking: the ranking.
        context_size: number of clusters of the longest contexts.
        checkpoint: where the rows of blocks are kept until the job is committed.
        progress: receives the number of contexts ranked.
        refresh: an earlier table, of which the contexts are ranked again whose successors changed; None: all are.
    """

    clusters: AsSingleton
    ranking: ModelRanking
    context_size: int
    checkpoint: RowCheckpoint
    progress: Progress
    refresh: RefreshInputs | None = None

    def expand(self, root: beam.Pipeline) -> tuple[beam.PCollection, beam.PCollection]:
        rank = RankByModel(self.ranking, self.ranking.fingerprint(), self.checkpoint, self.progress)
        changed = () if self.refresh is None else (AsSingleton(self._changed(root, self.refresh)),)
        ranked = (
            root
            | "Start" >> beam.Impulse()
            | "Blocks" >> beam.FlatMap(_sharing_blocks, self.clusters, tuple(range(1, self.context_size + 1)))
            | "Spread" >> beam.Reshuffle()
            | "Rank" >> beam.ParDo(rank, self.clusters, *changed).with_outputs(COUNTS_TAG, main="rows")
        )
        if self.refresh is None:
            return ranked.rows, ranked[COUNTS_TAG]
        kept = self.refresh.lookup | "KeepUnchanged" >> beam.ParDo(KeepUnchanged(self.progress), *changed).with_outputs(
            COUNTS_TAG, main="rows"
        )
        return (
            (ranked.rows, kept.rows) | "RankedAndKept" >> beam.Flatten(),
            (ranked[COUNTS_TAG], kept[COUNTS_TAG]) | "RankedAndKeptCounts" >> beam.Flatten(),
        )

    def _changed(self, root: beam.Pipeline, refresh: RefreshInputs) -> beam.PCollection:
        """Return one element: the texts of the contexts whose most frequent successors changed."""
        return (
            root
            | "Compare" >> beam.Impulse()
            | "ChangedContexts"
            >> beam.Map(
                _changed_contexts,
                AsIter(refresh.transitions_before),
                AsIter(refresh.transitions),
                self.clusters,
                self.context_size,
                refresh.threshold,
            ).with_output_types(pa.StringArray)
        )


def _changed_contexts(
    _: bytes,
    before: Iterable[pa.RecordBatch],
    now: Iterable[pa.RecordBatch],
    clusters: pa.RecordBatch,
    context_size: int,
    threshold: float,
) -> pa.StringArray:
    old, new = (
        concatenate((select_columns(each, TRANSITIONS) for each in rows), TRANSITIONS.arrow) for rows in (before, now)
    )
    return contexts_to_refresh(old, new, context_size, clusters["cluster_id"], threshold)


def _measure(
    _: bytes,
    rows: Iterable[pa.RecordBatch],
    clusters: pa.RecordBatch,
    sample: pa.RecordBatch,
    boundaries: SplitTimes,
    context_size: int,
) -> dict[tuple[str, str], float]:
    first = occurrences_of(sample, StringIndex(clusters["cluster_id"]))
    return measure_table(rows, clusters["cluster_id"], first, boundaries, context_size)


def _blocks(_: bytes, clusters: pa.RecordBatch, sizes: tuple[int, ...], contexts: int) -> Iterator[Block]:
    yield from context_blocks(sizes, clusters.num_rows, contexts)


def _sharing_blocks(_: bytes, clusters: pa.RecordBatch, sizes: tuple[int, ...]) -> Iterator[Block]:
    yield from sharing_blocks(sizes, clusters.num_rows, MODEL_CONTEXTS)
