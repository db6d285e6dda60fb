"""A small log of users who stay within their clusters or leave them, as arrays."""

import numpy as np
import pyarrow as pa

from transforms.evaluation.experiments.intents.sample import IntentsLog
from transforms.intents.features import Events
from transforms.recommendation.histories import ItemHistories

CLUSTERS, ITEMS, USERS, LENGTH = 30, 120, 120, 24
DAY = 86_400_000_000


def intents_log(seed: int = 0, users: int = USERS) -> IntentsLog:
    """Return a log: odd users leave their cluster in half of their interactions, even users almost never."""
    random = np.random.default_rng(seed)
    item_clusters = (np.arange(ITEMS) % CLUSTERS).astype(np.int32)
    leaves = random.random((users, LENGTH)) < np.where(np.arange(users) % 2, 0.5, 0.05)[:, None]
    homes = (np.arange(users) % CLUSTERS)[:, None]
    clusters = np.where(leaves, random.integers(0, CLUSTERS, (users, LENGTH)), homes)
    items = (clusters + CLUSTERS * random.integers(0, ITEMS // CLUSTERS, (users, LENGTH))).astype(np.int32).ravel()
    times = np.sort(random.integers(0, 200 * DAY, (users, LENGTH)), axis=1).ravel()
    offsets = np.arange(users + 1, dtype=np.int64) * LENGTH
    events = Events(
        ItemHistories(offsets, items, times),
        item_clusters[items],
        (items % 7).astype(np.int32),
        np.full(len(items), np.nan),
    )
    content = random.integers(-100, 100, (CLUSTERS, 8))[item_clusters] + random.integers(-20, 20, (ITEMS, 8))
    return IntentsLog(
        events,
        pa.array([f"i{item:03}" for item in range(ITEMS)]),
        item_clusters,
        random.normal(size=(CLUSTERS, 8)),
        content.astype(np.int8),
    )
