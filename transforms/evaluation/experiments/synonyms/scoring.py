"""Comparison of methods on the same mixtures before and after key words are replaced, at the same thresholds."""

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
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.corpus import mix_collections
from transforms.evaluation.experiments.synonyms.replacement import (
    collections_with_key_words,
    f1_of_items,
    load_synonyms,
    replace_key_words,
)
from transforms.evaluation.methods import Corpus, Method
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.evaluation.perturbations import offsets_of
from transforms.evaluation.scores import score
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel
from transforms.salience.scoring import statistical_salience
from transforms.salience.term_table import SCALE, Directions
from transforms.salience.training import build_context
from transforms.salience.vocabulary import VOCABULARY

Floats = npt.NDArray[np.float64]

LEARNED = "learned terms"
ENCODER = "vectors"
MAX_LEARNED_TERMS = 32
ALL_ITEMS, CHANGED_ITEMS = "all", "changed"
ITEM_GROUPS = (ALL_ITEMS, CHANGED_ITEMS)
"""The items that are scored: all, or those that were changed."""

_LEARNED_COSINES = (0.0005, 0.005, 0.02, 0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)


class SynonymData(NamedTuple):
    """Mixtures of collections that have a key word with a synonym.

    Attributes:
        items: rows of `items`: all items of these collections.
        replaced: the same items, some with synonyms.
        changed: bool, shape (items,): which have synonyms.
        mixed: int64, shape (mixed items,): rows of the items in the mixtures, in the order of their numbers there.
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
    """Mix the collections that have a key word, and replace it in half of the items that have it.

    Args:
        collections: rows of `collections`, in any order.
        config: configuration of the mixtures.

    Raises:
        ValueError: as `build_mixtures` does.
    """
    synonyms = load_synonyms()
    key_words = collections_with_key_words(collections, synonyms)
    mixed = mix_collections(key_words.collections, config)
    replaced = replace_key_words(mixed.catalogue, key_words, synonyms)
    rows = pc.index_in(mixed.items["item_id"], mixed.catalogue["item_id"]).to_numpy().astype(np.int64)
    return SynonymData(
        mixed.catalogue,
        replaced.items,
        replaced.changed,
        rows,
        mixed.mixtures,
        key_words.collections.num_rows,
        len(set(key_words.words)),
    )


def compared_methods() -> tuple[Method, ...]:
    """Return the methods that are compared, the one by literal terms first."""
    by_vectors = choose_methods(ENCODER, ["ICPC with refinement", "one pass", "Ward"])
    return (
        *choose_methods(None, [f"ICPC, {STATISTICAL}"]),
        methods.icpc(LEARNED, _LEARNED_COSINES),
        *by_vectors,
    )


def evaluate_methods(
    data: SynonymData,
    vectors: Directions,
    replaced_vectors: Directions,
    mixtures: MixtureConfig,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    model: SalienceModel,
) -> pa.RecordBatch:
    """Evaluate each method on the mixtures with and without synonyms, at the threshold that is best without.

    Args:
        data: the mixtures.
        vectors: of the items, shape (items, dimensions).
        replaced_vectors: of the items with synonyms, shape (items, dimensions).
        mixtures: their configuration.
        salience: configuration of the statistical scorer.
        learning: configuration of the learned scorer.
        model: its model.

    Returns:
        Rows of `metrics`: `synonyms_f1_before`, `synonyms_f1_after` and `synonyms_drop`, sliced by `method` and
        `items`; `synonyms_fraction_of_drop`, the drop of a method over that of the first; `synonyms_threshold`, sliced
        by `method`; and numbers of things.
    """
    before = _corpus(data, data.items, vectors, salience, learning, model)
    after = _corpus(data, data.replaced, replaced_vectors, salience, learning, model)
    seed = mixtures.seed
    drops: dict[tuple[str, str], tuple[Floats, npt.NDArray[np.int32]]] = {}
    rows: list[dict[str, Any]] = []
    for method in compared_methods():
        threshold, f1_before = _best(data, before, method)
        rows.append(metric_row("synonyms_threshold", point(threshold), method=method.name))
        f1_after = _f1(data, after, method, threshold)
        for group, first in f1_before.items():
            part = {"method": method.name, "items": group}
            second, kept = f1_after[group], np.isfinite(first)
            ks = data.mixtures["k"].to_numpy()[kept]
            drops[method.name, group] = first[kept] - second[kept], ks
            for when, values in (("before", first[kept]), ("after", second[kept])):
                rows.append(metric_row(f"synonyms_f1_{when}", mean_of_groups(values, ks, seed), **part))
            rows.append(metric_row("synonyms_drop", paired_difference(first[kept], second[kept], seed, ks), **part))
    literal = compared_methods()[0].name
    for (name, group), (own, ks) in drops.items():
        if name != literal:
            ratio = ratio_of_means(own, drops[literal, group][0], ks, seed)
            rows.append(metric_row("synonyms_fraction_of_drop", ratio, method=name, items=group))
    return metric_batch([*rows, *_amounts(data)])


def _amounts(data: SynonymData) -> list[dict[str, Any]]:
    amounts = {
        "collections": data.collections,
        "words": data.words,
        "items": len(data.changed),
        "items_changed": int(data.changed.sum()),
        "items_mixed": len(data.mixed),
        "items_mixed_changed": int(data.changed[data.mixed].sum()),
    }
    return [metric_row(f"synonyms_{name}", point(number)) for name, number in amounts.items()]


def _corpus(
    data: SynonymData,
    items: pa.RecordBatch,
    vectors: Directions,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    model: SalienceModel,
) -> Corpus:
    """Compute terms and vectors of the mixed items, from the whole catalogue with or without synonyms."""
    context = build_context(items, vectors, salience, learning)
    mixed = pa.array(data.mixed)
    candidates, own = context.candidates.take(mixed), vectors[data.mixed]
    vocabulary = pa.RecordBatch.from_arrays(
        [context.table.terms, context.table.spellings, pa.array(context.table.specificity)], schema=VOCABULARY
    )
    literal = statistical_salience(candidates, vocabulary, salience.max_terms)
    learned = learned_salience(
        candidates, own, context.table, model, learning.neighbours, learning.min_items, MAX_LEARNED_TERMS
    )
    terms = {STATISTICAL: literal, LEARNED: learned}
    return Corpus(
        texts=("",) * len(data.mixed),
        terms={name: unpack_catalogue(pack_catalogue([salient])).term_vectors for name, salient in terms.items()},
        vectors={ENCODER: (own / np.float32(SCALE)).astype(np.float32)},
    )


def _best(data: SynonymData, corpus: Corpus, method: Method) -> tuple[float, dict[str, Floats]]:
    """Return the threshold with the best mean F1 over all k, the lower of equals, and F1 there."""
    tried = {threshold: _f1(data, corpus, method, threshold) for threshold in method.thresholds}
    ks = data.mixtures["k"].to_numpy()

    def mean(threshold: float) -> float:
        return float(np.mean([tried[threshold][ALL_ITEMS][ks == k].mean() for k in np.unique(ks)]))

    best = max(method.thresholds, key=lambda threshold: (mean(threshold), -threshold))
    return best, tried[best]


def _f1(data: SynonymData, corpus: Corpus, method: Method, threshold: float) -> dict[str, Floats]:
    """Compute B-cubed F1 of each mixture: of all items, and of those with synonyms."""
    offsets = offsets_of(data.mixtures)
    items = data.mixtures["item"].flatten().to_numpy()
    true = data.mixtures["label"].flatten().to_numpy().astype(np.int64)
    predicted = method.cluster(corpus, offsets, items, threshold)
    changed = data.changed[data.mixed][items]
    return {
        ALL_ITEMS: score(offsets, true, predicted).f1,
        CHANGED_ITEMS: f1_of_items(offsets, true, predicted, changed),
    }


def ratio_of_means(
    numerators: Floats, denominators: Floats, groups: Sequence[int] | npt.NDArray[np.int32], seed: int
) -> Interval:
    """Compute the ratio of two means of paired observations, where each is the mean of the means of groups.

    Args:
        numerators: shape (observations,).
        denominators: shape (observations,), with a positive mean.
        groups: shape (observations,).
        seed: random seed of the resamples, which are drawn within each group.

    Raises:
        ValueError: when the mean of `denominators` is not positive.
    """
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    resampled, means = np.zeros((2, RESAMPLES)), np.zeros(2)
    for code in range(len(labels)):
        own = np.stack([numerators[codes == code], denominators[codes == code]])
        chosen = random.integers(own.shape[1], size=(RESAMPLES, own.shape[1]))
        resampled += own[:, chosen].mean(axis=2) / len(labels)
        means += own.mean(axis=1) / len(labels)
    if not means[1] > 0:
        raise ValueError("the mean of the denominators must be above 0: F1 of literal terms does not drop")
    ratios = resampled[0, resampled[1] > 0] / resampled[1, resampled[1] > 0]
    low, high = np.quantile(ratios, (0.025, 0.975))
    return Interval(float(means[0] / means[1]), float(low), float(high), len(numerators))
