"""The experiment on conformity on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.corpus import concatenate_collections, limit_sources
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.conformity.config import ConformityConfig
from transforms.evaluation.experiments.conformity.scoring import (
    ConformityData,
    compared_methods,
    evaluate_rules,
    inject_into_mixtures,
)
from transforms.evaluation.item_features import CATALOGUE_TAG, ITEMS_TAG, BuildCorpus, emit_items
from transforms.evaluation.methods import Corpus
from transforms.progress import Progress


@with_output_types(ConformityData, catalogue=pa.RecordBatch, items=pa.RecordBatch, counts=Count)
class _Inject(beam.DoFn):
    """Convert all collections to `ConformityData`; emit the catalogue, the items of the mixtures and counts."""

    def __init__(self, config: ConformityConfig) -> None:
        self.config = config

    def process(self, _: bytes, collections: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        kept = limit_sources(concatenate_collections(collections), self.config.mixtures.max_collections_per_source)
        try:
            data = inject_into_mixtures(kept, self.config)
        except ValueError as error:
            raise DataError(f"{error}; nothing was committed") from error
        yield from emit_items(data.catalogue, data.items)
        yield data
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", data.items.num_rows))


def _evaluate(
    _: bytes, data: ConformityData, corpus: Corpus, encoder_name: str | None, config: ConformityConfig
) -> pa.RecordBatch:
    return evaluate_rules(data, corpus, compared_methods(encoder_name), config)


@dataclasses.dataclass
class EvaluateConformity(beam.PTransform):
    """Evaluate rules that remove popular items from mixtures of `collections`.

    Attributes:
        config: configuration of the experiment.
        encoder: where vectors of items come from; None: journeys are extracted by terms alone.
        encoder_name: the name of the vectors.
        stored: record batches of `embeddings` of an earlier run; None: none.
        progress: counts the texts that have a vector.
    """

    config: ConformityConfig
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, collections: beam.PCollection) -> ExperimentResult:
        root = collections.pipeline
        inject = beam.ParDo(_Inject(self.config), AsIter(collections))
        outputs = inject.with_outputs(CATALOGUE_TAG, ITEMS_TAG, COUNTS_TAG, main="data")
        injected = root | "Once" >> beam.Impulse() | "Inject" >> outputs
        features = (injected[CATALOGUE_TAG], injected[ITEMS_TAG]) | "BuildCorpus" >> BuildCorpus(
            self.config.salience, self.encoder, self.encoder_name, self.stored, self.progress
        )
        name = self.encoder_name if self.encoder is not None else None
        evaluate = beam.Map(
            _evaluate, AsSingleton(injected.data), AsSingleton(features.corpus), name, self.config
        ).with_output_types(pa.RecordBatch)
        metrics = root | "OnceMore" >> beam.Impulse() | "Evaluate" >> evaluate
        counts = (injected[COUNTS_TAG], features.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, features.embeddings, features.errors)
