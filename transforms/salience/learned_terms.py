"""Beam stages: items -> `salient_terms` by a learned model, of terms in the text and of others that are near."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import ITEMS, METRICS, TIMESTAMP
from transforms.columnar import concatenate, list_array
from transforms.datasets.counts import count
from transforms.hashing import stable_hash
from transforms.salience.candidates import CANDIDATES
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.labels import co_consumed_terms, terms_of_fields, terms_of_texts
from transforms.salience.learned import learned_salience
from transforms.salience.model import SalienceModel, default_model
from transforms.salience.salient_terms import COUNTED, ChooseVocabulary, CountTerms, count_terms
from transforms.salience.term_table import (
    TERM_SUMS,
    Directions,
    TermTable,
    add_term_sums,
    build_table,
    quantize,
    term_sums,
    top_frequent,
)
from transforms.salience.training import NOTHING, TrainedModel, only_terms, train_or_fall_back
from transforms.salience.vocabulary import CatalogueSize
from transforms.shuffle import ApplyGlobally, CoGroupByBucket, KeyByBucket

VECTORS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("vector", pa.list_(pa.int16()), nullable=False)]
)
"""Vectors of items, in multiples of 1 / SCALE."""

ITEM_CANDIDATES = pa.schema([*CANDIDATES, pa.field("given", pa.list_(pa.string()), nullable=False)])
"""Rows of `CANDIDATES`; `given`: those of the terms that are among tags and queries."""

ITEMS_WITH_VECTORS = pa.schema([*ITEM_CANDIDATES, VECTORS.field("vector").with_nullable(True)])
"""Rows of `ITEM_CANDIDATES` with the vector of the item; null: the item has no text to encode."""

_PIPELINE = "salience"
_Keyed = tuple[int, pa.RecordBatch]


@with_output_types(pa.RecordBatch, sizes=CatalogueSize, statistics=pa.RecordBatch, spellings=pa.RecordBatch)
class CountGivenTerms(CountTerms):
    """Rows of `items` -> rows of `ITEM_CANDIDATES`; as side outputs, what `ChooseVocabulary` reads."""

    def process(self, items: pa.RecordBatch, detected: pa.RecordBatch | None = None) -> Iterator[Any]:
        for output in super().process(items, detected):
            if isinstance(output, TaggedOutput):
                yield output
            else:
                given = terms_of_fields(items, self.stop_words)["terms"]
                yield pa.RecordBatch.from_arrays([*output.columns, given], schema=ITEM_CANDIDATES)


def quantize_rows(encoded: pa.RecordBatch) -> pa.RecordBatch:
    """Quantize vectors of an encoder, rows of (`item_id`, `vector`), to rows of `VECTORS`."""
    whole = quantize(encoded["vector"].flatten().to_numpy())
    ends = np.arange(encoded.num_rows + 1, dtype=np.int32) * np.int32(encoded["vector"].type.list_size)
    lists = list_array(ends, pa.array(whole))
    return pa.RecordBatch.from_arrays([encoded["item_id"], lists], schema=VECTORS)


def matrix(vectors: pa.ListArray, dimensions: int) -> Directions:
    """Convert a column of vectors to int16 of shape (rows, dimensions); null becomes zeros."""
    found = np.zeros((len(vectors), dimensions), np.int16)
    if dimensions:
        found[vectors.is_valid().to_numpy(zero_copy_only=False)] = vectors.flatten().to_numpy().reshape(-1, dimensions)
    return found


def dimensions_of(vectors: pa.ListArray) -> int:
    """Return the number of dimensions of the vectors; 0 if there are none."""
    return int(pc.max(pc.list_value_length(vectors)).as_py() or 0)


def align_to(vectors: Iterable[pa.RecordBatch], item_ids: pa.StringArray) -> pa.ListArray:
    """Align vectors to items; null for items without one.

    Args:
        vectors: rows of `VECTORS`; those of other items are ignored.
        item_ids: the items.
    """
    rows = concatenate((batch.filter(pc.is_in(batch["item_id"], item_ids)) for batch in vectors), VECTORS)
    return rows["vector"].take(pc.index_in(item_ids, rows["item_id"]))


def attach_vectors(bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> pa.RecordBatch:
    """Join rows of `ITEM_CANDIDATES` and of `VECTORS` of one bucket: rows of `ITEMS_WITH_VECTORS`, sorted by item."""
    candidates = concatenate(bucket[1]["candidates"], ITEM_CANDIDATES)
    candidates = candidates.take(pc.sort_indices(candidates["item_id"]))
    vectors = align_to(bucket[1]["vectors"], candidates["item_id"])
    return pa.RecordBatch.from_arrays([*candidates.columns, vectors], schema=ITEMS_WITH_VECTORS)


def smallest_hashes(batches: Iterable[pa.RecordBatch], count: int) -> pa.RecordBatch:
    """Sample at most `count` rows of `items`: those whose ids have the smallest hashes, sorted by id."""
    names = ITEMS.arrow.names
    same = (pa.RecordBatch.from_arrays([rows[name] for name in names], schema=ITEMS.arrow) for rows in batches)
    rows = concatenate(same, ITEMS.arrow)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    chosen = np.argsort(stable_hash(rows["item_id"]), kind="stable")[:count]
    return rows.take(pa.array(np.sort(chosen)))


def sums_of_terms(items: pa.RecordBatch, frequents: pa.StringArray) -> Iterator[pa.RecordBatch]:
    """Sum the vectors of the terms of some items that get a context, as rows of `TERM_SUMS`.

    Args:
        items: rows of `ITEMS_WITH_VECTORS`.
        frequents: the terms that get a context.
    """
    own = items.filter(items["vector"].is_valid())
    if own.num_rows:
        vectors = matrix(own["vector"], dimensions_of(own["vector"]))
        yield term_sums(only_terms(own["terms"], frequents), own["given"], vectors)


def _score(
    items: pa.RecordBatch, table: TermTable, trained: TrainedModel, learning: LearnedSalienceConfig, max_terms: int
) -> pa.RecordBatch:
    return learned_salience(
        items.select(CANDIDATES.names),
        matrix(items["vector"], table.directions.shape[1]),
        table,
        trained.model,
        learning.neighbours,
        learning.min_items,
        max_terms,
    )


def _table(_: bytes, sums: Iterable[pa.RecordBatch], chosen: pa.RecordBatch, size: CatalogueSize) -> TermTable:
    rows = concatenate(sums, TERM_SUMS)
    return build_table(chosen, rows.take(pc.sort_indices(rows["term"])), size.items)


def log_of(interactions: pa.RecordBatch, sample: pa.RecordBatch) -> pa.RecordBatch:
    """Select the interactions with the items of a sample, as rows of `LOG`."""
    own = interactions.filter(pc.is_in(interactions["item_id"], sample["item_id"]))
    return own.select(LOG.names).cast(LOG)


LOG = pa.schema([("user_id", pa.string()), ("item_id", pa.string()), ("timestamp", TIMESTAMP)])


def _train(
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
    return train_or_fall_back(
        items, matrix(encoded, dimensions_of(encoded)), consumed, salience, learning, fallback_model
    )


def model_metrics(trained: TrainedModel) -> pa.RecordBatch:
    """Report the training data of a model and its calibration error, as rows of `metrics`."""
    rows: list[dict[str, Any]] = [{"metric": "model_trained_on", "slice": trained.trained_on, "value": 1.0}]
    if fitted := trained.fitted:
        rows += [
            {"metric": "training_pairs_used", "slice": "", "value": float(fitted.pairs)},
            {"metric": "calibration_error", "slice": "before", "value": fitted.error_before, "n": fitted.held_out},
            {"metric": "calibration_error", "slice": "after", "value": fitted.error_after, "n": fitted.held_out},
        ]
    return pa.RecordBatch.from_pylist([{"pipeline": _PIPELINE, **row} for row in rows], METRICS.arrow)


class LearnedTerms(NamedTuple):
    """The results for a catalogue, each a collection.

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
    """Rows of `items`, each once -> rows of `salient_terms`, by a model that is trained here or given.

    Attributes:
        vectors: record batches of (`item_id`, `vector`) of an encoder, at most one row per item.
        config: limits of the vocabulary and of the terms of an item.
        learning: configuration of the training and of the terms beyond the text.
        model: the model; None: it is trained.
        interactions: rows of `interactions`, from whose neighbouring items a model can be trained; None: none.
        buckets: number of groups into which the items are hashed; the result is the same.
        fallback_model: the model if there is too little training data; None: the one of the package.
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
        counted = items | "Candidates" >> beam.ParDo(CountGivenTerms(self.config.stop_words)).with_outputs(
            *COUNTED, main="candidates"
        )
        chosen, size = tuple(counted[tag] for tag in COUNTED) | "ChooseVocabulary" >> ChooseVocabulary(
            self.config.vocabulary, self.buckets
        )
        with_vectors = self._attach_vectors(counted.candidates, vectors)
        table = self._table(with_vectors, chosen, size)
        trained = self._trained_model(items, vectors)
        salient = with_vectors | "Score" >> beam.Map(
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

    def _attach_vectors(self, candidates: beam.PCollection, vectors: beam.PCollection) -> beam.PCollection:
        return (
            {"candidates": candidates, "vectors": vectors}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "AttachVectors" >> beam.Map(attach_vectors).with_output_types(pa.RecordBatch)
        )

    def _table(self, items: beam.PCollection, chosen: beam.PCollection, size: beam.PCollection) -> beam.PCollection:
        frequents = chosen | "Frequents" >> beam.Map(top_frequent, self.learning.max_context_terms)
        sums = (
            items
            | "Sums" >> beam.FlatMap(sums_of_terms, AsSingleton(frequents)).with_output_types(pa.RecordBatch)
            | "ByTerm" >> beam.ParDo(KeyByBucket("term", self.buckets)).with_output_types(_Keyed)
            | "GroupTerms" >> beam.GroupByKey()
            | "AddSums" >> beam.MapTuple(lambda _, sums: add_term_sums(sums)).with_output_types(pa.RecordBatch)
        )
        return (
            items.pipeline
            | "OnceAll" >> beam.Impulse()
            | "Table" >> beam.Map(_table, AsIter(sums), AsSingleton(chosen), AsSingleton(size))
        )

    def _trained_model(self, items: beam.PCollection, vectors: beam.PCollection) -> beam.PCollection:
        if self.model is not None:
            given = TrainedModel(self.model, NOTHING, None)
            return items.pipeline | "GivenModel" >> beam.Create([given], reshuffle=False)
        max_items = self.learning.max_items
        sample = (
            items
            | "SampleSome"
            >> beam.Map(lambda rows: smallest_hashes([rows], max_items)).with_output_types(pa.RecordBatch)
            | "Sample" >> ApplyGlobally(smallest_hashes, (max_items,))
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
            >> beam.Map(_train, AsSingleton(sample), AsIter(own), log, self.config, self.learning, fallback_model)
        )


def _of_sample(vectors: pa.RecordBatch, sample: pa.RecordBatch) -> pa.RecordBatch:
    return vectors.filter(pc.is_in(vectors["item_id"], sample["item_id"]))
