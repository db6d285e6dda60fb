"""Clusters of the items of one user by Ward's linkage, as in PinnerSage (2007.03634), or by average linkage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import Labels, Vectors, cluster_nonzero


def ward_labels(vectors: Vectors, threshold: float) -> Labels:
    """Cluster the items of one user by Ward's linkage: the pair that increases the variance least is merged first.

    Memory and time grow with the square of the number of items.

    Args:
        vectors: shape (items, dimensions); they are scaled to length 1; a row of zeros is in no cluster.
        threshold: the height of the tree, a distance, above which nothing is merged; positive.

    Returns:
        int64, shape (items,): clusters numbered in the order of their first items.
    """
    return cluster_nonzero(vectors, lambda rows: _linkage_labels(rows, "ward", threshold))


def average_labels(vectors: Vectors, threshold: float) -> Labels:
    """Cluster the items of one user by average linkage: the distance of two clusters is the mean over their members.

    Args:
        vectors: shape (items, dimensions); a row of zeros is in no cluster.
        threshold: distance, 1 - cosine, above which nothing is merged; positive.

    Returns:
        int64, shape (items,): clusters numbered in the order of their first items.
    """
    return cluster_nonzero(vectors, lambda rows: _linkage_labels(rows, "average", threshold))


def _linkage_labels(rows: npt.NDArray[np.float64], method: str, threshold: float) -> Labels:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import pdist

    if len(rows) < 2:
        return np.zeros(len(rows), np.int64)
    squares = pdist(rows, "sqeuclidean")
    # For rows of length 1, half the squared distance is 1 - cosine.
    tree = linkage(np.sqrt(squares) if method == "ward" else squares / 2, method)
    labels: Labels = fcluster(tree, threshold, criterion="distance").astype(np.int64)
    return labels
