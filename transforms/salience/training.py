"""Training of a salience model on a catalogue: labels of half of the items are hidden and must be predicted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_array
from transforms.salience.candidates import catalogue_terms
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.features import Pairs, describe, measure, nearest_terms, pairs_in_text
from transforms.salience.fitting import KINDS, Fitted, LabelledPairs, fit
from transforms.salience.labels import mask_labels, sample_mask, terms_of_fields
from transforms.salience.model import SalienceModel
from transforms.salience.term_table import (
    Directions,
    Floats,
    Integers,
    TermTable,
    build_table,
    term_sums,
    top_frequent,
)
from transforms.salience.vocabulary import catalogue_size, frequent_terms, vocabulary


class TrainingContext(NamedTuple):
    """Items on whose terms a model is trained or tested.

    Attributes:
        candidates: rows of `CANDIDATES`, one for each item.
        vectors: vectors of the items, shape (items, dimensions).
        table: the terms of the vocabulary of these items.
    """

    candidates: pa.RecordBatch
    vectors: Directions
    table: TermTable


def build_context(
    items: pa.RecordBatch, vectors: Directions, salience: SalienceConfig, learning: LearnedSalienceConfig
) -> TrainingContext:
    """Build the vocabulary of some items and the table of its terms.

    Args:
        items: rows of `items`.
        vectors: vectors of the items, shape (items, dimensions).
        salience: limits of the vocabulary.
        learning: its `max_context_terms` is used.
    """
    candidates, statistics, _ = catalogue_terms(items, salience.stop_words)
    # Terms are compared with labels, which are normalised: their spelling is that of the terms themselves.
    frequent = frequent_terms([statistics], [], salience.vocabulary)
    chosen = vocabulary([frequent], catalogue_size(candidates), salience.vocabulary)
    given = terms_of_fields(items, salience.stop_words)["terms"]
    frequents = top_frequent(chosen, learning.max_context_terms)
    sums = term_sums(only_terms(candidates["terms"], frequents), given, vectors)
    return TrainingContext(candidates, vectors, build_table(chosen, sums, items.num_rows))


def only_terms(terms: pa.ListArray, kept: pa.StringArray) -> pa.ListArray:
    """Remove terms that are not among `kept` from lists of terms."""
    inside = pc.is_in(terms.flatten(), kept)
    parents = pc.list_parent_indices(terms).filter(inside).to_numpy()
    ends = np.searchsorted(parents, np.arange(len(terms) + 1))
    return list_array(ends, terms.flatten().filter(inside))


def label_pairs(
    context: TrainingContext, labels: pa.RecordBatch, learning: LearnedSalienceConfig, seed: int
) -> LabelledPairs:
    """Sample positive and negative pairs for each item with labels.

    For each label of an item that is in the vocabulary, the negatives are a label of another item, a term of its own
    text and a term near to it, none of which is among its labels.

    Args:
        context: the items.
        labels: rows of `LABELS`; items without labels have no pairs.
        learning: its `max_labels`, `neighbours` and `min_items` are used.
        seed: random seed.
    """
    random = np.random.default_rng(seed)
    size = max(len(context.table.terms), 1)
    given = _given(context, labels, learning.max_labels, random)
    every = _given(context, labels, None, random)
    owners = np.unique(given // size)
    in_text = pairs_in_text(context.candidates, context.table)
    text_keys, near_keys = in_text.items * size + in_text.terms, _near_keys(context, owners, learning)
    others = np.unique(given // size * size + random.permutation(given % size))
    considered = (others, text_keys[np.isin(in_text.items, owners)], near_keys[~np.isin(near_keys, text_keys)])
    not_given = [keys[~np.isin(keys, every)] for keys in considered]
    taken = [given, not_given[0], *(_sample(keys, len(given), random) for keys in not_given[1:])]
    kinds = np.repeat(np.arange(len(KINDS)), [len(keys) for keys in taken])
    repeats = [len(keys) / max(len(own), 1) for keys, own in zip(not_given[1:], taken[2:], strict=True)]
    keys, first = np.unique(np.concatenate(taken), return_index=True)
    evidence = _evidence(keys, text_keys, in_text.evidence)
    elsewhere = (evidence == 0) & ~np.isin(keys, near_keys)
    weights = np.array([1.0, 1.0, *repeats])[kinds[first]]
    return LabelledPairs(Pairs(keys // size, keys % size, evidence), kinds[first], elsewhere, weights)


def _evidence(keys: Integers, text_keys: Integers, evidence: Floats) -> Floats:
    """Return the evidence of each pair; 0 for pairs that are not among `text_keys`, which are ascending."""
    found = np.zeros(len(keys))
    in_text = np.isin(keys, text_keys)
    found[in_text] = evidence[np.searchsorted(text_keys, keys[in_text])]
    return found


def _given(
    context: TrainingContext, labels: pa.RecordBatch, max_labels: int | None, random: np.random.Generator
) -> Integers:
    """Return item * terms + term for the labels in the vocabulary, ascending; at most `max_labels` per item."""
    rows = pc.index_in(labels["item_id"], context.candidates["item_id"])
    owners = rows.take(pc.list_parent_indices(labels["terms"]))
    codes = pc.index_in(labels["terms"].flatten(), context.table.terms)
    valid = pc.and_(owners.is_valid(), codes.is_valid())
    size = max(len(context.table.terms), 1)
    keys = np.unique(
        owners.filter(valid).to_numpy(zero_copy_only=False).astype(np.int64) * size
        + codes.filter(valid).to_numpy(zero_copy_only=False)
    )
    if max_labels is None:
        return keys
    order = np.lexsort((random.random(len(keys)), keys // size))
    ranks = np.arange(len(keys)) - np.searchsorted(keys // size, keys // size)
    return np.sort(keys[order][ranks < max_labels])


def _near_keys(context: TrainingContext, owners: Integers, learning: LearnedSalienceConfig) -> Integers:
    size = max(len(context.table.terms), 1)
    found = []
    for rows in blocks(owners):
        near = nearest_terms(
            measure(context.vectors[rows], context.table), context.table, learning.neighbours, learning.min_items
        )
        found.append(rows[near.items] * size + near.terms)
    return np.sort(np.concatenate([*found, np.zeros(0, np.int64)]))


def _sample(keys: Integers, count: int, random: np.random.Generator) -> Integers:
    """Sample at most `count` keys without replacement."""
    return random.choice(keys, min(count, len(keys)), replace=False) if len(keys) else keys


ITEMS_PER_BLOCK = 256


def blocks(rows: Integers) -> list[Integers]:
    """Split rows into blocks that are compared with a whole vocabulary at once."""
    return [rows[start : start + ITEMS_PER_BLOCK] for start in range(0, len(rows), ITEMS_PER_BLOCK)]


def features_of(context: TrainingContext, pairs: Pairs) -> Floats:
    """Compute the features of pairs, which are sorted by item; float64, shape (pairs, features)."""
    owners = np.unique(pairs.items)
    found = [describe(pairs, measure(context.vectors[:0], context.table), context.table)] if not len(owners) else []
    for rows in blocks(owners):
        start, end = np.searchsorted(pairs.items, [rows[0], rows[-1] + 1])
        own = Pairs(np.searchsorted(rows, pairs.items[start:end]), pairs.terms[start:end], pairs.evidence[start:end])
        found.append(describe(own, measure(context.vectors[rows], context.table), context.table))
    return np.concatenate(found)


def train(context: TrainingContext, labels: pa.RecordBatch, learning: LearnedSalienceConfig) -> Fitted | None:
    """Fit a model to labelled pairs; a fraction of the items is held out for calibration.

    Args:
        context: the items; their text must not contain the fields that `labels` come from.
        labels: rows of `LABELS`.
        learning: the configuration of the training.

    Returns:
        The model; None if there are too few labels, or too few of them occur in the text.
    """
    labelled = label_pairs(context, labels, learning, learning.seed)
    in_text = labelled.pairs.evidence[labelled.fits] > 0
    if len(in_text) < learning.min_pairs or in_text.mean() < learning.min_fraction_in_text:
        return None
    held_out = sample_mask(context.candidates["item_id"], learning.calibration_fraction, "calibration")
    return fit(features_of(context, labelled.pairs), labelled, held_out[labelled.pairs.items])


GIVEN, CONSUMED, NOTHING = "tags and queries", "titles consumed together", "nothing"
"""Training data of a model; `NOTHING`: it was given."""

HIDDEN_FRACTION = 0.5


class TrainedModel(NamedTuple):
    """A model and its origin.

    Attributes:
        model: the model.
        trained_on: `GIVEN`, `CONSUMED` or `NOTHING`.
        fitted: the result of the fit; None: the model was given.
    """

    model: SalienceModel
    trained_on: str
    fitted: Fitted | None


def train_or_fall_back(
    items: pa.RecordBatch,
    vectors: Directions,
    consumed: pa.RecordBatch,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    fallback_model: SalienceModel,
) -> TrainedModel:
    """Train a model on tags and queries, else on titles consumed together, else return the fallback model.

    Tags and queries of half of the items are hidden and must be predicted. Titles of items consumed before or after an
    item are not part of its text, so nothing is hidden for them.

    Args:
        items: rows of `items`.
        vectors: vectors of the items, shape (items, dimensions).
        consumed: rows of `LABELS`, from `co_consumed_terms`.
        salience: limits of the vocabulary.
        learning: the configuration of the training.
        fallback_model: the model if there is too little training data.
    """
    hidden = sample_mask(items["item_id"], HIDDEN_FRACTION, "hidden")
    hidden_labels = terms_of_fields(items.filter(pa.array(hidden)), salience.stop_words)
    for source, visible, labels in ((GIVEN, mask_labels(items, hidden), hidden_labels), (CONSUMED, items, consumed)):
        if pc.sum(pc.list_value_length(labels["terms"])).as_py():
            fitted = train(build_context(visible, vectors, salience, learning), labels, learning)
            if fitted is not None:
                return TrainedModel(fitted.model, source, fitted)
    return TrainedModel(fallback_model, NOTHING, None)
