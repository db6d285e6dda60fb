"""Beam stages: a log and the clusters of its items -> cluster histories, transitions and tuning pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import CLUSTERS, ITEM_CLUSTERS, TRANSITIONS, DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.counts import Count, count
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.exploration.cluster_histories import history_rows, join_clusters, occurrences_of
from transforms.exploration.config import TransitionConfig
from transforms.exploration.prompts import tuning_rows
from transforms.exploration.time_sample import SampleTimes
from transforms.exploration.transition_rows import add_rows, rows_of_counts, select_rows
from transforms.exploration.transitions import SplitTimes, count_transitions, split_times, splits_of, transitions_of
from transforms.hashing import StringIndex
from transforms.shuffle import ApplyGlobally, CoGroupByBucket, KeyByBucket

_ROWS, _CLUSTERS = "rows", "clusters"


def select_columns(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.RecordBatch:
    """Drop all columns but those of a dataset."""
    return rows.select(schema.arrow.names).cast(schema.arrow)


def clusters_of_level(batches: Iterable[pa.RecordBatch], level: int) -> pa.RecordBatch:
    """Select the clusters of one level, by id; the position of a cluster is its code.

    Args:
        batches: rows of `clusters`.
        level: the level, from 1; 0: the last one.
    """
    rows = concatenate((select_columns(each, CLUSTERS) for each in batches), CLUSTERS.arrow)
    wanted = level or pc.max(rows["level"]).as_py()
    found = rows.filter(pc.equal(rows["level"], wanted))
    return found.take(pc.sort_indices(found, sort_keys=[("cluster_id", "ascending")]))


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch)
class JoinClusters(beam.DoFn):
    """Interactions and clusters of the items of one bucket -> the two earliest of each user with each cluster."""

    def __init__(self, level: int) -> None:
        self.level = level

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        parts = (select_columns(rows, ITEM_CLUSTERS) for rows in bucket[1][_CLUSTERS])
        item_clusters = concatenate(parts, ITEM_CLUSTERS.arrow)
        for rows in bucket[1][_ROWS]:
            joined = join_clusters(rows, item_clusters, self.level)
            if joined.errors.num_rows:
                yield TaggedOutput(ERRORS_TAG, joined.errors)
            yield joined.earliest


@with_output_types(pa.RecordBatch, counts=Count)
class BuildHistories(beam.DoFn):
    """Earliest interactions of the users of one bucket -> rows of `cluster_histories`; counts as a side output."""

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        rows = history_rows(bucket[1])
        yield TaggedOutput(COUNTS_TAG, count("users", rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("first_interactions", len(rows["cluster_ids"].flatten())))
        yield rows


class CountTransitions(beam.DoFn):
    """Rows of `cluster_histories` -> rows of `transitions` of these users, with contexts of all sizes."""

    def __init__(self, config: TransitionConfig) -> None:
        self.config = config
        self.clusters: pa.RecordBatch | None = None
        self.index: StringIndex | None = None

    def process(
        self, histories: pa.RecordBatch, clusters: pa.RecordBatch, boundaries: SplitTimes
    ) -> Iterator[pa.RecordBatch]:
        if self.index is None or self.clusters is not clusters:
            self.clusters, self.index = clusters, StringIndex(clusters["cluster_id"])
        first = occurrences_of(histories, self.index)
        for size in range(self.config.context_size + 1):
            transitions = transitions_of(first, size)
            counts = count_transitions(transitions, splits_of(transitions.times, boundaries), clusters.num_rows)
            yield rows_of_counts(counts, clusters["cluster_id"])


@with_output_types(pa.RecordBatch, counts=Count)
class SumTransitions(beam.DoFn):
    """All rows of the transitions of some contexts -> one row per transition; rare ones are dropped and counted."""

    def __init__(self, min_users: int) -> None:
        self.min_users = min_users

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        rows = add_rows(bucket[1])
        kept = rows.filter(pc.greater_equal(rows["users"], self.min_users))
        yield TaggedOutput(COUNTS_TAG, count("transitions_dropped", rows.num_rows - kept.num_rows))
        for split in pc.value_counts(kept["split"]).to_pylist():
            yield TaggedOutput(COUNTS_TAG, count("transitions", split["counts"], f"split={split['values']}"))
        yield kept


class SelectRows(beam.DoFn):
    """All rows of the transitions to some clusters -> those that can be selected among the rows of all clusters."""

    def __init__(self, config: TransitionConfig) -> None:
        self.config = config

    def process(
        self, bucket: tuple[int, Iterable[pa.RecordBatch]], clusters: pa.RecordBatch
    ) -> Iterator[pa.RecordBatch]:
        yield select_rows(concatenate(bucket[1], TRANSITIONS.arrow), self.config, clusters["cluster_id"])


def select_pairs(
    _: bytes, batches: Iterable[pa.RecordBatch], clusters: pa.RecordBatch, config: TransitionConfig
) -> pa.RecordBatch:
    """Select from the rows of `SelectRows`, and convert them to rows of `tuning_pairs`."""
    rows = select_rows(concatenate(batches, TRANSITIONS.arrow), config, clusters["cluster_id"])
    descriptions = zip(*(clusters[name].to_pylist() for name in ("cluster_id", "description")), strict=True)
    return tuning_rows(rows, dict(descriptions))


class Transitions(NamedTuple):
    """The collections that `FindTransitions` returns.

    Attributes:
        histories: record batches of `cluster_histories`.
        transitions: record batches of `transitions`.
        pairs: record batches of `tuning_pairs`.
        errors: record batches of `errors`.
        counts: counts.
    """

    histories: beam.PCollection
    transitions: beam.PCollection
    pairs: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class FindTransitions(beam.PTransform):
    """Record batches of `interactions` with provenance -> transitions between clusters (2405.16363).

    A shuffle by item joins log and clusters; only the first two interactions of a user with a cluster are shuffled by
    user.
    The boundaries of the splits are quantiles of a sample of times, see `time_sample.MAX_TIMES`.

    Attributes:
        clusters: record batches of `clusters`, of all levels.
        item_clusters: record batches of `item_clusters`, each item once.
        config: configuration of the transitions.
        interactions: conditions on interactions.
        level: the level of the tree, from 1; 0: the last one.
        buckets: number of groups into which items and users are hashed; the result is the same.
    """

    clusters: beam.PCollection
    item_clusters: beam.PCollection
    config: TransitionConfig
    interactions: InteractionFilter
    level: int = 0
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> Transitions:
        kept, dropped = rows | "KeepInteractions" >> KeepInteractions(self.interactions)
        joined = (
            {_ROWS: kept, _CLUSTERS: self.item_clusters}
            | "GroupByItem" >> CoGroupByBucket("item_id", self.buckets)
            | "JoinClusters" >> beam.ParDo(JoinClusters(self.level)).with_outputs(ERRORS_TAG, main="earliest")
        )
        built = (
            joined.earliest
            | "ByUser" >> beam.ParDo(KeyByBucket("user_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupByUser" >> beam.GroupByKey()
            | "BuildHistories" >> beam.ParDo(BuildHistories()).with_outputs(COUNTS_TAG, main="histories")
        )
        of_level = AsSingleton(self.clusters | "ClustersOfLevel" >> ApplyGlobally(clusters_of_level, (self.level,)))
        boundaries = AsSingleton(
            built.histories
            | "SampleTimes" >> beam.CombineGlobally(SampleTimes())
            | "SplitTimes" >> beam.Map(split_times, self.config)
        )
        summed = (
            built.histories
            | "Count"
            >> beam.ParDo(CountTransitions(self.config), of_level, boundaries).with_output_types(pa.RecordBatch)
            | "ByContext"
            >> beam.ParDo(KeyByBucket("context", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupByContext" >> beam.GroupByKey()
            | "Sum" >> beam.ParDo(SumTransitions(self.config.min_users)).with_outputs(COUNTS_TAG, main="rows")
        )
        selected = (
            summed.rows
            | "ByNext" >> beam.ParDo(KeyByBucket("next", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupByNext" >> beam.GroupByKey()
            | "SelectRows" >> beam.ParDo(SelectRows(self.config), of_level).with_output_types(pa.RecordBatch)
        )
        pairs = (
            rows.pipeline
            | "Once" >> beam.Impulse()
            | "SelectPairs"
            >> beam.Map(select_pairs, AsIter(selected), of_level, self.config).with_output_types(pa.RecordBatch)
        )
        counts = (dropped, built[COUNTS_TAG], summed[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return Transitions(built.histories, summed.rows, pairs, joined[ERRORS_TAG], counts)
