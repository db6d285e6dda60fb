"""Fitting of a topical tree, from the broadest level to the most specific one.

The items of each node are divided by k-means, and the offsets of `balance` limit the traffic of the children. The limit
is that of the whole level, not of the children of one parent. The number of children is allotted by traffic.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.clusters.balance import balancing_offsets
from transforms.clusters.config import TreeConfig
from transforms.clusters.costs import (
    Centroids,
    Floats,
    Integers,
    Vectors,
    cheapest,
    directions_of,
    lengths_of,
    negative_products,
    quantize_centroids,
    squared_lengths,
)
from transforms.clusters.tree import Level, Tree, rows_of_nodes

_ROUNDS = 4
"""Number of rounds of balancing and moving the centroids to the means of their items."""

_STARTS = 2
"""Number of runs of k-means, of which the best one is used."""

_MAX_COSTS = 1 << 25
"""Maximum number of costs, float64, that are held to balance the children of a node: 256 MiB."""


class DistinctVectors(NamedTuple):
    """The distinct vectors of a catalogue, in the order of their bytes: no order of items has an influence.

    Attributes:
        vectors: int8, shape (vectors, dimensions).
        traffic: int64, shape (vectors,): sum of the traffic of the items with this vector.
        items: int64, shape (vectors,): number of these items.
    """

    vectors: Vectors
    traffic: Integers
    items: Integers

    def take(self, rows: Integers) -> DistinctVectors:
        """Return some of the vectors."""
        return DistinctVectors(self.vectors[rows], self.traffic[rows], self.items[rows])


def fit_tree(vectors: Vectors, traffic: npt.NDArray[np.integer], config: TreeConfig) -> Tree:
    """Fit a topical tree to a catalogue.

    A level has the requested number of nodes; fewer if there are fewer distinct vectors, as items of equal vectors go
    to the same node. Each node of the last level has items, and so have all others.

    Args:
        vectors: quantized vectors, int8, shape (items, dimensions), each scaled to the same largest component, as
            `quantize_vectors` returns them; zeros: the item has no vector, see `tree.assign`.
        traffic: shape (items,): number of interactions of each item; if all are 0, each item counts as 1.
        config: the configuration.

    Returns:
        The tree: the same bytes for any order of the items and any number of threads.

    Raises:
        ValueError: without items, or if traffic is negative or of another length.
    """
    from threadpoolctl import threadpool_limits

    distinct = distinct_vectors(vectors, traffic)
    owners = np.zeros(len(distinct.items), np.int64)
    children = 1
    levels = []
    with threadpool_limits(limits=1):  # the order of summation, and so the rounding, varies with several
        for depth, size in enumerate(config.levels):
            level, owners = _fit_level(distinct, owners, children, min(size, len(owners)), config, depth)
            children = len(level.penalties)
            levels.append(level)
    return Tree(tuple(levels))


def distinct_vectors(vectors: Vectors, traffic: npt.NDArray[np.integer]) -> DistinctVectors:
    """Sum the traffic of items with equal vectors.

    Args:
        vectors: int8, shape (items, dimensions).
        traffic: shape (items,).

    Raises:
        ValueError: without items, or if traffic is negative or of another length.
    """
    if not len(vectors) or len(traffic) != len(vectors):
        raise ValueError(f"expected vectors and traffic of the same items, got {len(vectors)} and {len(traffic)}")
    if (traffic < 0).any():
        raise ValueError(f"traffic must be at least 0, got {traffic.min()}")
    rows = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(vectors.shape[1]), len(vectors), [None, pa.py_buffer(np.ascontiguousarray(vectors))]
    ).dictionary_encode()
    order = pc.sort_indices(rows.dictionary.cast(pa.binary())).to_numpy().astype(np.int64)
    codes = np.empty(len(order), np.int64)
    codes[order] = np.arange(len(order))
    owners = codes[rows.indices.to_numpy()]
    weights = np.asarray(traffic, np.int64) if traffic.any() else np.ones(len(vectors), np.int64)
    sums = np.zeros(len(order), np.int64)
    np.add.at(sums, owners, weights)
    first = np.empty(len(order), np.int64)
    first[owners[::-1]] = np.arange(len(owners))[::-1]
    return DistinctVectors(vectors[first], sums, np.bincount(owners, minlength=len(order)))


def allot_children(traffic: npt.NDArray[np.number], limits: Integers, total: int) -> Integers:
    """Allot the nodes of a level to the nodes of the level above, by traffic.

    Each gets one; each further one goes to the parent with the most traffic per child (Jefferson's method). This
    minimises the maximum traffic per child; the largest remainders would not.

    Args:
        traffic: of each parent, shape (parents,).
        limits: maximum number of children of each parent, at least 1.
        total: number of nodes to allot, at least the number of parents, at most the sum of `limits`.

    Returns:
        int64, shape (parents,): number of children of each parent; ties: the parent with the lowest index.
    """
    children = np.ones(len(traffic), np.int64)
    queue = [(-float(traffic[parent]), parent) for parent in range(len(traffic)) if limits[parent] > 1]
    heapq.heapify(queue)
    for _ in range(total - len(traffic)):
        _, parent = heapq.heappop(queue)
        children[parent] += 1
        if children[parent] < limits[parent]:
            heapq.heappush(queue, (-float(traffic[parent]) / int(children[parent]), parent))
    return children


def _fit_level(
    distinct: DistinctVectors, owners: Integers, parents: int, size: int, config: TreeConfig, depth: int
) -> tuple[Level, Integers]:
    """Divide the nodes of a level; return the level below, and the node of each vector in it."""
    mean = distinct.traffic.sum() / size
    # An item that exceeds the mean fills one node only, so it does not count for more.
    counted = np.bincount(owners, np.minimum(distinct.traffic, mean), minlength=parents).astype(np.float64)
    counts = allot_children(counted, np.bincount(owners, minlength=parents), size)
    below = np.empty(len(owners), np.int64)
    centroids, penalties, children = [], [], [0]
    for parent, rows in rows_of_nodes(owners, parents):
        seeds = np.random.SeedSequence((config.seed, depth, parent))
        members = distinct.take(rows)
        split = _split(members, int(counts[parent]), config.max_imbalance * mean, config.sample_items, seeds)
        below[rows] = children[-1] + split.owners
        centroids.append(split.centroids)
        penalties.append(split.penalties)
        children.append(children[-1] + len(split.penalties))
    level = Level(np.array(children, np.int64), np.concatenate(centroids), np.concatenate(penalties))
    return level, below


class _Split(NamedTuple):
    """The children of a node, and the child of each of its vectors."""

    centroids: Centroids
    penalties: Integers
    owners: Integers


def _split(
    members: DistinctVectors, count: int, limit: float, sample_items: int, seeds: np.random.SeedSequence
) -> _Split:
    """Divide the vectors of a node into at most `count` children of at most `limit` traffic each."""
    random = np.random.default_rng(seeds)
    sample = _sample(members, max(min(sample_items, _MAX_COSTS // count), count), random)
    centroids, offsets = _moved_centroids(sample, count, limit * _fraction(sample, members), seeds)
    penalties = squared_lengths(centroids)
    balanced = _heavy_sample(members, max(_MAX_COSTS // count, count), random)
    penalties = penalties + balancing_offsets(
        negative_products(balanced.vectors, centroids),
        lengths_of(balanced.vectors),
        penalties,
        balanced.traffic,
        limit * _fraction(balanced, members),
        offsets,
    )
    owners = _nearest(members.vectors, centroids, penalties)
    used, owners = np.unique(owners, return_inverse=True)
    return _Split(centroids[used], penalties[used], owners.astype(np.int64))


def _nearest(vectors: Vectors, centroids: Centroids, penalties: Integers) -> Integers:
    """Find the node with the lowest cost of each vector, in blocks, as all vectors may have too many costs."""
    block = max(_MAX_COSTS // len(centroids), 1)
    parts = (vectors[start : start + block] for start in range(0, len(vectors), block))
    return np.concatenate([cheapest(negative_products(part, centroids), lengths_of(part), penalties) for part in parts])


def _take(vectors: DistinctVectors, rows: Integers) -> DistinctVectors:
    return DistinctVectors(vectors.vectors[rows], vectors.traffic[rows], vectors.items[rows])


def _fraction(part: DistinctVectors, whole: DistinctVectors) -> float:
    """Return the fraction of the traffic that is in a part."""
    return float(part.traffic.sum() / max(int(whole.traffic.sum()), 1))


def _sample(members: DistinctVectors, count: int, random: np.random.Generator) -> DistinctVectors:
    """Sample vectors, all with the same probability, if there are more than `count`."""
    if len(members.items) <= count:
        return members
    rows = np.sort(random.choice(len(members.items), count, replace=False))
    return members.take(rows)


def _heavy_sample(members: DistinctVectors, count: int, random: np.random.Generator) -> DistinctVectors:
    """Sample vectors by traffic, if there are more than `count`: their traffic is the number of times sampled."""
    if len(members.items) <= count:
        return members
    total = members.traffic.sum()
    if not total:
        return _sample(members, count, random)
    traffic = random.multinomial(count, members.traffic / total)
    rows = np.flatnonzero(traffic)
    return DistinctVectors(members.vectors[rows], traffic[rows], members.items[rows])


def _moved_centroids(
    sample: DistinctVectors, count: int, limit: float, seeds: np.random.SeedSequence
) -> tuple[Centroids, Integers]:
    """Compute centroids by k-means, then move each to the mean of its items while traffic is balanced.

    Returns:
        The centroids, and offsets that balance almost the same centroids.
    """
    directions = directions_of(sample.vectors)
    lengths = lengths_of(sample.vectors)
    centroids = quantize_centroids(_first_centroids(directions, sample.items, count, seeds))
    offsets = np.zeros(len(centroids), np.int64)
    for _ in range(_ROUNDS):
        products, penalties = negative_products(sample.vectors, centroids), squared_lengths(centroids)
        offsets = balancing_offsets(products, lengths, penalties, sample.traffic, limit, offsets)
        means = _means(directions, sample.items, cheapest(products, lengths, penalties + offsets), len(centroids))
        if means is None:
            break
        centroids = quantize_centroids(means)
    return centroids, offsets


def _first_centroids(
    directions: Floats, items: Integers, count: int, seeds: np.random.SeedSequence
) -> npt.NDArray[np.floating]:
    """Compute centroids by k-means, shape (count, dimensions), or all directions if there are not more of them."""
    from sklearn.cluster import KMeans

    if count == 1:
        return np.average(directions, axis=0, weights=items)[None]
    if len(directions) <= count:
        return directions
    seed = int(seeds.generate_state(1)[0])
    means = KMeans(count, n_init=_STARTS, random_state=seed).fit(directions.astype(np.float32), sample_weight=items)
    return means.cluster_centers_


def _means(directions: Floats, items: Integers, owners: Integers, count: int) -> Floats | None:
    """Compute the mean direction of the items of each node, shape (count, dimensions); None: a node has no items."""
    groups = rows_of_nodes(owners, count)
    if len(groups) < count:
        return None
    return np.stack([np.average(directions[rows], axis=0, weights=items[rows]) for _, rows in groups])
