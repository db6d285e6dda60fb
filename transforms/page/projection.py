"""Points of a map from vectors: UMAP where it is installed, otherwise the two principal components."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_NEIGHBORS = 15
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))
_DIGITS = 6


class Projection(NamedTuple):
    """Points of a map.

    Attributes:
        points: shape (vectors, 2), float64, in [0, 1].
        method: the method, for readers.
    """

    points: npt.NDArray[np.float64]
    method: str


def project(vectors: npt.NDArray[np.floating], seed: int) -> Projection:
    """Place vectors on a map.

    Args:
        vectors: shape (n, d).
        seed: seed of UMAP.
    """
    data = np.asarray(vectors, np.float64)
    if len(data) > _NEIGHBORS and importlib.util.find_spec("umap") is not None:
        return Projection(_scaled(_umap(data, seed)), "UMAP, by cosine")
    return Projection(_scaled(principal_components(data)), "two principal components")


def principal_components(data: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compute the first two principal components; the largest entry of each axis is positive, so that none flips.

    Args:
        data: shape (n, d).

    Returns:
        Shape (n, 2); zeros where there are fewer components.
    """
    if not data.size:
        return np.zeros((len(data), 2))
    centered = data - data.mean(axis=0)
    _, _, axes = np.linalg.svd(centered, full_matrices=False)
    axes = axes[:2]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.where(axes[np.arange(len(axes)), largest] < 0, -1, 1)[:, None]
    result = np.zeros((len(data), 2))
    result[:, : len(axes)] = centered @ axes.T
    return result


def spread_equal(points: npt.NDArray[np.float64], step: float) -> npt.NDArray[np.float64]:
    """Place points of equal position on a spiral around it, so that each can be seen.

    Args:
        points: shape (n, 2).
        step: distance between neighbours on the spiral, about.
    """
    _, groups = np.unique(points.round(_DIGITS), axis=0, return_inverse=True)
    order = np.argsort(groups.ravel(), kind="stable")
    ordered = groups.ravel()[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else np.empty(0, int)
    number = np.empty(len(points))
    number[order] = np.arange(len(points)) - np.repeat(starts, np.diff(np.r_[starts, len(points)]))
    radius, angle = step * np.sqrt(number), number * _GOLDEN_ANGLE
    return points + np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


def _umap(data: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    import umap  # of the extra `report`; slow to import

    model = umap.UMAP(n_neighbors=_NEIGHBORS, metric="cosine", random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(data), np.float64)


def _scaled(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Stretch both axes to [0, 1]."""
    if not len(points):
        return points
    low, high = points.min(axis=0), points.max(axis=0)
    spans = np.where(high > low, high - low, 1.0)
    return np.where(high > low, (points - low) / spans, 0.5).round(_DIGITS)
