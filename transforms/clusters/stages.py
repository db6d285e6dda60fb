"""Beam stages: a catalogue -> its topical tree, and the clusters of each item."""

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
from transforms.clusters.descriptions import Keywords, describe
from transforms.clusters.features import item_terms, join_features, smallest_items, traffic_rows
from transforms.clusters.fitting import fit_tree
from transforms.clusters.tree import Tree, assign
from transforms.columnar import CoGroupByBucket, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.quantized_vectors import VECTOR, matrix_of

_ITEMS, _TERMS, _VECTORS, _TRAFFIC = "items", "terms", "vectors", "traffic"
TOTALS_TAG = "totals"

Totals = tuple[npt.NDArray[np.int64], ...]
"""Of each level: the number of items and the traffic of each node, int64, shape (2, nodes)."""


class DescribedTree(NamedTuple):
    """A tree and its descriptions.

    Attributes:
        tree: the tree.
        keywords: by level, then node.
    """

    tree: Tree
    keywords: tuple[list[Keywords], ...]


def fit_described_tree(batches: Iterable[pa.RecordBatch], config: TreeConfig) -> DescribedTree:
    """Fit a tree to a sample of a catalogue and describe its nodes.

    Args:
        batches: rows of `FEATURES`.
        config: the configuration.

    Raises:
        DataError: without items.
    """
    rows = smallest_items(batches, config.sample_items)
    if not rows.num_rows:
        raise DataError("the catalogue has no items, so there is nothing to cluster; nothing was committed")
    vectors = matrix_of(rows[VECTOR.name])
    tree = fit_tree(vectors, rows["traffic"].to_numpy(), config)
    terms, vocabulary = item_terms(rows)
    return DescribedTree(tree, describe(tree, assign(vectors, tree), terms, vocabulary, config.keywords))


@with_output_types(pa.RecordBatch, counts=Count)
class JoinFeatures(beam.DoFn):
    """The parts of the features of the items of one bucket -> rows of `FEATURES`; counts as a side output."""

    def __init__(self, *, with_traffic: bool) -> None:
        self.with_traffic = with_traffic

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        batches = bucket[1]
        traffic = list(batches[_TRAFFIC]) if self.with_traffic else None
        rows = join_features(batches[_ITEMS], batches[_TERMS], batches[_VECTORS], traffic)
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


def with_dimensions(vectors: npt.NDArray[np.int8], tree: Tree) -> npt.NDArray[np.int8]:
    """Return vectors with the dimensions of a tree where no item of a batch has a vector; others as they are."""
    dimensions = tree.levels[0].centroids.shape[1]
    return vectors if vectors.any() else np.zeros((len(vectors), dimensions), np.int8)


def rows_of_tree(fitted: DescribedTree, totals: Totals) -> pa.RecordBatch:
    """Convert a described tree and the totals of its nodes to rows of `clusters`."""
    return cluster_rows(
        fitted.tree,
        fitted.keywords,
        [level[0].tolist() for level in totals],
        [level[1].tolist() for level in totals],
    )


def balance_metrics(totals: Totals, pipeline: str) -> pa.RecordBatch:
    """Compute the number of clusters of each level and their largest traffic relative to the mean, as `metrics`."""
    rows = []
    for level, (_, traffic) in enumerate(totals, start=1):
        values = {"clusters": len(traffic), "imbalance": traffic.max() / traffic.mean() if traffic.any() else 1.0}
        rows += [
            {"pipeline": pipeline, "metric": metric, "slice": format_slice({"level": level}), "value": float(value)}
            for metric, value in values.items()
        ]
    return pa.RecordBatch.from_pylist(rows, METRICS.arrow)


class Clustered(NamedTuple):
    """The collections that `ClusterCatalogue` returns.

    Attributes:
        clusters: record batches of `clusters`.
        item_clusters: record batches of `item_clusters`.
        metrics: record batches of `metrics`.
        counts: counts.
    """

    clusters: beam.PCollection
    item_clusters: beam.PCollection
    metrics: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class ClusterCatalogue(beam.PTransform):
    """Record batches with `item_id`, each item once -> the topical tree, and the clusters of all items.

    One process fits the tree, to at most `config.sample_items` items; all workers assign items.

    Attributes:
        salient: record batches of `salient_terms`.
        vectors: record batches of `ITEM_VECTORS`.
        interactions: record batches with `item_id`, one row per interaction; None: each item counts 1.
        config: configuration of the tree.
        job_name: name of the job, for metrics.
        buckets: number of groups into which items are hashed; the result is the same.
    """

    salient: beam.PCollection
    vectors: beam.PCollection
    interactions: beam.PCollection | None
    config: TreeConfig
    job_name: str
    buckets: int = 16

    def expand(self, items: beam.PCollection) -> Clustered:
        parts = {_ITEMS: items, _TERMS: self.salient, _VECTORS: self.vectors}
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
        features = joined.features
        few = features | "SmallestOfBatch" >> beam.Map(_smallest, self.config.sample_items).with_output_types(
            pa.RecordBatch
        )
        fitted = items.pipeline | "Once" >> beam.Impulse() | "FitTree" >> beam.Map(_fit, AsIter(few), self.config)
        assigned = features | "Assign" >> beam.ParDo(AssignItems(), AsSingleton(fitted)).with_outputs(
            TOTALS_TAG, COUNTS_TAG, main="rows"
        )
        totals = assigned[TOTALS_TAG] | "AddTotals" >> beam.CombineGlobally(AddTotals())
        clusters = fitted | "Clusters" >> beam.Map(rows_of_tree, AsSingleton(totals)).with_output_types(pa.RecordBatch)
        metrics = totals | "BalanceMetrics" >> beam.Map(balance_metrics, self.job_name).with_output_types(
            pa.RecordBatch
        )
        counts = (joined[COUNTS_TAG], assigned[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return Clustered(clusters, assigned.rows, metrics, counts)


def _fit(_: bytes, batches: Iterable[pa.RecordBatch], config: TreeConfig) -> DescribedTree:
    return fit_described_tree(batches, config)


def _smallest(rows: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    return smallest_items([rows], limit)
