"""The experiment on confidence on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
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
from transforms.evaluation.experiments.confidence.config import ConfidenceConfig
from transforms.evaluation.experiments.confidence.halves import MixedHalves, mix_halves
from transforms.evaluation.experiments.separation.stages import collections_of
from transforms.evaluation.item_features import CATALOGUE_TAG, ITEMS_TAG, BuildCorpus, emit_items
from transforms.evaluation.methods import Corpus
from transforms.progress import Progress


@with_output_types(MixedHalves, catalogue=pa.RecordBatch, items=pa.RecordBatch, counts=Count)
class _MixHalves(beam.DoFn):
    """All collections -> `MixedHalves`; tagged: the catalogue, the items of the mixtures, and counts."""

    def __init__(self, config: ConfidenceConfig) -> None:
        self.config = config

    def process(self, _: bytes, collections: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        kept = limit_sources(concatenate_collections(collections), self.config.mixtures.max_collections_per_source)
        try:
            halves = mix_halves(kept, self.config)
        except ValueError as error:
            raise DataError(f"{error}, in each half of the sources; nothing was committed") from error
        yield from emit_items(halves.catalogue, halves.items)
        yield halves
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", halves.items.num_rows))


def _evaluate(_: bytes, halves: MixedHalves, corpus: Corpus, encoder: str | None, seed: int) -> pa.RecordBatch:
    from transforms.evaluation.experiments.confidence.scoring import evaluate_confidence

    try:
        return evaluate_confidence(halves, corpus, encoder, seed)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateConfidence(beam.PTransform):
    """Fit and measure the confidence of journeys on mixtures of `collections`, or of those of a log.

    Attributes:
        config: configuration of the experiment.
        encoder: where vectors of items come from; None: journeys are formed by terms alone.
        encoder_name: the name of the vectors.
        stored: record batches of `embeddings` of an earlier run; None: none.
        progress: counts the texts that have a vector.
    """

    config: ConfidenceConfig
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, rows: Mapping[str, beam.PCollection]) -> ExperimentResult:
        collections, repeated = collections_of(rows)
        root = collections.pipeline
        mix = beam.ParDo(_MixHalves(self.config), AsIter(collections))
        outputs = mix.with_outputs(CATALOGUE_TAG, ITEMS_TAG, COUNTS_TAG, main="halves")
        mixed = root | "Once" >> beam.Impulse() | "MixHalves" >> outputs
        features = (mixed[CATALOGUE_TAG], mixed[ITEMS_TAG]) | "BuildCorpus" >> BuildCorpus(
            self.config.salience, self.encoder, self.encoder_name, self.stored, self.progress
        )
        name = self.encoder_name if self.encoder is not None else None
        evaluate = beam.Map(
            _evaluate, AsSingleton(mixed.halves), AsSingleton(features.corpus), name, self.config.mixtures.seed
        ).with_output_types(pa.RecordBatch)
        metrics = root | "OnceMore" >> beam.Impulse() | "Evaluate" >> evaluate
        counts = (mixed[COUNTS_TAG], features.counts) | "Counts" >> beam.Flatten()
        invalid = [features.errors, *repeated] | "Errors" >> beam.Flatten()
        return ExperimentResult(metrics, counts, features.embeddings, invalid)
