"""Greedy re-ranking: hand-worked lists, and equality with plain references."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.intents.reranking import (
    MIN_VOLUME,
    NO_CANDIDATE,
    NO_INTENT,
    rerank_by_dpp,
    rerank_by_intent,
    rerank_by_mmr,
)

seeds = st.integers(0, 2**32 - 1)


def test_a_list_by_intent_in_exact_numbers() -> None:
    # Values at first: 8/2/2 = 2, 4/2/2 = 1, 6/2/2 = 3/2. The first candidate is placed, so intent 0 has
    # (1/2)(1/2) / (3/4) = 1/3 and intent 1 has 2/3: values 4/3/2 = 2/3 and 6 2/3/2 = 2. The third is placed: intent 1
    # has (2/3)(1/2) / (2/3) = 1/2 and intent 0 too. The last: (1/2)(1/2) / (3/4) = 1/3 for intent 0.
    given_ = ([[8.0, 4.0, 6.0]], [[0.5, 0.5, 0.5]], [[0, 0, 1]], [[0.5, 0.5]])
    arrays = [np.array(each) for each in given_]
    for count, order, beliefs in [
        (1, [0], [1 / 3, 2 / 3]),
        (2, [0, 2], [0.5, 0.5]),
        (3, [0, 2, 1], [1 / 3, 2 / 3]),
        (4, [0, 2, 1, NO_CANDIDATE], [1 / 3, 2 / 3]),
    ]:
        found = rerank_by_intent(*arrays, 1.0, count)
        assert found.positions.tolist() == [order]
        assert found.beliefs[0] == pytest.approx(beliefs, abs=1e-15)


def test_the_strength_decides_how_soon_another_intent_is_served() -> None:
    qualities, engagement = np.array([[9.0, 8.0, 7.0, 2.0]]), np.full((1, 4), 0.5)
    served, beliefs = np.array([[0, 0, 0, 1]]), np.array([[0.5, 0.5]])

    def order(strength: float) -> list[int]:
        return rerank_by_intent(qualities, engagement, served, beliefs, strength, 4).positions[0].tolist()

    # After n candidates of intent 0 its probability is 2^-n that of intent 1: 8 2^-g < 2 from g > 2 on.
    assert order(0.0) == [0, 1, 2, 3]
    assert order(1.9) == [0, 1, 3, 2]
    assert order(2.1) == [0, 3, 1, 2]


def test_equal_values_are_placed_in_the_order_given() -> None:
    same = np.full((2, 5), 3.0)
    beliefs = np.full((2, 5), 0.2)
    by_intent = rerank_by_intent(same, np.full((2, 5), 0.25), np.tile(np.arange(5), (2, 1)), beliefs, 1.0, 5)
    assert by_intent.positions.tolist() == [[0, 1, 2, 3, 4]] * 2
    vectors = np.tile(np.eye(5), (2, 1, 1))
    assert rerank_by_mmr(same, vectors, 0.5, 5).tolist() == [[0, 1, 2, 3, 4]] * 2
    assert rerank_by_dpp(same, vectors, 0.5, 5).tolist() == [[0, 1, 2, 3, 4]] * 2


def test_a_candidate_that_serves_no_intent_has_no_value_and_changes_nothing() -> None:
    qualities, served = np.array([[9.0, 1.0]]), np.array([[NO_INTENT, 0]])
    engagement, beliefs = np.full((1, 2), 0.5), np.array([[0.25, 0.75]])
    assert rerank_by_intent(qualities, engagement, served, beliefs, 1.0, 2).positions.tolist() == [[1, 0]]
    assert rerank_by_intent(qualities, engagement, served, beliefs, 0.0, 2).positions.tolist() == [[0, 1]]
    alone = rerank_by_intent(qualities[:, :1], engagement[:, :1], served[:, :1], beliefs, 1.0, 1)
    assert alone.beliefs.tolist() == beliefs.tolist()


@pytest.mark.parametrize("engagement", [1 - 2.0**-53, 1.0])
@pytest.mark.parametrize("belief", [0.5, 1 - 2.0**-53, 1.0])
def test_certain_engagement_divides_by_no_zero(engagement: float, belief: float) -> None:
    qualities = np.tile(np.linspace(2, 1, 40), (1, 1))
    beliefs = np.array([[belief, 1 - belief]])
    found = rerank_by_intent(qualities, np.full((1, 40), engagement), np.zeros((1, 40), int), beliefs, 1.0, 40)
    assert sorted(found.positions[0].tolist()) == list(range(40))
    assert found.positions[0, 0] == 0
    assert np.isfinite(found.beliefs).all()
    assert found.beliefs.sum() == pytest.approx(1, abs=1e-12)
    assert found.beliefs[0, 0] <= belief


def test_without_engagement_with_a_certain_candidate_of_a_certain_intent_beliefs_are_kept() -> None:
    # The user must engage and did not: no intent explains it.
    found = rerank_by_intent(np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1), int), np.array([[1.0, 0.0]]), 1.0, 1)
    assert found.beliefs.tolist() == [[1.0, 0.0]]


def test_very_small_products_still_order_candidates() -> None:
    # Each placement multiplies the belief by 2^-40: 40 of them exceed the range of floating-point numbers.
    engagement = np.full((1, 60), 1 - 2.0**-40)
    qualities = np.linspace(1, 1 + 1e-9, 60)[None]
    found = rerank_by_intent(qualities, engagement, np.zeros((1, 60), int), np.array([[1.0]]), 1.0, 60)
    assert found.positions[0].tolist() == list(range(59, -1, -1))


def candidates(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Random candidates of four users, some missing, some of no intent, and engagement close to 0 and to 1."""
    random = np.random.default_rng(seed)
    intents, width = int(random.integers(1, 6)), int(random.integers(1, 12))
    qualities = random.integers(0, 4, (4, width)) / 2 + random.random((4, width)) * random.integers(0, 2)
    qualities[random.random((4, width)) < 0.2] = -np.inf
    engagement = 1 / (1 + np.exp(-random.normal(0, 6, (4, width))))
    served = random.integers(NO_INTENT, intents, (4, width))
    return (
        qualities,
        engagement,
        served,
        random.dirichlet(np.full(intents, 0.5), 4),
        float(random.choice([0, 0.5, 1, 3])),
    )


