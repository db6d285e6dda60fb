"""Experiment on synonyms: the same mixtures before and after key words are replaced, at the same thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.evaluation import methods
from transforms.evaluation.algorithms import STATISTICAL, choose_methods
from transforms.evaluation.bootstrap import RESAMPLES, Interval, mean_of_groups, paired_difference
from transforms.evaluation.config import MixtureConfig, SeparationConfig
from transforms.evaluation.corpus import mix_collections
from transforms.evaluation.experiments.synonyms.replacement import (
    collections_with_key_words,
    f1_of_items,
    load_synonyms,
    replace_key_words,
)
from transforms.evaluation.figures import certain, metric_batch, metric_row
from transforms.evaluation.methods import Corpus, Method
from transforms.evaluation.perturbations import offsets_of
from transforms.evaluation.scores import score
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.salience.config import LearnedSalienceConfig
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel
from transforms.salience.scoring import statistical_salience
from transforms.salience.term_table import SCALE, Directions
from transforms.salience.training import build_context
from transforms.salience.vocabulary import VOCABULARY

Floats = npt.NDArray[np.float64]

LEARNED = "learned terms"
ENCODER = "vectors"
LEARNED_TERMS = 32
_LEARNED_COSINES = (0.0005, 0.005, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
_WHOLE, _CHANGED = "all items", "changed items"


class SynonymData(NamedTuple):
    """Mixtures of collections that have a key word with a synonym.

    Attributes:
        items: rows of `items`: all items of these collections.
        replaced: the same items, some with synonyms.
        changed: bool, shape (items,): which.
        mixed: int64, shape (items that were mixed,): their rows, in the order of their numbers in the mixtures.
        mixtures: rows of `MIXTURES`.
        collections: number of collections.
        words: number of different key words.
    """

    items: pa.RecordBatch
    replaced: pa.RecordBatch
    changed: npt.NDArray[np.bool_]
    mixed: npt.NDArray[np.int64]
    mixtures: pa.RecordBatch
    collections: int
    words: int


def replace_in_mixtures(collections: pa.RecordBatch, config: MixtureConfig) -> SynonymData:
    """Mixes the collections that have a key word, and replaces it in half of the items that have it.

    Args:
        collections: rows of `collections`, in any order.
        config: how they are mixed.

    Raises:
        ValueError: as `build_mixtures` does.
    """
    synonyms = load_synonyms()
    known = collections_with_key_words(collections, synonyms)
    mixed = mix_collections(known.collections, config)
    found = replace_key_words(mixed.catalogue, known, synonyms)
    rows = pc.index_in(mixed.items["item_id"], mixed.catalogue["item_id"]).to_numpy().astype(np.int64)
    return SynonymData(
        mixed.catalogue,
        found.items,
        found.changed,
        rows,
        mixed.mixtures,
        known.collections.num_rows,
        len(set(known.words)),
    )


def trial_methods() -> tuple[Method, ...]:
    """What is compared: the literal scorer first."""
    by_vectors = choose_methods(ENCODER, ["ICPC with a second look", "one pass", "Ward"])
    return (
        *choose_methods(None, [f"ICPC, {STATISTICAL}"]),
        methods.icpc(LEARNED, _LEARNED_COSINES),
        *by_vectors,
    )


def evaluate_methods(
    trial: SynonymData,
    plain: Directions,
    replaced: Directions,
    config: SeparationConfig,
    learning: LearnedSalienceConfig,
    model: SalienceModel,
) -> pa.RecordBatch:
    """What each method finds in the mixtures as they are, and with synonyms, at the threshold that is best before.

    Args:
        trial: the mixtures.
        plain: vectors of the items, shape (items, dimensions).
        replaced: vectors of the items with synonyms.
        config: how terms are found.
        learning: limits of the learned scorer.
        model: its model.

    Returns:
        Rows of `metrics`.
    """
    before = _corpus(trial, trial.items, plain, config, learning, model)
    after = _corpus(trial, trial.replaced, replaced, config, learning, model)
    drops: dict[tuple[str, str], tuple[Floats, npt.NDArray[np.int32]]] = {}
    rows: list[dict[str, Any]] = []
    for method in trial_methods():
        threshold, firsts = _best(trial, before, method)
        rows.append(metric_row("synonyms_threshold", method.name, certain(threshold)))
        seconds = _f1(trial, after, method, threshold)
        for part, first in firsts.items():
            second, kept = seconds[part], np.isfinite(first)
            ks = trial.mixtures["k"].to_numpy()[kept]
            drops[method.name, part] = first[kept] - second[kept], ks
            for when, values in (("before", first[kept]), ("after", second[kept])):
                found = mean_of_groups(values, ks, config.mixtures.seed)
                rows.append(metric_row(f"synonyms_f1_{when}", f"{method.name}/{part}", found))
            drop = paired_difference(first[kept], second[kept], config.mixtures.seed, ks)
            rows.append(metric_row("synonyms_drop", f"{method.name}/{part}", drop))
    literal = trial_methods()[0].name
    for (name, part), (own, ks) in drops.items():
        if name != literal:
            ratio = ratio_of_means(own, drops[literal, part][0], ks, config.mixtures.seed)
            rows.append(metric_row("synonyms_share_of_drop", f"{name}/{part}", ratio))
    return metric_batch([*rows, *_amounts(trial)])


def _amounts(trial: SynonymData) -> list[dict[str, Any]]:
    amounts = {
        "collections": trial.collections,
        "words": trial.words,
        "items": len(trial.changed),
        "changed": int(trial.changed.sum()),
        "items_mixed": len(trial.mixed),
        "changed_mixed": int(trial.changed[trial.mixed].sum()),
    }
    return [metric_row(f"synonyms_{name}", "", certain(number)) for name, number in amounts.items()]


def _corpus(
    trial: SynonymData,
    items: pa.RecordBatch,
    vectors: Directions,
    config: SeparationConfig,
    learning: LearnedSalienceConfig,
    model: SalienceModel,
) -> Corpus:
    """What is known of the items that were mixed, where the whole catalogue is in one state."""
    context = build_context(items, vectors, config.salience, learning)
    mixed = pa.array(trial.mixed)
    candidates, own = context.candidates.take(mixed), vectors[trial.mixed]
    terms = pa.RecordBatch.from_arrays([context.table.terms, pa.array(context.table.specificity)], schema=VOCABULARY)
    literal = statistical_salience(candidates, terms, config.salience.max_terms)
    learned = learned_salience(
        candidates, own, context.table, model, learning.neighbours, learning.min_items, LEARNED_TERMS
    )
    return Corpus(
        texts=("",) * len(trial.mixed),
        terms={
            name: unpack_catalogue(pack_catalogue([found])).term_vectors
            for name, found in ((STATISTICAL, literal), (LEARNED, learned))
        },
        vectors={ENCODER: (own / np.float32(SCALE)).astype(np.float32)},
    )


def _best(trial: SynonymData, corpus: Corpus, method: Method) -> tuple[float, dict[str, Floats]]:
    """The threshold with the best F1 in the mean over all k, and F1 there."""
    tried = {threshold: _f1(trial, corpus, method, threshold) for threshold in method.thresholds}
    ks = trial.mixtures["k"].to_numpy()

    def mean(threshold: float) -> float:
        return float(np.mean([tried[threshold][_WHOLE][ks == k].mean() for k in np.unique(ks)]))

    best = max(method.thresholds, key=lambda threshold: (mean(threshold), -threshold))
    return best, tried[best]


def _f1(trial: SynonymData, corpus: Corpus, method: Method, threshold: float) -> dict[str, Floats]:
    """B-cubed F1 of each mixture: of all items, and of those that are changed after."""
    offsets = offsets_of(trial.mixtures)
    items = trial.mixtures["item"].flatten().to_numpy()
    true = trial.mixtures["label"].flatten().to_numpy().astype(np.int64)
    found = method.find(corpus, offsets, items, threshold)
    chosen = trial.changed[trial.mixed][items]
    return {_WHOLE: score(offsets, true, found).f1, _CHANGED: f1_of_items(offsets, true, found, chosen)}


def ratio_of_means(above: Floats, below: Floats, groups: Sequence[int] | npt.NDArray[np.int32], seed: int) -> Interval:
    """The mean of one over the mean of the other, both measured on the same things; the mean of the groups' means.

    Args:
        above: shape (observations,).
        below: shape (observations,), of a positive mean.
        groups: shape (observations,).
        seed: of the draws, which are made inside each group.

    Raises:
        ValueError: when the mean of `below` is not positive.
    """
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    draws, means = np.zeros((2, RESAMPLES)), np.zeros(2)
    for code in range(len(labels)):
        own = np.stack([above[codes == code], below[codes == code]])
        chosen = random.integers(own.shape[1], size=(RESAMPLES, own.shape[1]))
        draws += own[:, chosen].mean(axis=2) / len(labels)
        means += own.mean(axis=1) / len(labels)
    if not means[1] > 0:
        raise ValueError("there is no drop to compare with")
    ratios = draws[0, draws[1] > 0] / draws[1, draws[1] > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Interval(float(means[0] / means[1]), float(low), float(high), len(above))
