import numpy as np
import pytest

from transforms.salience.features import FEATURES, Pairs
from transforms.salience.fitting import LabelledPairs, expected_calibration_error, fit, logistic_regression
from transforms.salience.model import sigmoid


def test_a_regression_finds_what_made_the_labels() -> None:
    random = np.random.default_rng(0)
    features = random.standard_normal((20_000, 3)) * [1, 5, 0.1] + [0, 2, 7]
    labels = random.random(20_000) < sigmoid(0.5 + features @ [1.0, -0.3, 4.0] - 28)
    weights, intercept = logistic_regression(features, labels)
    assert weights == pytest.approx([1.0, -0.3, 4.0], rel=0.15)
    assert intercept == pytest.approx(-27.5, rel=0.15)


def test_counts_stand_for_rows() -> None:
    random = np.random.default_rng(1)
    features, labels = random.standard_normal((300, 2)), random.random(300) < 0.4
    twice = np.where(np.arange(300) % 3 == 0, 2.0, 1.0)
    repeated = np.repeat(np.arange(300), twice.astype(int))
    counted = logistic_regression(features, labels, twice)
    written = logistic_regression(features[repeated], labels[repeated])
    assert counted[0] == pytest.approx(written[0])
    assert counted[1] == pytest.approx(written[1])


def test_separable_labels_and_constant_features_have_finite_weights() -> None:
    features = np.column_stack([np.linspace(-1, 1, 100), np.ones(100)])
    weights, intercept = logistic_regression(features, features[:, 0] > 0)
    assert weights[0] > 1
    assert weights[1] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(intercept)
    with pytest.raises(ValueError, match="positive and negative pairs, got 100 positive of 100"):
        logistic_regression(features, np.ones(100, bool))


def test_calibration_error_by_hand() -> None:
    chances = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0], bool)
    assert expected_calibration_error(chances, labels, 2) == pytest.approx((0.15 + 0.05) / 2)
    assert expected_calibration_error(labels.astype(float), labels) == 0
    with pytest.raises(ValueError, match="no rows"):
        expected_calibration_error(np.zeros(0), np.zeros(0, bool))


def test_a_fitted_model_is_calibrated_on_matched_pairs() -> None:
    """Pairs of other kinds are many more; still half of the matched ones fit, and saliences must say so."""
    random = np.random.default_rng(2)
    count = 8000
    kinds = random.choice(4, count, p=[0.2, 0.2, 0.3, 0.3])
    features = np.zeros((count, len(FEATURES)))
    features[:, 3] = random.standard_normal(count) + 1.5 * (kinds == 0)
    labelled = LabelledPairs(
        Pairs(np.arange(count), np.zeros(count, np.int64), np.zeros(count)), kinds, kinds == 1, np.ones(count)
    )
    fitted = fit(features, labelled, random.random(count) < 0.5)
    own = kinds <= 1
    assert fitted.error_after < 0.05 < fitted.error_before
    assert expected_calibration_error(fitted.model.salience(features[own]), kinds[own] == 0) < 0.05
    assert fitted.model.weights[3] > 0.5
