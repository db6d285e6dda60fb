"""Fit of the confidence to one half of the sources, and its measures on the other half."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from transforms.evaluation.algorithms import STATISTICAL
from transforms.evaluation.bootstrap import auc_interval, ratio_interval
from transforms.evaluation.experiments.confidence.halves import MixedHalves
from transforms.evaluation.methods import Corpus
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.evaluation.perturbations import offsets_of
from transforms.intents.calibration import calibration_curve, expected_calibration_error
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.coherence import journey_coherence
from transforms.journeys.config import BayesianConfig, IcpcConfig
from transforms.journeys.form_journeys import journeys_from_labels
from transforms.journeys.icpc import Journeys, TermVectors, extract_journeys
from transforms.lifecycle.confidence import (
    MODELS,
    NAMES,
    ConfidenceModel,
    Features,
    confidence_features,
    confidences,
)
from transforms.lifecycle.rhythm import Floats, Integers, owners_of

Row = dict[str, Any]
Flags = npt.NDArray[np.bool_]

PURE = 0.8
"""Minimum fraction of the items of a pure journey that are of its collection."""

SHIPPED, FITTED, CONSTANT, COHERENCE = "shipped", "fitted here", "constant", "coherence alone"
CURVE_BINS = 10
_SMALLEST = 1e-6
_DIGITS = 3


class LabelledJourneys(NamedTuple):
    """Journeys formed from mixtures.

    Attributes:
        mixtures: int64, shape (journeys,): the mixture of each, equal for all fractions of noise.
        coherence: float64, shape (journeys,).
        sizes: int64, shape (journeys,): number of distinct items.
        own: int64, shape (journeys,): number of items of the journey's collection.
    """

    mixtures: Integers
    coherence: Floats
    sizes: Integers
    own: Integers


def labelled_journeys(mixtures: pa.RecordBatch, corpus: Corpus, features: Features, encoder: str) -> LabelledJourneys:
    """Form the journeys of mixtures with the defaults of `extract`, and count the items of their collections.

    Args:
        mixtures: rows of `MIXTURES`.
        corpus: features of their items.
        features: what journeys are formed by.
        encoder: the name of the vectors.
    """
    offsets, items = offsets_of(mixtures), mixtures["item"].flatten().to_numpy()
    labels = mixtures["label"].flatten().to_numpy().astype(np.int64)
    terms = corpus.terms[STATISTICAL]
    vectors = corpus.directions[encoder] if features == "vectors" else None
    found = _journeys(offsets, items, terms, vectors)
    catalogue = Catalogue(pa.array([], pa.string()), pa.array([], pa.string()), terms, vectors)
    own = _largest(owners_of(found.member_offsets), labels[found.members], len(found.users))
    ids = mixtures["mixture_id"].to_numpy()
    return LabelledJourneys(ids[found.users], journey_coherence(found, items, catalogue), found.sizes, own)


def _journeys(
    offsets: Integers, items: npt.NDArray[np.int32], terms: TermVectors, vectors: npt.NDArray[np.int8] | None
) -> Journeys:
    if vectors is None:
        return extract_journeys(offsets, items, terms, IcpcConfig())
    labels = cluster_histories(offsets, items, vectors, BayesianConfig())
    return journeys_from_labels(offsets, items, labels, len(vectors), IcpcConfig.min_size)


def _largest(owners: Integers, labels: Integers, count: int) -> Integers:
    """Return the size of the largest collection in each journey; noise, with the label -1, is in none."""
    width = int(labels.max(initial=0)) + 1
    keys, sizes = np.unique((owners * width + labels)[labels >= 0], return_counts=True)
    largest = np.zeros(count, np.int64)
    np.maximum.at(largest, keys // width, sizes)
    return largest


def fit_confidence(journeys: LabelledJourneys) -> ConfidenceModel:
    """Fit the logistic regression; each item of a journey is an example.

    Raises:
        ValueError: when all items belong to their journeys, or none does.
    """
    features = confidence_features(journeys.coherence, journeys.sizes)
    coefficients, constant = _fit(features, journeys)
    return ConfidenceModel(round(constant, _DIGITS), *(round(each, _DIGITS) for each in coefficients.tolist()))


def _fit(features: Floats, journeys: LabelledJourneys) -> tuple[Floats, float]:
    labels = np.r_[np.ones(len(features)), np.zeros(len(features))]
    weights = np.r_[journeys.own, journeys.sizes - journeys.own].astype(np.float64)
    if not journeys.own.any() or (journeys.own == journeys.sizes).all():
        raise ValueError("all items belong to their journeys, or none does: nothing can be fitted")
    with threadpool_limits(1):
        fitted = LogisticRegression(C=1e6, max_iter=1000).fit(
            np.concatenate([features, features]), labels, sample_weight=weights
        )
    return fitted.coef_[0], float(fitted.intercept_[0])


def evaluate_confidence(halves: MixedHalves, corpus: Corpus, encoder: str | None, seed: int) -> pa.RecordBatch:
    """Fit and measure the confidence; rows of `metrics`.

    Args:
        halves: the mixtures.
        corpus: features of their items.
        encoder: the name of the vectors; None: there are none, and journeys are formed by terms alone.
        seed: random seed of the intervals.
    """
    rows: list[Row] = []
    kinds: tuple[Features, ...] = ("terms",) if encoder is None else ("vectors", "terms")
    for kind in kinds:
        fitted, held_out = (
            labelled_journeys(each, corpus, kind, encoder or "") for each in (halves.fitted, halves.held_out)
        )
        if not len(fitted.sizes) or not len(held_out.sizes):
            raise ValueError(f"no journeys by {kind} were formed from the mixtures")
        rows += _kind_rows(fitted, held_out, kind, seed)
    return metric_batch(rows)


def _kind_rows(fitted: LabelledJourneys, held_out: LabelledJourneys, kind: Features, seed: int) -> Iterator[Row]:
    model = fit_confidence(fitted)
    for name, shipped, found in zip(NAMES, MODELS[kind], model, strict=True):
        yield metric_row("confidence_coefficient", point(shipped), features=kind, model=SHIPPED, name=name)
        yield metric_row("confidence_coefficient", point(found), features=kind, model=FITTED, name=name)
    alone, constant = _fit(fitted.coherence[:, None], fitted)
    by_coherence = 1 / (1 + np.exp(-(held_out.coherence * alone[0] + constant)))
    predicted = {
        SHIPPED: confidences(held_out.coherence, held_out.sizes, MODELS[kind]),
        FITTED: confidences(held_out.coherence, held_out.sizes, model),
        COHERENCE: by_coherence,
        CONSTANT: np.full(len(held_out.sizes), fitted.own.sum() / fitted.sizes.sum()),
    }
    yield metric_row("confidence_journeys", point(len(fitted.sizes)), features=kind, half="fitted")
    yield metric_row("confidence_journeys", point(len(held_out.sizes)), features=kind, half="held out")
    _, codes = np.unique(held_out.mixtures, return_inverse=True)
    own, sizes = (np.bincount(codes, each) for each in (held_out.own, held_out.sizes))
    yield metric_row("confidence_belongs", ratio_interval(own, sizes, seed), features=kind)
    for name, found in predicted.items():
        yield from _measure(found, held_out, seed, features=kind, model=name)


def _measure(found: Floats, journeys: LabelledJourneys, seed: int, **parts: object) -> Iterator[Row]:
    """Measure predictions on the items of journeys, and on whole journeys."""
    items = np.repeat(found, journeys.sizes)
    places = np.arange(len(items)) - np.repeat(np.cumsum(journeys.sizes) - journeys.sizes, journeys.sizes)
    belongs = places < np.repeat(journeys.own, journeys.sizes)
    mixtures = np.repeat(journeys.mixtures, journeys.sizes)
    error = expected_calibration_error(items, belongs)
    yield metric_row("confidence_calibration_error", point(error, len(items)), **parts)
    clipped = np.clip(items, _SMALLEST, 1 - _SMALLEST)
    losses = -np.where(belongs, np.log(clipped), np.log1p(-clipped))
    _, codes = np.unique(mixtures, return_inverse=True)
    loss = ratio_interval(np.bincount(codes, losses), np.bincount(codes), seed)
    yield metric_row("confidence_log_loss", loss, **parts)
    pure = journeys.own >= PURE * journeys.sizes
    for of, scores, labels, units in (
        ("items", items, belongs, mixtures),
        ("journeys", found, pure, journeys.mixtures),
    ):
        if labels.any() and not labels.all():
            yield metric_row("confidence_auc", auc_interval(scores, labels, units, seed), of=of, **parts)
    if parts["model"] == SHIPPED:
        for place, each in enumerate(calibration_curve(items, belongs, CURVE_BINS), 1):
            for name in ("predicted", "observed"):
                value = point(getattr(each, name), each.examples)
                yield metric_row(f"confidence_curve_{name}", value, bin=place, features=parts["features"])
