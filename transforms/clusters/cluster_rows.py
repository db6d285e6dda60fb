"""Conversion between a topical tree and rows of `clusters` and `item_clusters`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import CLUSTERS, ITEM_CLUSTERS
from transforms.clusters.descriptions import Keywords, join_keywords
from transforms.clusters.tree import Level, Paths, Tree
from transforms.columnar import list_array, list_offsets

_MIN_DIGITS = 2


def node_ids(tree: Tree) -> list[list[str]]:
    """Return the ids of the nodes of each level: the numbers of the children on the path from the root.

    All numbers of a level have the same number of digits, so ids are sorted as their nodes are.
    """
    ids: list[list[str]] = []
    for level in tree.levels:
        widest = int(np.diff(level.children).max())
        digits = max(_MIN_DIGITS, len(str(widest - 1)))
        above = [f"{parent}." for parent in ids[-1]] if ids else [""]
        ids.append(
            [
                f"{above[parent]}{child:0{digits}d}"
                for parent, count in enumerate(np.diff(level.children).tolist())
                for child in range(count)
            ]
        )
    return ids


def cluster_rows(
    tree: Tree,
    keywords: Sequence[Sequence[Keywords]],
    items: Sequence[Sequence[int]],
    traffic: Sequence[Sequence[int]],
) -> pa.RecordBatch:
    """Convert a tree to rows of `clusters`, by level, then id.

    Args:
        tree: the tree.
        keywords: by level, then node.
        items: number of items, by level, then node.
        traffic: number of interactions, by level, then node.
    """
    ids = node_ids(tree)
    rows = []
    for depth, level in enumerate(tree.levels):
        for node, parent in enumerate(level.parents.tolist()):
            rows.append(
                {
                    "cluster_id": ids[depth][node],
                    "level": depth + 1,
                    "parent_id": ids[depth - 1][parent] if depth else None,
                    "description": join_keywords(keywords[depth][node]),
                    "keywords": list(keywords[depth][node]),
                    "items": int(items[depth][node]),
                    "traffic": int(traffic[depth][node]),
                    "centroid": level.centroids[node].tolist(),
                    "penalty": int(level.penalties[node]),
                }
            )
    return pa.RecordBatch.from_pylist(rows, CLUSTERS.arrow)


def tree_of_rows(rows: pa.RecordBatch) -> Tree:
    """Convert all rows of `clusters`, in any order, to the tree that they describe."""
    ordered = rows.take(pc.sort_indices(rows, sort_keys=[("level", "ascending"), ("cluster_id", "ascending")]))
    levels = []
    above: pa.StringArray | None = None
    for depth in range(1, int(pc.max(ordered["level"]).as_py()) + 1):
        nodes = ordered.filter(pc.equal(ordered["level"], depth))
        parents = np.zeros(nodes.num_rows, np.int64)
        if above is not None:
            parents = pc.index_in(nodes["parent_id"], above).to_numpy().astype(np.int64)
        sizes = np.bincount(parents, minlength=1 if above is None else len(above))
        centroids = nodes["centroid"].flatten().to_numpy().reshape(nodes.num_rows, -1)
        levels.append(Level(list_offsets(sizes), centroids, nodes["penalty"].to_numpy()))
        above = nodes["cluster_id"]
    return Tree(tuple(levels))


def descriptions_of_rows(rows: pa.RecordBatch) -> list[list[str]]:
    """Return the descriptions of all rows of `clusters`, by level, then id."""
    ordered = rows.take(pc.sort_indices(rows, sort_keys=[("level", "ascending"), ("cluster_id", "ascending")]))
    levels = range(1, int(pc.max(ordered["level"]).as_py()) + 1)
    return [ordered.filter(pc.equal(ordered["level"], level))["description"].to_pylist() for level in levels]


def item_rows(item_ids: pa.StringArray, paths: Paths, ids: Sequence[Sequence[str]]) -> pa.RecordBatch:
    """Convert assigned items to rows of `item_clusters`.

    Args:
        item_ids: the items.
        paths: the node of each item at each level.
        ids: as `node_ids` returns them.
    """
    levels = [pa.array(own, pa.string()).take(pa.array(paths[:, depth])) for depth, own in enumerate(ids)]
    order = np.arange(len(item_ids) * len(levels)).reshape(len(levels), len(item_ids)).T.ravel()
    texts = pa.concat_arrays(levels).take(pa.array(order))
    offsets = np.arange(len(item_ids) + 1) * len(levels)
    return pa.RecordBatch.from_arrays([item_ids, list_array(offsets, texts)], schema=ITEM_CLUSTERS.arrow)
