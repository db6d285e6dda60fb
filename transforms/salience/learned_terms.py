"""The catalogue -> `salient_terms` by a learned model, on Beam: terms in the text, and others that are near."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton

from schemas import ITEMS, METRICS, TIMESTAMP
from transforms.columnar import ApplyGlobally, CoGroupByBucket, KeyByBucket, concatenate, list_array, stable_hash
from transforms.datasets.counts import count
from transforms.salience.candidates import CANDIDATES, candidate_terms
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.labels import co_consumed_terms, terms_of_fields, terms_of_texts
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel, default_model
from transforms.salience.salient_terms import ChooseVocabulary, count_terms
from transforms.salience.term_table import (
    TERM_SUMS,
    Directions,
    TermTable,
    add_term_sums,
    build_table,
    most_frequent,
    quantize,
    term_sums,
)
from transforms.salience.training import NOTHING, TrainedModel, learn, only_terms
from transforms.salience.vocabulary import CatalogueSize

VECTORS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("vector", pa.list_(pa.int16()), nullable=False)]
)
"""The vector of an item, in multiples of 1 / SCALE."""

DESCRIBED = pa.schema([*CANDIDATES, pa.field("given", pa.list_(pa.string()), nullable=False)])
"""Rows of `CANDIDATES`, and those of the terms that are among tags and queries."""

ITEMS_WITH_VECTORS = pa.schema([*DESCRIBED, VECTORS.field("vector").with_nullable(True)])
"""The same with the vector of the item; null where the item has no text that is encoded."""

_PIPELINE = "salience"
_Keyed = tuple[int, pa.RecordBatch]


def describe_items(items: pa.RecordBatch, stop_words: frozenset[str]) -> pa.RecordBatch:
    """Rows of `DESCRIBED` for rows of `items`, in the same order."""
    candidates = candidate_terms(items, stop_words)
    given = terms_of_fields(items, stop_words)["terms"]
    return pa.RecordBatch.from_arrays([*candidates.columns, given], schema=DESCRIBED)


def quantize_rows(encoded: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of (`item_id`, `vector`) as an encoder gives them -> rows of `VECTORS`."""
    whole = quantize(encoded["vector"].flatten().to_numpy())
    ends = np.arange(encoded.num_rows + 1, dtype=np.int32) * np.int32(encoded["vector"].type.list_size)
    lists = list_array(ends, pa.array(whole))
    return pa.RecordBatch.from_arrays([encoded["item_id"], lists], schema=VECTORS)


def matrix(vectors: pa.ListArray, dimensions: int) -> Directions:
    """Vectors as int16 of shape (rows, dimensions); zeros for null."""
    found = np.zeros((len(vectors), dimensions), np.int16)
    if dimensions:
        found[vectors.is_valid().to_numpy(zero_copy_only=False)] = vectors.flatten().to_numpy().reshape(-1, dimensions)
    return found


def dimensions_of(vectors: pa.ListArray) -> int:
    """How many numbers each vector has; 0 where there is none."""
    return int(pc.max(pc.list_value_length(vectors)).as_py() or 0)


def align_to(vectors: Iterable[pa.RecordBatch], item_ids: pa.StringArray) -> pa.ListArray:
    """The vectors of items, in their order; null for items that have none.

    Args:
        vectors: rows of `VECTORS`, of these items and perhaps others.
        item_ids: the items.
    """
    rows = concatenate((batch.filter(pc.is_in(batch["item_id"], item_ids)) for batch in vectors), VECTORS)
    return rows["vector"].take(pc.index_in(item_ids, rows["item_id"]))


