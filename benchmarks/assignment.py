"""`python -m benchmarks.assignment`: measure the assignment of items to a tree, compared with a plain argmin of NumPy.

Prints the seconds of each as JSON, and how many times those of the plain one. Vectors and centroids are generated;
reading, encoding and writing are not measured.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from transforms.clusters.costs import (
    CENTROID_SCALE,
    PENALTY_SCALE,
    Centroids,
    Vectors,
    quantize_centroids,
    squared_lengths,
)
from transforms.clusters.tree import Level, Tree, assign
from transforms.encoders.quantized_vectors import quantize_vectors

_MIN_EQUAL = 0.999
"""Minimum fraction of items with the same leaf: the plain argmin is of float32, whose rounding decides near ties."""

_BLOCK = 1 << 14
_NOISE = 2.0


def generate(items: int, dimensions: int, leaves: int, seed: int) -> tuple[Vectors, Centroids]:
    """Generate vectors around random centres.

    Returns:
        The vectors, int8, shape (items, dimensions), and the centroids, shape (leaves, dimensions): the centres, scaled
        to a length below 1, which means of directions have.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(leaves, dimensions))
    vectors = np.empty((items, dimensions), np.int8)
    for start in range(0, items, _BLOCK):
        owners = random.integers(0, leaves, min(_BLOCK, items - start))
        noise = _NOISE * random.standard_normal((len(owners), dimensions))
        vectors[start : start + _BLOCK] = quantize_vectors(centres[owners] + noise)
    return vectors, quantize_centroids(centres / np.linalg.norm(centres, axis=1, keepdims=True) / 2)


def tree_above(centroids: Centroids, sizes: tuple[int, ...]) -> Tree:
    """Return a tree with given leaves: each level has the means of consecutive nodes of the level below.

    Args:
        centroids: of the leaves.
        sizes: numbers of nodes of the levels above the leaves, ascending.
    """
    levels: list[Level] = []
    for parents in (*reversed(sizes), 1):
        bounds = np.linspace(0, len(centroids), parents + 1).astype(np.int64)
        levels.append(Level(bounds, centroids, squared_lengths(centroids)))
        groups = [centroids[start:end].mean(axis=0) for start, end in itertools.pairwise(bounds)]
        centroids = quantize_centroids(np.stack(groups) / CENTROID_SCALE)
    return Tree(tuple(reversed(levels)))


def plain_argmin(vectors: Vectors, level: Level) -> npt.NDArray[np.int64]:
    """Assign directions to the leaf with the lowest cost by one matrix product of float32 per block, and argmin."""
    centroids = level.centroids.astype(np.float32) / CENTROID_SCALE
    penalties = (level.penalties / PENALTY_SCALE).astype(np.float32)
    leaves = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        leaves[start : start + _BLOCK] = np.argmin(penalties - 2 * block @ centroids.T, axis=1)
    return leaves


def measure(
    items: int, dimensions: int, leaves: int, above: tuple[int, ...], repeats: int, seed: int = 0
) -> dict[str, float]:
    """Measure the wall time of assigning items to a tree, to its leaves without the tree, and by `plain_argmin`.

    Args:
        items: number of items.
        dimensions: of the vectors.
        leaves: number of leaves.
        above: numbers of nodes of the levels above the leaves.
        repeats: number of measurements of each, alternately, of which the median is returned.
        seed: random seed of the vectors.

    Returns:
        Seconds by name, and the ratio of each to those of the plain argmin.

    Raises:
        AssertionError: if the leaves without a tree are not those of the plain argmin.
    """
    vectors, centroids = generate(items, dimensions, leaves, seed)
    tree, flat = tree_above(centroids, above), tree_above(centroids, ())
    equal = (assign(vectors[:_BLOCK], flat)[:, 0] == plain_argmin(vectors[:_BLOCK], flat.levels[0])).mean()
    assert equal >= _MIN_EQUAL, f"only {equal:.2%} of the items have the leaf of the plain argmin"
    works: dict[str, Callable[[], object]] = {
        "tree": lambda: assign(vectors, tree),
        "leaves": lambda: assign(vectors, flat),
        "plain": lambda: plain_argmin(vectors, flat.levels[0]),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    seconds = {name: statistics.median(found) for name, found in times.items()}
    ratios = {f"{name} / plain": seconds[name] / seconds["plain"] for name in works if name != "plain"}
    return {name: round(value, 3) for name, value in (seconds | ratios).items()}


def main() -> None:
    """Measure with the sizes that the command line names."""
    parser = argparse.ArgumentParser(prog="assignment", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000, help="Number of items.")
    parser.add_argument("--dimensions", type=int, default=256, help="Number of dimensions of a vector.")
    parser.add_argument("--leaves", type=int, default=761, help="Number of leaves of the tree.")
    parser.add_argument("--above", type=int, nargs="*", default=[8, 64], help="Numbers of nodes of the levels above.")
    parser.add_argument(
        "--repeats", type=int, default=3, help="Number of measurements, of which the median is reported."
    )
    given = parser.parse_args()
    print(json.dumps(measure(given.items, given.dimensions, given.leaves, tuple(given.above), given.repeats)))


if __name__ == "__main__":
    main()
