"""Measurements of the quality of a topical tree and of its descriptions.

Functions that take `nodes` measure one level: a column of the paths of items, or the labels of another clustering.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.clusters.costs import Floats, Integers, Vectors, directions_of
from transforms.clusters.fitting import distinct_vectors
from transforms.clusters.tree import Paths

_BLOCK = 64


class TagAgreement(NamedTuple):
    """Agreement of nodes with the tags of items.

    Attributes:
        v_measure: harmonic mean of homogeneity and completeness, in [0, 1].
        ari: adjusted Rand index: 0 for chance, 1 for equal groupings.
    """

    v_measure: float
    ari: float


def traffic_imbalance(nodes: npt.NDArray[np.integer], traffic: npt.NDArray[np.integer], count: int) -> float:
    """Compute the maximum traffic of the nodes of a level divided by their mean.

    Args:
        nodes: the node of each item, shape (items,).
        traffic: of each item, shape (items,); if all are 0, each item counts as 1.
        count: number of nodes.
    """
    sums = np.bincount(nodes, traffic if traffic.any() else None, minlength=count)
    return float(sums.max() / sums.mean())


def smallest_imbalance(vectors: Vectors, traffic: npt.NDArray[np.integer], count: int) -> float:
    """Compute a lower bound of `traffic_imbalance`: items of equal vectors are in the same node.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions).
        traffic: as in `traffic_imbalance`.
        count: number of nodes.

    Returns:
        The traffic of the heaviest vector divided by the mean traffic of a node, at least 1.
    """
    weights = distinct_vectors(vectors, traffic).traffic
    return max(1.0, float(weights.max() * count / weights.sum()))


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
    return float((totals[several] / others[several]).sum() / count) if count else float("nan")


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
        count: number of clusters, at most the number of items.
        seed: random seed.

    Returns:
        int64, shape (items,).
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        labels = KMeans(count, n_init=4, random_state=seed).fit_predict(directions_of(vectors).astype(np.float32))
    return np.asarray(labels, np.int64)


def tag_agreement(nodes: npt.NDArray[np.integer], tags: pa.StringArray) -> TagAgreement:
    """Compute the agreement of nodes with one tag per item.

    Args:
        nodes: the node of each item, shape (items,).
        tags: a tag of each item, shape (items,); items with null are ignored.

    Returns:
        NaN without any tag.
    """
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    rows = np.flatnonzero(tags.is_valid().to_numpy(zero_copy_only=False))
    if not len(rows):
        return TagAgreement(float("nan"), float("nan"))
    codes = tags.drop_null().dictionary_encode().indices.to_numpy()
    return TagAgreement(float(v_measure_score(codes, nodes[rows])), float(adjusted_rand_score(codes, nodes[rows])))


def retrieved_fractions(
    descriptions: npt.NDArray[np.floating], vectors: npt.NDArray[np.floating], nodes: npt.NDArray[np.integer]
) -> Floats:
    """Compute the fraction of the items of each node that its description retrieves.

    A description retrieves as many items as its node has: those of the highest cosine with it; ties: the lower index.

    Args:
        descriptions: vectors of the descriptions, shape (nodes, dimensions), of length 1 or 0.
        vectors: vectors of the items, shape (items, dimensions), of length 1 or 0.
        nodes: the node of each item, shape (items,).

    Returns:
        float64, shape (nodes,); NaN for nodes without items.
    """
    sizes = np.bincount(nodes, minlength=len(descriptions))
    fractions = np.full(len(descriptions), np.nan)
    for start in range(0, len(descriptions), _BLOCK):
        cosines = descriptions[start : start + _BLOCK] @ vectors.T
        for node, row in enumerate(cosines, start):
            if sizes[node]:
                fractions[node] = (nodes[_highest(row, int(sizes[node]))] == node).mean()
    return fractions


def _highest(values: npt.NDArray[np.floating], count: int) -> Integers:
    """Return the indices of the highest values; ties: the lower index."""
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > threshold)
    return np.concatenate([above, np.flatnonzero(values == threshold)[: count - len(above)]])


def unique_fraction(levels: Iterable[Sequence[str]]) -> float:
    """Compute the number of distinct descriptions of a tree, ignoring case, divided by the number of nodes.

    Args:
        levels: the descriptions of the nodes of each level; at least one.
    """
    texts = [text.casefold() for level in levels for text in level]
    return len(set(texts)) / len(texts)
