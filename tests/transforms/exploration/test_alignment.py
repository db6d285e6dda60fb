import numpy as np
import pytest

from transforms.exploration.alignment import (
    AlignmentModel,
    Loss,
    fit_alignment,
    ordered_pairs,
    principal_components,
    rate_model,
)
from transforms.exploration.feedback import Feedback, take_feedback

CLUSTERS = 12
CENTROIDS = np.random.default_rng(1).normal(size=(CLUSTERS, 6))
BOTH = pytest.mark.parametrize("loss", ["pointwise", "pairwise"])


def feedback_of(rates: np.ndarray, users: int = 400) -> Feedback:
    """Return feedback on all pairs of two clusters, with given rates, shape (C, C)."""
    contexts, candidates = np.nonzero(~np.eye(len(rates), dtype=bool))
    returned = np.round(users * rates[contexts, candidates]).astype(np.int64)
    return Feedback(
        contexts[:, None].astype(np.int32), candidates.astype(np.int32), np.full(len(returned), users), returned
    )


def agreement(model: AlignmentModel, rates: np.ndarray) -> float:
    """Return the fraction of pairs of candidates of one context that are ordered as the rates are."""
    scores = model.scores(np.arange(len(rates), dtype=np.int32)[:, None])
    right = [
        (scores[context, first] > scores[context, second]) == (rates[context, first] > rates[context, second])
        for context in range(len(rates))
        for first in range(len(rates))
        for second in range(first)
        if context not in (first, second) and rates[context, first] != rates[context, second]
    ]
    return float(np.mean(right))


@BOTH
def test_a_given_order_of_candidates_is_recovered(loss: Loss) -> None:
    rates = np.repeat(np.linspace(0.1, 0.6, CLUSTERS)[None], CLUSTERS, axis=0)
    model = fit_alignment(feedback_of(rates), CENTROIDS, loss, interval=0.05)
    assert agreement(model, rates) == 1.0


@BOTH
def test_content_decides_where_the_order_depends_on_the_context(loss: Loss) -> None:
    content = principal_components(CENTROIDS, 6)
    affinity = content @ content.T
    rates = 0.3 + 0.25 * affinity
    feedback = feedback_of(rates)
    model = fit_alignment(feedback, CENTROIDS, loss, penalty=1.0, interval=0.01)
    assert agreement(model, rates) > 0.9
    assert agreement(rate_model(rates.mean(axis=0)), rates) < 0.7
    held_out = np.arange(len(feedback.users)) % 3 == 0
    partial = fit_alignment(take_feedback(feedback, ~held_out), CENTROIDS, loss, penalty=1.0, interval=0.01)
    assert agreement(partial, rates) > 0.85


@BOTH
def test_few_users_change_little(loss: Loss) -> None:
    rates = np.random.default_rng(2).random((CLUSTERS, CLUSTERS))
    spread = [np.ptp(fit_alignment(feedback_of(rates, users), CENTROIDS, loss).pair_scores) for users in (2, 2000)]
    assert spread[0] < 0.5 * spread[1]


@BOTH
def test_the_fit_is_deterministic(loss: Loss) -> None:
    feedback = feedback_of(np.random.default_rng(3).random((CLUSTERS, CLUSTERS)))
    first, second = (fit_alignment(feedback, CENTROIDS, loss).pair_scores.tobytes() for _ in range(2))
    assert first == second


def test_scores_are_means_over_the_context() -> None:
    model = AlignmentModel(np.array([[0.0, 1.0], [4.0, 2.0]]))
    assert model.scores(np.array([[0, 1], [-1, 1], [-1, -1]], np.int32)).tolist() == [[2, 1.5], [4, 2], [2, 1.5]]


def test_pairs_are_of_one_context_and_ordered() -> None:
    contexts = np.array([[0], [0], [0], [2], [2]], np.int32)
    higher, lower = ordered_pairs(contexts, np.array([0.5, 0.1, 0.5, 0.3, 0.9]))
    assert sorted(zip(higher.tolist(), lower.tolist(), strict=True)) == [(0, 1), (2, 1), (4, 3)]


def test_invalid_input_is_refused() -> None:
    empty = Feedback(np.zeros((0, 1), np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="there is no feedback of enough users"):
        fit_alignment(empty, CENTROIDS)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        fit_alignment(feedback_of(np.eye(3)), CENTROIDS[:3], penalty=0)


@BOTH
def test_equal_rates_give_no_preference(loss: Loss) -> None:
    model = fit_alignment(feedback_of(np.full((CLUSTERS, CLUSTERS), 0.25)), CENTROIDS, loss)
    assert np.ptp(model.pair_scores) < 1e-3
