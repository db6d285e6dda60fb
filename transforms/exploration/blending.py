"""The default blend of count models, and the choice of its parameters on the validation period.

Weights are fitted by likelihood, which is smooth and convex, and not by recall: the model is a multinomial logistic
regression of the next novel cluster, with the log-probabilities of the sources as features and non-negative weights.
The blend is kept unless the recall of a single source is clearly higher. Then popular clusters are lowered as far as
the blend needs to recommend a sufficient variety.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from transforms.exploration.count_models import (
    Blend,
    ClusterSimilarity,
    InterpolatedMarkov,
    Popularity,
    Scores,
    Source,
    content_similarities,
    log_probabilities,
)
from transforms.exploration.recall import breadth, distinct_contexts, ranks_of_next, user_hits
from transforms.exploration.training_counts import RECENT_FRACTIONS, TrainingCounts
from transforms.exploration.transitions import Integers, take_transitions
from transforms.exploration.validation import Validation, ValidationSlice

Vectors = npt.NDArray[np.floating]
Value = TypeVar("Value")
Objective = Callable[[Scores], tuple[float, Scores, Scores]]
"""Weights -> a value to minimize, its gradient and its Hessian."""

STRENGTHS = (10.0, 100.0, 300.0, 1000.0, 3000.0)
DISCOUNTS = (0.0, 0.5, 0.9)
TEMPERATURES = (0.05, 0.1, 0.2, 0.4, 0.8)

_MAX_CUTOFF = 10
_CLUSTERS_PER_RANK = 6  # of ten clusters, the first ten ranks contain every one: few clusters need a lower cutoff
_ITERATIONS = 50
_TOLERANCE = 1e-7
_PENALTY = 1e-3  # of the squared weights: without it, the weights of two equal sources are not determined
_DECIMALS = 2  # weights are rounded, so that rounding errors in the last digits do not change the bytes
_MAX_SCORES = 1 << 21
_LOWERING_STEPS = 20
_MAX_LOWERING = 0.5


class FittedSlice(NamedTuple):
    """Sources that are fitted to what is before a period, and the period.

    Attributes:
        sources: the sources; the same ones, in the same order, for all slices of the validation period.
        validation: the period.
    """

    sources: tuple[Source, ...]
    validation: Validation


@dataclasses.dataclass(frozen=True)
class BlendParameters:
    """Parameters of the default blend.

    Attributes:
        strength: `InterpolatedMarkov.strength`.
        discount: `InterpolatedMarkov.discount`.
        temperature: temperature of `content_similarities`.
        weights: by source, in the order of `blend_sources`; empty: all 1.
    """

    strength: float = 300.0
    discount: float = 0.0
    temperature: float = 0.4
    weights: tuple[float, ...] = ()


def blend_sources(
    training: TrainingCounts, parameters: BlendParameters, centroids: Vectors | None = None
) -> tuple[Source, ...]:
    """Fit the sources of the default blend.

    Args:
        training: counts of the training period.
        parameters: their parameters; the weights are ignored.
        centroids: shape (C, dimensions): see `content_similarities`; None: there is no source of content.

    Returns:
        Popularity; popularity in each recent period; the Markov model; item-to-item similarity; recent successors;
        similarity of content.
    """
    recent = (Popularity.fit_recent(training, period) for period in range(len(RECENT_FRACTIONS)))
    sources: tuple[Source, ...] = (
        Popularity.fit(training),
        *recent,
        InterpolatedMarkov.fit(training, parameters.strength, parameters.discount),
        ClusterSimilarity.fit(training),
        ClusterSimilarity.fit_successors(training),
    )
    return sources if centroids is None else (*sources, content_similarities(centroids, parameters.temperature))


def fit_blend(training: TrainingCounts, parameters: BlendParameters, centroids: Vectors | None = None) -> Blend:
    """Fit the default blend; for arguments see `blend_sources`.

    Raises:
        ValueError: when the number of weights is not that of the sources.
    """
    sources = blend_sources(training, parameters, centroids)
    return Blend(sources, parameters.weights or (1.0,) * len(sources))


def tune_blend(
    slices: Sequence[ValidationSlice],
    centroids: Vectors | None = None,
    min_breadth: float = 2.5,
    max_loss: float = 0.01,
) -> BlendParameters:
    """Choose all parameters of the default blend on the validation period.

    Args:
        slices: the slices of the period, at least one. Fit the blend for the test period to counts before that.
            Without any transition, the defaults are returned.
        centroids: as for `blend_sources`.
        min_breadth: effective number of clusters in the first ranks, relative to that of popularity, up to which
            popular clusters are lowered. In the test period it can be lower than in the validation period.
        max_loss: maximum fraction of the validation recall that may be lost by it.
    """
    slices = [each for each in slices if len(each.validation.transitions.users)]
    if not slices:
        return BlendParameters()
    strength, discount = choose(
        [(strength, discount) for strength in STRENGTHS for discount in DISCOUNTS],
        lambda training, pair: InterpolatedMarkov.fit(training, *pair),
        slices,
    )
    temperature = BlendParameters.temperature
    if centroids is not None:
        temperature = choose(TEMPERATURES, lambda _, value: content_similarities(centroids, value), slices)
    parameters = BlendParameters(strength, discount, temperature)
    fitted = [FittedSlice(blend_sources(each.training, parameters, centroids), each.validation) for each in slices]
    weights = keep_if_better(fitted, fit_weights(fitted))
    weights = lower_popularity(fitted, weights, min_breadth, max_loss)
    return dataclasses.replace(parameters, weights=weights)


def choose(
    values: Sequence[Value], fit: Callable[[TrainingCounts, Value], Source], slices: Sequence[ValidationSlice]
) -> Value:
    """Return the value whose source has the highest recall on all slices together; ties: the first one."""

    def recall(value: Value) -> float:
        fitted = [FittedSlice((fit(training, value),), validation) for training, validation in slices]
        return _recall(fitted, (1.0,))

    return max(values, key=recall)


def _recall(fitted: Sequence[FittedSlice], weights: tuple[float, ...]) -> float:
    """Compute the recall of a blend on all transitions of the slices, at the first ten ranks or fewer."""
    ranks = [ranks_of_next(_blend(each, weights), *each.validation) for each in fitted]
    return float((np.concatenate(ranks) <= _cutoff(fitted)).mean())


def _cutoff(fitted: Sequence[FittedSlice]) -> int:
    """Return the number of ranks whose recall is compared: ten, or a sixth of the clusters if that is less."""
    return max(1, min(_MAX_CUTOFF, fitted[0].sources[0].cluster_count // _CLUSTERS_PER_RANK))


def _blend(fitted: FittedSlice, weights: tuple[float, ...]) -> Source:
    """Return the blend of the sources, or a source itself if it has all the weight, which is faster."""
    used = [source for source, weight in zip(fitted.sources, weights, strict=True) if weight]
    return used[0] if len(used) == 1 and sum(weights) > 0 else Blend(fitted.sources, weights)


def fit_weights(fitted: Sequence[FittedSlice]) -> tuple[float, ...]:
    """Fit non-negative weights of log-probabilities by the likelihood of the next novel clusters.

    At most about two million pairs of transition and cluster are used, of transitions at equal distances.

    Args:
        fitted: the slices of the validation period, each with at least one transition.

    Returns:
        One weight per source, of two decimals; all 1 if no source says anything.
    """
    count = len(fitted[0].sources)
    rows = max(_MAX_SCORES // max(fitted[0].sources[0].cluster_count, 1), 1)
    step = -(-sum(len(each.validation.transitions.users) for each in fitted) // rows)
    parts = [_likelihood(each, step) for each in fitted]
    numbers = np.array([number for number, _ in parts], np.float64)
    fractions = numbers / numbers.sum()

    def objective(weights: Scores) -> tuple[float, Scores, Scores]:
        values, gradients, hessians = zip(*(function(weights) for _, function in parts), strict=True)
        return (
            float(np.dot(fractions, values)),
            np.tensordot(fractions, np.stack(gradients), 1),
            np.tensordot(fractions, np.stack(hessians), 1),
        )

    rounded = np.round(_minimize(objective, count), _DECIMALS)
    return tuple(rounded.tolist()) if rounded.any() else (1.0,) * count


def _likelihood(fitted: FittedSlice, step: int) -> tuple[int, Objective]:
    """Return the number of transitions of a slice that are used, and the mean objective over them."""
    transitions, first = fitted.validation
    transitions = take_transitions(transitions, np.arange(0, len(transitions.users), step))
    contexts, inverse = distinct_contexts(transitions.contexts, fitted.sources[0].cluster_count)
    logs = np.stack([log_probabilities(source, contexts) for source in fitted.sources], axis=-1)
    starts = first.offsets[transitions.users]
    columns = (inverse, transitions.next_clusters, first.clusters, starts, transitions.positions)
    return len(transitions.users), lambda values: _negative_log_likelihood(logs, *columns, values)


def _minimize(objective: Objective, count: int) -> Scores:
    """Minimize a convex function of non-negative numbers by projected Newton steps."""
    weights = np.full(count, 1 / count)
    value, gradient, hessian = objective(weights)
    for _ in range(_ITERATIONS):
        free = (weights > 0) | (gradient < 0)  # the others stay at the bound
        step = np.zeros(count)
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        size = 1.0
        while size > _TOLERANCE:
            tried = np.maximum(weights - size * step, 0.0)
            reached = objective(tried)
            if reached[0] < value:
                break
            size /= 2
        else:
            break
        gain = value - reached[0]
        weights, (value, gradient, hessian) = tried, reached
        if gain < _TOLERANCE:
            break
    return weights


@numba.njit(cache=True, nogil=True)
def _negative_log_likelihood(logs, contexts, labels, clusters, starts, ends, weights):  # type: ignore[no-untyped-def]
    # The mean over rows, with its penalty, gradient and Hessian. Logs have the shape (contexts, clusters, sources); the
    # history of a row is clusters[starts:ends]. Time: O(rows x clusters x sources squared).
    count, features = logs.shape[1], len(weights)
    value = _PENALTY * (weights**2).sum()
    gradient = 2 * _PENALTY * weights
    hessian = np.zeros((features, features))
    for feature in range(features):
        hessian[feature, feature] = 2 * _PENALTY
    fraction = 1.0 / len(contexts)
    scores = np.empty(count)
    mean = np.empty(features)
    second = np.empty((features, features))
    for row in range(len(contexts)):
        own = logs[contexts[row]]
        for cluster in range(count):
            score = 0.0
            for feature in range(features):
                score += weights[feature] * own[cluster, feature]
            scores[cluster] = score
        label = scores[labels[row]]
        for position in range(starts[row], ends[row]):
            scores[clusters[position]] = -np.inf
        largest = scores.max()
        total = 0.0
        mean[:] = 0.0
        second[:] = 0.0
        for cluster in range(count):
            mass = np.exp(scores[cluster] - largest)
            if mass == 0.0:
                continue
            total += mass
            for feature in range(features):
                part = mass * own[cluster, feature]
                mean[feature] += part
                for other in range(feature + 1):
                    second[feature, other] += part * own[cluster, other]
        value += fraction * (np.log(total) + largest - label)
        for feature in range(features):
            expected = mean[feature] / total
            gradient[feature] += fraction * (expected - own[labels[row], feature])
            for other in range(feature + 1):
                covariance = fraction * (second[feature, other] / total - expected * (mean[other] / total))
                hessian[feature, other] += covariance
                if other != feature:
                    hessian[other, feature] += covariance
    return value, gradient, hessian


def keep_if_better(fitted: Sequence[FittedSlice], weights: tuple[float, ...]) -> tuple[float, ...]:
    """Return the weights, or the best source alone if its recall is higher by more than one standard error.

    The likelihood of few users, some of them with many transitions, is a poor guide to the recall of other users; but
    with few users the recall of a single source is high by chance. The error is that of the difference over users.
    """
    alone = [tuple(row) for row in np.eye(len(weights)).tolist()]
    hits = [_hits(fitted, single) for single in alone]
    best = max(range(len(alone)), key=lambda source: hits[source].sum())
    gains = hits[best] - _hits(fitted, weights)
    if gains.sum() <= np.sqrt((gains**2).sum()):
        return weights
    return alone[best]


def _hits(fitted: Sequence[FittedSlice], weights: tuple[float, ...]) -> Integers:
    """Return the numbers of hits in the first ranks of the users with transitions."""
    users = np.concatenate([each.validation.transitions.users for each in fitted])
    ranks = np.concatenate([ranks_of_next(_blend(each, weights), *each.validation) for each in fitted])
    return user_hits(users, ranks, (_cutoff(fitted),)).hits[:, 0]


def lower_popularity(
    fitted: Sequence[FittedSlice], weights: tuple[float, ...], min_breadth: float, max_loss: float
) -> tuple[float, ...]:
    """Lower the weight of popular clusters, also below 0, until a blend recommends a sufficient variety.

    Of popularity and that of the recent periods, the one with the largest weight is lowered.

    Args:
        fitted: the slices, with sources in the order of `blend_sources`.
        weights: their weights.
        min_breadth: effective number of clusters in the first ranks, relative to that of popularity.
        max_loss: maximum fraction of the validation recall that may be lost.

    Returns:
        The weights with the smallest change that reaches `min_breadth`; if none does without too great a loss, those
        with the largest change before it.
    """
    popularity = tuple(float(source == 0) for source in range(len(weights)))
    needed = min_breadth * _mean_breadth(fitted, popularity)
    lowest = (1 - max_loss) * _recall(fitted, weights)
    largest = int(np.argmax(weights[: 1 + len(RECENT_FRACTIONS)]))
    chosen = weights
    for step in range(_LOWERING_STEPS + 1):
        change = _MAX_LOWERING * sum(weights) * step / _LOWERING_STEPS
        lowered = (*weights[:largest], round(weights[largest] - change, _DECIMALS), *weights[largest + 1 :])
        if _recall(fitted, lowered) < lowest:
            break
        chosen = lowered
        if _mean_breadth(fitted, lowered) >= needed:
            break
    return chosen


def _mean_breadth(fitted: Sequence[FittedSlice], weights: tuple[float, ...]) -> float:
    """Return the mean breadth of a blend over the slices, weighted by their transitions."""
    contexts = [each.validation.transitions.contexts for each in fitted]
    found = [breadth(_blend(each, weights), own) for each, own in zip(fitted, contexts, strict=True)]
    return float(np.average(found, weights=[len(own) for own in contexts]))


def sources_by_name(sources: Sequence[Source], has_content: bool) -> dict[str, Source]:
    """Return the sources of `blend_sources` with their names, for tables."""
    recent = [f"popularity of the last {fraction:.0%}" for fraction in RECENT_FRACTIONS]
    names = ["popularity", *recent, "Markov", "item-to-item", "successors", *(["content"] if has_content else [])]
    return dict(zip(names, sources, strict=True))
