"""Users who consume what they like, and some items that everybody consumes."""

import numpy as np

from transforms.interest.pairs import Pairs, distinct_pairs

GROUPS, USERS, ITEMS, POPULAR = 4, 160, 120, 12


def world(seed: int = 0) -> Pairs:
    """Group g of users consumes items with number % GROUPS == g; the last `POPULAR` items half of all users do."""
    random = np.random.default_rng(seed)
    liked = random.random((USERS, ITEMS)) < 0.4
    liked &= np.arange(USERS)[:, None] % GROUPS == np.arange(ITEMS) % GROUPS
    everywhere = random.random((USERS, POPULAR)) < 0.5
    users, items = np.nonzero(np.hstack([liked, everywhere]))
    return distinct_pairs(users, items, (USERS, ITEMS + POPULAR))
