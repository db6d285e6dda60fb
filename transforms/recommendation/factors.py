"""Vectors of items from which users consumed what, and from content, before they are scaled to whole numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.recommendation.histories import NO_ITEM, Codes, Integers, ItemHistories

Floats = npt.NDArray[np.float64]

_SHRINKAGE = 5.0
"""The vector of an item of n users is multiplied by n / (n + 5): that of few users says little."""
_ITERATIONS = 4


def consumption_vectors(histories: ItemHistories, item_count: int, dimensions: int, seed: int) -> Floats:
    """Compute vectors of items whose products approximate how similar the users of two items are.

    They are the right singular vectors, times the singular values, of the matrix of users and items whose entries are
    `1 / sqrt(items of the user * users of the item)`, by randomized truncated SVD.

    Args:
        histories: the histories; repeated items of a user count once.
        item_count: number of items.
        dimensions: number of dimensions; fewer users or items have fewer, and the others are 0.
        seed: random seed.

    Returns:
        Shape (items, dimensions), of mean squared length 1; zeros for items without users.
    """
    from scipy.sparse import csr_matrix
    from sklearn.utils.extmath import randomized_svd
    from threadpoolctl import threadpool_limits

    vectors = np.zeros((item_count, dimensions))
    users, items = distinct_pairs(histories)
    width = min(dimensions, histories.user_count, item_count)
    if not len(items) or not width:
        return vectors
    of_user = np.bincount(users, minlength=histories.user_count)
    of_item = np.bincount(items, minlength=item_count)
    entries = 1.0 / np.sqrt(of_user[users] * of_item[items])
    matrix = csr_matrix((entries, (users, items)), (histories.user_count, item_count))
    # One thread: sums in another order would change the last digits.
    with threadpool_limits(limits=1):
        _, values, right = randomized_svd(
            matrix, width, n_iter=_ITERATIONS, power_iteration_normalizer="QR", random_state=seed
        )
    vectors[:, :width] = right.T * values * (of_item / (of_item + _SHRINKAGE))[:, None]
    return _unit_mean_square(vectors)


def content_factors(content: npt.NDArray[np.int8], dimensions: int) -> Floats:
    """Project directions of content on their principal components.

    Args:
        content: int8, shape (items, dimensions of the encoder); a vector of zeros: the item has none.
        dimensions: number of dimensions of the result; fewer where content has fewer.

    Returns:
        Shape (items, dimensions): the projections of the directions less their mean, of mean squared length 1; zeros
        for items without content.
    """
    from threadpoolctl import threadpool_limits

    lengths = np.linalg.norm(content.astype(np.float64), axis=1)
    present = lengths > 0
    vectors = np.zeros((len(content), dimensions))
    width = min(dimensions, content.shape[1])
    if not present.any() or not width:
        return vectors
    directions = content[present] / lengths[present, None]
    with threadpool_limits(limits=1):
        centred = directions - directions.mean(axis=0)
        _, axes = np.linalg.eigh(centred.T @ centred)
        vectors[present, :width] = centred @ _fixed_signs(axes[:, ::-1][:, :width])
    return _unit_mean_square(vectors)


def recent_popularity(items: Codes, times: Integers, item_count: int, end: int, half_life: float | None) -> Floats:
    """Compute the logarithm of 1 + the number of interactions with each item, recent ones weighing more.

    Args:
        items: int32, shape (interactions,); `NO_ITEM` is skipped.
        times: int64, shape (interactions,), in microseconds.
        item_count: number of items.
        end: the time at which an interaction weighs 1, in microseconds.
        half_life: time in microseconds in which the weight halves; None: all weigh 1.

    Returns:
        Shape (items,).
    """
    inside = items != NO_ITEM
    weights = np.ones(inside.sum()) if half_life is None else np.exp2((times[inside] - end) / half_life)
    return np.log1p(np.bincount(items[inside], weights, item_count))


def distinct_pairs(histories: ItemHistories) -> tuple[Integers, Codes]:
    """Return the distinct pairs of user and item, by user, then item."""
    users = np.repeat(np.arange(histories.user_count, dtype=np.int64), np.diff(histories.offsets))
    inside = histories.items != NO_ITEM
    width = int(histories.items.max(initial=0)) + 1
    keys = np.unique(users[inside] * width + histories.items[inside])
    return keys // width, (keys % width).astype(np.int32)


def _fixed_signs(axes: Floats) -> Floats:
    """Flip axes so that the largest component of each, in absolute value, is positive."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return axes * np.where(largest < 0, -1.0, 1.0)


def _unit_mean_square(vectors: Floats) -> Floats:
    present = vectors.any(axis=1)
    mean = np.mean((vectors[present] ** 2).sum(axis=1)) if present.any() else 0.0
    return vectors / np.sqrt(mean) if mean > 0 else vectors
