import numpy as np
import pytest

from tests.transforms.exploration.histories import USERS, first_of
from tests.transforms.exploration.test_count_models import Given, training
from transforms.exploration.blending import (
    BlendParameters,
    Validation,
    blend_sources,
    choose,
    fit_blend,
    fit_weights,
    keep_if_better,
    lower_popularity,
    sources_by_name,
    tune_blend,
)
from transforms.exploration.count_models import Blend, Source, log_probabilities, top_clusters
from transforms.exploration.recall import breadth, ranks_of_next
from transforms.exploration.training_counts import count_training, training_periods
from transforms.exploration.transitions import (
    FirstOccurrences,
    SplitTimes,
    Transitions,
    splits_of,
    take_transitions,
    transitions_of,
)

COUNT = 12
SPLIT = SplitTimes(600, 800)


def synthetic(users: int = 400, seed: int = 0) -> FirstOccurrences:
    """Users who prefer the next code after their last one, and popular clusters otherwise."""
    random = np.random.default_rng(seed)
    offsets, clusters, times = [0], [], []
    for _ in range(users):
        own = [int(random.integers(COUNT))]
        while len(own) < 6:
            popular = int(min(random.geometric(0.3) - 1, COUNT - 1))
            cluster = (own[-1] + 1) % COUNT if random.random() < 0.5 else popular
            own += [cluster] * (cluster not in own)
        clusters += own
        times += np.sort(random.integers(0, 1000, len(own))).tolist()
        offsets.append(len(clusters))
    return FirstOccurrences(np.array(offsets), np.array(clusters, np.int32), np.array(times))


FIRST = synthetic()
TRANSITIONS = transitions_of(FIRST, 2)


def transitions_of_split(split: int) -> Transitions:
    return take_transitions(TRANSITIONS, splits_of(TRANSITIONS.times, SPLIT) == split)


VALIDATION = Validation(transitions_of_split(1), FIRST)
TRAINING = count_training(FIRST, COUNT, 2, training_periods(FIRST.times, SPLIT.validation))
CENTROIDS = np.random.default_rng(1).normal(size=(COUNT, 4))


def negative_log_likelihood(sources: tuple[Source, ...], transitions: Transitions, weights: np.ndarray) -> float:
    """Compute the objective of the weights in a plain loop."""
    total = 0.0
    logs = [log_probabilities(source, transitions.contexts) for source in sources]
    for row, (user, end, label) in enumerate(
        zip(transitions.users, transitions.positions, transitions.next_clusters, strict=True)
    ):
        history = set(FIRST.clusters[FIRST.offsets[user] : end].tolist())
        scores = [
            sum(weight * log[row, cluster] for weight, log in zip(weights, logs, strict=True))
            for cluster in range(COUNT)
        ]
        masses = [np.exp(score) for cluster, score in enumerate(scores) if cluster not in history]
        total -= scores[label] - np.log(sum(masses))
    return total / len(transitions.users) + 1e-3 * float((weights**2).sum())


def test_weights_minimize_the_negative_log_likelihood() -> None:
    sources = blend_sources(TRAINING, BlendParameters(), CENTROIDS)
    transitions = take_transitions(VALIDATION.transitions, np.arange(80))
    weights = np.array(fit_weights(sources, Validation(transitions, FIRST)))
    assert (weights >= 0).all()
    reached = negative_log_likelihood(sources, transitions, weights)
    for source in range(len(sources)):
        for change in (-0.1, 0.1):
            other = weights.copy()
            other[source] = max(other[source] + change, 0)
            assert negative_log_likelihood(sources, transitions, other) >= reached - 1e-5


def test_a_source_without_information_has_no_weight() -> None:
    good = blend_sources(TRAINING, BlendParameters())[4]
    weights = fit_weights([good, Given((1.0,) * COUNT)], VALIDATION)
    assert weights[0] > 0.1
    assert fit_weights([Given((1.0,) * COUNT)], VALIDATION) == (1.0,)


def test_weights_do_not_depend_on_the_number_of_rows_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = blend_sources(TRAINING, BlendParameters())
    whole = np.array(fit_weights(sources, VALIDATION))
    monkeypatch.setattr("transforms.exploration.blending._MAX_SCORES", COUNT * 200)
    sampled = np.array(fit_weights(sources, VALIDATION))
    assert abs(whole - sampled).max() < 1.5
    assert sampled.tolist() != whole.tolist()


