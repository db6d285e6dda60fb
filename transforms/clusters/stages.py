"""Beam stages: a catalogue -> its topical tree, or a given one, and the clusters of each item."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import METRICS
from schemas.metric_slice import format_slice
from transforms.clusters.cluster_rows import cluster_rows, item_rows, node_ids
from transforms.clusters.config import TreeConfig
from transforms.clusters.described_tree import (
    DescribedTree,
    described_tree_of_rows,
    fit_described_tree,
    sorted_clusters,
)
from transforms.clusters.features import join_features, smallest_items, traffic_rows
from transforms.clusters.quality import imbalance
from transforms.clusters.tree import assign, with_dimensions
from transforms.columnar import split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.quantized_vectors import VECTOR, matrix_of
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

_ITEMS, _TERMS, _VECTORS, _TRAFFIC = "items", "terms", "vectors", "traffic"
TOTALS_TAG = "totals"

Totals = tuple[npt.NDArray[np.int64], ...]
"""Of each level: the number of items and the traffic of each node, int64, shape (2, nodes)."""


@with_output_types(pa.RecordBatch, counts=Count)
class JoinFeatures(beam.DoFn):
    """The parts of the features of the items of one bucket -> rows of `FEATURES`; counts as a side output."""

    def __init__(self, *, with_traffic: bool) -> None:
        self.with_traffic = with_traffic

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        batches = bucket[1]
        traffic = list(batches[_TRAFFIC]) if self.with_traffic else None
        rows = join_features(batches[_ITEMS], batches.get(_TERMS, ()), batches[_VECTORS], traffic)
        if traffic is not None:
            interactions = sum(pc.sum(each["traffic"]).as_py() or 0 for each in traffic)
            without_item = interactions - (pc.sum(rows["traffic"]).as_py() or 0)
            yield TaggedOutput(COUNTS_TAG, count("interactions_without_item", without_item))
        yield from split_by_size(rows)


@with_output_types(pa.RecordBatch, totals=Totals, counts=Count)
class AssignItems(beam.DoFn):
    """Rows of `FEATURES` -> rows of `item_clusters`; the totals of nodes, and counts, as side outputs."""

    def process(self, rows: pa.RecordBatch, fitted: DescribedTree) -> Iterator[Any]:
        paths = assign(with_dimensions(matrix_of(rows[VECTOR.name]), fitted.tree), fitted.tree)
        traffic = rows["traffic"].to_numpy()
        yield TaggedOutput(COUNTS_TAG, count("items_clustered", rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("items_without_vector", rows[VECTOR.name].null_count))
        yield TaggedOutput(
            TOTALS_TAG,
            tuple(
                np.stack([np.bincount(nodes, minlength=size), np.bincount(nodes, traffic, size).astype(np.int64)])
                for nodes, size in zip(paths.T, fitted.tree.sizes, strict=True)
            ),
        )
        yield item_rows(rows["item_id"], paths, node_ids(fitted.tree))


class AddTotals(beam.CombineFn):
    """Adds the totals of disjoint sets of items."""

    def create_accumulator(self) -> Totals:
        return ()

    def add_input(self, accumulator: Totals, totals: Totals) -> Totals:
        return self.merge_accumulators([accumulator, totals])

    def merge_accumulators(self, accumulators: Iterable[Totals]) -> Totals:
        found = [each for each in accumulators if each]
        return tuple(np.sum(level, axis=0) for level in zip(*found, strict=True))

    def extract_output(self, accumulator: Totals) -> Totals:
        return accumulator


def rows_of_tree(fitted: DescribedTree, totals: Totals) -> pa.RecordBatch:
    """Convert a described tree and the totals of its nodes to rows of `clusters`."""
    return cluster_rows(
        fitted.tree,
        fitted.keywords,
        [level[0].tolist() for level in totals],
        [level[1].tolist() for level in totals],
    )


def balance_metrics(totals: Totals, job_name: str) -> pa.RecordBatch:
    """Compute the number of clusters of each level and their largest traffic relative to the mean, as `metrics`.

    Raises:
        DataError: without items.
    """
    if not totals:
        raise DataError("the catalogue has no items, so there is nothing to cluster; nothing was committed")
    rows = []
    for level, (_, traffic) in enumerate(totals, start=1):
        values = {"clusters": len(traffic), "imbalance": imbalance(traffic)}
        rows += [
            {"pipeline": job_name, "metric": metric, "slice": format_slice({"level": level}), "value": float(value)}
            for metric, value in values.items()
        ]
    return pa.RecordBatch.from_pylist(rows, METRICS.arrow)


class Clustered(NamedTuple):
    """The collections that `ClusterCatalogue` returns.

    Attributes:
        tree: the tree, as the only element.
        features: record batches of `FEATURES`.
        clusters: one record batch of `clusters`, by level, then id.
        item_clusters: record batches of `item_clusters`.
        metrics: record batches of `metrics`.
        counts: counts.
    """

    tree: beam.PCollection
    features: beam.PCollection
    clusters: beam.PCollection
    item_clusters: beam.PCollection
    metrics: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class ClusterCatalogue(beam.PTransform):
    """Record batches with `item_id`, each item once -> the topical tree, and the clusters of all items.

    One process fits the tree, to at most `config.sample_items` items; all workers assign items. A given tree is used as
    it is, and its rows are returned.

    Attributes:
        vectors: record batches of `ITEM_VECTORS`.
        config: configuration of the tree.
        job_name: name of the job, for metrics.
        salient: record batches of `salient_terms`, from which clusters are described; None: the tree is given.
        given: record batches of `clusters`; None: a tree is fitted.
        interactions: record batches with `item_id`, one row per interaction; None: each item counts 1.
        buckets: number of groups into which items are hashed; the result is the same.
    """

    vectors: beam.PCollection
    config: TreeConfig
    job_name: str
    salient: beam.PCollection | None = None
    given: beam.PCollection | None = None
    interactions: beam.PCollection | None = None
    buckets: int = 16

    def expand(self, items: beam.PCollection) -> Clustered:
        features, join_counts = self._join(items)
        if self.given is None:
            described = self._fit(features)
        else:
            rows = self.given | "GivenTree" >> ApplyGlobally(sorted_clusters)
            described = rows | "ReadTree" >> beam.Map(described_tree_of_rows)
        assigned = features | "Assign" >> beam.ParDo(AssignItems(), AsSingleton(described)).with_outputs(
            TOTALS_TAG, COUNTS_TAG, main="rows"
        )
        totals = assigned[TOTALS_TAG] | "AddTotals" >> beam.CombineGlobally(AddTotals())
        if self.given is None:
            rows = described | "Clusters" >> beam.Map(rows_of_tree, AsSingleton(totals)).with_output_types(
                pa.RecordBatch
            )
        balance = totals | "BalanceMetrics" >> beam.Map(balance_metrics, self.job_name).with_output_types(
            pa.RecordBatch
        )
        counts = (join_counts, assigned[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return Clustered(described, features, rows, assigned.rows, balance, counts)

    def _join(self, items: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Add the steps that compute `FEATURES`; return them, and counts."""
        parts = {_ITEMS: items, _VECTORS: self.vectors}
        if self.salient is not None:
            parts[_TERMS] = self.salient
        if self.interactions is not None:
            parts[_TRAFFIC] = self.interactions | "CountTraffic" >> beam.Map(traffic_rows).with_output_types(
                pa.RecordBatch
            )
        join = beam.ParDo(JoinFeatures(with_traffic=self.interactions is not None))
        joined = (
            parts
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "JoinFeatures" >> join.with_outputs(COUNTS_TAG, main="features")
        )
        return joined.features, joined[COUNTS_TAG]

    def _fit(self, features: beam.PCollection) -> beam.PCollection:
        """Add the steps that fit a tree, and return it as the only element."""
        few = features | "SmallestOfBatch" >> beam.Map(_smallest, self.config.sample_items).with_output_types(
            pa.RecordBatch
        )
        return features.pipeline | "Once" >> beam.Impulse() | "FitTree" >> beam.Map(_fit, AsIter(few), self.config)


def _fit(_: bytes, batches: Iterable[pa.RecordBatch], config: TreeConfig) -> DescribedTree:
    return fit_described_tree(batches, config)


def _smallest(rows: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    return smallest_items([rows], limit)
