"""A small log whose users go from cluster to cluster by a rule."""

import numpy as np

from transforms.columnar import list_offsets
from transforms.evaluation.experiments.recommendation.training import Catalogue, Training, training_before
from transforms.exploration.config import TransitionConfig
from transforms.exploration.transitions import split_times
from transforms.recommendation.breadth_measures import DAY
from transforms.recommendation.histories import ItemHistories

CLUSTERS, ITEMS_EACH, USERS, STEPS = 8, 6, 300, 6
ITEMS = CLUSTERS * ITEMS_EACH


def catalogue() -> Catalogue:
    """Item i is in cluster i % 8; clusters 0 to 3 are below the first node, the others below the second."""
    clusters = (np.arange(ITEMS) % CLUSTERS).astype(np.int32)
    parents = (np.arange(CLUSTERS) // 4).astype(np.int32)
    vectors = (100 * np.eye(CLUSTERS, dtype=np.int8))[clusters]
    return Catalogue(clusters, parents, 100 * np.eye(CLUSTERS), np.ascontiguousarray(vectors))


def histories(seed: int = 0) -> ItemHistories:
    """Users start on any of 120 days; after cluster c, mostly c + 1 follows on the next day, at times c again."""
    random = np.random.default_rng(seed)
    items, times = [], []
    for user in range(USERS):
        day, cluster = 120 * user // USERS, int(random.integers(CLUSTERS))
        for step in range(STEPS):
            items.append(cluster + CLUSTERS * int(random.integers(ITEMS_EACH)))
            times.append((day + 3 * step) * DAY + user)
            if random.random() < 0.8:
                cluster = (cluster + 1) % CLUSTERS if random.random() < 0.9 else int(random.integers(CLUSTERS))
    return ItemHistories(list_offsets([STEPS] * USERS), np.array(items, np.int32), np.array(times, np.int64))


def training(of: ItemHistories | None = None) -> Training:
    """Return what is before the test period."""
    log = histories() if of is None else of
    return training_before(log, catalogue(), *split_times(log.times, TransitionConfig()))