def attach_vectors(pieces: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> pa.RecordBatch:
    """Join rows of `DESCRIBED` and of `VECTORS` of one bucket: rows of `ITEMS_WITH_VECTORS`, sorted by item."""
    described = concatenate(pieces[1]["described"], DESCRIBED)
    described = described.take(pc.sort_indices(described["item_id"]))
    vectors = align_to(pieces[1]["vectors"], described["item_id"])
    return pa.RecordBatch.from_arrays([*described.columns, vectors], schema=ITEMS_WITH_VECTORS)


def smallest_hashes(batches: Iterable[pa.RecordBatch], most: int) -> pa.RecordBatch:
    """At most so many rows of `items`: those whose id has the smallest hash, by id. A sample that all agree on."""
    names = ITEMS.arrow.names
    same = (pa.RecordBatch.from_arrays([rows[name] for name in names], schema=ITEMS.arrow) for rows in batches)
    rows = concatenate(same, ITEMS.arrow)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    chosen = np.argsort(stable_hash(rows["item_id"]), kind="stable")[:most]
    return rows.take(pa.array(np.sort(chosen)))


def sums_of_terms(placed: pa.RecordBatch, frequents: pa.StringArray) -> Iterator[pa.RecordBatch]:
    """Rows of `TERM_SUMS` for those terms of some items that get a context.

    Args:
        placed: rows of `ITEMS_WITH_VECTORS`.
        frequents: the terms that get one.
    """
    own = placed.filter(placed["vector"].is_valid())
    if own.num_rows:
        vectors = matrix(own["vector"], dimensions_of(own["vector"]))
        yield term_sums(only_terms(own["terms"], frequents), own["given"], vectors)


def _score(
    placed: pa.RecordBatch, table: TermTable, trained: TrainedModel, learning: LearnedSalienceConfig, most: int
) -> pa.RecordBatch:
    return learned_salience(
        placed.select(CANDIDATES.names),
        matrix(placed["vector"], table.directions.shape[1]),
        table,
        trained.model,
        learning.neighbours,
        learning.min_items,
        most,
    )


def _table(_: bytes, sums: Iterable[pa.RecordBatch], chosen: pa.RecordBatch, size: CatalogueSize) -> TermTable:
    rows = concatenate(sums, TERM_SUMS)
    return build_table(chosen, rows.take(pc.sort_indices(rows["term"])), size.items)


def log_of(interactions: pa.RecordBatch, sample: pa.RecordBatch) -> pa.RecordBatch:
    """Who consumed which items of a sample, when, as rows of `LOG`."""
    own = interactions.filter(pc.is_in(interactions["item_id"], sample["item_id"]))
    return own.select(LOG.names).cast(LOG)


LOG = pa.schema([("user_id", pa.string()), ("item_id", pa.string()), ("timestamp", TIMESTAMP)])


def _learn(
    _: bytes,
    sample: pa.RecordBatch,
    vectors: Iterable[pa.RecordBatch],
    log: Iterable[pa.RecordBatch],
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    fallback_model: SalienceModel,
) -> TrainedModel:
    encoded = align_to(vectors, sample["item_id"])
    items = sample.filter(encoded.is_valid())
    encoded = encoded.drop_null()
    rows = concatenate(log, LOG)
    titles = terms_of_texts(items["item_id"], items["title"], salience.stop_words)
    consumed = co_consumed_terms(rows["user_id"], rows["item_id"], rows["timestamp"], titles)
    return learn(items, matrix(encoded, dimensions_of(encoded)), consumed, salience, learning, fallback_model)


def model_metrics(trained: TrainedModel) -> pa.RecordBatch:
    """What a model was learnt from and how well it is calibrated, as rows of `metrics`."""
    rows: list[dict[str, Any]] = [{"metric": "model_trained_on", "slice": trained.trained_on, "value": 1.0}]
    if fitted := trained.fitted:
        rows += [
            {"metric": "training_pairs_used", "slice": "", "value": float(fitted.pairs)},
            {"metric": "calibration_error", "slice": "before", "value": fitted.error_before, "n": fitted.held_out},
            {"metric": "calibration_error", "slice": "after", "value": fitted.error_after, "n": fitted.held_out},
        ]
    return pa.RecordBatch.from_pylist([{"pipeline": _PIPELINE, **row} for row in rows], METRICS.arrow)


class LearnedTerms(NamedTuple):
    """What comes of a catalogue, each a collection.

    Attributes:
        salient: record batches of `salient_terms`.
        model: one record batch of `salience_model`.
        metrics: one record batch of `metrics`.
        counts: counts.
    """

    salient: beam.PCollection
    model: beam.PCollection
    metrics: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class LearnedSalientTerms(beam.PTransform):
    """Rows of `items`, each once -> rows of `salient_terms`, by a model that is learnt here or given.

    Attributes:
        vectors: record batches of (`item_id`, `vector`), at most one row for an item, as an encoder gives them.
        config: limits of the vocabulary and of what an item keeps.
        learning: how a model is learnt, and how far items are expanded.
        model: the model to use; None: learn one.
        interactions: rows of `interactions`, whose neighbours a model can be learnt from; None: there are none.
        buckets: how many pieces the catalogue is cut into; decides memory and parallelism.
        fallback_model: the model where there is too little to learn from; None: the one that comes with the package.
    """

    vectors: beam.PCollection
    config: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    learning: LearnedSalienceConfig = dataclasses.field(default_factory=LearnedSalienceConfig)
    model: SalienceModel | None = None
    interactions: beam.PCollection | None = None
    buckets: int = 16
    fallback_model: SalienceModel | None = None

    def expand(self, items: beam.PCollection) -> LearnedTerms:
        vectors = self.vectors | "WholeNumbers" >> beam.Map(quantize_rows).with_output_types(pa.RecordBatch)
        described = items | "Describe" >> beam.Map(describe_items, self.config.stop_words).with_output_types(
            pa.RecordBatch
        )
        chosen, size = described | "ChooseVocabulary" >> ChooseVocabulary(self.config.vocabulary, self.buckets)
        placed = self._placed(described, vectors)
        table = self._table(placed, chosen, size)
        trained = self._trained_model(items, vectors)
        salient = placed | "Score" >> beam.Map(
            _score, AsSingleton(table), AsSingleton(trained), self.learning, self.config.max_terms
        ).with_output_types(pa.RecordBatch)
        counts = (
            salient | "CountTerms" >> beam.FlatMap(count_terms),
            chosen | "CountVocabulary" >> beam.Map(lambda terms: count("terms", terms.num_rows)),
        ) | "Counts" >> beam.Flatten()
        return LearnedTerms(
            salient,
            trained | "Model" >> beam.Map(lambda trained: trained.model.to_rows()).with_output_types(pa.RecordBatch),
            trained | "Metrics" >> beam.Map(model_metrics).with_output_types(pa.RecordBatch),
            counts,
        )

    def _placed(self, described: beam.PCollection, vectors: beam.PCollection) -> beam.PCollection:
        return (
            {"described": described, "vectors": vectors}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "Place" >> beam.Map(attach_vectors).with_output_types(pa.RecordBatch)
        )

    def _table(self, placed: beam.PCollection, chosen: beam.PCollection, size: beam.PCollection) -> beam.PCollection:
        frequents = chosen | "Frequents" >> beam.Map(most_frequent, self.learning.max_context_terms)
        sums = (
            placed
            | "Sums" >> beam.FlatMap(sums_of_terms, AsSingleton(frequents)).with_output_types(pa.RecordBatch)
            | "ByTerm" >> beam.ParDo(KeyByBucket("term", self.buckets)).with_output_types(_Keyed)
            | "GroupTerms" >> beam.GroupByKey()
            | "AddSums" >> beam.MapTuple(lambda _, sums: add_term_sums(sums)).with_output_types(pa.RecordBatch)
        )
        return (
            placed.pipeline
            | "OnceAll" >> beam.Impulse()
            | "Table" >> beam.Map(_table, AsIter(sums), AsSingleton(chosen), AsSingleton(size))
        )

    def _trained_model(self, items: beam.PCollection, vectors: beam.PCollection) -> beam.PCollection:
        if self.model is not None:
            given = TrainedModel(self.model, NOTHING, None)
            return items.pipeline | "Given" >> beam.Create([given], reshuffle=False)
        most = self.learning.max_items
        sample = (
            items
            | "SampleSome" >> beam.Map(lambda rows: smallest_hashes([rows], most)).with_output_types(pa.RecordBatch)
            | "Sample" >> ApplyGlobally(smallest_hashes, (most,))
        )
        own = vectors | "OfSample" >> beam.Map(_of_sample, AsSingleton(sample)).with_output_types(pa.RecordBatch)
        log: Any = ()
        if self.interactions is not None:
            own_log = beam.Map(log_of, AsSingleton(sample)).with_output_types(pa.RecordBatch)
            log = AsIter(self.interactions | "LogOfSample" >> own_log)
        fallback_model = self.fallback_model or default_model()
        return (
            items.pipeline
            | "Once" >> beam.Impulse()
            | "Learn"
            >> beam.Map(_learn, AsSingleton(sample), AsIter(own), log, self.config, self.learning, fallback_model)
        )


def _of_sample(vectors: pa.RecordBatch, sample: pa.RecordBatch) -> pa.RecordBatch:
    return vectors.filter(pc.is_in(vectors["item_id"], sample["item_id"]))
