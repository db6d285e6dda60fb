"""Small logs for the sequence recommender."""

import numpy as np

from transforms.columnar import list_offsets
from transforms.recommendation.histories import ItemHistories


def histories(*users: list[int]) -> ItemHistories:
    """Histories of items, one interaction of each user at each time."""
    lengths = [len(items) for items in users]
    items = np.array([item for user in users for item in user], np.int32)
    times = np.concatenate([np.arange(length, dtype=np.int64) for length in lengths] or [np.zeros(0, np.int64)])
    return ItemHistories(list_offsets(lengths), items, times)


def cycles(users: int, items: int, length: int, seed: int = 0) -> ItemHistories:
    """Each user consumes the items of a cycle one after another, from a random start: the next one is certain."""
    starts = np.random.default_rng(seed).integers(0, items, users)
    return histories(*[((start + np.arange(length)) % items).tolist() for start in starts])
