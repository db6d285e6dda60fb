"""The experiments on interest and conformity from end to end, on Beam: collections, or a log, in; figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput

from transforms.columnar import ApplyToAll, cut_into_pieces
from transforms.datasets.gate import DataError
from transforms.datasets.metrics import count
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.encode import EncodeItems
from transforms.encoders.spec import EncoderSource
from transforms.evaluation.config import ConformityConfig, InterventionConfig
from transforms.evaluation.conformity import ConformityTrial, judge_rules, plant_in_mixtures, trial_methods
from transforms.evaluation.corpus import build_corpus, collections_in_one, located_items, small_sources
from transforms.evaluation.intervened import judge_recommenders
from transforms.evaluation.suite import STATISTICAL
from transforms.salience.salient_terms import SalientTerms
from transforms.salience.unique_items import UniqueItems

_CATALOGUE_TAG = "catalogue"
_ITEMS_TAG = "items"
_BUCKETS = 16


def _judge_log(batches: Iterable[pa.RecordBatch], config: InterventionConfig) -> pa.RecordBatch:
    try:
        return judge_recommenders(batches, config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class JudgeInterventions(beam.PTransform):
    """Record batches of `interactions` -> what rivals recommend, as record batches of `metrics`.

    The pairs of users and items are brought together in one process: experiments are on data that fit into memory.

    Attributes:
        config: how.
    """

    config: InterventionConfig

    def expand(self, interactions: beam.PCollection) -> beam.PCollection:
        return interactions | "Judge" >> ApplyToAll(_judge_log, (self.config,))


class _Plant(beam.DoFn):
    """All collections -> a `ConformityTrial`; beside it, in pieces, the whole catalogue and the items mixed; counts."""

    def __init__(self, config: ConformityConfig) -> None:
        self.config = config

    def process(self, _: bytes, collections: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        whole = collections_in_one(collections)
        kept = small_sources(whole, self.config.separation.most_collections_of_source)
        try:
            trial = plant_in_mixtures(kept, self.config)
        except ValueError as error:
            raise DataError(f"{error}; nothing was committed") from error
        for piece in cut_into_pieces(located_items(trial.catalogue, "collections")):
            yield TaggedOutput(_CATALOGUE_TAG, piece)
        for piece in cut_into_pieces(trial.items):
            yield TaggedOutput(_ITEMS_TAG, piece)
        yield trial
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", trial.items.num_rows))


def _judge_trial(
    _: bytes,
    trial: ConformityTrial,
    salient: Iterable[pa.RecordBatch],
    encoder: str | None,
    vectors: Iterable[pa.RecordBatch],
    config: ConformityConfig,
) -> pa.RecordBatch:
    known = {} if encoder is None else {encoder: vectors}
    corpus = build_corpus([trial.items], {STATISTICAL: salient}, known)
    return judge_rules(trial, corpus, trial_methods(encoder), config)


class ConformityJudged(NamedTuple):
    """What the experiment gives, each a collection.

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
class JudgeConformity(beam.PTransform):
    """Record batches of `collections` -> what is left of mixtures with popular items where rules take items out.

    Attributes:
        config: how.
        encoder: what makes vectors of the items; None: journeys are found by terms alone.
        encoder_name: what the vectors are called.
        stored: record batches of `embeddings` of an earlier run; None: none.
    """

    config: ConformityConfig
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None

    def expand(self, collections: beam.PCollection) -> ConformityJudged:
        root = collections.pipeline
        planted = (
            root
            | "Once" >> beam.Impulse()
            | "Plant"
            >> beam.ParDo(_Plant(self.config), AsIter(collections)).with_outputs(
                _CATALOGUE_TAG, _ITEMS_TAG, COUNTS_TAG, main="trial"
            )
        )
        # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
        for batches in (planted[_CATALOGUE_TAG], planted[_ITEMS_TAG]):
            batches.element_type = pa.RecordBatch
        catalogue, errors, unique_counts = planted[_CATALOGUE_TAG] | "UniqueItems" >> UniqueItems(_BUCKETS)
        salient, term_counts = catalogue | "SalientTerms" >> SalientTerms(self.config.separation.salience, _BUCKETS)
        counts = [planted[COUNTS_TAG], unique_counts, term_counts]
        name: str | None = None
        vectors: Any = ()
        embeddings = None
        if self.encoder is not None:
            encoded = planted[_ITEMS_TAG] | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
            name, vectors, embeddings = self.encoder_name, AsIter(encoded.vectors), encoded.embeddings
            counts.append(encoded.counts)
        metrics = (
            root
            | "OnceMore" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge_trial, AsSingleton(planted.trial), AsIter(salient), name, vectors, self.config
            ).with_output_types(pa.RecordBatch)
        )
        return ConformityJudged(metrics, embeddings, errors, counts | "Counts" >> beam.Flatten())
