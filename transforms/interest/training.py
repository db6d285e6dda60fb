"""Embeddings of interest and of conformity, learnt from who consumed what (DICE, 2006.11011), by matrix factorisation.

A click is interest plus conformity: the score of a user and an item is the product of their embeddings of interest plus
that of their embeddings of conformity. What is seen says something of the causes where popularities differ: who takes
an item that is less popular than one they left did so for interest, and against conformity; who takes the more popular
one may have followed the many. Each step is a stochastic gradient of

    click + cause_weight * (interest + conformity) - discrepancy_weight * distance of both embeddings

where each of the first three is `-log sigmoid(score of the one - score of the other)` (BPR) for one consumed item and
one negative. `interest` counts where the consumed item is less popular, `conformity` in both cases, with its sign.
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

_FIRST_SCALE = 0.1
_LAST_RATE = 0.1
_TRIES = 20
_ANY, _MORE_POPULAR, _LESS_POPULAR = 0, 1, 2
"""What is known of a negative, as against the item that was consumed."""


class InterestModel(NamedTuple):
    """Embeddings, float32, shapes (users, 2 * dimensions) and (items, 2 * dimensions): interest, then conformity."""

    users: Embeddings
    items: Embeddings

    @property
    def dimensions(self) -> int:
        """The size of an embedding of one cause."""
        return self.items.shape[1] // 2


class NegativePools(NamedTuple):
    """Which negatives are clearly more or less popular than an item.

    Attributes:
        by_popularity: int32, shape (items,): items, the least popular first.
        more_from: int64, shape (items,): for each item where the more popular ones begin there.
        less_to: int64, shape (items,): for each item where the less popular ones end there.
    """

    by_popularity: Codes
    more_from: Integers
    less_to: Integers


def negative_pools(popularity: Integers, margin: float) -> NegativePools:
    """The negatives of each item.

    Args:
        popularity: shape (items,): how many users have each.
        margin: a negative is more popular above `1 + margin` times the popularity, less popular below the same part.
    """
    order = np.lexsort((np.arange(len(popularity)), popularity))
    ascending = popularity[order].astype(np.float64)
    more_from = np.searchsorted(ascending, popularity * (1 + margin), side="right")
    less_to = np.searchsorted(ascending, popularity / (1 + margin), side="left")
    return NegativePools(order.astype(np.int32), more_from.astype(np.int64), less_to.astype(np.int64))


def train_dice(pairs: Pairs, config: InterestConfig) -> InterestModel:
    """Learns from pairs, one after the other in one thread: the same pairs give the same bytes on machines of one kind.

    Args:
        pairs: who consumed what.
        config: how.
    """
    random = np.random.default_rng([config.seed])
    shapes = ((len(pairs.offsets) - 1, 2 * config.dimensions), (pairs.item_count, 2 * config.dimensions))
    users, items = (random.normal(0, _FIRST_SCALE, shape).astype(np.float32) for shape in shapes)
    user_of_pair, popularity = pairs.users, pairs.popularity
    for epoch in range(config.epochs):
        faded = config.decay**epoch
        pools = negative_pools(popularity, config.margin * faded)
        random = np.random.default_rng([config.seed, epoch + 1])
        order = random.permutation(len(pairs.items))
        rate = config.learning_rate * (1 - (1 - _LAST_RATE) * epoch / config.epochs)
        _run_epoch(
            users,
            items,
            user_of_pair[order],
            pairs.items[order],
            pairs.offsets,
            pairs.items,
            *pools,
            config.pool if config.causal_negatives else len(popularity) + 1,
            config.negatives,
            random.integers(1 << 62, dtype=np.uint64),
            rate,
            rate * config.regularisation,
            config.cause_weight * faded,
            rate * config.discrepancy_weight / config.dimensions if config.causal_negatives else 0.0,
            config.discrepancy == "l2",
        )
    return InterestModel(users, items)


@numba.njit(cache=True, nogil=True, inline="always")
def _sigmoid(value):  # type: ignore[no-untyped-def]
    return 1.0 / (1.0 + math.exp(-value))


@numba.njit(cache=True, nogil=True)
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64: the next random number of a state of one element."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    value = state[0]
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def _below(state, count):  # type: ignore[no-untyped-def]
    return np.int64((_next(state) >> np.uint64(32)) * np.uint64(count) >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def _has(members, start, end, item):  # type: ignore[no-untyped-def]
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
def _draw(state, members, start, end, by_popularity, more_from, less_to, pool):  # type: ignore[no-untyped-def]
    """A negative and what is known of it; -1 where the user seems to have all."""
    count = len(by_popularity)
    more, less = count - more_from >= pool, less_to >= pool
    kind = _ANY
    if more and less:
        kind = _MORE_POPULAR if _below(state, 2) else _LESS_POPULAR
    elif more:
        kind = _MORE_POPULAR
    elif less:
        kind = _LESS_POPULAR
    low = more_from if kind == _MORE_POPULAR else 0
    high = less_to if kind == _LESS_POPULAR else count
    for _ in range(_TRIES):
        item = by_popularity[low + _below(state, high - low)]
        if not _has(members, start, end, item):
            return item, kind
    return np.int32(-1), kind


@numba.njit(cache=True, nogil=True)
def _step(user, consumed, negative, kind, rate, shrink, cause, apart, squared):  # type: ignore[no-untyped-def]
    """One step for one user, one consumed item and one negative; changes the three rows in place."""
    half = len(user) // 2
    interest, conformity = 0.0, 0.0
    for place in range(half):
        interest += user[place] * (consumed[place] - negative[place])
        conformity += user[half + place] * (consumed[half + place] - negative[half + place])
    click = _sigmoid(-interest - conformity)
    pull_interest, pull_conformity = click, click
    if kind == _MORE_POPULAR:
        pull_interest += cause * _sigmoid(-interest)
        pull_conformity -= cause * _sigmoid(conformity)
    elif kind == _LESS_POPULAR:
        pull_conformity += cause * _sigmoid(-conformity)
    for place in range(2 * half):
        pull = rate * (pull_interest if place < half else pull_conformity)
        mine, one, other = user[place], consumed[place], negative[place]
        user[place] += pull * (one - other) - shrink * mine
        consumed[place] += pull * mine - shrink * one
        negative[place] += -pull * mine - shrink * other
    if apart > 0:
        _part(user, half, apart, squared)
        _part(consumed, half, apart, squared)
        _part(negative, half, apart, squared)


@numba.njit(cache=True, nogil=True)
def _part(row, half, apart, squared):  # type: ignore[no-untyped-def]
    """Moves interest and conformity away from each other."""
    for place in range(half):
        difference = row[place] - row[half + place]
        push = apart * (2 * difference if squared else np.sign(difference))
        row[place] += push
        row[half + place] -= push


@numba.njit(cache=True, nogil=True)
def _run_epoch(  # type: ignore[no-untyped-def]
    users,
    items,
    user_of_pair,
    item_of_pair,
    offsets,
    members,
    by_popularity,
    more_from,
    less_to,
    pool,
    negatives,
    seed,
    rate,
    shrink,
    cause,
    apart,
    squared,
):
    state = np.empty(1, np.uint64)
    state[0] = seed
    for pair in range(len(user_of_pair)):
        user, item = user_of_pair[pair], item_of_pair[pair]
        for _ in range(negatives):
            negative, kind = _draw(
                state,
                members,
                offsets[user],
                offsets[user + 1],
                by_popularity,
                more_from[item],
                less_to[item],
                pool,
            )
            if negative >= 0:
                _step(users[user], items[item], items[negative], kind, rate, shrink, cause, apart, squared)
