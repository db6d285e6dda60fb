"""The single pass of ICPC over dense vectors instead of salient terms, to measure the contribution of the terms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import NONE, Labels, Vectors, cluster_nonzero


def one_pass_labels(vectors: Vectors, threshold: float) -> Labels:
    """Assign each item, in time order, to the cluster with the nearest centroid, or open one.

    Args:
        vectors: shape (items, dimensions), by time; they are scaled to length 1.
        threshold: minimum cosine with a centroid for an item to join; ties: the older cluster.

    Returns:
        int64, shape (items,): clusters numbered in the order in which they were opened; -1 for a vector of zeros.
    """
    return cluster_nonzero(vectors, lambda rows: _one_pass(rows, threshold))


def _one_pass(rows: npt.NDArray[np.float64], threshold: float) -> Labels:
    centroids = np.empty_like(rows)  # sums of the members: the cosine is the same as with means
    lengths = np.empty(len(rows))
    labels = np.empty(len(rows), np.int64)
    opened = 0
    for position, row in enumerate(rows):
        cosines = centroids[:opened] @ row / lengths[:opened]
        nearest = int(cosines.argmax()) if opened else NONE
        if nearest == NONE or cosines[nearest] < threshold:
            nearest = opened
            centroids[nearest] = 0.0
            opened += 1
        labels[position] = nearest
        centroids[nearest] += row
        lengths[nearest] = np.sqrt(centroids[nearest] @ centroids[nearest])
    return labels
