"""A ranker from counts and content, without a neural network.

The score of an item is a weighted sum of three parts: the similarity of its users to those of the user's recent items,
the similarity of its content to theirs, and its recent popularity. The weights are chosen on the last part of the log.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from threadpoolctl import threadpool_limits

from transforms.exploration.transitions import time_before_last
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.factors import (
    Floats,
    consumption_vectors,
    content_factors,
    recent_popularity,
)
from transforms.recommendation.histories import NO_ITEM, Codes, Integers, ItemHistories
from transforms.recommendation.measures import Targets
from transforms.recommendation.members import NO_CLUSTER
from transforms.recommendation.protocol import before, between, measured_users, take_targets, take_users, targets_of
from transforms.recommendation.ranker import Vectors

_DAY = 86_400_000_000
_HALF_LIVES: tuple[float | None, ...] = (3 * _DAY, 7 * _DAY, 30 * _DAY, 180 * _DAY, None)
_RECENCIES = (2.0, 5.0, 20.0)
_CONTENT_WEIGHTS = (0.0, 0.1, 0.3, 1.0, 3.0)
_POPULARITY_WEIGHTS = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_MEASURED_SCORES = 20_000_000
_MIN_MEASURED_USERS = 50
_RANGE = 32_767
_UNIT = 1 << 14
_CONDITION = 1.0
_DISCOUNTS = 1 / np.log2(np.arange(2, 12))


class Weights(NamedTuple):
    """The choices on the validation period.

    Attributes:
        recency: number of more recent interactions after which the weight of an interaction halves.
        content: weight of the similarity of content, relative to that of users.
        popularity: weight of popularity, relative to the similarity of users.
        half_life: time in microseconds in which the weight of an interaction in the popularity halves; None: never.
    """

    recency: float = 5.0
    content: float = 0.3
    popularity: float = 0.1
    half_life: float | None = 30 * _DAY


class Parts(NamedTuple):
    """The parts of the vectors of items.

    Attributes:
        consumption: shape (items, d1): `factors.consumption_vectors`.
        content: shape (items, d2): `factors.content_factors`.
    """

    consumption: Floats
    content: Floats


@dataclasses.dataclass(frozen=True)
class CountRanker:
    """A fitted ranker; see `Ranker`.

    Attributes:
        item_ids: the ids of all items, ascending.
        item_vectors: int16, shape (items, d1 + d2 + 1): consumption, content and popularity.
        widths: d1 and d2.
        scales: factors of the three parts of a user's vector.
        centres: int16, shape (C, d1 + d2): mean vectors of the items of each cluster.
        weights: what was chosen.
        history_length: number of recent interactions that a user's vector is computed from.
    """

    item_ids: pa.StringArray
    item_vectors: Vectors
    widths: tuple[int, int]
    scales: tuple[float, float, float]
    centres: Vectors
    weights: Weights
    history_length: int

    def user_vectors(self, histories: ItemHistories, conditions: Codes | None = None) -> Vectors:
        """Compute the vectors of users; see `Ranker`."""
        sums = _weighted_sums(self.item_vectors[:, :-1], histories, self.weights.recency, self.history_length)
        consumption, content = sums[:, : self.widths[0]], sums[:, self.widths[0] :]
        parts = [_unit(consumption), _unit(content)]
        if conditions is not None:
            has_condition = conditions != NO_CLUSTER
            centres = self.centres[np.where(has_condition, conditions, 0)] * has_condition[:, None]
            of_parts = centres[:, : self.widths[0]], centres[:, self.widths[0] :]
            parts = [part + _CONDITION * _unit(centre) for part, centre in zip(parts, of_parts, strict=True)]
        scaled = [part * scale for part, scale in zip(parts, self.scales[:2], strict=True)]
        popularity = np.full((histories.user_count, 1), self.scales[2])
        rounded: Vectors = np.rint(np.hstack([*scaled, popularity])).astype(np.int16)
        return rounded


def fit_count_ranker(
    histories: ItemHistories,
    item_ids: pa.StringArray,
    item_clusters: Codes,
    cluster_count: int,
    content: npt.NDArray[np.int8] | None,
    config: CountRankerConfig,
) -> CountRanker:
    """Choose the weights on the last part of the log, and fit the ranker to all of it.

    Args:
        histories: the histories of the users to fit to.
        item_ids: the ids of all items, ascending.
        item_clusters: int32, shape (items,): the cluster of each item.
        cluster_count: number of clusters.
        content: int8, shape (items, dimensions): directions of content; zeros for items without. None: no content.
        config: the configuration.
    """
    items = len(item_ids)
    factors = np.zeros((items, 0)) if content is None else content_factors(content, config.content_dimensions)
    weights = _choose(histories, item_clusters, cluster_count, factors, config)
    parts = Parts(consumption_vectors(histories, items, config.dimensions, config.seed), factors)
    popularity = _popularity(histories, items, weights.half_life)
    return _quantized(item_ids, item_clusters, cluster_count, parts, popularity, weights, config)


def _choose(
    histories: ItemHistories, item_clusters: Codes, cluster_count: int, content: Floats, config: CountRankerConfig
) -> Weights:
    """Choose weights one after another by nDCG@10 on the validation period; the first of equals."""
    items = len(item_clusters)
    date = time_before_last(np.sort(histories.times), config.validation_fraction)
    past = before(histories, date)
    targets = targets_of(past, between(histories, date), np.maximum(item_clusters, 0), max(cluster_count, 1))
    users = measured_users(past, targets, max(_MEASURED_SCORES // max(items, 1), _MIN_MEASURED_USERS), config.seed)
    chosen = Weights()
    if not len(users):
        return chosen
    parts = Parts(consumption_vectors(past, items, config.dimensions, config.seed), content)
    scores = ValidationScores(past, parts, users, take_targets(targets, users), config.history_length)
    popularity = itertools.product(_HALF_LIVES, _POPULARITY_WEIGHTS)
    trials: tuple[list[dict[str, Any]], ...] = (
        [{"half_life": life, "popularity": weight} for life, weight in popularity],
        [{"recency": recency} for recency in _RECENCIES],
        [{"content": weight} for weight in _CONTENT_WEIGHTS],
        [{"popularity": weight} for weight in _POPULARITY_WEIGHTS],
    )
    for options in trials:
        chosen = max((chosen._replace(**each) for each in options), key=scores.ndcg)
    return chosen


class ValidationScores:
    """Scores of all items for the users of a validation period, with any weights.

    Args:
        past: the histories of all users before the period.
        parts: vectors of items, fitted to them.
        users: int64, shape (users,): the users who are measured.
        targets: their targets.
        length: number of recent interactions that a user's vector is computed from.
    """

    def __init__(self, past: ItemHistories, parts: Parts, users: Integers, targets: Targets, length: int) -> None:
        self._past, self._parts, self._targets, self._length = past, parts, targets, length
        self._own = take_users(past, users)
        self._similarities: dict[tuple[str, float], Floats] = {}

    def ndcg(self, weights: Weights) -> float:
        """Return the mean nDCG@10 over users with some weights, rounded to 6 decimals."""
        popularity = _popularity(self._past, len(self._parts.consumption), weights.half_life)
        found = np.empty(self._own.user_count)
        _ndcg(
            self._similarity("consumption", weights.recency),
            self._similarity("content", weights.recency),
            popularity,
            weights.content,
            weights.popularity,
            *self._own[:2],
            *self._targets[:2],
            _DISCOUNTS,
            found,
        )
        return round(float(found.mean()), 6)

    def _similarity(self, part: str, recency: float) -> Floats:
        """Return the products of users and items, shape (users, items); those with one recency are kept."""
        if (part, recency) not in self._similarities:
            vectors: Floats = getattr(self._parts, part)
            self._similarities = {key: value for key, value in self._similarities.items() if key[1] == recency}
            users = _unit(_weighted_sums(vectors, self._own, recency, self._length))
            with threadpool_limits(limits=1):
                self._similarities[part, recency] = users @ vectors.T
        return self._similarities[part, recency]


@numba.njit(cache=True, nogil=True)
def _ndcg(  # type: ignore[no-untyped-def]
    consumption,
    content,
    popularity,
    content_weight,
    popularity_weight,
    offsets,
    consumed,
    target_offsets,
    targets,
    discounts,
    found,
):
    """Compute nDCG of each row; ties are ranked by the lower item."""
    for row in range(len(found)):
        own = consumption[row] + content_weight * content[row] + popularity_weight * popularity
        for position in range(offsets[row], offsets[row + 1]):
            if consumed[position] >= 0:
                own[consumed[position]] = -np.inf
        gain = 0.0
        for position in range(target_offsets[row], target_offsets[row + 1]):
            target = targets[position]
            rank = 0
            for item in range(len(own)):
                rank += own[item] > own[target] or (own[item] == own[target] and item < target)
                if rank >= len(discounts):
                    break
            if rank < len(discounts):
                gain += discounts[rank]
        best = discounts[: min(len(discounts), target_offsets[row + 1] - target_offsets[row])].sum()
        found[row] = gain / best


def _popularity(histories: ItemHistories, items: int, half_life: float | None) -> Floats:
    end = int(histories.times.max(initial=0))
    return recent_popularity(histories.items, histories.times, items, end, half_life)


def _weighted_sums(vectors: npt.NDArray, histories: ItemHistories, recency: float, length: int) -> Floats:
    """Sum the vectors of the last items of each user; the weight halves with every `recency` more recent items.

    The weights are whole numbers. With vectors of whole numbers, sums are exact.
    """
    ends = histories.offsets[1:]
    starts = np.maximum(histories.offsets[:-1], ends - length)
    lengths = ends - starts
    users = np.repeat(np.arange(len(ends)), lengths)
    age = np.repeat(np.cumsum(lengths), lengths) - 1 - np.arange(len(users))  # 0: the most recent
    rows = np.repeat(ends, lengths) - 1 - age
    items = histories.items[rows]
    weights = np.rint(_UNIT * np.exp2(-age / recency)) * (items != NO_ITEM)
    sums = np.zeros((len(ends), vectors.shape[1]))
    if len(rows) and vectors.shape[1]:
        weighted = vectors[np.where(items == NO_ITEM, 0, items)] * weights[:, None]
        present = lengths > 0
        sums[present] = np.add.reduceat(weighted, (np.cumsum(lengths) - lengths)[present], axis=0)
    return sums


def _unit(vectors: npt.NDArray) -> Floats:
    """Scale vectors to length 1; zeros stay zeros."""
    lengths = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=1, keepdims=True))
    scaled: Floats = vectors / np.where(lengths > 0, lengths, 1.0)
    return scaled


def _quantized(
    item_ids: pa.StringArray,
    item_clusters: Codes,
    cluster_count: int,
    parts: Parts,
    popularity: Floats,
    weights: Weights,
    config: CountRankerConfig,
) -> CountRanker:
    """Scale the parts of items and users to whole numbers of 16 bits."""
    columns = (parts.consumption, parts.content, popularity[:, None])
    sizes = [float(np.abs(part).max(initial=0.0)) or 1.0 for part in columns]
    vectors = np.hstack([np.rint(part * (_RANGE / size)) for part, size in zip(columns, sizes, strict=True)])
    wanted = (1.0, weights.content, weights.popularity)
    scales = [weight * size for weight, size in zip(wanted, sizes, strict=True)]
    largest = max((1 + _CONDITION) * max(scales[:2]), scales[2])
    own = vectors[:, :-1]
    return CountRanker(
        item_ids,
        vectors.astype(np.int16),
        (parts.consumption.shape[1], parts.content.shape[1]),
        (scales[0] * _RANGE / largest, scales[1] * _RANGE / largest, scales[2] * _RANGE / largest),
        _centres(own, item_clusters, cluster_count),
        weights,
        config.history_length,
    )


def _centres(vectors: Floats, item_clusters: Codes, cluster_count: int) -> Vectors:
    """Compute the mean vector of the items of each cluster, rounded."""
    inside = item_clusters != NO_CLUSTER
    counts = np.maximum(np.bincount(item_clusters[inside], minlength=cluster_count), 1)
    sums = np.zeros((cluster_count, vectors.shape[1]))
    np.add.at(sums, item_clusters[inside], vectors[inside])
    rounded: Vectors = np.rint(sums / counts[:, None]).astype(np.int16)
    return rounded
