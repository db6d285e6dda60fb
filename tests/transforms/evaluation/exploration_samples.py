"""Samples of users whose histories follow a rule."""

from collections.abc import Callable

import numpy as np

from transforms.evaluation.exploration_config import ExplorationConfig
from transforms.evaluation.exploration_sample import ExplorationSample
from transforms.exploration.config import TransitionConfig
from transforms.exploration.transitions import NEVER, FirstOccurrences, split_times

CLUSTERS, USERS, STEPS = 16, 1000, 5
DAY = 86_400 * 10**6

Rule = Callable[[int], tuple[int, ...]]
"""Returns the distances from a cluster to the next ones, which are equally frequent, at a day."""


def sample_of(rule: Rule, come_back: Callable[[int], bool], users: int = USERS, size: int = 1) -> ExplorationSample:
    """Return users who start at any day of a year, and go from cluster to cluster, mostly by a rule.

    Args:
        rule: the rule.
        come_back: whether users come back to a cluster on the next day; otherwise they never do.
        users: number of users.
        size: number of clusters in a context.
    """
    random = np.random.default_rng(0)
    clusters, times = [], []
    for user in range(users):
        day = 365 * user // users
        own = [int(random.integers(CLUSTERS))]
        while len(own) < STEPS:
            step = int(random.choice(rule(day))) if random.random() < 0.8 else int(random.integers(CLUSTERS))
            following = (own[-1] + step) % CLUSTERS
            if following not in own:
                own.append(following)
            elif random.random() < 0.5:
                own.append(next(cluster for cluster in random.permutation(CLUSTERS).tolist() if cluster not in own))
        clusters.append(own)
        times.append([(day + step) * DAY + user for step in range(STEPS)])
    flat, moments = np.concatenate(clusters).astype(np.int32), np.concatenate(times)
    first = FirstOccurrences(np.arange(users + 1) * STEPS, flat, moments)
    returned = np.array([come_back(cluster) for cluster in flat.tolist()])
    config = TransitionConfig(context_size=size)
    return ExplorationSample(
        first,
        np.where(returned, moments + DAY, NEVER),
        np.eye(CLUSTERS),
        split_times(moments, config),
        int(moments.max()) + 1,
        ExplorationConfig(config),
    )
