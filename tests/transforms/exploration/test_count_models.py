import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.exploration.histories import CLUSTERS, LOGS, USERS, Events, first_of, windows
from transforms.exploration import count_models
from transforms.exploration.count_models import (
    Blend,
    ClusterSimilarity,
    InterpolatedMarkov,
    Popularity,
    Source,
    content_similarities,
    log_probabilities,
    novel,
    novel_probabilities,
    top_clusters,
)
from transforms.exploration.training_counts import TrainingCounts, TrainingPeriods, count_training
from transforms.exploration.transitions import Codes

CONTEXTS = np.array([[0, 1], [1, 2], [4, 3], [-1, 2], [-1, -1]], np.int32)


@dataclasses.dataclass(frozen=True)
class Given:
    """A source with given scores, whatever the context."""

    row: tuple[float, ...]

    @property
    def cluster_count(self) -> int:
        return len(self.row)

    def scores(self, contexts: Codes) -> np.ndarray:
        return np.repeat(np.array([self.row]), len(contexts), axis=0)


def training(users: list[Events], end: int = 50) -> TrainingCounts:
    return count_training(first_of(users), CLUSTERS, 2, TrainingPeriods(end, (40, 30, 20)))


def all_sources(users: list[Events]) -> list[Source]:
    counts = training(users)
    return [
        Popularity.fit(counts),
        Popularity.fit_recent(counts, 1),
        InterpolatedMarkov.fit(counts),
        ClusterSimilarity.fit(counts),
        ClusterSimilarity.fit_successors(counts),
        content_similarities(np.eye(CLUSTERS)[:, :3] - 0.2, 0.4),
    ]


def test_popularity_counts_users_of_the_period() -> None:
    assert Popularity.fit(training(USERS)).scores(CONTEXTS[:2]).tolist() == [[3, 4, 3 - 1, 1, 0]] * 2
    assert Popularity.fit_recent(training(USERS), 1).counts.tolist() == [0, 0, 2, 1, 0]


def test_markov_by_hand() -> None:
    # First occurrences: 3, 4, 2, 1, 0 of 10. After 1: 2 twice. After (0, 1): 2 twice.
    model = InterpolatedMarkov.fit(training(USERS), strength=2.0)
    scores = model.scores(CONTEXTS)
    none = (np.array([3, 4, 2, 1, 0]) + 2 / 5) / 12
    after_1 = (np.array([0, 0, 2, 0, 0]) + 2 * none) / 4
    after_0_1 = (np.array([0, 0, 2, 0, 0]) + 2 * after_1) / 4
    after_2 = (np.array([0, 0, 0, 1, 0]) + 2 * none) / 3
    after_1_2 = (np.array([0, 0, 0, 1, 0]) + 2 * after_2) / 3
    np.testing.assert_allclose(scores, [after_0_1, after_1_2, none, after_2, none], rtol=1e-12)


def reference_markov(
    users: list[Events], end: int, context: tuple[int, ...], strength: float, discount: float
) -> list[float]:
    """Interpolate recursively, from counts in plain loops."""
    shorter = reference_markov(users, end, context[1:], strength, discount) if context else [1 / CLUSTERS] * CLUSTERS
    counts = [0] * CLUSTERS
    for events in users:
        for before, cluster, time in windows(events, len(context)):
            counts[cluster] += before == context and time < end
    total, distinct = sum(counts), sum(count > 0 for count in counts)
    if not total:
        return shorter
    prior = strength + discount * distinct
    return [
        (max(count - discount, 0) + prior * probability) / (total + strength)
        for count, probability in zip(counts, shorter, strict=True)
    ]


@given(LOGS, st.sampled_from([0.0, 0.5, 10.0]), st.sampled_from([0.0, 0.75]))
def test_markov_is_the_plain_recursion(users: list[Events], strength: float, discount: float) -> None:
    scores = InterpolatedMarkov.fit(training(users, 7), strength, discount).scores(CONTEXTS)
    for context, row in zip(CONTEXTS.tolist(), scores, strict=True):
        own = tuple(cluster for cluster in context if cluster >= 0)
        np.testing.assert_allclose(row, reference_markov(users, 7, own, strength, discount), rtol=1e-9)
        assert row.sum() == pytest.approx(1)


@pytest.mark.parametrize(("strength", "discount"), [(-1.0, 0.0), (1.0, 1.0), (1.0, -0.1)])
def test_markov_parameters_out_of_range_are_refused(strength: float, discount: float) -> None:
    with pytest.raises(ValueError, match="strength must be at least 0 and discount in"):
        InterpolatedMarkov.fit(training(USERS), strength, discount)


