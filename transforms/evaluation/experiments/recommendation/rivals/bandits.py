"""Contextual bandits over clusters, by replay of the training log: LinUCB over the tree, and a neural-linear bandit.

The policy chooses a cluster at each first interaction of a user with a cluster, before the date, in the order of time.
Its reward is 1 if the user then consumed this cluster, 0 otherwise. The log does not state that a user would have
refused another cluster, and it was not recorded under uniformly random recommendations, so that this replay is a
simulation: it is unbiased only where logging was uniform.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numba
import numpy as np

from transforms.evaluation.experiments.recommendation.rivals.clusters import unit_rows
from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.exploration.network import Network
from transforms.exploration.transitions import NO_CLUSTER, Codes, recent_contexts
from transforms.recommendation.histories import Integers

DIMENSIONS = 16
"""Number of features of a user for LinUCB, besides the constant."""

EXPLORATION = 0.5
"""The factor of the width of the confidence interval, alpha of LinUCB."""

MAX_EVENTS = 30_000
"""The number of first interactions that are replayed, the latest ones."""


class Events(NamedTuple):
    """First interactions with clusters, in the order of time.

    Attributes:
        users: int64, shape (events,).
        clusters: int32, shape (events,): the cluster consumed.
        positions: int64, shape (events,): positions in `FirstOccurrences.clusters`.
        starts: int64, shape (events,): the position of the user's first cluster.
    """

    users: Integers
    clusters: Codes
    positions: Integers
    starts: Integers


def replayed_events(training: Training) -> Events:
    """Return the first interactions that have a cluster before them, at most `MAX_EVENTS`, the latest ones."""
    first = training.first
    users = np.repeat(np.arange(len(first.offsets) - 1), np.diff(first.offsets))
    starts = first.offsets[users]
    found = np.flatnonzero(np.arange(len(users)) > starts)
    ordered = found[np.lexsort((found, first.times[found]))][-MAX_EVENTS:]
    return Events(users[ordered], first.clusters[ordered], ordered, starts[ordered])


def cluster_features(training: Training) -> Floats:
    """Reduce the centroids of clusters to their principal components, unit rows, shape (C, dimensions)."""
    centred = training.catalogue.centroids - training.catalogue.centroids.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    return unit_rows(left[:, :DIMENSIONS] * values[:DIMENSIONS])


@dataclasses.dataclass(frozen=True)
class LinearBandit:
    """Ridge regressions of the reward on the features of a user, one for each arm; the arms may form a tree.

    The score of a cluster is the sum of the upper confidence bounds of the arms on its path.

    Attributes:
        features: float64, shape (users, dimensions): the features of users at the date.
        means: float64, shape (levels, C, dimensions): the coefficients of the arm above each cluster.
        inverses: float64, shape (levels, C, dimensions, dimensions): their inverse matrices.
    """

    features: Floats
    means: Floats
    inverses: Floats

    def scores(self, users: Integers) -> Floats:
        own = self.features[users]
        total = np.zeros((len(users), self.means.shape[1]))
        for means, inverses in zip(self.means, self.inverses, strict=True):
            for cluster, (mean, inverse) in enumerate(zip(means, inverses, strict=True)):
                total[:, cluster] += own @ mean + EXPLORATION * np.sqrt(((own @ inverse) * own).sum(axis=1))
        return np.maximum(total, 0.0)


def fit_tree_bandit(training: Training) -> LinearBandit:
    """Replay hierarchical LinUCB: at each node of the path, the child with the highest bound is chosen.

    The features of a user are the mean of the features of the clusters consumed before, and a constant.
    """
    features, events, first = cluster_features(training), replayed_events(training), training.first
    sums = np.concatenate([np.zeros((1, features.shape[1])), np.cumsum(features[first.clusters], axis=0)])
    before = (sums[events.positions] - sums[events.starts]) / (events.positions - events.starts)[:, None]
    history = (training.consumed > 0) @ features
    at_date = history / np.maximum((training.consumed > 0).sum(axis=1), 1)[:, None]
    parents = training.catalogue.parents
    arms = _replay(_with_constant(before), events, first.clusters, parents)
    count = training.catalogue.cluster_count
    return LinearBandit(
        _with_constant(at_date),
        np.stack([arms.means[count:][parents], arms.means[:count]]),
        np.stack([arms.inverses[count:][parents], arms.inverses[:count]]),
    )


def fit_neural_bandit(training: Training, network: Network, size: int) -> LinearBandit:
    """Replay a neural-linear bandit: LinUCB over clusters on the hidden units of a network.

    Args:
        training: the training data.
        network: the network of the next cluster, fitted to what is before the validation period or the date.
        size: number of clusters of a context, K.
    """
    events, first = replayed_events(training), training.first
    windows = events.positions[:, None] + np.arange(-size, 0)
    contexts = np.where(windows >= events.starts[:, None], first.clusters[np.maximum(windows, 0)], NO_CLUSTER)
    at_date = recent_contexts(training.past.offsets, training.clusters, size)
    alone = np.zeros(training.catalogue.cluster_count, np.int32)
    arms = _replay(_hidden(network, contexts), events, first.clusters, alone)
    count = training.catalogue.cluster_count
    return LinearBandit(_hidden(network, at_date), arms.means[None, :count], arms.inverses[None, :count])


def _hidden(network: Network, contexts: Codes) -> Floats:
    """Compute the hidden units after contexts, unit rows with a constant, shape (contexts, H + 1)."""
    total = np.repeat(network.hidden[None], len(contexts), axis=0)
    for place, clusters in enumerate(contexts.T):
        total += np.where((clusters != NO_CLUSTER)[:, None], network.places[place][clusters], 0.0)
    return _with_constant(unit_rows(np.maximum(total, 0.0)))


def _with_constant(features: Floats) -> Floats:
    return np.ascontiguousarray(np.column_stack([features, np.ones(len(features))]))


class _Arms(NamedTuple):
    means: Floats
    inverses: Floats


def _replay(features: Floats, events: Events, clusters: Codes, parents: Codes) -> _Arms:
    """Replay events; arms are the clusters, then the nodes above them."""
    count, dimensions = len(parents), features.shape[1]
    arms = count + int(parents.max(initial=0)) + 1
    inverses = np.repeat(np.eye(dimensions)[None], arms, axis=0)
    sums, means = np.zeros((arms, dimensions)), np.zeros((arms, dimensions))
    history = (events.clusters, events.positions, events.starts, clusters)
    _replay_events(features, *history, parents, inverses, sums, means, EXPLORATION)
    return _Arms(means, inverses)


@numba.njit(cache=True, nogil=True)
def _bound(own, mean, inverse, factor):  # type: ignore[no-untyped-def]
    value = width = 0.0
    for row in range(len(own)):
        value += own[row] * mean[row]
        inner = 0.0
        for column in range(len(own)):
            inner += inverse[row, column] * own[column]
        width += own[row] * inner
    return value + factor * np.sqrt(max(width, 0.0))


@numba.njit(cache=True, nogil=True)
def _update(own, reward, inverse, total, mean):  # type: ignore[no-untyped-def]
    size = len(own)
    product = np.zeros(size)
    for row in range(size):
        for column in range(size):
            product[row] += inverse[row, column] * own[column]
    scale = 1.0
    for row in range(size):
        scale += own[row] * product[row]
    for row in range(size):
        total[row] += reward * own[row]
        for column in range(size):
            inverse[row, column] -= product[row] * product[column] / scale
    for row in range(size):
        mean[row] = 0.0
        for column in range(size):
            mean[row] += inverse[row, column] * total[column]


@numba.njit(cache=True, nogil=True)
def _replay_events(features, consumed, positions, starts, clusters, parents, inverses, sums, means, factor):  # type: ignore[no-untyped-def]
    count = len(parents)
    nodes = len(means) - count
    available = np.empty(count, np.bool_)
    open_nodes = np.empty(nodes, np.bool_)
    for event in range(len(consumed)):
        own = features[event]
        available[:] = True
        for position in range(starts[event], positions[event]):
            available[clusters[position]] = False
        open_nodes[:] = False
        for cluster in range(count):
            if available[cluster]:
                open_nodes[parents[cluster]] = True
        node, best = -1, -np.inf
        for other in range(nodes):
            if open_nodes[other]:
                bound = _bound(own, means[count + other], inverses[count + other], factor)
                if bound > best:
                    node, best = other, bound
        arm, best = -1, -np.inf
        for cluster in range(count):
            if available[cluster] and parents[cluster] == node:
                bound = _bound(own, means[cluster], inverses[cluster], factor)
                if bound > best:
                    arm, best = cluster, bound
        wanted = consumed[event]
        above = count + node
        _update(own, 1.0 if parents[wanted] == node else 0.0, inverses[above], sums[above], means[above])
        _update(own, 1.0 if wanted == arm else 0.0, inverses[arm], sums[arm], means[arm])
