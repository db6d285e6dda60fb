"""Learning salience from a catalogue: what people said of half of the items is hidden, and must be guessed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.salience.candidates import candidate_terms
from transforms.salience.config import LearningConfig, SalienceConfig
from transforms.salience.features import Pairs, describe, measure, nearest_terms, pairs_in_text
from transforms.salience.fitting import KINDS, Fitted, LabelledPairs, fit
from transforms.salience.labels import drawn, hide, terms_of_fields
from transforms.salience.model import SalienceModel
from transforms.salience.term_table import (
    Directions,
    Floats,
    Integers,
    TermTable,
    build_table,
    most_frequent,
    term_sums,
)
from transforms.salience.vocabulary import catalogue_size, frequent, term_statistics, vocabulary


class Scene(NamedTuple):
    """Items whose terms are to be judged, with what is known of the terms.

    Attributes:
        candidates: rows of `CANDIDATES`, one for each item.
        vectors: of the items, shape (items, dimensions).
        table: of the vocabulary of these items.
    """

    candidates: pa.RecordBatch
    vectors: Directions
    table: TermTable


def set_scene(items: pa.RecordBatch, vectors: Directions, salience: SalienceConfig, learning: LearningConfig) -> Scene:
    """Finds the vocabulary of some items, and what is known of its terms.

    Args:
        items: rows of `items`.
        vectors: of the items, shape (items, dimensions).
        salience: limits of the vocabulary.
        learning: limits of what has a context.
    """
    candidates = candidate_terms(items, salience.stop_words)
    statistics = frequent(term_statistics(candidates), salience.vocabulary)
    chosen = vocabulary([statistics], catalogue_size(candidates), salience.vocabulary)
    given = terms_of_fields(items, salience.stop_words)["terms"]
    frequents = most_frequent(chosen, learning.most_terms)
    sums = term_sums(only_terms(candidates["terms"], frequents), given, vectors)
    return Scene(candidates, vectors, build_table(chosen, sums, items.num_rows))


def only_terms(terms: pa.ListArray, kept: pa.StringArray) -> pa.ListArray:
    """Lists of terms without those that are not among `kept`."""
    inside = pc.is_in(terms.flatten(), kept)
    parents = pc.list_parent_indices(terms).filter(inside).to_numpy()
    ends = np.searchsorted(parents, np.arange(len(terms) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), terms.flatten().filter(inside))


def label_pairs(scene: Scene, labels: pa.RecordBatch, learning: LearningConfig, seed: int) -> LabelledPairs:
    """Draws pairs that fit and pairs that do not, for each item that has labels.

    For each label of an item that is in the vocabulary: a label of another item, a term of its own text and a term
    near to it, none of which is among its labels.

    Args:
        scene: the items.
        labels: rows of `LABELS`; items without labels have no pairs.
        learning: how many labels of an item count, and how many terms are near.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    size = max(len(scene.table.terms), 1)
    given = _given(scene, labels, learning.most_labels, random)
    every = _given(scene, labels, None, random)
    owners = np.unique(given // size)
    in_text = pairs_in_text(scene.candidates, scene.table)
    text_keys, near_keys = in_text.items * size + in_text.terms, _near_keys(scene, owners, learning)
    others = np.unique(given // size * size + random.permutation(given % size))
    considered = (others, text_keys[np.isin(in_text.items, owners)], near_keys[~np.isin(near_keys, text_keys)])
    not_given = [keys[~np.isin(keys, every)] for keys in considered]
    taken = [given, not_given[0], *(_drawn(keys, len(given), random) for keys in not_given[1:])]
    kinds = np.repeat(np.arange(len(KINDS)), [len(keys) for keys in taken])
    shares = [len(keys) / max(len(own), 1) for keys, own in zip(not_given[1:], taken[2:], strict=True)]
    keys, first = np.unique(np.concatenate(taken), return_index=True)
    evidence = _evidence(keys, text_keys, in_text.evidence)
    elsewhere = (evidence == 0) & ~np.isin(keys, near_keys)
    weights = np.array([1.0, 1.0, *shares])[kinds[first]]
    return LabelledPairs(Pairs(keys // size, keys % size, evidence), kinds[first], elsewhere, weights)


def _evidence(keys: Integers, text_keys: Integers, evidence: Floats) -> Floats:
    """The evidence of each pair, 0 for those that are not among `text_keys`, which are ascending."""
    found = np.zeros(len(keys))
    stands = np.isin(keys, text_keys)
    found[stands] = evidence[np.searchsorted(text_keys, keys[stands])]
    return found


def _given(scene: Scene, labels: pa.RecordBatch, most: int | None, random: np.random.Generator) -> Integers:
    """Item * terms + term for the labels that are in the vocabulary, ascending; of each item at most so many."""
    rows = pc.index_in(labels["item_id"], scene.candidates["item_id"])
    owners = rows.take(pc.list_parent_indices(labels["terms"]))
    codes = pc.index_in(labels["terms"].flatten(), scene.table.terms)
    known = pc.and_(owners.is_valid(), codes.is_valid())
    size = max(len(scene.table.terms), 1)
    keys = np.unique(
        owners.filter(known).to_numpy(zero_copy_only=False).astype(np.int64) * size
        + codes.filter(known).to_numpy(zero_copy_only=False)
    )
    if most is None:
        return keys
    order = np.lexsort((random.random(len(keys)), keys // size))
    ranks = np.arange(len(keys)) - np.searchsorted(keys // size, keys // size)
    return np.sort(keys[order][ranks < most])


def _near_keys(scene: Scene, owners: Integers, learning: LearningConfig) -> Integers:
    size = max(len(scene.table.terms), 1)
    found = []
    for rows in blocks(owners):
        near = nearest_terms(
            measure(scene.vectors[rows], scene.table), scene.table, learning.neighbours, learning.fewest_items
        )
        found.append(rows[near.items] * size + near.terms)
    return np.sort(np.concatenate([*found, np.zeros(0, np.int64)]))


def _drawn(keys: Integers, most: int, random: np.random.Generator) -> Integers:
    return random.choice(keys, min(most, len(keys)), replace=False) if len(keys) else keys


ITEMS_PER_BLOCK = 256


def blocks(rows: Integers) -> list[Integers]:
    """Rows, some at a time: what is compared with a whole vocabulary at once."""
    return [rows[start : start + ITEMS_PER_BLOCK] for start in range(0, len(rows), ITEMS_PER_BLOCK)]


def features_of(scene: Scene, pairs: Pairs) -> Floats:
    """The features of pairs, which are by item; float64, shape (pairs, features)."""
    owners = np.unique(pairs.items)
    found = [describe(pairs, measure(scene.vectors[:0], scene.table), scene.table)] if not len(owners) else []
    for rows in blocks(owners):
        start, end = np.searchsorted(pairs.items, [rows[0], rows[-1] + 1])
        own = Pairs(np.searchsorted(rows, pairs.items[start:end]), pairs.terms[start:end], pairs.evidence[start:end])
        found.append(describe(own, measure(scene.vectors[rows], scene.table), scene.table))
    return np.concatenate(found)


def train(scene: Scene, labels: pa.RecordBatch, learning: LearningConfig) -> Fitted | None:
    """Fits a model to labelled pairs; a share of the items is held out for calibration.

    Args:
        scene: the items; what `labels` says of them must not be in their text.
        labels: rows of `LABELS`.
        learning: limits.

    Returns:
        The model, or None where there are too few labels to learn from, or too few of them stand in the text.
    """
    labelled = label_pairs(scene, labels, learning, learning.seed)
    stand = labelled.pairs.evidence[labelled.fits] > 0
    if len(stand) < learning.fewest_pairs or stand.mean() < learning.least_share_in_text:
        return None
    held_out = drawn(scene.candidates["item_id"], learning.calibration_share, "calibration")
    return fit(features_of(scene, labelled.pairs), labelled, held_out[labelled.pairs.items])


GIVEN, CONSUMED, NOTHING = "tags and queries", "titles consumed together", "nothing"
"""What a model can be learnt from; from nothing means that it was given."""

HIDDEN_SHARE = 0.5


class Lesson(NamedTuple):
    """A model, and where it comes from.

    Attributes:
        model: the model.
        learnt_from: `GIVEN`, `CONSUMED` or `NOTHING`.
        fitted: how it was learnt; None for a model that was given.
    """

    model: SalienceModel
    learnt_from: str
    fitted: Fitted | None


def learn(
    items: pa.RecordBatch,
    vectors: Directions,
    consumed: pa.RecordBatch,
    salience: SalienceConfig,
    learning: LearningConfig,
    otherwise: SalienceModel,
) -> Lesson:
    """Learns a model from what people said of items, or else from what they consumed together, or else not at all.

    What was said of half of the items is hidden and must be guessed; the other half is as it is. Titles of what is
    consumed beside an item are no part of its text, so nothing is hidden to learn from them.

    Args:
        items: rows of `items`.
        vectors: of the items, shape (items, dimensions).
        consumed: rows of `LABELS`, by `consumed_together`.
        salience: limits of the vocabulary.
        learning: limits.
        otherwise: the model to use where there is too little to learn from.
    """
    hidden = drawn(items["item_id"], HIDDEN_SHARE, "hidden")
    said = terms_of_fields(items.filter(pa.array(hidden)), salience.stop_words)
    for source, visible, labels in ((GIVEN, hide(items, hidden), said), (CONSUMED, items, consumed)):
        if pc.sum(pc.list_value_length(labels["terms"])).as_py():
            fitted = train(set_scene(visible, vectors, salience, learning), labels, learning)
            if fitted is not None:
                return Lesson(fitted.model, source, fitted)
    return Lesson(otherwise, NOTHING, None)
