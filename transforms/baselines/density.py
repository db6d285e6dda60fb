"""Density: clusters are where items lie close together; what lies in between is in none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import NONE, Labels, Vectors, cluster_nonzero, single_threaded


def density_labels(vectors: Vectors, min_cluster_size: int) -> Labels:
    """HDBSCAN on vectors of length 1; it chooses the number of clusters and leaves noise out.

    Time grows with the square of the number of items: meant for the items of one user, or a small catalogue.

    Args:
        vectors: shape (items, dimensions).
        min_cluster_size: least number of items in a cluster, at least 2.

    Returns:
        int64, shape (items,): clusters numbered in the order of their first items; -1 for noise.

    Raises:
        ValueError: when `min_cluster_size` is less than 2.
    """
    if min_cluster_size < 2:
        raise ValueError(f"min_cluster_size must be at least 2, got {min_cluster_size}")
    return cluster_nonzero(vectors, lambda rows: _density(rows, min_cluster_size))


def _density(rows: npt.NDArray[np.float64], min_cluster_size: int) -> Labels:
    from sklearn.cluster import HDBSCAN

    if len(rows) < min_cluster_size:
        return np.full(len(rows), NONE, np.int64)
    with single_threaded():
        # `copy` says whether a matrix of distances may be overwritten; there is none, but scikit-learn warns without.
        labels: Labels = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(rows).astype(np.int64)
    return labels
