"""The experiments on salience from end to end, on Beam: a catalogue with tags, or collections, in; figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from transforms.columnar import ApplyGlobally
from transforms.datasets.error_rate import DataError
from transforms.encoders.encode import EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.salience.scoring import evaluate_scorers
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.learned_terms import align_to, dimensions_of, matrix, quantize_rows, smallest_hashes
from transforms.salience.model import SalienceModel


def _judge_catalogue(
    _: bytes,
    items: pa.RecordBatch,
    vectors: Iterable[pa.RecordBatch],
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    default: SalienceModel,
) -> pa.RecordBatch:
    encoded = align_to(vectors, items["item_id"])
    known = encoded.drop_null()
    rows = items.filter(encoded.is_valid())
    try:
        return evaluate_scorers(rows, matrix(known, dimensions_of(known)), salience, learning, default)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateSalience(beam.PTransform):
    """Rows of `items`, each once, with tags -> how well scorers know which tags were hidden.

    A sample of the items is brought together in one process.

    Attributes:
        encoder: what makes vectors of the items.
        salience: limits of the vocabulary.
        learning: limits; its `max_items` is the size of the sample.
        default: the model that comes with the package.
        stored: record batches of `embeddings` of an earlier run; None: none.
    """

    encoder: EncoderSource
    salience: SalienceConfig
    learning: LearnedSalienceConfig
    default: SalienceModel
    stored: beam.PCollection | None = None

    def expand(self, items: beam.PCollection) -> ExperimentResult:
        most = self.learning.max_items
        sample = (
            items
            | "SampleSome" >> beam.Map(_smallest, most).with_output_types(pa.RecordBatch)
            | "Sample" >> ApplyGlobally(smallest_hashes, (most,))
        )
        encoded = sample | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
        vectors = encoded.vectors | "WholeNumbers" >> beam.Map(quantize_rows).with_output_types(pa.RecordBatch)
        metrics = (
            items.pipeline
            | "Once" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge_catalogue, AsSingleton(sample), AsIter(vectors), self.salience, self.learning, self.default
            ).with_output_types(pa.RecordBatch)
        )
        return ExperimentResult(metrics, encoded.counts, encoded.embeddings)


def _smallest(rows: pa.RecordBatch, most: int) -> pa.RecordBatch:
    return smallest_hashes([rows], most)
