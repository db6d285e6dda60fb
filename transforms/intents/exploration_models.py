"""Models of the probability that an interaction is with something new (papers on intents, exploration intent).

A model has one probability for each intent: a new cluster, a new creator, a new item. Every model is calibrated on the
last part of the examples, which it was not fitted to.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from transforms.intents.calibration import BetaCalibration, Floats, fit_calibration
from transforms.intents.config import ExplorationModelName
from transforms.intents.features import FEATURES, Features, Rows

_PRIOR = 1.0
_TREES = 400
_LEARNING_RATE = 0.05
_LEAVES = 31
_PATIENCE = 20


class ExplorationModel(Protocol):
    """A fitted model."""

    def predict(self, features: Features) -> Floats:
        """Compute the probabilities of intents, float64, shape (examples, intents)."""
        ...


@dataclasses.dataclass(frozen=True)
class BaseRate:
    """The same probability for all examples.

    Attributes:
        probabilities: float64, shape (intents,).
    """

    probabilities: Floats

    @classmethod
    def fit(cls, rows: Rows) -> BaseRate:
        """Compute the smoothed fraction of positive labels of each intent; 0.5 without a label."""
        positive, counted = (rows.labels == 1).sum(axis=0), (rows.labels >= 0).sum(axis=0)
        return cls((positive + _PRIOR / 2) / (counted + _PRIOR))

    def predict(self, features: Features) -> Floats:
        return np.broadcast_to(self.probabilities, (len(features), len(self.probabilities))).copy()


@dataclasses.dataclass(frozen=True)
class LinearModel:
    """Logistic regression on standardised features, one for each intent.

    Attributes:
        means: float64, shape (features,).
        deviations: float64, shape (features,); 1 for a constant feature.
        coefficients: float64, shape (intents, features): of standardised features; 0 for a constant feature.
        constants: float64, shape (intents,).
    """

    means: Floats
    deviations: Floats
    coefficients: Floats
    constants: Floats

    @classmethod
    def fit(cls, rows: Rows) -> LinearModel:
        """Fit the regressions; an intent whose labels are all equal has its base rate alone."""
        values = rows.features.astype(np.float64)
        means, deviations = values.mean(axis=0), values.std(axis=0)
        varies = deviations > 0
        scaled = (values - means) / np.where(varies, deviations, 1.0)
        base = BaseRate.fit(rows).probabilities
        coefficients, constants = np.zeros((len(base), len(FEATURES))), np.log(base / (1 - base))
        for intent, labels in enumerate(rows.labels.T):
            labelled = labels >= 0
            if varies.any() and len(np.unique(labels[labelled])) == 2:
                with threadpool_limits(1):
                    fitted = LogisticRegression(max_iter=1000).fit(scaled[labelled][:, varies], labels[labelled])
                coefficients[intent, varies], constants[intent] = fitted.coef_[0], fitted.intercept_[0]
        return cls(means, np.where(varies, deviations, 1.0), coefficients, constants)

    def predict(self, features: Features) -> Floats:
        scaled = (features.astype(np.float64) - self.means) / self.deviations
        # Summed feature by feature, so that the result of a row does not depend on the other rows.
        logits = np.zeros((len(features), len(self.constants))) + self.constants
        for column, coefficients in zip(scaled.T, self.coefficients.T, strict=True):
            logits += column[:, None] * coefficients
        return 1 / (1 + np.exp(-logits))


@dataclasses.dataclass(frozen=True)
class BoostedTrees:
    """Gradient-boosted trees, a classifier for each intent.

    Attributes:
        classifiers: None for an intent whose labels are all equal, which has its base rate.
        base: the base rates.
    """

    classifiers: tuple[HistGradientBoostingClassifier | None, ...]
    base: BaseRate

    @classmethod
    def fit(cls, rows: Rows, validation: Rows, seed: int) -> BoostedTrees:
        """Fit the classifiers, with as many trees as the log-loss of the validation period allows."""
        found: list[HistGradientBoostingClassifier | None] = []
        for labels, held_out in zip(rows.labels.T, validation.labels.T, strict=True):
            labelled, measured = labels >= 0, held_out >= 0
            if len(np.unique(labels[labelled])) < 2:
                found.append(None)
                continue
            stops = len(np.unique(held_out[measured])) == 2
            classifier = HistGradientBoostingClassifier(
                learning_rate=_LEARNING_RATE,
                max_iter=_TREES if stops else _TREES // 4,
                max_leaf_nodes=_LEAVES,
                early_stopping=stops,
                n_iter_no_change=_PATIENCE,
                random_state=seed,
            )
            given = {"X_val": validation.features[measured], "y_val": held_out[measured]} if stops else {}
            found.append(classifier.fit(rows.features[labelled], labels[labelled], **given))
        return cls(tuple(found), BaseRate.fit(rows))

    def predict(self, features: Features) -> Floats:
        found = self.base.predict(features)
        for intent, classifier in enumerate(self.classifiers):
            if classifier is not None and len(features):
                found[:, intent] = classifier.predict_proba(features)[:, 1]
        return found


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """A model whose probabilities are calibrated.

    Attributes:
        model: the model.
        calibrations: one for each intent.
    """

    model: ExplorationModel
    calibrations: tuple[BetaCalibration, ...]

    @classmethod
    def fit(cls, model: ExplorationModel, rows: Rows) -> Calibrated:
        """Calibrate a model on examples that it was not fitted to."""
        predicted = model.predict(rows.features)
        found = []
        for intent, labels in enumerate(rows.labels.T):
            labelled = labels >= 0
            found.append(fit_calibration(predicted[labelled, intent], labels[labelled] == 1))
        return cls(model, tuple(found))

    def predict(self, features: Features) -> Floats:
        predicted = self.model.predict(features)
        return np.column_stack(
            [each.apply(column) for each, column in zip(self.calibrations, predicted.T, strict=True)]
        )


def fit_exploration_model(name: ExplorationModelName, rows: Rows, validation: Rows, seed: int) -> ExplorationModel:
    """Fit a model, and calibrate it; the base rate is that of the validation period, and needs no calibration.

    Args:
        name: the model.
        rows: the examples to fit to.
        validation: later examples, on which it is stopped and calibrated.
        seed: random seed.

    Raises:
        ValueError: when there are no examples of either period.
    """
    if not len(rows.labels) or not len(validation.labels):
        raise ValueError(
            "no examples of exploration: no user has interactions at two times before the validation period and in it"
        )
    if name == "base_rate":
        return BaseRate.fit(validation)
    model: ExplorationModel
    if name == "logistic_regression":
        model = LinearModel.fit(rows)
    elif name == "boosted_trees":
        model = BoostedTrees.fit(rows, validation, seed)
    else:
        from transforms.intents.cross_network import fit_cross_network

        model = fit_cross_network(rows, validation, seed)
    return Calibrated.fit(model, validation)