def values_of(qualities: list, engagement: list, served: list, beliefs: list, strength: float) -> list[float]:
    """The values of all candidates, as the definition sums over intents."""
    values = []
    for quality, engaged, intent in zip(qualities, engagement, served, strict=True):
        gained = sum(belief * (engaged if intent == other else 0.0) for other, belief in enumerate(beliefs))
        values.append(quality if strength == 0 else -math.inf if quality == -math.inf else quality * gained**strength)
    return values


def updated(beliefs: list[Fraction], engaged: float, intent: int) -> list[Fraction]:
    """The probabilities after a placement, in exact arithmetic."""
    unlikely = [Fraction(engaged) if intent == other else Fraction() for other in range(len(beliefs))]
    denominator = 1 - sum(belief * each for belief, each in zip(beliefs, unlikely, strict=True))
    return [belief * (1 - each) / denominator for belief, each in zip(beliefs, unlikely, strict=True)]


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_each_place_by_intent_is_the_best_of_a_plain_reference(seed: int) -> None:
    qualities, engagement, served, beliefs, strength = candidates(seed)
    count = qualities.shape[1] + 1
    found = rerank_by_intent(qualities, engagement, served, beliefs, strength, count)
    for user in range(len(qualities)):
        given_ = [Fraction(belief) for belief in beliefs[user].tolist()]
        believed = [belief / sum(given_) for belief in given_]
        free = set(np.flatnonzero(qualities[user] > -np.inf).tolist())
        for chosen in found.positions[user].tolist():
            if chosen == NO_CANDIDATE:
                assert not free
                continue
            rows = (qualities[user].tolist(), engagement[user].tolist(), served[user].tolist())
            values = values_of(*rows, [float(belief) for belief in believed], strength)
            best = max(values[each] for each in free)
            assert values[chosen] >= best * (1 - 1e-9)
            free.remove(chosen)
            believed = updated(believed, engagement[user, chosen], int(served[user, chosen]))
        assert found.beliefs[user] == pytest.approx([float(belief) for belief in believed], rel=1e-7, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_beliefs_stay_probabilities_and_only_unserved_intents_gain(seed: int) -> None:
    qualities, engagement, served, beliefs, strength = candidates(seed)
    before = beliefs
    for count in range(1, qualities.shape[1] + 1):
        found = rerank_by_intent(qualities, engagement, served, beliefs, strength, count)
        assert ((found.beliefs >= 0) & (found.beliefs <= 1 + 1e-12)).all()
        assert found.beliefs.sum(axis=1) == pytest.approx(np.ones(len(beliefs)), abs=1e-12)
        chosen = found.positions[:, -1]
        intents = np.where(chosen >= 0, np.take_along_axis(served, np.maximum(chosen, 0)[:, None], 1)[:, 0], NO_INTENT)
        is_served = intents[:, None] == np.arange(beliefs.shape[1])
        assert (found.beliefs <= before + 1e-12)[is_served].all()
        assert (found.beliefs >= before - 1e-12)[~is_served].all()
        before = found.beliefs


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_strength_and_weight_zero_give_the_order_of_quality(seed: int) -> None:
    qualities, engagement, served, beliefs, _ = candidates(seed)
    count = qualities.shape[1]
    order = np.argsort(-qualities, axis=1, kind="stable")
    expected = np.where(np.take_along_axis(qualities, order, 1) > -np.inf, order, NO_CANDIDATE).tolist()
    vectors = np.random.default_rng(seed).normal(size=(*qualities.shape, 3))
    assert rerank_by_intent(qualities, engagement, served, beliefs, 0.0, count).positions.tolist() == expected
    assert rerank_by_mmr(qualities, vectors, 0.0, count).tolist() == expected
    assert rerank_by_dpp(qualities, vectors, 0.0, count).tolist() == expected


def test_a_user_is_re_ranked_equally_in_any_batch() -> None:
    qualities, engagement, served, beliefs, _ = candidates(7)
    vectors = np.random.default_rng(7).normal(size=(*qualities.shape, 3))
    whole = rerank_by_intent(qualities, engagement, served, beliefs, 1.0, 5)
    for user in range(len(qualities)):
        one = slice(user, user + 1)
        alone = rerank_by_intent(qualities[one], engagement[one], served[one], beliefs[one], 1.0, 5)
        assert alone.positions.tobytes() == whole.positions[one].tobytes()
        assert alone.beliefs.tobytes() == whole.beliefs[one].tobytes()
        for rerank in (rerank_by_mmr, rerank_by_dpp):
            assert (rerank(qualities, vectors, 0.4, 5)[one] == rerank(qualities[one], vectors[one], 0.4, 5)).all()


def mmr_by_definition(qualities: np.ndarray, vectors: np.ndarray, weight: float, count: int) -> list[int]:
    free, placed = list(range(len(qualities))), []
    for _ in range(count):
        scores = []
        for each in free:
            cosines = [
                vectors[each] @ vectors[other] / np.linalg.norm(vectors[each]) / np.linalg.norm(vectors[other])
                for other in placed
            ]
            scores.append((1 - weight) * qualities[each] - weight * max(cosines, default=0.0))
        placed.append(free.pop(int(np.argmax(scores))))
    return placed


def dpp_by_definition(qualities: np.ndarray, vectors: np.ndarray, weight: float, count: int) -> list[int]:
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = directions @ directions.T
    np.fill_diagonal(similarity, 1.0)  # with the weight 1, all are equal in the first place
    free, placed = list(range(len(qualities))), []
    for _ in range(count):
        scores = []
        for each in free:
            members = [*placed, each]
            scores.append(
                (1 - weight) * qualities[members].sum()
                + weight * np.linalg.slogdet(similarity[np.ix_(members, members)]).logabsdet
            )
        placed.append(free.pop(int(np.argmax(scores))))
    return placed


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_mmr_and_dpp_equal_their_definitions(seed: int, weight: float) -> None:
    random = np.random.default_rng(seed)
    qualities, vectors = random.normal(size=(3, 8)), random.normal(size=(3, 8, 6))
    for user in range(3):
        for rerank, reference in ((rerank_by_mmr, mmr_by_definition), (rerank_by_dpp, dpp_by_definition)):
            qualities[user, 0] += 9  # with the weight 1, all are equal in the first place: the first one is placed
            found = rerank(qualities, vectors, weight, 5)[user].tolist()
            assert found == reference(qualities[user], vectors[user], weight, 5)


def test_diversity_by_hand() -> None:
    # Two equal vectors and one at a right angle, of lower quality.
    vectors, qualities = np.array([[[2.0, 0.0], [5.0, 0.0], [0.0, 1.0]]]), np.array([[1.0, 0.9, 0.5]])
    # MMR: 0.9 (1 - w) - w is below 0.5 (1 - w) if w > 0.4 / 1.4.
    assert rerank_by_mmr(qualities, vectors, 0.28, 2).tolist() == [[0, 1]]
    assert rerank_by_mmr(qualities, vectors, 0.29, 2).tolist() == [[0, 2]]
    assert rerank_by_dpp(qualities, vectors, 0.1, 3).tolist() == [[0, 2, 1]]


def test_candidates_within_the_span_of_those_placed_come_last_by_quality() -> None:
    plane = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
    qualities = np.array([[5.0, 4.0, 1.0, 2.0, 0.5]])
    found = rerank_by_dpp(qualities, plane[None], 0.5, 5)
    # The zero vector is at a right angle to all others, and never in their span.
    assert found.tolist() == [[0, 1, 4, 3, 2]]
    assert math.log(MIN_VOLUME) < -20


def test_a_zero_vector_is_dissimilar_to_all() -> None:
    vectors = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]])
    qualities = np.array([[3.0, 2.0, 1.5]])
    assert rerank_by_mmr(qualities, vectors, 0.5, 3).tolist() == [[0, 2, 1]]
    assert rerank_by_dpp(qualities, vectors, 0.5, 3).tolist() == [[0, 2, 1]]


