"""Calibration: by hand, on probabilities that are wrong in a way that is given, and where it would be of no use."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from transforms.intents.calibration import (
    BetaCalibration,
    calibration_curve,
    expected_calibration_error,
    fit_calibration,
)


def sample(count: int, seed: int, distort: float = 1.0, drift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities whose logits are `distort` times too large, and labels that drift in time."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, count)
    shift = drift * np.sin(np.arange(count) * 2 * np.pi / count)
    labels = random.random(count) < 1 / (1 + np.exp(-(logits + shift)))
    return 1 / (1 + np.exp(-distort * logits)), labels


def test_overconfident_probabilities_are_corrected() -> None:
    predicted, labels = sample(20_000, 0, distort=2.5)
    fitted = fit_calibration(predicted, labels)
    later, later_labels = sample(20_000, 1, distort=2.5)
    corrected = fitted.apply(later)
    assert fitted.first == pytest.approx(0.4, abs=0.05)
    assert fitted.second == pytest.approx(0.4, abs=0.05)
    assert expected_calibration_error(later, later_labels) > 0.08
    assert expected_calibration_error(corrected, later_labels) < 0.02
    assert log_loss(later_labels, corrected) < log_loss(later_labels, later)
    assert (np.diff(corrected[np.argsort(later)]) >= 0).all()


def test_a_correction_that_does_not_last_is_not_kept() -> None:
    assert fit_calibration(*sample(20_000, 0, drift=0.5)) == BetaCalibration()


def test_the_identity_changes_nothing() -> None:
    predicted, _ = sample(1000, 0)
    assert BetaCalibration().apply(predicted) == pytest.approx(predicted, abs=1e-6)


@pytest.mark.parametrize("labels", [np.zeros(4000, bool), np.ones(4000, bool), np.zeros(50, bool)])
def test_labels_that_allow_no_fit(labels: np.ndarray) -> None:
    assert fit_calibration(np.linspace(0.1, 0.9, len(labels)), labels) == BetaCalibration()


def test_a_curve_by_hand() -> None:
    predicted = np.array([0.1, 0.2, 0.6, 0.8])
    labels = np.array([False, True, True, True])
    curve = calibration_curve(predicted, labels, bins=2)
    assert [tuple(each) for each in curve] == [
        (pytest.approx(0.15), 0.5, 2),
        (pytest.approx(0.7), 1.0, 2),
    ]


def test_equal_probabilities_are_one_bin() -> None:
    labels = np.arange(100) < 30
    (only,) = calibration_curve(np.full(100, 0.25), labels)
    assert (only.observed, only.examples) == (0.3, 100)
    assert expected_calibration_error(np.full(100, 0.25), labels) == pytest.approx(0.05)


def test_no_examples() -> None:
    assert calibration_curve(np.zeros(0), np.zeros(0, bool)) == []
    with pytest.raises(ValueError, match="no examples"):
        expected_calibration_error(np.zeros(0), np.zeros(0, bool))
