"""Density-based clusters of items; items between clusters are in none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import NONE, Labels, Vectors, cluster_nonzero, single_threaded


def density_labels(vectors: Vectors, min_cluster_size: int) -> Labels:
    """Cluster vectors of length 1 by HDBSCAN, which chooses the number of clusters and labels noise.

    Time grows with the square of the number of items: suitable for the items of one user, or a small catalogue.

    Args:
        vectors: shape (items, dimensions).
        min_cluster_size: minimum number of items in a cluster, at least 2.

    Returns:
        int64, shape (items,): clusters numbered in the order of their first items; -1 for noise.

    Raises:
        ValueError: if `min_cluster_size` is less than 2.
    """
    if min_cluster_size < 2:
        raise ValueError(f"min_cluster_size must be at least 2, got {min_cluster_size}")
    return cluster_nonzero(vectors, lambda rows: _density(rows, min_cluster_size))


def _density(rows: npt.NDArray[np.float64], min_cluster_size: int) -> Labels:
    from sklearn.cluster import HDBSCAN

    if len(rows) < min_cluster_size:
        return np.full(len(rows), NONE, np.int64)
    with single_threaded():
        # `copy` concerns a matrix of distances, which is not used here, but scikit-learn warns without it.
        labels: Labels = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(rows).astype(np.int64)
    return labels
