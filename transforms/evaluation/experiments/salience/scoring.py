"""Comparison of term scorers on tags that are hidden from half of the items."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import run_offsets
from transforms.evaluation.bootstrap import Interval, mean_interval, paired_difference
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.features import FEATURES
from transforms.salience.fitting import LabelledPairs, expected_calibration_error
from transforms.salience.labels import mask_labels, sample_mask, terms_of_fields
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel
from transforms.salience.scoring import statistical_salience
from transforms.salience.term_table import Directions, Floats, Integers
from transforms.salience.training import (
    HIDDEN_FRACTION,
    TrainingContext,
    build_context,
    features_of,
    label_pairs,
    train,
)
from transforms.salience.vocabulary import VOCABULARY

STATISTICAL = "statistical"
DEFAULT = "learned, default model"
OWN = "learned, on the other items"
NEAREST = "nearest terms"
FREQUENT = "most frequent tags"
SCORERS = (DEFAULT, OWN, STATISTICAL, NEAREST, FREQUENT)
"""The scorers: learned salience with two models, its rival, and two reference points: the cosine between an item and
the context of a term, and, the same for all items, the number of other items that have the term as a tag."""

PRECISION_AT = 5
_TEST_SEED = 1
_MASKED_FRACTION = 0.5


class ScorerResult(NamedTuple):
    """Scores of one scorer.

    Attributes:
        pair_scores: float64, shape (pairs,): the score of each labelled pair; higher is more relevant.
        precision: float64, shape (items,): for each labelled item the fraction of its best terms that are its labels.
        probabilities: float64, shape (pairs,): saliences as probabilities; None for a scorer without probabilities.
    """

    pair_scores: Floats
    precision: Floats
    probabilities: Floats | None


class HoldoutData(NamedTuple):
    """Test data of the scorers.

    Attributes:
        context: the items, with the tags of half of them hidden.
        labels: rows of `LABELS`: hidden terms of the items that have a hidden term in the vocabulary.
        labelled: pairs of item and term, relevant and not.
        features: of these pairs, shape (pairs, features).
    """

    context: TrainingContext
    labels: pa.RecordBatch
    labelled: LabelledPairs
    features: Floats


def evaluate_scorers(
    items: pa.RecordBatch,
    vectors: Directions,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    default: SalienceModel,
) -> pa.RecordBatch:
    """Evaluate the statistical scorer, the packaged model, a model trained on the items with visible tags, and marks.

    Args:
        items: rows of `items`, with tags.
        vectors: of the items, shape (items, dimensions).
        salience: limits of the vocabulary.
        learning: limits of learned salience.
        default: the packaged model.

    Returns:
        Rows of `metrics`, sliced by `scorer`: `salience_auc`, the mean over items of the probability that a hidden term
        of the item scores above a hidden term of another item; `salience_precision`, the mean over items of the
        fraction of the best five terms that were hidden; `..._gain`, the same minus that of the statistical scorer;
        `salience_calibration_error` of scorers with probabilities.

    Raises:
        ValueError: when too few items have tags.
    """
    hidden = sample_mask(items["item_id"], HIDDEN_FRACTION, "hidden")
    data = _hold_out(items, vectors, hidden, salience, learning)
    if not data.labelled.fits.any():
        raise ValueError("no item has a tag that occurs in the text or among the tags of at least two other items")
    results = {STATISTICAL: _evaluate_statistical(data), DEFAULT: _evaluate_model(data, default, learning)}
    visible = np.flatnonzero(~hidden)
    own = _train_own_model(items.take(pa.array(visible)), vectors[visible], salience, learning)
    if own is not None:
        results[OWN] = _evaluate_model(data, own, learning)
    results[NEAREST] = _evaluate_feature(data, "nearness", learning)
    all_terms = dataclasses.replace(learning, neighbours=learning.max_context_terms)
    results[FREQUENT] = _evaluate_feature(data, "given", all_terms)
    rows = [row for name, result in results.items() for row in _rows(name, result, data, results[STATISTICAL])]
    rows.append(metric_row("salience_items", point(items.num_rows)))
    rows.append(metric_row("salience_items_tested", point(len(data.labels))))
    return metric_batch(rows)


def _hold_out(
    items: pa.RecordBatch,
    vectors: Directions,
    hidden: np.ndarray,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
) -> HoldoutData:
    context = build_context(mask_labels(items, hidden), vectors, salience, learning)
    labels = _in_vocabulary(terms_of_fields(items.filter(pa.array(hidden)), salience.stop_words), context)
    labelled = label_pairs(context, labels, learning, _TEST_SEED)
    return HoldoutData(context, labels, labelled, features_of(context, labelled.pairs))


def _in_vocabulary(labels: pa.RecordBatch, context: TrainingContext) -> pa.RecordBatch:
    """Return the rows of `LABELS` that have a term of the vocabulary."""
    is_listed = pc.is_in(labels["terms"].flatten(), context.table.terms)
    owners = pc.list_parent_indices(labels["terms"]).filter(is_listed).to_numpy()
    return labels.take(pa.array(np.unique(owners)))


def _train_own_model(
    items: pa.RecordBatch, vectors: Directions, salience: SalienceConfig, learning: LearnedSalienceConfig
) -> SalienceModel | None:
    """Train a model on items with visible tags, which are masked for half of them in turn."""
    masked = sample_mask(items["item_id"], _MASKED_FRACTION, "hidden again")
    context = build_context(mask_labels(items, masked), vectors, salience, learning)
    any_labels = dataclasses.replace(learning, min_fraction_in_text=0.0)
    fitted = train(context, terms_of_fields(items.filter(pa.array(masked)), salience.stop_words), any_labels)
    return fitted.model if fitted else None


def _evaluate_statistical(data: HoldoutData) -> ScorerResult:
    table = data.context.table
    terms = pa.RecordBatch.from_arrays([table.terms, table.spellings, pa.array(table.specificity)], schema=VOCABULARY)
    salient = statistical_salience(data.context.candidates, terms, PRECISION_AT)
    scores = data.features[:, FEATURES.index("statistical salience")]
    return ScorerResult(scores, precision(salient, data.labels), None)


def _evaluate_model(data: HoldoutData, model: SalienceModel, learning: LearnedSalienceConfig) -> ScorerResult:
    context = data.context
    salient = learned_salience(
        context.candidates,
        context.vectors,
        context.table,
        model,
        learning.neighbours,
        learning.min_items,
        PRECISION_AT,
    )
    probabilities = model.salience(data.features)
    return ScorerResult(model.logits(data.features), precision(salient, data.labels), probabilities)


def _evaluate_feature(data: HoldoutData, feature: str, learning: LearnedSalienceConfig) -> ScorerResult:
    """Evaluate one feature as a score, whether a term occurs in the text or not."""
    weights = [float(name == feature) for name in FEATURES]
    return _evaluate_model(data, SalienceModel(tuple(weights), 0.0), learning)._replace(probabilities=None)


def precision(salient: pa.RecordBatch, labels: pa.RecordBatch, at: int = PRECISION_AT) -> Floats:
    """Compute for each labelled item the fraction of its most salient terms that are among its labels.

    Args:
        salient: rows of `salient_terms`, of these items and perhaps others.
        labels: rows of `LABELS`.
        at: number of terms of an item that count; missing terms count as wrong.

    Returns:
        float64, shape (labels,), in their order.
    """
    rows = pc.index_in(labels["item_id"], salient["item_id"])
    best = pc.list_slice(salient["terms"].take(rows), 0, at)
    keys = [
        pc.binary_join_element_wise(pc.list_parent_indices(lists).cast(pa.string()), lists.flatten(), " ")
        for lists in (best, labels["terms"])
    ]
    hits = pc.is_in(keys[0], keys[1]).to_numpy(zero_copy_only=False)
    owners = pc.list_parent_indices(best).to_numpy()
    return np.bincount(owners, hits, minlength=labels.num_rows) / at


def auc_per_item(items: Integers, scores: Floats, fits: np.ndarray) -> Floats:
    """Compute the area under the ROC curve of each item that has relevant and irrelevant pairs.

    Args:
        items: shape (pairs,), ascending.
        scores: shape (pairs,); ties count half.
        fits: bool, shape (pairs,): which pairs are relevant.

    Returns:
        float64, shape (items with both kinds,).
    """
    areas = []
    for start, end in itertools.pairwise(run_offsets(items).tolist()):
        own, good = scores[start:end], fits[start:end]
        above, below = own[good][:, None], own[~good][None, :]
        if above.size and below.size:
            areas.append(float(((above > below) + 0.5 * (above == below)).mean()))
    return np.array(areas)


def _rows(scorer: str, result: ScorerResult, data: HoldoutData, rival: ScorerResult) -> list[dict[str, Any]]:
    """Return all metrics of one scorer."""
    values: dict[str, Interval] = {}
    areas, rival_areas = (_areas(data, each.pair_scores) for each in (result, rival))
    if len(areas):
        values["salience_auc"] = mean_interval(areas, _TEST_SEED)
        values["salience_auc_gain"] = paired_difference(areas, rival_areas, _TEST_SEED)
    values["salience_precision"] = mean_interval(result.precision, _TEST_SEED)
    values["salience_precision_gain"] = paired_difference(result.precision, rival.precision, _TEST_SEED)
    if result.probabilities is not None:
        matched = data.labelled.matched
        error = expected_calibration_error(result.probabilities[matched], data.labelled.fits[matched])
        values["salience_calibration_error"] = point(error, int(matched.sum()))
    return [metric_row(metric, interval, scorer=scorer) for metric, interval in values.items()]


def _areas(data: HoldoutData, scores: Floats) -> Floats:
    matched = data.labelled.matched
    return auc_per_item(data.labelled.pairs.items[matched], scores[matched], data.labelled.fits[matched])
