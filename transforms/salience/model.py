"""The salience model: a logistic regression over the features of an item and a term, as plain numbers."""

from __future__ import annotations

import dataclasses
import importlib.resources
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml

from schemas import SALIENCE_MODEL
from transforms.columnar import concatenate
from transforms.salience.features import FEATURES
from transforms.salience.term_table import Floats

INTERCEPT = "intercept"
_SIGNIFICANT_DIGITS = 6


@dataclasses.dataclass(frozen=True)
class SalienceModel:
    """A model of the relevance of a term to an item: `1 / (1 + exp(-(intercept + weights . features)))`.

    Attributes:
        weights: one for each of `FEATURES`.
        intercept: the logit if all features are 0.

    Raises:
        ValueError: if the number of weights is not that of the features, or one is not finite.
    """

    weights: tuple[float, ...]
    intercept: float

    def __post_init__(self) -> None:
        if len(self.weights) != len(FEATURES):
            raise ValueError(
                f"a model must have {len(FEATURES)} weights, one for each feature, got {len(self.weights)}"
            )
        if not np.isfinite([*self.weights, self.intercept]).all():
            raise ValueError("the weights of a model must be finite")

    def logits(self, features: Floats) -> Floats:
        """Compute the log odds of each row of features, float64, shape (rows,)."""
        total = np.full(len(features), self.intercept)
        for weight, column in zip(self.weights, features.T, strict=True):  # no matrix product: the same bits everywhere
            total += weight * column
        return total

    def salience(self, features: Floats) -> Floats:
        """Compute the salience in [0, 1] of each row of features, float64, shape (rows,)."""
        return sigmoid(self.logits(features))

    def to_rows(self) -> pa.RecordBatch:
        """Convert the model to rows of `salience_model`."""
        names, weights = [INTERCEPT, *FEATURES], [self.intercept, *self.weights]
        return pa.RecordBatch.from_arrays([pa.array(names), pa.array(weights)], schema=SALIENCE_MODEL.arrow)


def sigmoid(logits: Floats) -> Floats:
    """Compute `1 / (1 + exp(-logit))`."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0))))


def from_rows(batches: Iterable[pa.RecordBatch]) -> SalienceModel:
    """Create a model from rows of `salience_model`; further columns are ignored.

    Raises:
        ValueError: if the features are not those of this version.
    """
    names = SALIENCE_MODEL.arrow.names
    rows = concatenate((batch.select(names).cast(SALIENCE_MODEL.arrow) for batch in batches), SALIENCE_MODEL.arrow)
    return _from_weights(dict(zip(rows["feature"].to_pylist(), rows["weight"].to_pylist(), strict=True)))


def default_model(encoder: str = "minilm") -> SalienceModel:
    """Return the model of the package; docs/models/salience.md describes its training data.

    Args:
        encoder: kind of the encoder of the vectors; if no model was trained for it, that of `minilm` is used.
    """
    text = importlib.resources.files(__package__).joinpath("default_model.yaml").read_text(encoding="utf-8")
    models = yaml.safe_load(text)
    return _from_weights(models.get(encoder, models["minilm"]))


def rounded(weights: npt.ArrayLike, intercept: float) -> SalienceModel:
    """Create a model with numbers of six significant digits, which the rounding errors of a solver do not affect."""
    numbers = [float(f"{number:.{_SIGNIFICANT_DIGITS}g}") for number in np.asarray(weights, np.float64).tolist()]
    return SalienceModel(tuple(numbers), float(f"{intercept:.{_SIGNIFICANT_DIGITS}g}"))


def _from_weights(weights: dict[str, float]) -> SalienceModel:
    expected = {INTERCEPT, *FEATURES}
    if set(weights) != expected:
        raise ValueError(
            f"a salience model must have one weight for each feature; missing: {sorted(expected - set(weights))}, "
            f"unknown: {sorted(set(weights) - expected)}"
        )
    return SalienceModel(tuple(float(weights[name]) for name in FEATURES), float(weights[INTERCEPT]))
