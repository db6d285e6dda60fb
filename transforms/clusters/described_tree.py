"""A topical tree with its descriptions: fitted to a catalogue, or that of an earlier run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import CLUSTERS
from transforms.clusters.cluster_rows import tree_of_rows
from transforms.clusters.config import TreeConfig
from transforms.clusters.descriptions import Keywords, describe
from transforms.clusters.features import item_terms, smallest_items
from transforms.clusters.fitting import fit_tree
from transforms.clusters.tree import Tree, assign
from transforms.columnar import concatenate
from transforms.datasets.error_rate import DataError
from transforms.encoders.quantized_vectors import VECTOR, matrix_of


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


def sorted_clusters(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of `clusters` of some batches, in any order, by level, then id; further columns are dropped.

    Raises:
        DataError: without rows.
    """
    names = CLUSTERS.arrow.names
    rows = concatenate((each.select(names).cast(CLUSTERS.arrow) for each in batches), CLUSTERS.arrow)
    if not rows.num_rows:
        raise DataError("the given tree has no clusters; nothing was committed")
    return rows.take(pc.sort_indices(rows, sort_keys=[("level", "ascending"), ("cluster_id", "ascending")]))


def described_tree_of_rows(rows: pa.RecordBatch) -> DescribedTree:
    """Convert all rows of `clusters`, as `sorted_clusters` returns them, to the tree that they describe."""
    keywords = (
        [tuple(own) for own in rows.filter(pc.equal(rows["level"], level))["keywords"].to_pylist()]
        for level in range(1, rows["level"][-1].as_py() + 1)
    )
    return DescribedTree(tree_of_rows(rows), tuple(keywords))
