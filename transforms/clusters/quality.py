"""Measurements of the quality of a topical tree and of its descriptions.

Functions that take `nodes` measure one level: a column of the paths of items, or the labels of another clustering.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from transforms.clusters.costs import Integers, Vectors, directions_of
from transforms.clusters.tree import Paths


def imbalance(traffic: npt.NDArray[np.number]) -> float:
    """Compute the maximum traffic of the nodes of a level divided by their mean; without any traffic 1.

    Args:
        traffic: of each node, shape (nodes,).
    """
    return float(traffic.max() / traffic.mean()) if traffic.any() else 1.0


def coherence(vectors: Vectors, nodes: npt.NDArray[np.integer]) -> float:
    """Compute the mean cosine of an item with the other items of its node.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions); items without a vector are ignored.
        nodes: the node of each item, shape (items,).

    Returns:
        The mean over the items that are not the only one of their node; NaN without any.
    """
    present = np.flatnonzero(vectors.any(axis=1))
    labels = nodes[present]
    sums = np.zeros((int(nodes.max(initial=0)) + 1, vectors.shape[1]))
    np.add.at(sums, labels, directions_of(vectors[present]))
    others = np.bincount(labels, minlength=len(sums)) - 1
    # The sum over the items of a node of their products with its sum, less the product of each with itself.
    totals = np.einsum("ij,ij->i", sums, sums) - (others + 1)
    several = others > 0
    count = (others[several] + 1).sum()
    return float((totals[several] / others[several]).sum() / count) if count else math.nan


def shuffle_paths(paths: Paths, seed: int) -> Paths:
    """Assign items to the nodes of a tree at random, so that all nodes keep their numbers of items.

    Args:
        paths: the nodes of the items, shape (items, levels).
        seed: random seed.
    """
    return np.random.default_rng(seed).permutation(paths)


def plain_clusters(vectors: Vectors, count: int, seed: int) -> Integers:
    """Cluster items by k-means alone, with neither tree nor balance: the baseline.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions).
        count: number of clusters, at most the number of distinct vectors.
        seed: random seed of the first centroids.

    Returns:
        int64, shape (items,).
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        labels = KMeans(count, n_init=1, random_state=seed).fit_predict(directions_of(vectors).astype(np.float32))
    return np.asarray(labels, np.int64)


def described_fraction(descriptions: Vectors, vectors: Vectors, nodes: npt.NDArray[np.integer]) -> float:
    """Compute the fraction of items whose nearest description, by cosine, is that of their own node.

    Args:
        descriptions: quantized vectors of the descriptions of the nodes, int8, shape (nodes, dimensions).
        vectors: quantized vectors of the items, int8, shape (items, dimensions); items without a vector are ignored.
        nodes: the node of each item, shape (items,).

    Returns:
        The fraction; ties go to the lower index. NaN without items that have a vector.
    """
    present = vectors.any(axis=1)
    if not present.any():
        return math.nan
    # Products of whole numbers are exact, so the result is the same on every machine.
    products = vectors[present].astype(np.float64) @ descriptions.astype(np.float64).T
    lengths = np.sqrt((descriptions.astype(np.int64) ** 2).sum(axis=1))
    nearest = np.argmax(products / np.maximum(lengths, 1.0), axis=1)
    return float((nearest == nodes[present]).mean())
