"""Parts of the comparison of re-ranking by hand, and all of it on a small log."""

import numpy as np
import pytest

from tests.transforms.evaluation.experiments.intents.logs import CLUSTERS, DAY, intents_log
from transforms.evaluation.experiments.intents.reranking import (
    BY_CLUSTER,
    BY_EXPLORATION,
    DPP,
    MMR,
    Candidates,
    candidates_at,
    cluster_beliefs,
    compare_reranking,
    engagement_by_rank,
    exploration_at,
    fit_ranker,
    moment_at,
)
from transforms.evaluation.metric_rows import MetricIndex, metric_batch
from transforms.recommendation.measures import Targets
from transforms.recommendation.protocol import NEVER

BOUNDARIES = (140 * DAY, 160 * DAY)


@pytest.fixture(scope="module")
def index() -> MetricIndex:
    rows = compare_reranking(intents_log(), BOUNDARIES, limit=1000, size=2, count=30, seed=0)
    return MetricIndex([metric_batch(list(rows))])


def test_engagement_by_rank() -> None:
    items = np.array([[0, 1, 2], [3, 4, 5], [6, 7, -1], [8, 9, 10]], np.int32)
    targets = Targets(np.array([0, 2, 3, 4, 5]), np.array([0, 1, 3, 7, 9], np.int32), np.zeros(5, bool))
    found = engagement_by_rank(Candidates(items, items), targets)
    # Hits by rank: 2, 3 and 0 of 4 users, smoothed; the first two are merged so that none rises.
    assert found.tolist() == pytest.approx([(3 / 6 + 4 / 6) / 2, (3 / 6 + 4 / 6) / 2, 1 / 6])


def test_beliefs_are_probabilities_and_follow_the_exploration_intent() -> None:
    log = intents_log()
    moment = moment_at(log, BOUNDARIES[1], NEVER, 1000, 0)
    for exploration in (0.0, 0.3, 1.0):
        beliefs = cluster_beliefs(log, BOUNDARIES, moment, np.full(len(moment.users), exploration), 2, 0)
        assert beliefs.sum(axis=1) == pytest.approx(1)
        is_novel = moment.consumed == 0
        of_novel = (beliefs * is_novel).sum(axis=1)
        assert of_novel == pytest.approx(np.where(is_novel.any(axis=1), exploration, 0.0))


def test_candidates_are_new_to_their_users() -> None:
    log = intents_log()
    moment = moment_at(log, BOUNDARIES[1], NEVER, 1000, 0)
    found = candidates_at(log, moment, fit_ranker(log, BOUNDARIES[1]), 30)
    for user in range(len(moment.users)):
        own = set(moment.past.items[moment.past.offsets[user] : moment.past.offsets[user + 1]].tolist())
        assert not own & set(found.items[user].tolist())
    probabilities = exploration_at(log, moment, BOUNDARIES[1])
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_strength_zero_is_the_order_of_the_ranker(index: MetricIndex) -> None:
    for method in (BY_CLUSTER, BY_EXPLORATION, MMR, DPP):
        difference = index.get("intents_ndcg_difference", method=method, strength=0.0)
        assert difference is not None
        assert (difference.low, difference.value, difference.high) == (0, 0, 0)


def test_a_higher_strength_covers_more_intents(index: MetricIndex) -> None:
    def value(metric: str, method: str, strength: float) -> float:
        return index.value(f"intents_{metric}", method=method, strength=strength)

    assert value("covered_probability", BY_CLUSTER, 4.0) > value("covered_probability", BY_CLUSTER, 0.0)
    for method in (MMR, DPP):
        assert value("listed_clusters", method, 0.8) > value("listed_clusters", method, 0.0)
    assert 1 <= value("listed_clusters", BY_CLUSTER, 0.0) <= CLUSTERS


@pytest.mark.parametrize("method", [BY_CLUSTER, BY_EXPLORATION])
def test_served_intents_shrink_and_probabilities_stay_normalized(index: MetricIndex, method: str) -> None:
    for strength in (0.0, 1.0, 4.0):
        before, after = (
            index.value(f"intents_served_{name}", method=method, strength=strength) for name in ("before", "after")
        )
        if before < 0.999:
            assert after < before
        assert index.value("intents_sum_error", method=method, strength=strength) < 1e-9
