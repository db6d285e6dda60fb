import numpy as np
import pytest

from tests.transforms.exploration.histories import USERS, first_of
from tests.transforms.exploration.test_count_models import Given, training
from transforms.exploration.blending import (
    BlendParameters,
    FittedSlice,
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
from transforms.exploration.validation import Validation, ValidationSlice, count_slices

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
SLICES = count_slices(FIRST, COUNT, 2, SPLIT)
CENTROIDS = np.random.default_rng(1).normal(size=(COUNT, 4))


def fitted_slices(centroids: np.ndarray | None = None) -> list[FittedSlice]:
    return [
        FittedSlice(blend_sources(training, BlendParameters(), centroids), validation)
        for training, validation in SLICES
    ]


def whole(*sources: Source, validation: Validation = VALIDATION) -> list[FittedSlice]:
    """Return the whole validation period as one slice."""
    return [FittedSlice(sources, validation)]


def negative_log_likelihood(fitted: list[FittedSlice], weights: np.ndarray) -> float:
    """Compute the objective of the weights in a plain loop."""
    total, rows = 0.0, 0
    for sources, (transitions, first) in fitted:
        logs = [log_probabilities(source, transitions.contexts) for source in sources]
        rows += len(transitions.users)
        for row, (user, end, label) in enumerate(
            zip(transitions.users, transitions.positions, transitions.next_clusters, strict=True)
        ):
            history = set(first.clusters[first.offsets[user] : end].tolist())
            scores = [
                sum(weight * log[row, cluster] for weight, log in zip(weights, logs, strict=True))
                for cluster in range(COUNT)
            ]
            masses = [np.exp(score) for cluster, score in enumerate(scores) if cluster not in history]
            total -= scores[label] - np.log(sum(masses))
    return total / rows + 1e-3 * float((weights**2).sum())


def test_weights_minimize_the_negative_log_likelihood_over_all_slices() -> None:
    fitted = [
        FittedSlice(sources, Validation(take_transitions(transitions, np.arange(rows)), first))
        for (sources, (transitions, first)), rows in zip(fitted_slices(CENTROIDS), (10, 20, 40, 15), strict=True)
    ]
    weights = np.array(fit_weights(fitted))
    assert (weights >= 0).all()
    reached = negative_log_likelihood(fitted, weights)
    for source in range(len(weights)):
        for change in (-0.1, 0.1):
            other = weights.copy()
            other[source] = max(other[source] + change, 0)
            assert negative_log_likelihood(fitted, other) >= reached - 1e-5


def test_a_source_without_information_has_no_weight() -> None:
    good = blend_sources(TRAINING, BlendParameters())[4]
    weights = fit_weights(whole(good, Given((1.0,) * COUNT)))
    assert weights[0] > 0.1
    assert fit_weights(whole(Given((1.0,) * COUNT))) == (1.0,)


def test_weights_do_not_depend_on_the_number_of_rows_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fitted_slices()
    all_rows = np.array(fit_weights(fitted))
    monkeypatch.setattr("transforms.exploration.blending._MAX_SCORES", COUNT * 200)
    sampled = np.array(fit_weights(fitted))
    assert abs(all_rows - sampled).max() < 1.5
    assert sampled.tolist() != all_rows.tolist()


def test_a_tuned_blend_is_at_least_as_good_as_each_source_in_the_test_period() -> None:
    parameters = tune_blend(SLICES, CENTROIDS)
    training = count_training(FIRST, COUNT, 2, training_periods(FIRST.times, SPLIT.test))
    test = transitions_of_split(2)
    blend = fit_blend(training, parameters, CENTROIDS)
    recall = (ranks_of_next(blend, test, FIRST) == 1).mean()
    for source in blend_sources(training, parameters, CENTROIDS):
        assert recall >= (ranks_of_next(source, test, FIRST) == 1).mean() - 0.02
    assert parameters == tune_blend(SLICES, CENTROIDS)


def test_without_validation_the_defaults_are_used() -> None:
    nothing = take_transitions(TRANSITIONS, np.zeros(0, np.int64))
    assert tune_blend([ValidationSlice(TRAINING, Validation(nothing, FIRST))]) == BlendParameters()
    blend = fit_blend(training(USERS), BlendParameters())
    assert blend.weights == (1.0,) * 7
    assert len(top_clusters(blend, np.array([[0, 1]], np.int32), 3)[0][0]) == 3


def test_a_blend_below_a_source_is_not_kept() -> None:
    ranked = blend_sources(TRAINING, BlendParameters())[4]
    reversed_order = Given(tuple(2.0**code for code in range(COUNT)))
    fitted = whole(reversed_order, ranked)
    assert keep_if_better(fitted, (1.0, 0.0)) == (0.0, 1.0)
    assert keep_if_better(fitted, (0.0, 0.7)) == (0.0, 0.7)


def test_a_source_that_is_better_by_chance_is_not_preferred() -> None:
    transitions = Transitions(
        np.arange(4), np.zeros((4, 1), np.int32), np.array([1, 1, 2, 2], np.int32), np.arange(4), np.arange(1, 8, 2)
    )
    first = FirstOccurrences(np.arange(0, 10, 2), np.array([0, 1, 0, 1, 0, 2, 0, 2], np.int32), np.arange(8))
    ranks_1, ranks_2 = (Given(tuple(float(code == best) for code in range(COUNT))) for best in (1, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("transforms.exploration.blending._MAX_CUTOFF", 1)
        # Two users gain and two lose: no difference.
        fitted = whole(ranks_1, ranks_2, validation=Validation(transitions, first))
        assert keep_if_better(fitted, (0.0, 1.0)) == (0.0, 1.0)
        # One user gains: that is one standard error, not more. Two gain: that is more than its root of 2.
        for users, kept in ((1, (0.0, 1.0)), (2, (1.0, 0.0))):
            few = take_transitions(transitions, np.arange(users))
            assert keep_if_better(whole(ranks_1, ranks_2, validation=Validation(few, first)), (0.0, 1.0)) == kept


@pytest.mark.parametrize("lowered_source", [0, 2])
def test_the_largest_popularity_is_lowered_until_the_variety_suffices(lowered_source: int) -> None:
    fitted = fitted_slices()
    weights = tuple(1.0 if source in (lowered_source, 4) else 0.0 for source in range(7))

    def mean_breadth(own: tuple[float, ...]) -> float:
        counts = [len(validation.transitions.users) for _, validation in fitted]
        found = [breadth(Blend(sources, own), validation.transitions.contexts) for sources, validation in fitted]
        return float(np.average(found, weights=counts))

    popular = mean_breadth((1.0, *[0.0] * 6))
    lowered = lower_popularity(fitted, weights, 1.2, 1.0)
    changed = np.flatnonzero(np.array(lowered) != np.array(weights)).tolist()
    assert changed == [lowered_source]
    assert mean_breadth(lowered) >= 1.2 * popular
    before = tuple(each + 0.1 * (source == lowered_source) for source, each in enumerate(lowered))
    assert mean_breadth(before) < 1.2 * popular
    assert lower_popularity(fitted, weights, 0.0, 0.0) == weights
    kept = lower_popularity(fitted, weights, 100.0, 0.01)
    recall = [
        np.concatenate([ranks_of_next(Blend(sources, one), *validation) <= 2 for sources, validation in fitted]).mean()
        for one in (weights, kept)
    ]
    assert recall[1] >= 0.99 * recall[0]


def test_weights_follow_what_is_popular_shortly_before_each_slice() -> None:
    """A cluster that is popular for a short time after the start of each slice is only seen by recent popularity."""
    random = np.random.default_rng(0)
    clusters, times = [], []
    for _ in range(2000):
        time = int(random.integers(0, 1000))
        current = time // 25 % COUNT  # another cluster is popular every 25 units of time
        start = int(random.integers(COUNT))
        clusters += [start, current if current != start else (current + 1) % COUNT]
        times += [time, time + 1]
    first = FirstOccurrences(np.arange(0, 4002, 2), np.array(clusters, np.int32), np.array(times))
    slices = count_slices(first, COUNT, 1, SPLIT)
    training = count_training(first, COUNT, 1, training_periods(first.times, SPLIT.validation))
    one = [ValidationSlice(training, Validation(transitions_of(first, 1), first))]
    assert len(slices) == 4
    recent = 1  # the shortest of the recent periods
    by_slices, by_period = (
        fit_weights([FittedSlice(blend_sources(counts, BlendParameters()), own) for counts, own in given])
        for given in (slices, one)
    )
    assert by_slices[recent] > by_period[recent]


def test_the_first_of_equal_values_is_chosen() -> None:
    assert choose([3, 1, 2], lambda _, value: Given((1.0,) * COUNT), SLICES) == 3


def test_each_source_has_a_name() -> None:
    for centroids in (None, CENTROIDS):
        sources = blend_sources(TRAINING, BlendParameters(), centroids)
        assert list(sources_by_name(sources, centroids is not None).values()) == list(sources)


def test_a_validation_period_of_few_users() -> None:
    first = first_of(USERS)
    validation = Validation(take_transitions(transitions_of(first, 2), np.array([1])), first)
    assert len(tune_blend([ValidationSlice(training(USERS, 40), validation)]).weights) == 7
