"""Rival of the kernel: the journeys of one user by Ward's hierarchical clustering of TF-IDF vectors, with SciPy.

It needs the whole history at once and all distances in it; ICPC needs neither.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from transforms.journeys.icpc import TermVectors

_DISTANCE = 1.3
"""At which the tree is cut. Two vectors of length 1 with cosine 0.15, ICPC's threshold, are so far apart."""


def ward_clusters(items: npt.NDArray[np.int32], vectors: TermVectors) -> npt.NDArray[np.int32]:
    """The cluster of each distinct item of a history, in the order of the items' numbers."""
    distinct = np.unique(items)
    if len(distinct) < 2:
        return np.ones(len(distinct), np.int32)
    tree = linkage(_dense_vectors(distinct, vectors), method="ward")
    return fcluster(tree, _DISTANCE, criterion="distance")


def _dense_vectors(items: npt.NDArray[np.int32], vectors: TermVectors) -> npt.NDArray[np.float64]:
    """One row for each item, one column for each term that any of them has; rows have length 1, or 0 without terms."""
    spans = [slice(vectors.offsets[item], vectors.offsets[item + 1]) for item in items]
    rows = np.repeat(np.arange(len(items)), [span.stop - span.start for span in spans])
    terms = np.concatenate([vectors.terms[span] for span in spans])
    distinct, columns = np.unique(terms, return_inverse=True)
    dense = np.zeros((len(items), max(len(distinct), 1)))
    dense[rows, columns] = np.concatenate([vectors.saliences[span] for span in spans])
    return dense / np.maximum(np.linalg.norm(dense, axis=1, keepdims=True), np.finfo(float).tiny)
