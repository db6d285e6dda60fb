"""A log in which a hidden binary intent decides what follows, and the context says nothing of it."""

import numpy as np

from transforms.columnar import list_offsets
from transforms.intents.latent.rows import NextItems, Rows

ITEMS = 20
GROUP = ITEMS // 2
FOLLOWING = 5


def hidden_intents(count: int, seed: int) -> tuple[Rows, np.ndarray]:
    """Return rows, and their intents, int, shape (rows,).

    The next items of intent 0 are uniform among the first ten items, those of intent 1 among the others.
    """
    random = np.random.default_rng(seed)
    intents = random.integers(0, 2, count)
    items = (random.integers(0, GROUP, (count, FOLLOWING)) + GROUP * intents[:, None]).astype(np.int32)
    offsets = list_offsets(np.full(count, FOLLOWING))
    return Rows(random.normal(size=(count, 3)).astype(np.float32), NextItems(offsets, items.ravel())), intents


def item_vectors() -> np.ndarray:
    """Orthogonal vectors: the decoder can give any probabilities to the items."""
    return np.eye(ITEMS, dtype=np.float32)


def item_clusters() -> np.ndarray:
    """The group of each item."""
    return (np.arange(ITEMS) // GROUP).astype(np.int32)
