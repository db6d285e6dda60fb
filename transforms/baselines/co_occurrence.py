"""The behavioural baseline of 2305.15498: items that the same users consumed are in one global cluster.

The item-item matrix of co-occurrence is factorised into item embeddings, which k-means clusters. A user's journeys are
the groups of their items in one cluster.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import Labels, Vectors, cluster_nonzero, single_threaded

_MAX_ITEMS_FOR_RESTARTS = 1000
_STARTS = 10


def co_occurrence_embeddings(
    offsets: npt.NDArray[np.int64], items: npt.NDArray[np.integer], item_count: int, dimensions: int
) -> npt.NDArray[np.float64]:
    """Factorise the matrix of the numbers of histories in which two items occur together.

    With X the histories x items matrix of zeros and ones, the counts are `X'X`. Its factors are the right singular
    vectors of X times the singular values, so `X'X`, which a few long histories would fill, is never computed. Columns
    of X are divided by the square roots of their sums first, which turns counts into cosines; otherwise popular items
    would dominate the first factors. Signs are fixed: the largest entry of a factor is positive.

    Args:
        offsets: int64, shape (histories + 1,).
        items: shape (interactions,): indices below `item_count`.
        item_count: number of items of the catalogue.
        dimensions: number of factors, at least 1; fewer if the rank of the matrix is lower.

    Returns:
        float64, shape (item_count, factors). Items in no history are zero.
    """
    from scipy.sparse import csr_matrix, diags

    histories = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    pairs = np.unique(histories * max(item_count, 1) + items)
    rows, columns = pairs // max(item_count, 1), pairs % max(item_count, 1)
    consumed = csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=(len(offsets) - 1, item_count))
    popularity = np.bincount(columns, minlength=item_count)
    weighted = consumed @ diags(1 / np.sqrt(np.maximum(popularity, 1)))
    values, factors = _right_singular_vectors(weighted, dimensions)
    largest = factors[np.arange(len(factors)), np.abs(factors).argmax(axis=1)] if factors.size else values
    embeddings = (factors * (values * np.where(largest < 0, -1.0, 1.0))[:, None]).T
    embeddings[popularity == 0] = 0.0  # they are already, except for rounding
    return embeddings


def _right_singular_vectors(matrix: object, dimensions: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Compute the largest singular values, descending, and their right singular vectors as rows.

    Equal values are frequent here, for which the iterative solvers of SciPy return other vectors in every call.
    """
    from sklearn.utils.extmath import randomized_svd

    with single_threaded():
        if dimensions < min(matrix.shape):  # type: ignore[attr-defined]
            _, values, factors = randomized_svd(
                matrix, dimensions, n_iter=7, power_iteration_normalizer="QR", random_state=0
            )
        else:
            _, values, factors = np.linalg.svd(matrix.toarray(), full_matrices=False)  # type: ignore[attr-defined]
    return values[:dimensions], factors[:dimensions]


def k_means_labels(vectors: Vectors, clusters: int, seed: int) -> Labels:
    """Cluster vectors of length 1 by k-means: the best of ten starts for up to 1,000 vectors, one start for more.

    Args:
        vectors: shape (vectors, dimensions); rows of zeros are ignored.
        clusters: number of clusters; at most the number of vectors.
        seed: random seed of the start.

    Returns:
        int64, shape (vectors,): clusters numbered in the order of their first members; -1 for a row of zeros.
    """
    return cluster_nonzero(vectors, lambda rows: _k_means(rows, clusters, seed))


def _k_means(rows: npt.NDArray[np.float64], clusters: int, seed: int) -> Labels:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    starts = _STARTS if len(rows) <= _MAX_ITEMS_FOR_RESTARTS else 1
    with single_threaded(), warnings.catch_warnings():
        # With fewer distinct vectors than clusters, some clusters stay empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(min(clusters, len(rows)), n_init=starts, random_state=seed)
        labels: Labels = model.fit_predict(rows).astype(np.int64)
    return labels


def co_occurrence_labels(
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.integer],
    item_count: int,
    clusters: int,
    dimensions: int = 64,
    seed: int = 0,
) -> Labels:
    """Cluster the items of a catalogue by the users who consumed them.

    Args:
        offsets: int64, shape (histories + 1,).
        items: shape (interactions,): indices below `item_count`.
        item_count: number of items of the catalogue.
        clusters: number of clusters, at least 1.
        dimensions: size of the embeddings, at least 1.
        seed: random seed of k-means.

    Returns:
        int64, shape (item_count,); -1 for items in no history.
    """
    return k_means_labels(co_occurrence_embeddings(offsets, items, item_count, dimensions), clusters, seed)
