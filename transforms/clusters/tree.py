"""The topical tree of a catalogue, and the assignment of items to its nodes."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from transforms.clusters.costs import Centroids, Integers, Vectors, cheapest, lengths_of, negative_products
from transforms.datasets.error_rate import DataError

Paths: TypeAlias = npt.NDArray[np.int32]
"""The node of each item at each level, shape (items, levels)."""

_BLOCK = 1 << 15


class Level(NamedTuple):
    """The nodes of one level; the children of a node are consecutive.

    Attributes:
        children: int64, shape (parents + 1,): the children of parent p are `children[p]` to `children[p + 1] - 1`. The
            first level has one parent, the catalogue.
        centroids: int16, shape (nodes, dimensions): see `costs.CENTROID_SCALE`.
        penalties: int64, shape (nodes,): squared length of the centroid and offset, see `costs.PENALTY_SCALE`.
    """

    children: Integers
    centroids: Centroids
    penalties: Integers

    @property
    def parents(self) -> Integers:
        """The parent of each node, int64, shape (nodes,)."""
        return np.repeat(np.arange(len(self.children) - 1), np.diff(self.children))


class Tree(NamedTuple):
    """A topical tree: each node has at least one child, and belongs to exactly one parent.

    Attributes:
        levels: from the broadest level to the most specific one.
    """

    levels: tuple[Level, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of nodes of each level."""
        return tuple(len(level.penalties) for level in self.levels)


def assign(vectors: Vectors, tree: Tree) -> Paths:
    """Assign items to the nodes of a tree.

    At each level, an item goes to the child of its node with the lowest cost, see `costs`. An item without a vector
    goes to the child with the smallest penalty, so all of them have the same path.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions); zeros: the item has none.
        tree: the tree.

    Returns:
        int32, shape (items, levels): the node at each level. A row depends on its own vector only.

    Raises:
        ValueError: if the number of dimensions is not that of the tree.
    """
    expected = tree.levels[0].centroids.shape[1]
    if vectors.shape[1] != expected:
        raise ValueError(f"vectors must have {expected} dimensions as the tree has, got {vectors.shape[1]}")
    from threadpoolctl import threadpool_limits

    paths = np.empty((len(vectors), len(tree.levels)), np.int32)
    with threadpool_limits(limits=1):  # products are small: threads would wait for each other
        for start in range(0, len(vectors), _BLOCK):
            _assign_block(vectors[start : start + _BLOCK], tree, paths[start : start + _BLOCK])
    return paths


def with_dimensions(vectors: Vectors, tree: Tree) -> Vectors:
    """Return vectors with the number of dimensions of a tree: zeros of this number if no item of a batch has a vector.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions); zeros: the item has none.
        tree: the tree.

    Raises:
        DataError: if there are vectors, and their number of dimensions is not that of the tree.
    """
    expected = tree.levels[0].centroids.shape[1]
    if not vectors.any():
        return np.zeros((len(vectors), expected), np.int8)
    if vectors.shape[1] != expected:
        raise DataError(
            f"the vectors of the items have {vectors.shape[1]} dimensions, but those of the tree {expected}: they are "
            "of different encoders; nothing was committed"
        )
    return vectors


def _assign_block(vectors: Vectors, tree: Tree, paths: Paths) -> None:
    """Write the nodes of some items to `paths`."""
    whole = vectors.astype(np.float64)
    lengths = lengths_of(whole)
    owners = np.zeros(len(vectors), np.int64)
    for depth, level in enumerate(tree.levels):
        for parent, rows in rows_of_nodes(owners, len(level.children) - 1):
            nodes = slice(level.children[parent], level.children[parent + 1])
            products = negative_products(whole[rows], level.centroids[nodes])
            paths[rows, depth] = nodes.start + cheapest(products, lengths[rows], level.penalties[nodes])
        owners = paths[:, depth].astype(np.int64)


def rows_of_nodes(owners: Integers, nodes: int) -> list[tuple[int, Integers]]:
    """Group items by node.

    Args:
        owners: the node of each item, shape (items,).
        nodes: number of nodes.

    Returns:
        Of each node with items, ascending: the node and its items, ascending.
    """
    order = np.argsort(owners, kind="stable")
    ends = np.searchsorted(owners[order], np.arange(nodes + 1))
    return [(node, order[ends[node] : ends[node + 1]]) for node in range(nodes) if ends[node] < ends[node + 1]]
