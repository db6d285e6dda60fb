"""The experiments on interest and conformity from end to end, on Beam: collections, or a log, in; figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput

from transforms.datasets.counts import count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import ConformityConfig
from transforms.evaluation.corpus import concatenate_collections, limit_sources
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.conformity.scoring import (
    ConformityData,
    evaluate_rules,
    inject_into_mixtures,
    trial_methods,
)
from transforms.evaluation.item_features import CATALOGUE_TAG, ITEMS_TAG, BuildCorpus, emit_items
from transforms.evaluation.methods import Corpus


class _Plant(beam.DoFn):
    """All collections -> a `ConformityData`; beside it, in pieces, the whole catalogue and the items mixed; counts."""

    def __init__(self, config: ConformityConfig) -> None:
        self.config = config

    def process(self, _: bytes, collections: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        whole = concatenate_collections(collections)
        kept = limit_sources(whole, self.config.separation.mixtures.max_collections_of_source)
        try:
            trial = inject_into_mixtures(kept, self.config)
        except ValueError as error:
            raise DataError(f"{error}; nothing was committed") from error
        yield from emit_items(trial.catalogue, trial.items)
        yield trial
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", trial.items.num_rows))


def _judge_trial(
    _: bytes, trial: ConformityData, corpus: Corpus, encoder: str | None, config: ConformityConfig
) -> pa.RecordBatch:
    return evaluate_rules(trial, corpus, trial_methods(encoder), config)


@dataclasses.dataclass
class EvaluateConformity(beam.PTransform):
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

    def expand(self, collections: beam.PCollection) -> ExperimentResult:
        root = collections.pipeline
        planted = (
            root
            | "Once" >> beam.Impulse()
            | "Plant"
            >> beam.ParDo(_Plant(self.config), AsIter(collections)).with_outputs(
                CATALOGUE_TAG, ITEMS_TAG, COUNTS_TAG, main="trial"
            )
        )
        known = (planted[CATALOGUE_TAG], planted[ITEMS_TAG]) | "KnowItems" >> BuildCorpus(
            self.config.separation.salience, self.encoder, self.encoder_name, self.stored
        )
        name = self.encoder_name if self.encoder is not None else None
        metrics = (
            root
            | "OnceMore" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge_trial, AsSingleton(planted.trial), AsSingleton(known.corpus), name, self.config
            ).with_output_types(pa.RecordBatch)
        )
        counts = (planted[COUNTS_TAG], known.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, known.embeddings, known.errors)
