"""Experiment on salience: tags of half of the items are hidden, and scorers must say which terms they were."""

from __future__ import annotations

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import run_offsets
from transforms.evaluation.bootstrap import Interval, mean_interval, paired_difference
from transforms.evaluation.figures import certain, metric_batch, metric_row
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
MOST_GIVEN = "most given terms"
SCORERS = (DEFAULT, OWN, STATISTICAL, NEAREST, MOST_GIVEN)
"""What is compared: learned salience, its rival, and two marks: the cosine to a term's context alone, and for all items
alike the tags that other items have most."""

PRECISION_AT = 5
_TEST_SEED = 1
_AGAIN_SHARE = 0.5


class ScorerResult(NamedTuple):
    """What one scorer gave.

    Attributes:
        pair_scores: float64, shape (pairs,): of each labelled pair, higher is more relevant.
        precision: float64, shape (items,): the share of the best terms of each labelled item that are among its labels.
        chances: float64, shape (pairs,): saliences as probabilities; None for a scorer that does not promise any.
    """

    pair_scores: Floats
    precision: Floats
    chances: Floats | None


class HoldoutData(NamedTuple):
    """What scorers are tried on.

    Attributes:
        context: the items, tags hidden from half of them.
        labels: rows of `LABELS`: what was hidden, for items of which a term of the vocabulary was.
        labelled: pairs to be told apart.
        features: of these pairs.
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
    """Tries the statistical scorer, the default model, and a model that is learnt from the items whose tags are seen.

    Args:
        items: rows of `items`, with tags.
        vectors: of the items, shape (items, dimensions).
        salience: limits of the vocabulary.
        learning: limits.
        default: the model that comes with the package.

    Returns:
        Rows of `metrics`, sliced by scorer: `salience_auc`, the mean over items of how often a term that was hidden is
        above one that was hidden from another item; `salience_precision`, the mean over items of the share of the best
        five terms that were hidden; `..._gain`, the same minus that of the statistical scorer;
        `salience_calibration_error` of those that promise probabilities.

    Raises:
        ValueError: when too few items have tags.
    """
    hidden = sample_mask(items["item_id"], HIDDEN_FRACTION, "hidden")
    trial = _trial(items, vectors, hidden, salience, learning)
    if not trial.labelled.fits.any():
        raise ValueError("no item has a tag that stands in the text or among the tags of at least two others")
    judged = {STATISTICAL: _judge_statistics(trial), DEFAULT: _judge_model(trial, default, learning)}
    seen = np.flatnonzero(~hidden)
    own = _own_model(items.take(pa.array(seen)), vectors[seen], salience, learning)
    if own is not None:
        judged[OWN] = _judge_model(trial, own, learning)
    judged[NEAREST] = _judge_alone(trial, "nearness", learning)
    judged[MOST_GIVEN] = _judge_alone(
        trial, "given", dataclasses.replace(learning, neighbours=learning.max_context_terms)
    )
    rows = [row for name, found in judged.items() for row in _rows(name, found, trial, judged[STATISTICAL])]
    rows.append(metric_row("salience_items", "tested", certain(len(trial.labels))))
    rows.append(metric_row("salience_items", "all", certain(items.num_rows)))
    return metric_batch(rows)


def _trial(
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
    """The rows of `LABELS` of which a term is in the vocabulary."""
    known = pc.is_in(labels["terms"].flatten(), context.table.terms)
    owners = pc.list_parent_indices(labels["terms"]).filter(known).to_numpy()
    return labels.take(pa.array(np.unique(owners)))


def _own_model(
    items: pa.RecordBatch, vectors: Directions, salience: SalienceConfig, learning: LearnedSalienceConfig
) -> SalienceModel | None:
    """A model learnt from items whose tags are seen: of half of these they are hidden in turn."""
    again = sample_mask(items["item_id"], _AGAIN_SHARE, "hidden again")
    context = build_context(mask_labels(items, again), vectors, salience, learning)
    whatever = dataclasses.replace(learning, min_fraction_in_text=0.0)
    fitted = train(context, terms_of_fields(items.filter(pa.array(again)), salience.stop_words), whatever)
    return fitted.model if fitted else None


def _judge_statistics(trial: HoldoutData) -> ScorerResult:
    table = trial.context.table
    terms = pa.RecordBatch.from_arrays([table.terms, pa.array(table.specificity)], schema=VOCABULARY)
    found = statistical_salience(trial.context.candidates, terms, PRECISION_AT)
    scores = trial.features[:, FEATURES.index("statistical salience")]
    return ScorerResult(scores, precision(found, trial.labels), None)


def _judge_model(trial: HoldoutData, model: SalienceModel, learning: LearnedSalienceConfig) -> ScorerResult:
    context = trial.context
    found = learned_salience(
        context.candidates,
        context.vectors,
        context.table,
        model,
        learning.neighbours,
        learning.min_items,
        PRECISION_AT,
    )
    chances = model.salience(trial.features)
    return ScorerResult(model.logits(trial.features), precision(found, trial.labels), chances)


def _judge_alone(trial: HoldoutData, feature: str, learning: LearnedSalienceConfig) -> ScorerResult:
    """A scorer that looks at one feature, whether a term stands in the text or not."""
    weights = [float(name == feature) for name in FEATURES]
    return _judge_model(trial, SalienceModel(tuple(weights), 0.0), learning)._replace(chances=None)


def precision(salient: pa.RecordBatch, labels: pa.RecordBatch, at: int = PRECISION_AT) -> Floats:
    """For each item with labels the share of its most salient terms that are among them.

    Args:
        salient: rows of `salient_terms`, of these items and perhaps others.
        labels: rows of `LABELS`.
        at: how many terms of an item count; terms that it has too few of count as wrong.

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


def ranking(items: Integers, scores: Floats, fits: np.ndarray) -> Floats:
    """The area under the curve of each item that has both kinds of pairs: how often a pair that fits is above another.

    Args:
        items: shape (pairs,), ascending.
        scores: shape (pairs,); ties count half.
        fits: bool, shape (pairs,).

    Returns:
        float64, shape (items that have both,).
    """
    areas = []
    for start, end in itertools.pairwise(run_offsets(items).tolist()):
        own, good = scores[start:end], fits[start:end]
        above, below = own[good][:, None], own[~good][None, :]
        if above.size and below.size:
            areas.append(float(((above > below) + 0.5 * (above == below)).mean()))
    return np.array(areas)


def _rows(name: str, judged: ScorerResult, trial: HoldoutData, rival: ScorerResult) -> list[dict[str, object]]:
    """All figures of one scorer."""
    found: dict[str, Interval] = {}
    areas, theirs = (_areas(trial, each.pair_scores) for each in (judged, rival))
    if len(areas):
        found["salience_auc"] = mean_interval(areas, _TEST_SEED)
        found["salience_auc_gain"] = paired_difference(areas, theirs, _TEST_SEED)
    found["salience_precision"] = mean_interval(judged.precision, _TEST_SEED)
    found["salience_precision_gain"] = paired_difference(judged.precision, rival.precision, _TEST_SEED)
    if judged.chances is not None:
        matched = trial.labelled.matched
        error = expected_calibration_error(judged.chances[matched], trial.labelled.fits[matched])
        found["salience_calibration_error"] = certain(error, int(matched.sum()))
    return [metric_row(metric, name, interval) for metric, interval in found.items()]


def _areas(trial: HoldoutData, scores: Floats) -> Floats:
    chosen = trial.labelled.matched
    return ranking(trial.labelled.pairs.items[chosen], scores[chosen], trial.labelled.fits[chosen])
