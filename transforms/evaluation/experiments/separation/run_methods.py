"""Separation of mixtures by every method at every threshold, and its scores."""

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
"""Scores of one method on one mixture (see `Scores`). Threshold 0: the method was given k. Stability: the adjusted Rand
index between its labels of the items in two orders; null where it was not measured."""

MIXTURES_PER_ELEMENT = 50


def run_method(
    mixtures: pa.RecordBatch, corpus: Corpus, method: Method, stability_seed: int | None = None
) -> pa.RecordBatch:
    """Run one method on mixtures at all its thresholds; return rows of `SEPARATION`.

    Args:
        mixtures: rows of `MIXTURES`; all of them for a global method.
        corpus: features of their items.
        method: the method.
        stability_seed: random seed of a second order of the items; None: stability is not measured.

    Raises:
        ValueError: when the method returns more or fewer labels than there are items.
    """
    offsets, items = offsets_of(mixtures), _flat(mixtures, "item")
    true = _flat(mixtures, "label").astype(np.int64)
    batches = []
    for threshold in method.thresholds or (0.0,):
        found = cluster_mixtures(mixtures, corpus, method, threshold)
        scores = score(offsets, true, found)
        stability = None
        if stability_seed is not None:
            again = reorder(mixtures, stability_seed)
            found_again = cluster_mixtures(again, corpus, method, threshold)
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


def cluster_mixtures(mixtures: pa.RecordBatch, corpus: Corpus, method: Method, threshold: float) -> Integers:
    """Return the labels of the items of mixtures, int64, one mixture after another; -1 for none.

    Args:
        mixtures: rows of `MIXTURES`; all of them for a global method.
        corpus: features of their items.
        method: the method.
        threshold: its threshold; ignored if it is given k.

    Raises:
        ValueError: when the method returns more or fewer labels than there are items.
    """
    ks = mixtures["k"].to_numpy()
    return _labels(method, corpus, offsets_of(mixtures), _flat(mixtures, "item"), ks, threshold)


def _flat(mixtures: pa.RecordBatch, name: str) -> Items:
    values: Items = mixtures[name].flatten().to_numpy()
    return values


def _labels(
    method: Method, corpus: Corpus, offsets: Offsets, items: Items, ks: np.ndarray, threshold: float
) -> Integers:
    """Return the labels; a method that is given k runs on the mixtures of each k separately."""
    labels = np.empty(len(items), np.int64)
    lengths = np.diff(offsets)
    for parameter in [threshold] if method.thresholds else np.unique(ks).tolist():
        chosen = np.full(len(ks), True) if method.thresholds else ks == parameter
        inside = np.repeat(chosen, lengths)
        own_offsets = list_offsets(lengths[chosen])
        found = method.cluster(corpus, own_offsets, items[inside], float(parameter))
        if len(found) != inside.sum():
            raise ValueError(f"{method.name!r} returned {len(found)} labels for {inside.sum()} items")
        labels[inside] = found
    return labels


def label_stability(
    offsets: Offsets, items: Items, labels: Integers, other_items: Items, other_labels: Integers
) -> Floats:
    """Compute the adjusted Rand index between two labelings of the same items in different orders.

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


def split_mixtures(mixtures: pa.RecordBatch, methods: Sequence[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield slices of `MIXTURES`, each once for each method."""
    for start in range(0, mixtures.num_rows, MIXTURES_PER_ELEMENT):
        for method in methods:
            yield method, mixtures.slice(start, MIXTURES_PER_ELEMENT)


def _run_slice(
    element: tuple[int, pa.RecordBatch], corpus: Corpus, methods: Sequence[Method], stability_seed: int | None
) -> pa.RecordBatch:
    return run_method(element[1], corpus, methods[element[0]], stability_seed)


def _run_whole(
    method: int,
    mixtures: Iterable[pa.RecordBatch],
    corpus: Corpus,
    methods: Sequence[Method],
    stability_seed: int | None,
) -> pa.RecordBatch:
    return run_method(concatenate_mixtures(mixtures), corpus, methods[method], stability_seed)


@dataclasses.dataclass
class RunMethods(beam.PTransform):
    """Run all methods: record batches of `MIXTURES` -> record batches of `SEPARATION`.

    Attributes:
        corpus: a collection with the one `Corpus`.
        methods: with distinct names.
        stability_seed: as for `run_method`; measuring doubles the work.

    Raises:
        ValueError: when two methods have the same name.
    """

    corpus: beam.PCollection
    methods: tuple[Method, ...]
    stability_seed: int | None = None

    def __post_init__(self) -> None:
        names = [method.name for method in self.methods]
        if len(set(names)) < len(names):
            raise ValueError(f"methods must have distinct names, got {names}")

    def expand(self, mixtures: beam.PCollection) -> beam.PCollection:
        everything = (AsSingleton(self.corpus), self.methods, self.stability_seed)
        numbers = range(len(self.methods))
        whole, sliced = ([i for i in numbers if self.methods[i].is_global == is_global] for is_global in (True, False))
        slices = (
            mixtures
            | "Split" >> beam.FlatMap(split_mixtures, sliced).with_output_types(tuple[int, pa.RecordBatch])
            | "Distribute" >> beam.Reshuffle()
            | "RunSlices" >> beam.Map(_run_slice, *everything).with_output_types(pa.RecordBatch)
        )
        wholes = (
            mixtures.pipeline
            | "GlobalMethods" >> beam.Create(whole, reshuffle=False).with_output_types(int)
            | "DistributeGlobal" >> beam.Reshuffle()
            | "RunWhole" >> beam.Map(_run_whole, AsIter(mixtures), *everything).with_output_types(pa.RecordBatch)
        )
        return (slices, wholes) | "All" >> beam.Flatten()
