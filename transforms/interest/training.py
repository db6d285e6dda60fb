"""Embeddings of interest and of conformity, trained on who consumed what (DICE, 2006.11011), by matrix factorisation.

A click is interest plus conformity: the score of a user and an item is the product of their embeddings of interest plus
that of their embeddings of conformity. Differences in popularity indicate the cause. A user who consumes the less
popular of two items does so for interest, and against conformity; one who consumes the more popular item may have
conformed. Each step is a stochastic gradient of

    click + cause_weight * (interest + conformity) - discrepancy_weight * distance of both embeddings

where each of the first three is `-log sigmoid(score of the consumed item - score of the negative)` (BPR) for one
consumed item and one negative. `interest` applies where the consumed item is less popular, `conformity` in both cases,
with its sign.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.interest.config import InterestConfig
from transforms.interest.pairs import Codes, Integers, Pairs

Embeddings = npt.NDArray[np.float32]

_INITIAL_SCALE = 0.1
_FINAL_RATE = 0.1
_MAX_TRIES = 20
_ANY, _MORE_POPULAR, _LESS_POPULAR = 0, 1, 2
"""The popularity of a negative relative to the consumed item."""


class InterestModel(NamedTuple):
    """Embeddings, float32, shapes (users, 2 * dimensions) and (items, 2 * dimensions): interest, then conformity."""

    users: Embeddings
    items: Embeddings

    @property
    def dimensions(self) -> int:
        """The size of the embedding of one cause."""
        return self.items.shape[1] // 2


class NegativePools(NamedTuple):
    """The negatives that are clearly more, or less, popular than an item.

    Attributes:
        by_popularity: int32, shape (items,): items, the least popular first.
        more_from: int64, shape (items,): for each item the start of the more popular ones in `by_popularity`.
        less_to: int64, shape (items,): for each item the end of the less popular ones in `by_popularity`.
    """

    by_popularity: Codes
    more_from: Integers
    less_to: Integers


def negative_pools(popularity: Integers, margin: float) -> NegativePools:
    """Compute the pools of negatives of each item.

    Args:
        popularity: shape (items,): the number of users of each.
        margin: a negative is more popular above `1 + margin` times the popularity of the item, and less popular below
            `1 / (1 + margin)` times.
    """
    order = np.lexsort((np.arange(len(popularity)), popularity))
    ascending = popularity[order].astype(np.float64)
    more_from = np.searchsorted(ascending, popularity * (1 + margin), side="right")
    less_to = np.searchsorted(ascending, popularity / (1 + margin), side="left")
    return NegativePools(order.astype(np.int32), more_from.astype(np.int64), less_to.astype(np.int64))


class _Weights(NamedTuple):
    """Factors of the gradients in one epoch.

    Attributes:
        rate: learning rate.
        shrinkage: of each embedding in a step.
        cause: weight of the losses of interest and conformity.
        discrepancy: weight of the discrepancy, times the rate; 0: none.
        squared: whether the discrepancy is the squared difference, instead of the absolute one.
    """

    rate: float
    shrinkage: float
    cause: float
    discrepancy: float
    squared: bool


def train_dice(pairs: Pairs, config: InterestConfig) -> InterestModel:
    """Train on pairs, one after the other in one thread: the same pairs give the same bytes on machines of one kind.

    Args:
        pairs: who consumed what.
        config: the hyperparameters.
    """
    random = np.random.default_rng([config.seed])
    shapes = ((len(pairs.offsets) - 1, 2 * config.dimensions), (pairs.item_count, 2 * config.dimensions))
    users, items = (random.normal(0, _INITIAL_SCALE, shape).astype(np.float32) for shape in shapes)
    model = InterestModel(users, items)
    user_of_pair, popularity = pairs.users, pairs.popularity
    for epoch in range(config.epochs):
        decay = config.decay**epoch
        random = np.random.default_rng([config.seed, epoch + 1])
        order = random.permutation(len(pairs.items))
        rate = config.learning_rate * (1 - (1 - _FINAL_RATE) * epoch / config.epochs)
        _run_epoch(
            model,
            user_of_pair[order],
            pairs.items[order],
            pairs,
            negative_pools(popularity, config.margin * decay),
            config.pool if config.causal_negatives else len(popularity) + 1,
            config.negatives,
            random.integers(1 << 62, dtype=np.uint64),
            _Weights(
                rate=rate,
                shrinkage=rate * config.regularisation,
                cause=config.cause_weight * decay,
                discrepancy=rate * config.discrepancy_weight / config.dimensions if config.causal_negatives else 0.0,
                squared=config.discrepancy == "l2",
            ),
        )
    return model


@numba.njit(cache=True, nogil=True, inline="always")
def _sigmoid(value):  # type: ignore[no-untyped-def]
    return 1.0 / (1.0 + math.exp(-value))


@numba.njit(cache=True, nogil=True)
def _next(state):  # type: ignore[no-untyped-def]
    """Return the next random number of SplitMix64; `state` has one element."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    value = state[0]
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _below(state, count):  # type: ignore[no-untyped-def]
    """Return a random number in [0, count)."""
    return np.int64((_next(state) >> np.uint64(32)) * np.uint64(count) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def _contains(members, start, end, item):  # type: ignore[no-untyped-def]
    """Return whether `members[start:end]`, ascending, contains an item, by binary search."""
    while start < end:
        middle = (start + end) // 2
        if members[middle] < item:
            start = middle + 1
        elif members[middle] > item:
            end = middle
        else:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _sample_negative(state, user, consumed, pairs, pools, min_pool):  # type: ignore[no-untyped-def]
    """Sample a negative and its relative popularity; -1 where all tries are items that the user consumed.

    Where both pools of the item are large enough, each is chosen with probability 1/2; where none is, the negative is
    any item.
    """
    count = len(pools.by_popularity)
    more_from, less_to = pools.more_from[consumed], pools.less_to[consumed]
    more, less = count - more_from >= min_pool, less_to >= min_pool
    kind = _ANY
    if more and less:
        kind = _MORE_POPULAR if _below(state, 2) else _LESS_POPULAR
    elif more:
        kind = _MORE_POPULAR
    elif less:
        kind = _LESS_POPULAR
    low = more_from if kind == _MORE_POPULAR else 0
    high = less_to if kind == _LESS_POPULAR else count
    for _ in range(_MAX_TRIES):
        item = pools.by_popularity[low + _below(state, high - low)]
        if not _contains(pairs.items, pairs.offsets[user], pairs.offsets[user + 1], item):
            return item, kind
    return np.int32(-1), kind


@numba.njit(cache=True, nogil=True)
def _step(user, consumed, negative, kind, weights):  # type: ignore[no-untyped-def]
    """Update the embeddings of one user, one consumed item and one negative in place."""
    # Scores: the advantage of the consumed item by each cause.
    half = len(user) // 2
    interest, conformity = 0.0, 0.0
    for dimension in range(half):
        interest += user[dimension] * (consumed[dimension] - negative[dimension])
        conformity += user[half + dimension] * (consumed[half + dimension] - negative[half + dimension])

    # Gradients of the losses by these advantages.
    click = _sigmoid(-interest - conformity)
    interest_pull, conformity_pull = click, click
    if kind == _MORE_POPULAR:
        interest_pull += weights.cause * _sigmoid(-interest)
        conformity_pull -= weights.cause * _sigmoid(conformity)
    elif kind == _LESS_POPULAR:
        conformity_pull += weights.cause * _sigmoid(-conformity)

    # Update all three embeddings from their old values.
    shrinkage = weights.shrinkage
    for dimension in range(2 * half):
        pull = weights.rate * (interest_pull if dimension < half else conformity_pull)
        of_user, of_consumed, of_negative = user[dimension], consumed[dimension], negative[dimension]
        user[dimension] += pull * (of_consumed - of_negative) - shrinkage * of_user
        consumed[dimension] += pull * of_user - shrinkage * of_consumed
        negative[dimension] += -pull * of_user - shrinkage * of_negative

    # Increase the distance of interest and conformity.
    if weights.discrepancy > 0:
        _separate(user, half, weights.discrepancy, weights.squared)
        _separate(consumed, half, weights.discrepancy, weights.squared)
        _separate(negative, half, weights.discrepancy, weights.squared)


@numba.njit(cache=True, nogil=True)
def _separate(row, half, weight, squared):  # type: ignore[no-untyped-def]
    """Move the interest and the conformity of one embedding away from each other."""
    for dimension in range(half):
        difference = row[dimension] - row[half + dimension]
        push = weight * (2 * difference if squared else np.sign(difference))
        row[dimension] += push
        row[half + dimension] -= push


@numba.njit(cache=True, nogil=True)
def _run_epoch(  # type: ignore[no-untyped-def]
    model, user_of_pair, item_of_pair, pairs, pools, min_pool, negatives, seed, weights
):
    """Take one step for each pair, in the given order, and each of its negatives; O(pairs * negatives * dimensions)."""
    state = np.empty(1, np.uint64)
    state[0] = seed
    for pair in range(len(user_of_pair)):
        user, item = user_of_pair[pair], item_of_pair[pair]
        for _ in range(negatives):
            negative, kind = _sample_negative(state, user, item, pairs, pools, min_pool)
            if negative >= 0:
                _step(model.users[user], model.items[item], model.items[negative], kind, weights)
