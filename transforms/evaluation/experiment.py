"""Experiment E2 from end to end, on Beam: collections in, figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, TaggedOutput

from schemas import ERRORS, ITEMS
from transforms.columnar import ApplyToAll, concatenate, cut_into_pieces
from transforms.datasets.coercion import located_schema
from transforms.datasets.gate import DataError
from transforms.datasets.metrics import count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.datasets.writing import examples
from transforms.encoders.encode import EncodeItems
from transforms.encoders.spec import EncoderSource
from transforms.evaluation.collections import collections_of_tags
from transforms.evaluation.config import SeparationConfig
from transforms.evaluation.corpus import (
    build_corpus,
    collections_in_one,
    located_items,
    mix_collections,
    small_sources,
)
from transforms.evaluation.figures import metric_batch
from transforms.evaluation.methods import Corpus, Method
from transforms.evaluation.separation import EvaluateSeparation
from transforms.evaluation.suite import STATISTICAL
from transforms.evaluation.summary import separation_metrics, sweep_metrics
from transforms.salience.salient_terms import SalientTerms
from transforms.salience.unique_items import UniqueItems, unique_items

_CATALOGUE_TAG = "catalogue"
_ITEMS_TAG = "items"
_BUCKETS = 16


class _CollectTags(beam.DoFn):
    """The whole log and its catalogue -> collections, in pieces; items that came again go to `errors`."""

    def process(
        self, _: bytes, interactions: Iterable[pa.RecordBatch], items: Iterable[pa.RecordBatch]
    ) -> Iterator[Any]:
        unique = unique_items(concatenate(items, located_schema(ITEMS)))
        if unique.errors.num_rows:
            yield TaggedOutput(ERRORS_TAG, unique.errors)
        columns = pa.schema([("user_id", pa.string()), ("item_id", pa.string())])
        rows = [
            pa.RecordBatch.from_arrays([batch[name] for name in columns.names], schema=columns)
            for batch in interactions
        ]
        yield from cut_into_pieces(
            collections_of_tags(pa.Table.from_batches(rows, columns), pa.Table.from_batches([unique.items]))
        )


@dataclasses.dataclass
class CollectionsOfLog(beam.PTransform):
    """Located rows of `interactions` -> rows of `collections`: what a user consumed under one tag.

    Log and catalogue are brought together in one process: experiments are on data that fit into memory.

    Attributes:
        items: located rows of `items`, whose first tag counts.

    Returns:
        A tuple of two collections: record batches of `collections`, record batches of `errors`.
    """

    items: beam.PCollection

    def expand(self, interactions: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        found = (
            interactions.pipeline
            | "Once" >> beam.Impulse()
            | "CollectTags"
            >> beam.ParDo(_CollectTags(), AsIter(interactions), AsIter(self.items)).with_outputs(
                ERRORS_TAG, main="collections"
            )
        )
        found.collections.element_type = pa.RecordBatch
        return found.collections, found[ERRORS_TAG]


class _Mix(beam.DoFn):
    """All collections -> mixtures; beside them the whole catalogue, the items that were mixed, and counts.

    Where they cannot be mixed, one of the reasons may be what was unusable, so that is told too.
    """

    def __init__(self, config: SeparationConfig) -> None:
        self.config = config

    def process(
        self, _: bytes, collections: Iterable[pa.RecordBatch], errors: Iterable[pa.RecordBatch]
    ) -> Iterator[Any]:
        whole = collections_in_one(collections)
        kept = small_sources(whole, self.config.most_collections_of_source)
        try:
            mixed = mix_collections(kept, self.config.mixtures)
        except ValueError as error:
            raise DataError("\n  ".join([f"{error}; nothing was committed", *_first_errors(errors)])) from error
        for piece in cut_into_pieces(located_items(mixed.catalogue, "collections")):
            yield TaggedOutput(_CATALOGUE_TAG, piece)
        for piece in cut_into_pieces(mixed.items):
            yield TaggedOutput(_ITEMS_TAG, piece)
        yield mixed.mixtures
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("collections_left_out", whole.num_rows - kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("sources", mixed.sources))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", mixed.items.num_rows))


def _first_errors(errors: Iterable[pa.RecordBatch]) -> list[str]:
    rows = concatenate(errors, ERRORS.arrow)
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in ("reason", "file", "row")])
    return list(examples(rows.take(order)).values())


def _make_corpus(
    _: bytes,
    items: Iterable[pa.RecordBatch],
    salient: Iterable[pa.RecordBatch],
    encoder: str | None,
    vectors: Iterable[pa.RecordBatch],
) -> Corpus:
    return build_corpus(items, {STATISTICAL: salient}, {} if encoder is None else {encoder: vectors})


def _summarise(results: Iterable[pa.RecordBatch], config: SeparationConfig) -> pa.RecordBatch:
    batches = list(results)
    separation = separation_metrics(batches, config.mixtures.seed, dict(config.fixed_thresholds))
    return metric_batch([*separation.to_pylist(), *sweep_metrics(batches).to_pylist()])


class Separated(NamedTuple):
    """What experiment E2 gives, each a collection.

    Attributes:
        metrics: one record batch of `metrics`.
        embeddings: record batches of `embeddings`, those that were stored among them; None without an encoder.
        errors: record batches of `errors`.
        counts: counts.
    """

    metrics: beam.PCollection
    embeddings: beam.PCollection | None
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class SeparateCollections(beam.PTransform):
    """Record batches of `collections` -> how well each method takes mixtures of them apart.

    Terms are weighed against the items of all collections, as in a catalogue; only items that were mixed are encoded.

    Attributes:
        config: how.
        methods: what is compared.
        unusable: record batches of `errors` that reading gave, to be told where collections cannot be mixed.
        encoder: where vectors come from; None: there are none.
        encoder_name: their name in the corpus.
        stored: record batches of `embeddings` of an earlier run, perhaps with further columns; None: none.
    """

    config: SeparationConfig
    methods: tuple[Method, ...]
    unusable: beam.PCollection
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None

    def expand(self, collections: beam.PCollection) -> Separated:
        mixed = (
            collections.pipeline
            | "Once" >> beam.Impulse()
            | "Mix"
            >> beam.ParDo(_Mix(self.config), AsIter(collections), AsIter(self.unusable)).with_outputs(
                _CATALOGUE_TAG, _ITEMS_TAG, COUNTS_TAG, main="mixtures"
            )
        )
        # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
        for batches in (mixed.mixtures, mixed[_CATALOGUE_TAG], mixed[_ITEMS_TAG]):
            batches.element_type = pa.RecordBatch
        items = mixed[_ITEMS_TAG]
        catalogue, errors, unique_counts = mixed[_CATALOGUE_TAG] | "UniqueItems" >> UniqueItems(_BUCKETS)
        salient, term_counts = catalogue | "SalientTerms" >> SalientTerms(self.config.salience, _BUCKETS)
        counts = [mixed[COUNTS_TAG], unique_counts, term_counts]
        name: str | None = None
        vectors: Any = ()
        embeddings = None
        if self.encoder is not None:
            encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
            name, vectors, embeddings = self.encoder_name, AsIter(encoded.vectors), encoded.embeddings
            counts.append(encoded.counts)
        corpus = (
            collections.pipeline
            | "OnceMore" >> beam.Impulse()
            | "MakeCorpus" >> beam.Map(_make_corpus, AsIter(items), AsIter(salient), name, vectors)
        )
        seed = self.config.mixtures.seed if self.config.stability else None
        metrics = (
            mixed.mixtures
            | "EvaluateSeparation" >> EvaluateSeparation(corpus, self.methods, seed)
            | "Summarise" >> ApplyToAll(_summarise, (self.config,))
        )
        return Separated(metrics, embeddings, errors, counts | "Counts" >> beam.Flatten())