def test_item_to_item_sums_cosines_over_the_context() -> None:
    scores = ClusterSimilarity.fit(training(USERS)).scores(CONTEXTS)
    assert scores[0, 2] == pytest.approx(2 / np.sqrt(3 * 2) + 2 / np.sqrt(4 * 2))
    assert scores[3, 1] == pytest.approx(2 / np.sqrt(4 * 2))
    assert scores[4].tolist() == [0] * CLUSTERS


def test_successors_are_probabilities() -> None:
    model = ClusterSimilarity.fit_successors(training(USERS), strength=1.0)
    np.testing.assert_allclose(model.similarities.sum(axis=1), 1)
    popular = np.array([1, 4, 5, 4, 1]) / 15
    np.testing.assert_allclose(model.similarities[1], (np.array([0, 0, 2, 1, 0]) + popular) / 4)


def test_content_prefers_near_clusters() -> None:
    model = content_similarities(np.array([[1, 0], [1, 0.1], [0, 1], [0, 0]]), 0.2)
    assert model.similarities[0].argmax() == 1
    assert np.diagonal(model.similarities).tolist() == [0] * 4
    np.testing.assert_allclose(model.similarities.sum(axis=1), 1)
    assert content_similarities(np.ones((1, 2)), 1).similarities.tolist() == [[0]]
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        content_similarities(np.eye(2), 0)


def test_novel_probabilities_exclude_the_context_and_sum_to_1() -> None:
    assert novel(CONTEXTS, CLUSTERS)[0].tolist() == [False, False, True, True, True]
    for source in all_sources(USERS):
        probabilities = novel_probabilities(source, CONTEXTS)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)
        assert (probabilities > 0).tolist() == novel(CONTEXTS, CLUSTERS).tolist()
        assert np.isfinite(log_probabilities(source, CONTEXTS)).all()


def test_without_scores_all_novel_clusters_are_equal() -> None:
    np.testing.assert_allclose(novel_probabilities(Given((0,) * 5), CONTEXTS)[0], [0, 0, 1 / 3, 1 / 3, 1 / 3])


def test_ties_are_ranked_by_code_and_missing_candidates_are_marked() -> None:
    clusters, probabilities = top_clusters(Given((1, 1, 1, 2, 1)), CONTEXTS[:1], 4)
    assert clusters.tolist() == [[3, 2, 4, -1]]
    assert probabilities[0, -1] == 0
    assert clusters.dtype == np.int32
    assert top_clusters(Given((1,) * 5), CONTEXTS[:0], 7)[0].shape == (0, 7)
    assert top_clusters(Given((1,) * 5), CONTEXTS[:1], 7)[0].tolist() == [[2, 3, 4, -1, -1, -1, -1]]


@settings(max_examples=20)
@given(LOGS, st.integers(1, 40))
def test_blocks_do_not_change_a_bit(users: list[Events], size: int) -> None:
    contexts = np.array([(one, other) for one in range(CLUSTERS) for other in range(CLUSTERS)], np.int32)
    sources = all_sources(users)
    blend = Blend(tuple(sources), (1.0, -0.3, 0.0, 0.5, 1.0, 0.2))
    whole = [top_clusters(source, contexts, 3) for source in (*sources, blend)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(count_models, "SCORES_PER_BLOCK", size)
        parts = [top_clusters(source, contexts, 3) for source in (*sources, blend)]
    for one, other in zip(whole, parts, strict=True):
        assert [column.tobytes() for column in one] == [column.tobytes() for column in other]


def test_a_blend_of_one_source_ranks_like_it() -> None:
    for source in all_sources(USERS):
        blended = Blend((source,), (0.7,))
        assert top_clusters(blended, CONTEXTS, 5)[0].tolist() == top_clusters(source, CONTEXTS, 5)[0].tolist()


def test_a_blend_by_hand() -> None:
    blend = Blend((Given((1, 1, 8, 1, 1)), Given((1, 1, 1, 4, 1))), (1.0, 2.0))
    probabilities = novel_probabilities(blend, CONTEXTS[:1])[0]
    expected = np.array([0, 0, 8 / 10 * (1 / 6) ** 2, 1 / 10 * (4 / 6) ** 2, 1 / 10 * (1 / 6) ** 2])
    np.testing.assert_allclose(probabilities, expected / expected.sum(), rtol=0.02)
    assert top_clusters(blend, CONTEXTS[:1], 1)[0].tolist() == [[3]]


@pytest.mark.parametrize("weights", [(), (1.0,)])
def test_each_source_needs_a_weight(weights: tuple[float, ...]) -> None:
    sources = (Given((1.0,)), Given((1.0,)))[: 2 * len(weights)]
    with pytest.raises(ValueError, match="each source needs a weight"):
        Blend(sources, weights)
