import math

import numpy as np
import pytest

from transforms.lifecycle.confidence import MODELS, NAMES, ConfidenceModel, confidences


def test_the_regression_by_hand() -> None:
    model = ConfidenceModel(-1.0, 2.0, 0.5, 3.0)
    found = confidences(np.array([0.4, np.nan]), np.array([10, 1]), model)
    linear = -1.0 + 2.0 * 0.4 + 0.5 * math.log(10) + 3.0 * 0.4 * math.log(10)
    assert found.tolist() == [pytest.approx(1 / (1 + math.exp(-linear)), abs=5e-4), pytest.approx(0.269, abs=5e-4)]
    assert found.tolist() == [round(each, 3) for each in found.tolist()]


@pytest.mark.parametrize("features", ["vectors", "terms"])
def test_a_more_coherent_journey_has_more_confidence(features: str) -> None:
    model = MODELS[features]  # type: ignore[index]
    for size in (3, 5, 10, 40, 200):
        found = confidences(np.linspace(0.2, 0.9, 30), np.full(30, size), model)
        assert (np.diff(found) >= 0).all()
        assert found[-1] > found[0]
        assert ((found > 0) & (found <= 1)).all()


def test_the_names_are_those_of_the_model() -> None:
    assert ConfidenceModel._fields == NAMES