def test_missing_candidates_are_not_placed() -> None:
    qualities = np.array([[-np.inf, 1.0, -np.inf], [-np.inf, -np.inf, -np.inf]])
    vectors = np.full((2, 3, 2), np.nan)
    vectors[0, 1] = 1.0
    expected = [[1, NO_CANDIDATE], [NO_CANDIDATE, NO_CANDIDATE]]
    assert rerank_by_mmr(qualities, vectors, 0.5, 2).tolist() == expected
    assert rerank_by_dpp(qualities, vectors, 0.5, 2).tolist() == expected
    odds = np.where(qualities > -np.inf, 0.5, np.nan)
    found = rerank_by_intent(qualities, odds, np.zeros((2, 3), int), np.ones((2, 1)), 1.0, 2)
    assert found.positions.tolist() == expected


def test_no_users_and_no_places_are_allowed() -> None:
    assert rerank_by_mmr(np.zeros((0, 3)), np.zeros((0, 3, 2)), 0.5, 2).shape == (0, 2)
    found = rerank_by_intent(np.ones((2, 3)), np.ones((2, 3)) / 2, np.zeros((2, 3), int), np.ones((2, 1)), 1.0, 0)
    assert found.positions.shape == (2, 0)
    assert found.beliefs.tolist() == [[1.0], [1.0]]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"qualities": np.array([[-1.0, 1.0]])}, "qualities must not be negative"),
        ({"qualities": np.array([[np.nan, 1.0]])}, "qualities must be numbers"),
        ({"engagement": np.array([[1.5, 0.5]])}, r"engagement must be in \[0, 1\]"),
        ({"engagement": np.array([[np.nan, 0.5]])}, r"engagement must be in \[0, 1\]"),
        ({"served": np.array([[0, 2]])}, "served must be codes below 2"),
        ({"served": np.array([[0]])}, "must have the shape of qualities"),
        ({"beliefs": np.array([[0.5, 0.6]])}, "beliefs must be probabilities of sum 1"),
        ({"beliefs": np.array([[1.5, -0.5]])}, "beliefs must be probabilities of sum 1"),
        ({"beliefs": np.array([0.5, 0.5])}, r"beliefs must have the shape \(1, intents\)"),
        ({"strength": -0.1}, "strength must be at least 0"),
        ({"count": -1}, "count must be at least 0"),
    ],
)
def test_invalid_arguments_are_named(changed: dict, message: str) -> None:
    valid = {
        "qualities": np.ones((1, 2)),
        "engagement": np.full((1, 2), 0.5),
        "served": np.array([[0, 1]]),
        "beliefs": np.array([[0.5, 0.5]]),
        "strength": 1.0,
        "count": 2,
    }
    rerank_by_intent(**valid)
    with pytest.raises(ValueError, match=message):
        rerank_by_intent(**valid | changed)


def test_invalid_vectors_and_weights_are_named() -> None:
    with pytest.raises(ValueError, match="vectors must have the shape"):
        rerank_by_mmr(np.ones((1, 2)), np.ones((1, 3, 2)), 0.5, 1)
    with pytest.raises(ValueError, match="vectors must be numbers"):
        rerank_by_dpp(np.ones((1, 2)), np.full((1, 2, 2), np.nan), 0.5, 1)
    with pytest.raises(ValueError, match=r"weight must be in \[0, 1\]"):
        rerank_by_dpp(np.ones((1, 2)), np.ones((1, 2, 2)), 1.5, 1)
