import numpy as np
import pyarrow as pa
import pytest

from schemas import SALIENCE_MODEL
from transforms.salience.features import FEATURES
from transforms.salience.model import INTERCEPT, SalienceModel, default_model, from_rows, rounded

MODEL = SalienceModel(tuple(float(i) for i in range(len(FEATURES))), -3.5)


def test_salience_by_hand() -> None:
    features = np.zeros((2, len(FEATURES)))
    features[1, [1, 4]] = 0.5
    assert MODEL.logits(features).tolist() == [-3.5, -3.5 + 0.5 + 2.0]
    assert MODEL.salience(features) == pytest.approx([1 / (1 + np.exp(3.5)), 1 / (1 + np.exp(1.0))])
    assert SalienceModel(MODEL.weights, -1e9).salience(features)[0] >= 0
    assert SalienceModel(MODEL.weights, 1e9).salience(features)[0] <= 1


def test_a_model_survives_its_dataset() -> None:
    rows = MODEL.to_rows()
    SALIENCE_MODEL.check(rows)
    assert from_rows([rows.slice(3), rows.slice(0, 3)]) == MODEL


def test_a_model_of_other_features_is_refused() -> None:
    rows = MODEL.to_rows().slice(1)
    with pytest.raises(ValueError, match=rf"missing: \['{INTERCEPT}'\], unknown: \[\]"):
        from_rows([rows])
    other = pa.RecordBatch.from_pylist([{"feature": "colour", "weight": 1.0}], SALIENCE_MODEL.arrow)
    with pytest.raises(ValueError, match=r"unknown: \['colour'\]"):
        from_rows([MODEL.to_rows(), other])
    with pytest.raises(ValueError, match="one for each feature, got 1"):
        SalienceModel((1.0,), 0.0)
    with pytest.raises(ValueError, match="must be finite"):
        SalienceModel(MODEL.weights, float("nan"))


def test_numbers_are_rounded_to_what_is_sure() -> None:
    model = rounded([1.23456789e-7] * len(FEATURES), -1234567.8)
    assert model.weights[0] == 1.23457e-7
    assert model.intercept == -1234570.0


def features(nearness: float, in_text: bool) -> np.ndarray:
    """Of a word with a context that stands in the title, or does not."""
    own = {"specificity": 0.6, "context": 1.0, "nearness": nearness}
    weights = dict(own)
    if in_text:
        weights |= {f"{name}, in text": value for name, value in own.items()}
        weights |= {"in text": 1.0, "evidence": 0.8, "statistical salience": 0.48}
    return np.array([[weights.get(name, 0.0) for name in FEATURES]])


@pytest.mark.parametrize("encoder", ["minilm", "static"])
def test_the_default_models_know_what_is_relevant(encoder: str) -> None:
    model = default_model(encoder)
    for in_text in (True, False):
        assert model.salience(features(4.0, in_text)) > model.salience(features(1.0, in_text))
    assert model.salience(features(2.0, True)) > model.salience(features(2.0, False))


def test_another_encoder_gets_the_model_of_minilm() -> None:
    assert default_model("hub") == default_model("minilm") != default_model("static")
