"""Models on examples whose probabilities are given."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from transforms.intents.config import ExplorationModelName
from transforms.intents.exploration_models import (
    BaseRate,
    LinearModel,
    fit_exploration_model,
)
from transforms.intents.features import FEATURES, INTENTS, UNKNOWN, Rows

WITHOUT_TORCH: tuple[ExplorationModelName, ...] = ("boosted_trees", "logistic_regression", "base_rate")


def sample(count: int, seed: int, is_linear: bool = True) -> tuple[Rows, np.ndarray]:
    """Return examples whose first intent depends on features 0 and 1, and the true probabilities.

    The second intent is unknown; all labels of the third are 1.
    """
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (count, len(FEATURES))).astype(np.float32)
    features[:, 5] = 3.0
    score = 1.5 * features[:, 0] - features[:, 1] if is_linear else 3 * features[:, 0] * features[:, 1]
    probabilities = 1 / (1 + np.exp(-(score - 0.5)))
    labels = np.full((count, len(INTENTS)), UNKNOWN, np.int8)
    labels[:, 0] = random.random(count) < probabilities
    labels[:, 2] = 1
    return Rows(features, labels), probabilities


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_probabilities_of_all_intents(name: ExplorationModelName) -> None:
    model = fit_exploration_model(name, sample(4000, 0)[0], sample(2000, 1)[0], seed=0)
    rows, probabilities = sample(2000, 2)
    predicted = model.predict(rows.features)
    assert predicted.shape == (2000, len(INTENTS))
    assert ((predicted >= 0) & (predicted <= 1)).all()
    assert (predicted[:, 1] == 0.5).all()
    assert (predicted[:, 2] > 0.999).all()
    if name == "base_rate":
        assert np.ptp(predicted[:, 0]) == 0
        assert predicted[0, 0] == pytest.approx(probabilities.mean(), abs=0.03)
    else:
        assert np.abs(predicted[:, 0] - probabilities).mean() < 0.06


def test_trees_find_what_a_linear_model_cannot() -> None:
    rows, validation, later = (
        sample(count, seed, is_linear=False)[0] for count, seed in ((8000, 0), (2000, 1), (4000, 2))
    )
    auc = {
        name: roc_auc_score(
            later.labels[:, 0] == 1, fit_exploration_model(name, rows, validation, 0).predict(later.features)[:, 0]
        )
        for name in ("boosted_trees", "logistic_regression")
    }
    assert auc["logistic_regression"] < 0.6
    assert auc["boosted_trees"] > 0.8


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_a_row_does_not_depend_on_the_others_nor_on_the_fit(name: ExplorationModelName) -> None:
    rows, validation, later = (sample(count, seed)[0] for count, seed in ((3000, 0), (1000, 1), (500, 2)))
    first, second = (fit_exploration_model(name, rows, validation, 3).predict(later.features) for _ in range(2))
    assert np.array_equal(first, second)
    model = fit_exploration_model(name, rows, validation, 3)
    parts = [model.predict(later.features[start : start + 7]) for start in range(0, 500, 7)]
    assert np.array_equal(np.concatenate(parts), first)


def test_the_signs_of_coefficients() -> None:
    found = LinearModel.fit(sample(4000, 0)[0]).coefficients[0]
    assert found[0] > 0.5
    assert found[1] < -0.5
    assert found[5] == 0  # the feature is constant


def test_the_base_rate_is_smoothed() -> None:
    labels = np.array([[1, UNKNOWN, 0], [1, UNKNOWN, 0], [0, UNKNOWN, 0]], np.int8)
    rate = BaseRate.fit(Rows(np.zeros((3, len(FEATURES)), np.float32), labels))
    assert rate.probabilities.tolist() == [2.5 / 4, 0.5, 0.5 / 4]


def test_no_examples() -> None:
    empty = Rows(np.zeros((0, len(FEATURES)), np.float32), np.zeros((0, len(INTENTS)), np.int8))
    with pytest.raises(ValueError, match="no examples of exploration"):
        fit_exploration_model("boosted_trees", sample(100, 0)[0], empty, 0)
