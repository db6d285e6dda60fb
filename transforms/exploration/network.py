"""A small neural network of the next novel cluster, over the ids and the content of the clusters of the context.

It has one hidden layer of `HIDDEN` units. Each cluster has a vector for each place of the context, and one for being
the next cluster. These vectors start as random projections of the centroids, so clusters of similar content have
similar vectors at first, and training moves each by its own transitions. It is trained with Adam, dropout and decoupled
weight decay towards the start, on counts alone: on contexts of all sizes up to K, and on the successors of single
clusters in the recent period at any distance, which have as much weight together as the transitions of K clusters.

The kernels add in a fixed order, unlike a matrix product, so the result does not depend on the number of threads.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets, run_offsets
from transforms.exploration.blending import Vectors
from transforms.exploration.count_models import Scores
from transforms.exploration.recall import ranks_of_next
from transforms.exploration.training_counts import TrainingCounts
from transforms.exploration.transitions import NO_CLUSTER, Codes, Integers, TransitionCounts, context_keys, take_counts
from transforms.exploration.validation import Validation

HIDDEN = 64
DEFAULT_EPOCHS = 15
"""The number of epochs where there is no validation period to choose it on."""

_MAX_EPOCHS, _PATIENCE = 60, 5
_SCORES_PER_EPOCH = 1 << 20  # contexts times clusters; a larger training set is sampled anew in each epoch
_BATCH = 256
_START = 0.1  # standard deviation of the first vectors
_DROPOUT = 0.3
_RATE, _DECAY = 3e-3, 0.03
_MOMENTS, _TINY = (0.9, 0.999), 1e-8
_RANK_OFFSET = 10  # differences within the first ranks matter most, those far below hardly


class Examples(NamedTuple):
    """Contexts, and the clusters after each of them, in compressed rows.

    Attributes:
        contexts: int32, shape (contexts, K); `NO_CLUSTER` in missing places.
        offsets: int64, shape (contexts + 1,).
        next_clusters: int32, shape (transitions,).
        weights: float64, shape (transitions,): above 0.
    """

    contexts: Codes
    offsets: Integers
    next_clusters: Codes
    weights: Scores


@dataclasses.dataclass(frozen=True)
class Network:
    """The parameters of a network, float64; H is the number of hidden units.

    Attributes:
        places: shape (K, C, H): what a cluster in a place of the context adds to the hidden units.
        hidden: shape (H,): what all contexts add to them.
        outputs: shape (H, C): what a hidden unit adds to the logits.
        logits: shape (C,): the logits without any context; they start as logarithms of numbers of users.
    """

    places: Scores
    hidden: Scores
    outputs: Scores
    logits: Scores

    @property
    def cluster_count(self) -> int:
        return len(self.logits)

    def scores(self, contexts: Codes) -> Scores:
        """Compute the probabilities of the clusters outside of each context, with K places; see `Source.scores`."""
        probabilities = np.empty((len(contexts), self.cluster_count))
        _predict(contexts, self.places, self.hidden, self.outputs, self.logits, probabilities)
        return probabilities

    def parameters(self) -> tuple[Scores, ...]:
        """Return all parameters, in the order of the attributes."""
        return self.places, self.hidden, self.outputs, self.logits


def fit_network(training: TrainingCounts, centroids: Vectors, epochs: int = DEFAULT_EPOCHS, seed: int = 0) -> Network:
    """Train a network.

    Args:
        training: counts of the training period.
        centroids: shape (C, dimensions): centres of the clusters.
        epochs: number of epochs, at least 1.
        seed: random seed of the first parameters, of the order of the contexts, and of dropout.
    """
    return next(
        itertools.islice(train(examples_of(training), start_network(training, centroids, seed), seed), epochs - 1, None)
    )


def choose_epochs(training: TrainingCounts, validation: Validation, centroids: Vectors, seed: int = 0) -> int:
    """Return the number of epochs after which the next clusters of the validation period rank highest.

    The mean of `1 / (10 + rank)` is compared; training ends when it has not risen for five epochs.

    Args:
        training: counts before the validation period.
        validation: the validation period. Without transitions, the default is returned.
        centroids: as for `fit_network`.
        seed: as for `fit_network`.
    """
    if not len(validation.transitions.users):
        return DEFAULT_EPOCHS
    best, chosen = -np.inf, 1
    for epoch, network in enumerate(train(examples_of(training), start_network(training, centroids, seed), seed), 1):
        reached = float((1 / (_RANK_OFFSET + ranks_of_next(network, *validation))).mean())
        if reached > best:
            best, chosen = reached, epoch
        if epoch == min(chosen + _PATIENCE, _MAX_EPOCHS):
            break
    return chosen


def start_network(training: TrainingCounts, centroids: Vectors, seed: int) -> Network:
    """Return the network before training; arguments as for `fit_network`."""
    vectors = np.asarray(centroids, np.float64)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    vectors = _START * vectors / np.where(lengths > 0, lengths, 1.0)
    size = len(training.orders) - 1
    projections = np.random.default_rng([seed, 0]).normal(size=(size + 1, vectors.shape[1], HIDDEN))
    projected = np.einsum("cd,pdh->pch", vectors, projections, optimize=False)  # in a fixed order of summation
    popularity = np.log(np.diagonal(training.users) + 1.0)
    return Network(projected[:size], np.zeros(HIDDEN), np.ascontiguousarray(projected[size].T), popularity)


def train(examples: Examples, start: Network, seed: int) -> Iterator[Network]:
    """Train a network without end.

    Args:
        examples: the training set.
        start: the network before training, to which weights decay.
        seed: random seed of the order of the contexts, and of dropout.

    Yields:
        The network after each epoch: one pass over the examples, or over a sample of about a million pairs of
        context and cluster.
    """
    random = np.random.default_rng([seed, 1])
    network, moments = start, [np.zeros_like(each) for each in start.parameters() * 2]
    rows = max(_SCORES_PER_EPOCH // max(start.cluster_count, 1), 1)
    steps = 0
    while True:
        order = random.permutation(len(examples.contexts))[:rows]
        for first in range(0, len(order), _BATCH):
            batch = order[first : first + _BATCH]
            kept = (random.random((len(batch), HIDDEN)) >= _DROPOUT) / (1 - _DROPOUT)
            steps += 1
            network = _step(network, start, gradients(network, examples, batch, kept), moments, steps)
        yield network


def gradients(network: Network, examples: Examples, rows: npt.NDArray[np.integer], kept: Scores) -> tuple[Scores, ...]:
    """Compute the gradients of the mean negative log-likelihood of the next clusters of some contexts.

    Args:
        network: the network.
        examples: all contexts.
        rows: shape (batch,): the contexts used.
        kept: shape (batch, H): the factors of the hidden units: 0 for those that are dropped.

    Returns:
        Arrays of the shapes of `Network.parameters`.
    """
    found = tuple(np.zeros_like(each) for each in network.parameters())
    _add_gradients(*examples, rows, kept, *network.parameters(), *found)
    return found


def examples_of(training: TrainingCounts) -> Examples:
    """Collect the transitions after contexts of all sizes, and the recent successors of single clusters."""
    size, count = len(training.orders) - 1, training.cluster_count
    parts = [_padded(order, size, count) for order in training.orders]
    parts += [_successors(training, place, size) for place in range(size)]
    contexts, lengths, next_clusters, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Examples(contexts, list_offsets(lengths), next_clusters, weights)


def examples_of_pairs(pairs: TransitionCounts, cluster_count: int) -> Examples:
    """Collect selected transitions, in any order, each with weight 1, as pairs for tuning have.

    Args:
        pairs: the transitions.
        cluster_count: number of clusters, C.
    """
    ordered = take_counts(pairs, np.argsort(context_keys(pairs.contexts, cluster_count), kind="stable"))
    contexts, lengths, next_clusters, counts = _padded(ordered, pairs.contexts.shape[1], cluster_count)
    return Examples(contexts, list_offsets(lengths), next_clusters, np.ones(len(counts)))


def _padded(counts: TransitionCounts, size: int, cluster_count: int) -> tuple[Codes, Integers, Codes, Scores]:
    """Return contexts with `size` places, their numbers of transitions, and the next clusters with their counts."""
    offsets = run_offsets(context_keys(counts.contexts, cluster_count))
    contexts = np.full((len(offsets) - 1, size), NO_CLUSTER, np.int32)
    contexts[:, size - counts.contexts.shape[1] :] = counts.contexts[offsets[:-1]]
    return contexts, np.diff(offsets), counts.next_clusters, counts.counts.astype(np.float64)


def _successors(training: TrainingCounts, place: int, size: int) -> tuple[Codes, Integers, Codes, Scores]:
    """Return the same for single clusters in a place of the context, and their recent successors."""
    before, after = np.nonzero(training.successors)
    counts = training.successors[before, after].astype(np.float64)
    lengths = np.bincount(before, minlength=training.cluster_count)
    contexts = np.full((training.cluster_count, size), NO_CLUSTER, np.int32)
    contexts[:, place] = np.arange(training.cluster_count)
    followed = lengths > 0
    weight = training.orders[size].counts.sum() / (size * max(counts.sum(), 1.0))
    return contexts[followed], lengths[followed], after.astype(np.int32), counts * max(weight, 1e-9)


def _step(network: Network, start: Network, found: tuple[Scores, ...], moments: list[Scores], steps: int) -> Network:
    """Return the network after a step of Adam, whose moments are updated: the means, then the mean squares."""
    updated = []
    for place, (value, first, gradient) in enumerate(zip(network.parameters(), start.parameters(), found, strict=True)):
        mean, square = moments[place], moments[place + len(found)]
        mean += (1 - _MOMENTS[0]) * (gradient - mean)
        square += (1 - _MOMENTS[1]) * (gradient * gradient - square)
        scale = np.sqrt(square / (1 - _MOMENTS[1] ** steps)) + _TINY
        change = mean / (1 - _MOMENTS[0] ** steps) / scale + _DECAY * (value - first)
        updated.append(value - _RATE * change)
    return Network(*updated)


@numba.njit(cache=True, nogil=True)
def _forward(context, places, hidden, outputs, logits, kept, units, probabilities):  # type: ignore[no-untyped-def]
    # The hidden units of one context, after dropout, and the probabilities of the clusters outside of it.
    for unit in range(len(units)):
        units[unit] = hidden[unit]
    for place in range(len(context)):
        if context[place] >= 0:
            for unit in range(len(units)):
                units[unit] += places[place, context[place], unit]
    for cluster in range(len(probabilities)):
        probabilities[cluster] = logits[cluster]
    for unit in range(len(units)):
        units[unit] = max(units[unit], 0.0) * kept[unit]
        if units[unit] > 0.0:
            for cluster in range(len(probabilities)):
                probabilities[cluster] += units[unit] * outputs[unit, cluster]
    for place in range(len(context)):
        if context[place] >= 0:
            probabilities[context[place]] = -np.inf
    largest = probabilities.max()
    total = 0.0
    for cluster in range(len(probabilities)):
        if probabilities[cluster] > -np.inf:
            probabilities[cluster] = np.exp(probabilities[cluster] - largest)
            total += probabilities[cluster]
        else:
            probabilities[cluster] = 0.0
    for cluster in range(len(probabilities)):
        probabilities[cluster] /= max(total, 1.0)  # at least 1 if a cluster is left


@numba.njit(cache=True, nogil=True)
def _predict(contexts, places, hidden, outputs, logits, probabilities):  # type: ignore[no-untyped-def]
    units, kept = np.empty_like(hidden), np.ones_like(hidden)
    for row in range(len(contexts)):
        _forward(contexts[row], places, hidden, outputs, logits, kept, units, probabilities[row])


@numba.njit(cache=True, nogil=True)
def _add_gradients(  # type: ignore[no-untyped-def]
    contexts,
    offsets,
    next_clusters,
    weights,
    rows,
    kept,
    places,
    hidden,
    outputs,
    logits,
    to_places,
    to_hidden,
    to_outputs,
    to_logits,
):
    # Adds the gradients of the last four arguments' parameters. Time: O(rows x clusters x hidden units).
    total = 0.0
    for row in rows:
        for position in range(offsets[row], offsets[row + 1]):
            total += weights[position]
    units, change, errors = np.empty_like(hidden), np.empty_like(hidden), np.empty_like(logits)
    for number in range(len(rows)):
        row = rows[number]
        _forward(contexts[row], places, hidden, outputs, logits, kept[number], units, errors)
        weight = 0.0
        for position in range(offsets[row], offsets[row + 1]):
            weight += weights[position] / total
        for cluster in range(len(errors)):
            errors[cluster] *= weight
        for position in range(offsets[row], offsets[row + 1]):
            errors[next_clusters[position]] -= weights[position] / total
        for cluster in range(len(errors)):
            to_logits[cluster] += errors[cluster]
        for unit in range(len(units)):
            change[unit] = 0.0
            if units[unit] > 0.0:
                for cluster in range(len(errors)):
                    to_outputs[unit, cluster] += units[unit] * errors[cluster]
                    change[unit] += outputs[unit, cluster] * errors[cluster]
                change[unit] *= kept[number, unit]
            to_hidden[unit] += change[unit]
        for place in range(contexts.shape[1]):
            if contexts[row, place] >= 0:
                for unit in range(len(units)):
                    to_places[place, contexts[row, place], unit] += change[unit]
