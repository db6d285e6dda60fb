"""Exact costs of assigning items to nodes.

The cost of an item with direction x and a node with centroid mu and offset b is ||x - mu||² + b: without offsets, items
go to the nearest centroid; an offset makes a node smaller. Costs are only compared among the nodes of one item, so they
are computed without ||x||², and times the length of the item's quantized vector v, as v is not of length 1:

    |v| (||mu||² + b) - 2 v·mu

All factors are whole numbers, and costs are below 2**53 in magnitude, where float64 is exact. The node of an item is
therefore the same on every machine, for every number of threads, and in every batch.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Integers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Vectors: TypeAlias = npt.NDArray[np.int8]
Centroids: TypeAlias = npt.NDArray[np.int16]

CENTROID_SCALE = 1 << 14
"""Components of centroids, which are at most 1, are rounded to multiples of 1 / CENTROID_SCALE."""

PENALTY_SCALE = 1 << 24
"""Penalties, ||mu||² + b, are rounded to multiples of 1 / PENALTY_SCALE."""

MAX_PENALTY = 1 << 31
"""Maximum penalty, in multiples of 1 / PENALTY_SCALE: 128, while squared distances of directions are at most 4."""

_LENGTH_SCALE = 1 << 8
_BLOCK = 1 << 14
"""Number of vectors converted to float64 at a time: a catalogue in float64 would need eight times its memory."""

_PRODUCT_FACTOR = 2.0 * _LENGTH_SCALE * PENALTY_SCALE / CENTROID_SCALE


def lengths_of(vectors: npt.NDArray[np.number]) -> Floats:
    """Compute the lengths of quantized vectors.

    Args:
        vectors: whole numbers, shape (items, dimensions).

    Returns:
        float64, shape (items,): whole multiples of 1 / 256, in this unit. Zeros get the smallest length above 0, so
        that the node with the smallest penalty is theirs.
    """
    lengths = np.empty(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        whole = vectors[start : start + _BLOCK].astype(np.float64, copy=False)
        np.sqrt(np.einsum("ij,ij->i", whole, whole), out=lengths[start : start + _BLOCK])
    return np.maximum(np.rint(lengths * _LENGTH_SCALE), 1.0)


def directions_of(vectors: Vectors) -> Floats:
    """Scale vectors to length 1, float64, of the same shape; zeros stay zero."""
    whole = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", whole, whole))
    return np.asarray(whole / np.where(lengths > 0, lengths, 1.0)[:, None])


def quantize_centroids(centroids: npt.NDArray[np.floating]) -> Centroids:
    """Round centroids, means of directions, to multiples of 1 / CENTROID_SCALE, int16, of the same shape."""
    return np.rint(np.clip(centroids, -1, 1) * CENTROID_SCALE).astype(np.int16)


def squared_lengths(centroids: Centroids) -> Integers:
    """Compute ||mu||² of each centroid in multiples of 1 / PENALTY_SCALE, int64, shape (nodes,)."""
    squares = (centroids.astype(np.int64) ** 2).sum(axis=1)
    return np.rint(squares * (PENALTY_SCALE / CENTROID_SCALE**2)).astype(np.int64)


def negative_products(vectors: npt.NDArray[np.number], centroids: Centroids) -> Floats:
    """Compute -2 v·mu of all pairs in the unit of costs, float64, shape (items, nodes)."""
    scaled = centroids.T * -_PRODUCT_FACTOR
    products = np.empty((len(vectors), len(centroids)))
    for start in range(0, len(vectors), _BLOCK):
        whole = vectors[start : start + _BLOCK].astype(np.float64, copy=False)
        np.matmul(whole, scaled, out=products[start : start + _BLOCK])
    return products


def cheapest(products: Floats, lengths: Floats, penalties: Integers) -> Integers:
    """Find the node with the lowest cost of each item; ties: the lowest index.

    Args:
        products: as `negative_products` returns them, shape (items, nodes).
        lengths: as `lengths_of` returns them, shape (items,).
        penalties: ||mu||² + b in multiples of 1 / PENALTY_SCALE, shape (nodes,), at most `MAX_PENALTY`.

    Returns:
        int64, shape (items,).
    """
    return np.argmin(products + lengths[:, None] * penalties, axis=1)