def test_a_tuned_blend_is_at_least_as_good_as_each_source_in_the_test_period() -> None:
    parameters = tune_blend(TRAINING, VALIDATION, CENTROIDS)
    training = count_training(FIRST, COUNT, 2, training_periods(FIRST.times, SPLIT.test))
    test = transitions_of_split(2)
    blend = fit_blend(training, parameters, CENTROIDS)
    recall = (ranks_of_next(blend, test, FIRST) == 1).mean()
    for source in blend_sources(training, parameters, CENTROIDS):
        assert recall >= (ranks_of_next(source, test, FIRST) == 1).mean() - 0.02
    assert parameters == tune_blend(TRAINING, VALIDATION, CENTROIDS)


def test_without_validation_the_defaults_are_used() -> None:
    nothing = take_transitions(TRANSITIONS, np.zeros(0, np.int64))
    assert tune_blend(TRAINING, Validation(nothing, FIRST)) == BlendParameters()
    blend = fit_blend(training(USERS), BlendParameters())
    assert blend.weights == (1.0,) * 7
    assert len(top_clusters(blend, np.array([[0, 1]], np.int32), 3)[0][0]) == 3


def test_a_blend_below_a_source_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.exploration.blending._CUTOFF", 2)
    ranked = blend_sources(TRAINING, BlendParameters())[4]
    reversed_order = Given(tuple(2.0**code for code in range(COUNT)))
    sources = [reversed_order, ranked]
    assert keep_if_better(sources, (1.0, 0.0), VALIDATION) == (0.0, 1.0)
    assert keep_if_better(sources, (0.0, 0.7), VALIDATION) == (0.0, 0.7)


def test_a_source_that_is_better_by_chance_is_not_preferred() -> None:
    transitions = Transitions(
        np.arange(4), np.zeros((4, 1), np.int32), np.array([1, 1, 2, 2], np.int32), np.arange(4), np.arange(1, 8, 2)
    )
    first = FirstOccurrences(np.arange(0, 10, 2), np.array([0, 1, 0, 1, 0, 2, 0, 2], np.int32), np.arange(8))
    ranks_1, ranks_2 = (Given(tuple(float(code == best) for code in range(COUNT))) for best in (1, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transforms.exploration.blending._CUTOFF", 1)
        # Two users gain and two lose: no difference.
        assert keep_if_better([ranks_1, ranks_2], (0.0, 1.0), Validation(transitions, first)) == (0.0, 1.0)
        # One user gains: that is one standard error, not more. Two gain: that is more than its root of 2.
        for users, kept in ((1, (0.0, 1.0)), (2, (1.0, 0.0))):
            few = take_transitions(transitions, np.arange(users))
            assert keep_if_better([ranks_1, ranks_2], (0.0, 1.0), Validation(few, first)) == kept


def test_popularity_is_lowered_until_the_variety_suffices() -> None:
    sources = blend_sources(TRAINING, BlendParameters())
    weights = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
    contexts = VALIDATION.transitions.contexts
    popular = breadth(sources[0], contexts)
    lowered = lower_popularity(sources, weights, VALIDATION, 1.2, 1.0)
    assert lowered[1:] == weights[1:]
    assert breadth(Blend(sources, lowered), contexts) >= 1.2 * popular
    assert breadth(Blend(sources, (lowered[0] + 0.1, *weights[1:])), contexts) < 1.2 * popular
    assert lower_popularity(sources, weights, VALIDATION, 0.0, 0.0) == weights
    kept = lower_popularity(sources, weights, VALIDATION, 100.0, 0.01)
    recall = [(ranks_of_next(Blend(sources, one), *VALIDATION) <= 10).mean() for one in (weights, kept)]
    assert recall[1] >= 0.99 * recall[0]


def test_the_first_of_equal_values_is_chosen() -> None:
    assert choose([3, 1, 2], lambda value: Given((1.0,) * COUNT), VALIDATION) == 3


def test_each_source_has_a_name() -> None:
    for centroids in (None, CENTROIDS):
        sources = blend_sources(TRAINING, BlendParameters(), centroids)
        assert list(sources_by_name(sources, centroids is not None).values()) == list(sources)


def test_a_validation_period_of_few_users() -> None:
    first = first_of(USERS)
    validation = Validation(take_transitions(transitions_of(first, 2), np.array([1])), first)
    assert len(tune_blend(training(USERS, 40), validation).weights) == 7
