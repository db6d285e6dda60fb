"""All methods of the comparison, fitted to one training, and the lists that each recommends."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from transforms.evaluation.experiments.recommendation.lists import (
    ALL_CLUSTERS,
    Allocation,
    rank_in_clusters,
    rank_items,
)
from transforms.evaluation.experiments.recommendation.recommender import (
    Recommender,
    RecommenderChoice,
    build_recommender,
)
from transforms.evaluation.experiments.recommendation.rivals.bandits import fit_neural_bandit, fit_tree_bandit
from transforms.evaluation.experiments.recommendation.rivals.clusters import (
    ClusterPopularity,
    NearClusters,
    RandomClusters,
)
from transforms.evaluation.experiments.recommendation.rivals.items import (
    Ease,
    ItemNeighbours,
    ItemPopularity,
    MatrixFactors,
    NearestContent,
)
from transforms.evaluation.experiments.recommendation.rivals.shipped import CountsAndContent
from transforms.evaluation.experiments.recommendation.table import TableClusters, fit_table, network_of
from transforms.evaluation.experiments.recommendation.training import ClusterScorer, ItemScorer, Training
from transforms.recommendation.histories import Codes, Integers

OURS, UNRESTRICTED = "lookup table", "unrestricted recommender"
RECENT = "popularity of 7 days"
RANDOM = "random novel cluster"
SHIPPED = "counts and content"
"""The default ranker of `recommend`."""
BASES = ("item-kNN, cosine", "item-kNN, BM25", "ALS", "EASE", "nearest content", SHIPPED)
"""The methods of which the best on the validation period is the base of the recommender."""

LIST_SIZE = 10
RANDOM_ALLOCATION = Allocation(LIST_SIZE, None)
ALLOCATIONS = (
    RANDOM_ALLOCATION,
    Allocation(3, None),
    *(Allocation(clusters, power) for clusters in (10, 30, ALL_CLUSTERS) for power in (0.25, 0.5, 1.0)),
)
"""The allocations that are tried on the validation period, for each method that chooses clusters."""


class Choices(NamedTuple):
    """The recommender and the allocations, as chosen on the validation period.

    Attributes:
        recommender: the recommender.
        allocations: the allocations of each method that chooses clusters, by number of novel items, from 1.
    """

    recommender: RecommenderChoice
    allocations: Mapping[str, tuple[Allocation, ...]]


@dataclasses.dataclass(frozen=True)
class FittedMethods:
    """Methods that are fitted to one training.

    Attributes:
        training: the training.
        items: methods that score items, by name.
        clusters: methods that score clusters, by name; the lookup table among them.
    """

    training: Training
    items: Mapping[str, ItemScorer]
    clusters: Mapping[str, ClusterScorer]

    def recommender(self, choice: RecommenderChoice) -> Recommender:
        """Return the recommender that was chosen."""
        return build_recommender(self.items, RECENT, choice)


def fit_methods(training: Training, size: int, seed: int) -> FittedMethods:
    """Fit all methods.

    Args:
        training: the training.
        size: number of clusters of a context, K.
        seed: random seed.
    """
    fitted = fit_table(training, size, seed)
    clusters: dict[str, ClusterScorer] = {
        OURS: TableClusters.from_recent(fitted, training, size),
        RANDOM: RandomClusters(training.catalogue.cluster_count, seed),
        "popular novel cluster": ClusterPopularity.fit(training),
        "near cluster, little engaged": NearClusters.fit(training, seed),
        "hierarchical LinUCB": fit_tree_bandit(training),
        "neural-linear bandit": fit_neural_bandit(training, network_of(fitted), size),
    }
    return FittedMethods(training, fit_items(training, seed), clusters)


def fit_items(training: Training, seed: int) -> dict[str, ItemScorer]:
    """Fit the methods that score items."""
    return {name: fit_item_scorer(name, training, seed) for name in _ITEM_SCORERS}


def fit_item_scorer(name: str, training: Training, seed: int) -> ItemScorer:
    """Fit one method that scores items, by its name."""
    return _ITEM_SCORERS[name](training, seed)


_ITEM_SCORERS: Mapping[str, Callable[[Training, int], ItemScorer]] = {
    "popularity": lambda training, _: ItemPopularity.fit(training),
    RECENT: lambda training, _: ItemPopularity.fit(training, 7),
    "item-kNN, cosine": lambda training, _: ItemNeighbours.fit(training, "cosine"),
    "item-kNN, BM25": lambda training, _: ItemNeighbours.fit(training, "bm25"),
    "ALS": MatrixFactors.fit,
    "EASE": lambda training, _: Ease.fit(training),
    "nearest content": lambda training, _: NearestContent.fit(training),
    SHIPPED: CountsAndContent.fit,
}


def novel_lists(methods: FittedMethods, choices: Choices, name: str, users: Integers, slots: int = LIST_SIZE) -> Codes:
    """List what a method recommends of clusters that users have not consumed.

    Args:
        methods: all methods.
        choices: the recommender and the allocations.
        name: the method, a key of `items` or `clusters`, or `UNRESTRICTED`.
        users: int64, shape (users,).
        slots: number of novel items of the mixed list, which determines the allocation.

    Returns:
        int32, shape (users, k): k items, of which the first `slots` are for the mixed list.
    """
    training = methods.training
    recommender = methods.recommender(choices.recommender)
    if name in methods.clusters:
        allocation = choices.allocations[name][slots - 1]
        return rank_in_clusters(methods.clusters[name], recommender, training, users, allocation, LIST_SIZE)
    scorer: ItemScorer = recommender if name == UNRESTRICTED else methods.items[name]
    return rank_items(scorer, training, users, (training.consumed[users] == 0).astype(np.float64), LIST_SIZE)


def own_lists(methods: FittedMethods, choices: Choices, name: str, users: Integers) -> Codes:
    """List what a method that scores items recommends of all clusters; arguments as for `novel_lists`."""
    scorer: ItemScorer = methods.recommender(choices.recommender) if name == UNRESTRICTED else methods.items[name]
    everything = np.ones((len(users), methods.training.catalogue.cluster_count))
    return rank_items(scorer, methods.training, users, everything, LIST_SIZE)


def familiar_lists(methods: FittedMethods, choices: Choices, users: Integers) -> Codes:
    """List the best items of the recommender in clusters that users have consumed."""
    consumed = (methods.training.consumed[users] > 0).astype(np.float64)
    return rank_items(methods.recommender(choices.recommender), methods.training, users, consumed, LIST_SIZE)
