"""Experiment E2 as a stage: every method takes every mixture apart, at every threshold, and is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from transforms.columnar import list_offsets
from transforms.evaluation.methods import Corpus, Items, Method, Offsets
from transforms.evaluation.perturbations import concatenate_mixtures, offsets_of, reorder
from transforms.evaluation.scores import Floats, Integers, score

SEPARATION = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("k", pa.int32(), nullable=False),
        pa.field("mixture_id", pa.int64(), nullable=False),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("precision", pa.float64(), nullable=False),
        pa.field("f1", pa.float64(), nullable=False),
        pa.field("ari", pa.float64(), nullable=False),
        pa.field("stability", pa.float64()),
    ]
)
"""How one method took one mixture apart (see `Scores`). Threshold 0: it was told k. Stability: the adjusted Rand index
between what it finds and what it finds in the same items in another order; null where that was not asked for."""

MIXTURES_PER_PIECE = 50


def run_method(
    mixtures: pa.RecordBatch, corpus: Corpus, method: Method, stability_seed: int | None = None
) -> pa.RecordBatch:
    """One method on some mixtures, at all its thresholds, as rows of `SEPARATION`.

    Args:
        mixtures: rows of `MIXTURES`; all there are, where the method sees all.
        corpus: what is known of their items.
        method: the method.
        stability_seed: of another order in which the method sees the items too; None: it does not.

    Raises:
        ValueError: when the method gives more or fewer labels than there are items.
    """
    offsets, items = offsets_of(mixtures), _flat(mixtures, "item")
    true, ks = _flat(mixtures, "label").astype(np.int64), mixtures["k"].to_numpy()
    batches = []
    for threshold in method.thresholds or (0.0,):
        found = _find(method, corpus, offsets, items, ks, threshold)
        scores = score(offsets, true, found)
        stability = None
        if stability_seed is not None:
            again = reorder(mixtures, stability_seed)
            found_again = _find(method, corpus, offsets, _flat(again, "item"), ks, threshold)
            stability = label_stability(offsets, items, found, _flat(again, "item"), found_again)
        columns = [
            pa.array([method.name] * mixtures.num_rows, pa.string()),
            pa.array(np.full(mixtures.num_rows, threshold)),
            mixtures["k"],
            mixtures["mixture_id"],
            *(pa.array(each) for each in (scores.recall, scores.precision, scores.f1, scores.ari)),
            pa.nulls(mixtures.num_rows, pa.float64()) if stability is None else pa.array(stability),
        ]
        batches.append(pa.RecordBatch.from_arrays(columns, schema=SEPARATION))
    return pa.concat_batches(batches)


def _flat(mixtures: pa.RecordBatch, name: str) -> Items:
    values: Items = mixtures[name].flatten().to_numpy()
    return values


def _find(method: Method, corpus: Corpus, offsets: Offsets, items: Items, ks: np.ndarray, threshold: float) -> Integers:
    """The labels; a method that is told k is given the mixtures of each k apart."""
    labels = np.empty(len(items), np.int64)
    lengths = np.diff(offsets)
    for told in [threshold] if method.thresholds else np.unique(ks).tolist():
        chosen = np.full(len(ks), True) if method.thresholds else ks == told
        inside = np.repeat(chosen, lengths)
        own_offsets = list_offsets(lengths[chosen])
        found = method.find(corpus, own_offsets, items[inside], float(told))
        if len(found) != inside.sum():
            raise ValueError(f"{method.name!r} gave {len(found)} labels for {inside.sum()} items")
        labels[inside] = found
    return labels


def label_stability(
    offsets: Offsets, items: Items, labels: Integers, other_items: Items, other_labels: Integers
) -> Floats:
    """The adjusted Rand index between two groupings of the same items in different orders.

    Args:
        offsets: int64, shape (histories + 1,); the same for both.
        items: shape (items,).
        labels: shape (items,).
        other_items: the same items of each history, in another order.
        other_labels: shape (items,).

    Returns:
        float64, shape (histories,).
    """
    histories = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order, other_order = np.lexsort((items, histories)), np.lexsort((other_items, histories))
    return score(offsets, labels[order], other_labels[other_order]).ari


def cut_mixtures(mixtures: pa.RecordBatch, methods: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Pieces of `MIXTURES`, each once for each method."""
    for start in range(0, mixtures.num_rows, MIXTURES_PER_PIECE):
        for method in methods:
            yield method, mixtures.slice(start, MIXTURES_PER_PIECE)


def _separate_piece(
    piece: tuple[int, pa.RecordBatch], corpus: Corpus, methods: Sequence[Method], stability_seed: int | None
) -> pa.RecordBatch:
    return run_method(piece[1], corpus, methods[piece[0]], stability_seed)


def _separate_all(
    method: int,
    mixtures: Iterable[pa.RecordBatch],
    corpus: Corpus,
    methods: Sequence[Method],
    stability_seed: int | None,
) -> pa.RecordBatch:
    return run_method(concatenate_mixtures(mixtures), corpus, methods[method], stability_seed)


@dataclasses.dataclass
class EvaluateSeparation(beam.PTransform):
    """Record batches of `MIXTURES` -> record batches of `SEPARATION`.

    Attributes:
        corpus: a collection with the one `Corpus`.
        methods: with different names.
        stability_seed: as for `run_method`; it doubles the work.

    Raises:
        ValueError: when two methods have one name.
    """

    corpus: beam.PCollection
    methods: tuple[Method, ...]
    stability_seed: int | None = None

    def __post_init__(self) -> None:
        names = [method.name for method in self.methods]
        if len(set(names)) < len(names):
            raise ValueError(f"methods must have different names, got {names}")

    def expand(self, mixtures: beam.PCollection) -> beam.PCollection:
        everything = (AsSingleton(self.corpus), self.methods, self.stability_seed)
        numbers = range(len(self.methods))
        together, apart = ([i for i in numbers if self.methods[i].is_global == sees] for sees in (True, False))
        pieces = (
            mixtures
            | "Cut" >> beam.FlatMap(cut_mixtures, apart).with_output_types(tuple[int, pa.RecordBatch])
            | "Spread" >> beam.Reshuffle()
            | "Separate" >> beam.Map(_separate_piece, *everything).with_output_types(pa.RecordBatch)
        )
        wholes = (
            mixtures.pipeline
            | "SeeAll" >> beam.Create(together, reshuffle=False).with_output_types(int)
            | "SpreadAll" >> beam.Reshuffle()
            | "SeparateAll" >> beam.Map(_separate_all, AsIter(mixtures), *everything).with_output_types(pa.RecordBatch)
        )
        return (pieces, wholes) | "All" >> beam.Flatten()
