"""The items of each cluster that are most similar to its centroid: what a language model reads to describe it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton

from transforms.clusters.cluster_rows import node_ids
from transforms.clusters.costs import CENTROID_SCALE, directions_of
from transforms.clusters.described_tree import DescribedTree
from transforms.clusters.tree import Tree, assign, with_dimensions
from transforms.columnar import concatenate, run_offsets
from transforms.encoders.quantized_vectors import VECTOR, matrix_of
from transforms.shuffle import ApplyGlobally

NEAREST = pa.schema(
    [
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
    ]
)
"""Items of clusters, and their products with the centroid, rounded so that all machines agree."""

_DECIMALS = 4


def nearest_items(rows: pa.RecordBatch, tree: Tree, count: int) -> pa.RecordBatch:
    """Select the items of each node of a tree that are most similar to its centroid, as rows of `NEAREST`.

    Args:
        rows: rows of `FEATURES`; items without a vector are not selected.
        tree: the tree.
        count: maximum number of items of a node.
    """
    vectors = with_dimensions(matrix_of(rows[VECTOR.name]), tree)
    has_vector = vectors.any(axis=1)
    vectors, ids = vectors[has_vector], rows["item_id"].filter(pa.array(has_vector))
    paths, directions = assign(vectors, tree), directions_of(vectors)
    found = [concatenate([], NEAREST)]
    for level, nodes, names in zip(tree.levels, paths.T, node_ids(tree), strict=True):
        products = np.einsum("ij,ij->i", directions, level.centroids[nodes].astype(np.float64)) / CENTROID_SCALE
        owners = pa.array(names, pa.string()).take(pa.array(nodes))
        similarities = pa.array(np.round(products, _DECIMALS).astype(np.float32))
        found.append(pa.RecordBatch.from_arrays([owners, ids, similarities], schema=NEAREST))
    return nearest_of(found, count)


def nearest_of(batches: Iterable[pa.RecordBatch], count: int) -> pa.RecordBatch:
    """Return the most similar rows of `NEAREST` of each cluster, by cluster, then similarity; ties: by item.

    Args:
        batches: rows of `NEAREST`, in any order.
        count: maximum number of rows of a cluster.
    """
    rows = concatenate(batches, NEAREST)
    order = [("cluster_id", "ascending"), ("similarity", "descending"), ("item_id", "ascending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    starts = run_offsets(rows["cluster_id"].dictionary_encode().indices.to_numpy())
    ranks = np.arange(rows.num_rows) - np.repeat(starts[:-1], np.diff(starts))
    return rows.filter(pa.array(ranks < count))


@dataclasses.dataclass
class SelectRepresentatives(beam.PTransform):
    """Record batches of `FEATURES` -> one record batch of `NEAREST`: the items most similar to each centroid.

    Attributes:
        described: the tree.
        count: maximum number of items of a cluster.
    """

    described: beam.PCollection
    count: int

    def expand(self, features: beam.PCollection) -> beam.PCollection:
        of_batches = features | "NearestOfBatch" >> beam.Map(
            _nearest, AsSingleton(self.described), self.count
        ).with_output_types(pa.RecordBatch)
        return of_batches | "Nearest" >> ApplyGlobally(nearest_of, (self.count,))


def _nearest(rows: pa.RecordBatch, described: DescribedTree, count: int) -> pa.RecordBatch:
    return nearest_items(rows, described.tree, count)
