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
from transforms.exploration.transitions import FirstOccurrences, Integers, Transitions, take_transitions

Vectors = npt.NDArray[np.floating]
Value = TypeVar("Value")

STRENGTHS = (10.0, 100.0, 300.0, 1000.0, 3000.0)
DISCOUNTS = (0.0, 0.5, 0.9)
TEMPERATURES = (0.05, 0.1, 0.2, 0.4, 0.8)

_CUTOFF = 10
_ITERATIONS = 50
_TOLERANCE = 1e-7
_PENALTY = 1e-3  # of the squared weights: without it, the weights of two equal sources are not determined
_DECIMALS = 2  # weights are rounded, so that rounding errors in the last digits do not change the bytes
_MAX_SCORES = 1 << 21
_LOWERING_STEPS = 20
_MAX_LOWERING = 0.5


class Validation(NamedTuple):
    """The period on which parameters are chosen.

    Attributes:
        transitions: the transitions of the validation period.
        first: the first occurrences of all users, of which those before a transition are not candidates.
    """

    transitions: Transitions
    first: FirstOccurrences


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
    training: TrainingCounts,
    validation: Validation,
    centroids: Vectors | None = None,
    min_breadth: float = 2.5,
    max_loss: float = 0.01,
) -> BlendParameters:
    """Choose all parameters of the default blend on the validation period.

    Args:
        training: counts before the validation period. Fit the blend for the test period to counts before that.
        validation: the validation period. Without transitions, the defaults are returned.
        centroids: as for `blend_sources`.
        min_breadth: effective number of clusters in the first ranks, relative to that of popularity, up to which
            popular clusters are lowered. In the test period it can be lower than in the validation period.
        max_loss: maximum fraction of the validation recall that may be lost by it.
    """
    if not len(validation.transitions.users):
        return BlendParameters()
    strength, discount = choose(
        [(strength, discount) for strength in STRENGTHS for discount in DISCOUNTS],
        lambda pair: InterpolatedMarkov.fit(training, *pair),
        validation,
    )
    temperature = BlendParameters.temperature
    if centroids is not None:
        temperature = choose(TEMPERATURES, lambda value: content_similarities(centroids, value), validation)
    parameters = BlendParameters(strength, discount, temperature)
    sources = blend_sources(training, parameters, centroids)
    weights = keep_if_better(sources, fit_weights(sources, validation), validation)
    weights = lower_popularity(sources, weights, validation, min_breadth, max_loss)
    return dataclasses.replace(parameters, weights=weights)


def choose(values: Sequence[Value], fit: Callable[[Value], Source], validation: Validation) -> Value:
    """Return the value whose source has the highest recall@10 on the validation period; ties: the first one."""
    return max(values, key=lambda value: _recall(fit(value), validation))


def _recall(source: Source, validation: Validation) -> float:
    ranks = ranks_of_next(source, *validation)
    return float((ranks <= _CUTOFF).mean())


def fit_weights(sources: Sequence[Source], validation: Validation) -> tuple[float, ...]:
    """Fit non-negative weights of log-probabilities by the likelihood of the next novel clusters.

    At most about two million pairs of transition and cluster are used, of transitions at equal distances.

    Args:
        sources: fitted to counts before the validation period.
        validation: the validation period, with at least one transition.

    Returns:
        One weight per source, of two decimals; all 1 if no source says anything.
    """
    transitions, first = validation
    rows = max(_MAX_SCORES // max(sources[0].cluster_count, 1), 1)
    step = -(-len(transitions.users) // rows)
    transitions = take_transitions(transitions, np.arange(0, len(transitions.users), step))
    contexts, inverse = distinct_contexts(transitions.contexts, sources[0].cluster_count)
    logs = np.stack([log_probabilities(source, contexts) for source in sources], axis=-1)
    starts = first.offsets[transitions.users]
    columns = (inverse, transitions.next_clusters, first.clusters, starts, transitions.positions)
    weights = _minimize(lambda values: _negative_log_likelihood(logs, *columns, values), len(sources))
    rounded = np.round(weights, _DECIMALS)
    return tuple(rounded.tolist()) if rounded.any() else (1.0,) * len(sources)


Objective = Callable[[Scores], tuple[float, Scores, Scores]]


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


def keep_if_better(sources: Sequence[Source], weights: tuple[float, ...], validation: Validation) -> tuple[float, ...]:
    """Return the weights, or the best source alone if its recall@10 is higher by more than one standard error.

    The likelihood of few users, some of them with many transitions, is a poor guide to the recall of other users; but
    with few users the recall of a single source is high by chance. The error is that of the difference over users.
    """
    hits = [_hits(source, validation) for source in sources]
    best = max(range(len(sources)), key=lambda source: hits[source].sum())
    gains = hits[best] - _hits(Blend(tuple(sources), weights), validation)
    if gains.sum() <= np.sqrt((gains**2).sum()):
        return weights
    return tuple(float(source == best) for source in range(len(sources)))


def _hits(source: Source, validation: Validation) -> Integers:
    """Return the numbers of hits in the first ten ranks of the users with transitions."""
    ranks = ranks_of_next(source, *validation)
    return user_hits(validation.transitions.users, ranks, (_CUTOFF,)).hits[:, 0]


def lower_popularity(
    sources: Sequence[Source],
    weights: tuple[float, ...],
    validation: Validation,
    min_breadth: float,
    max_loss: float,
) -> tuple[float, ...]:
    """Lower the weight of popularity, also below 0, until a blend recommends a sufficient variety.

    Args:
        sources: the sources, popularity first.
        weights: their weights.
        validation: the validation period.
        min_breadth: effective number of clusters in the first ranks, relative to that of popularity.
        max_loss: maximum fraction of the validation recall that may be lost.

    Returns:
        The weights with the smallest change that reaches `min_breadth`; if none does without too great a loss, those
        with the largest change before it.
    """
    contexts = validation.transitions.contexts
    needed = min_breadth * breadth(sources[0], contexts)
    lowest = (1 - max_loss) * _recall(Blend(tuple(sources), weights), validation)
    chosen = weights
    for step in range(_LOWERING_STEPS + 1):
        change = _MAX_LOWERING * sum(weights) * step / _LOWERING_STEPS
        lowered = (round(weights[0] - change, _DECIMALS), *weights[1:])
        blend = Blend(tuple(sources), lowered)
        if _recall(blend, validation) < lowest:
            break
        chosen = lowered
        if breadth(blend, contexts) >= needed:
            break
    return chosen


def sources_by_name(sources: Sequence[Source], has_content: bool) -> dict[str, Source]:
    """Return the sources of `blend_sources` with their names, for tables."""
    recent = [f"popularity of the last {fraction:.0%}" for fraction in RECENT_FRACTIONS]
    names = ["popularity", *recent, "Markov", "item-to-item", "successors", *(["content"] if has_content else [])]
    return dict(zip(names, sources, strict=True))
