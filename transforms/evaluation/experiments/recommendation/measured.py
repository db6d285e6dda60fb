"""The users who are measured at one date, their targets, and the choices on the validation period before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.evaluation.experiments.recommendation.lists import Allocation, rank_in_clusters, rank_items
from transforms.evaluation.experiments.recommendation.methods import (
    ALLOCATIONS,
    BASES,
    LIST_SIZE,
    RANDOM,
    RANDOM_ALLOCATION,
    RECENT,
    Choices,
    FittedMethods,
)
from transforms.evaluation.experiments.recommendation.recommender import (
    POPULARITY_WEIGHTS,
    ComputedScores,
    Recommender,
    RecommenderChoice,
)
from transforms.evaluation.experiments.recommendation.training import Floats, Training, training_before
from transforms.exploration.transitions import time_before_last
from transforms.recommendation.histories import Codes, Integers, ItemHistories
from transforms.recommendation.measures import MEASURES, Targets, measure_lists, sum_measures
from transforms.recommendation.protocol import NEVER, between, measured_users, take_targets, targets_of

_VALIDATION_USERS = 3000
_VALIDATION_SCORES = 40_000_000


class MeasuredUsers(NamedTuple):
    """The users who are measured at one date.

    Attributes:
        training: what is before the date.
        users: int64, shape (users,): the users, ascending.
        targets: what they consume from the date on.
        consumed: float64, shape (users, C): what they consumed before it.
    """

    training: Training
    users: Integers
    targets: Targets
    consumed: Floats

    def measure(self, lists: Codes) -> Floats:
        """Measure lists of these users, float64, shape (users, measures)."""
        return measure_lists(lists, self.targets, self.training.catalogue.item_clusters, self.consumed)

    def mean(self, lists: Codes, measure: str) -> float:
        """Return the mean of one measure of lists."""
        return sum_measures(self.measure(lists)).means[measure]


def measured_at(training: Training, histories: ItemHistories, end: int, limit: int, seed: int) -> MeasuredUsers:
    """Choose users and find their targets between the date and an end.

    Args:
        training: what is before the date.
        histories: the interactions of the same users, of all periods.
        end: end of the targets, in microseconds.
        limit: maximum number of users.
        seed: random seed of the choice of users.
    """
    catalogue = training.catalogue
    future = between(histories, training.date, end)
    targets = targets_of(training.past, future, catalogue.item_clusters, catalogue.cluster_count)
    users = measured_users(training.past, targets, limit, seed)
    return MeasuredUsers(training, users, take_targets(targets, users), training.consumed[users])


def measured_after(training: Training, histories: ItemHistories, limit: int, seed: int) -> MeasuredUsers:
    """Choose users and find all targets that follow the date; arguments as for `measured_at`."""
    return measured_at(training, histories, NEVER, limit, seed)


def limit_users(users: int, item_count: int) -> int:
    """Return the number of users whose scores of all items can be held at a time, at most `users`, at least 1."""
    return max(min(users, _VALIDATION_SCORES // item_count), 1)


def earlier_training(training: Training, validation_fraction: float) -> Training:
    """Return the training that ends where the validation period begins, with a validation period of its own."""
    times = np.sort(training.past.times[training.past.times < training.validation])
    start = time_before_last(times, validation_fraction)
    return training_before(training.past, training.catalogue, min(start, training.validation), training.validation)


def choose(methods: FittedMethods, training: Training, seed: int) -> Choices:
    """Choose the recommender by nDCG on all targets, and allocations by hits on the novel ones.

    Args:
        methods: methods that are fitted to what is before the validation period.
        training: what is before the date: the targets are those of the validation period.
        seed: random seed of the choice of users.
    """
    limit = limit_users(_VALIDATION_USERS, training.catalogue.item_count)
    measured = measured_after(methods.training, training.past, limit, seed)
    recommender = _choose_recommender(methods, measured)
    fitted = methods.recommender(recommender)
    allocations = {name: _choose_allocations(methods, name, fitted, measured) for name in methods.clusters}
    return Choices(recommender, allocations | {RANDOM: (RANDOM_ALLOCATION,) * LIST_SIZE})


def _choose_recommender(methods: FittedMethods, measured: MeasuredUsers) -> RecommenderChoice:
    """Return the least personal recommender whose nDCG is within one standard error of the highest.

    The standard error is that of the difference by user. The less personal recommender has a higher weight of
    popularity. It is simpler, and is preferred where the validation period shows no difference.
    """
    everything = np.ones_like(measured.consumed)
    found = {}
    for base in BASES:
        scores = ComputedScores.of(methods.items[base], measured.users)
        for weight in POPULARITY_WEIGHTS:
            recommender = Recommender(scores, methods.items[RECENT], weight)
            lists = rank_items(recommender, methods.training, measured.users, everything, LIST_SIZE)
            values = np.nan_to_num(measured.measure(lists)[:, MEASURES.index("ndcg")])
            found[RecommenderChoice(base, weight)] = values
    choices = sorted(found, key=lambda choice: -choice.weight)
    if not len(measured.users):
        return choices[0]
    values = np.stack([found[choice] for choice in choices])
    loss = values[values.mean(axis=1).argmax()] - values
    error = loss.std(axis=1) / np.sqrt(len(measured.users))
    return choices[int(np.argmax(loss.mean(axis=1) <= error))]


def _choose_allocations(
    methods: FittedMethods, name: str, recommender: Recommender, measured: MeasuredUsers
) -> tuple[Allocation, ...]:
    """Choose the allocation for each number of novel items.

    The hit rate on novel targets is compared, then that on their clusters: on a log whose items are all new, no item is
    hit.
    """
    scores = ComputedScores.of(recommender, measured.users)
    lists = {
        allocation: rank_in_clusters(
            methods.clusters[name], scores, methods.training, measured.users, allocation, LIST_SIZE
        )
        for allocation in ALLOCATIONS
    }

    def hits(allocation: Allocation, slots: int) -> tuple[float, float]:
        found = lists[allocation][:, :slots]
        means = sum_measures(np.nan_to_num(measured.measure(found))).means
        return means["novel_hit_rate"], means["novel_cluster_hit_rate"]

    chosen = []
    for slots in range(1, LIST_SIZE + 1):
        quality = {allocation: hits(allocation, slots) for allocation in ALLOCATIONS}
        chosen.append(max(quality, key=quality.__getitem__))
    return tuple(chosen)
