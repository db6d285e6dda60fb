"""The experiment on salience on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.error_rate import DataError
from transforms.encoders.encode import EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.salience.scoring import evaluate_scorers
from transforms.progress import Progress
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.learned_terms import align_to, dimensions_of, matrix, quantize_rows, smallest_hashes
from transforms.salience.model import SalienceModel, default_model
from transforms.shuffle import ApplyGlobally


@dataclasses.dataclass
class EvaluateSalience(beam.PTransform):
    """Evaluate scorers of terms on a sample of `items` with tags, in one process.

    Attributes:
        encoder: where vectors of the items come from.
        encoder_name: the name by which the packaged model is chosen.
        salience: limits of the vocabulary.
        learning: limits of learned salience; its `max_items` is the size of the sample.
        stored: record batches of `embeddings` of an earlier run; None: none.
        progress: counts the texts that have a vector.
    """

    encoder: EncoderSource
    encoder_name: str
    salience: SalienceConfig
    learning: LearnedSalienceConfig
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, rows: beam.PCollection) -> ExperimentResult:
        items, errors, item_counts = rows | "UniqueItems" >> Deduplicate()
        max_items = self.learning.max_items
        sample = (
            items
            | "SampleBatches" >> beam.Map(_sample, max_items).with_output_types(pa.RecordBatch)
            | "Sample" >> ApplyGlobally(smallest_hashes, (max_items,))
        )
        encoded = sample | "EncodeItems" >> EncodeItems(self.encoder, self.stored, self.progress)
        vectors = encoded.vectors | "WholeNumbers" >> beam.Map(quantize_rows).with_output_types(pa.RecordBatch)
        evaluate = beam.Map(
            _evaluate,
            AsSingleton(sample),
            AsIter(vectors),
            self.salience,
            self.learning,
            default_model(self.encoder_name),
        ).with_output_types(pa.RecordBatch)
        metrics = rows.pipeline | "Once" >> beam.Impulse() | "Evaluate" >> evaluate
        counts = (item_counts, encoded.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, encoded.embeddings, errors)


def _sample(rows: pa.RecordBatch, max_items: int) -> pa.RecordBatch:
    return smallest_hashes([rows], max_items)


def _evaluate(
    _: bytes,
    items: pa.RecordBatch,
    vectors: Iterable[pa.RecordBatch],
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    default: SalienceModel,
) -> pa.RecordBatch:
    encoded = align_to(vectors, items["item_id"])
    present = encoded.drop_null()
    rows = items.filter(encoded.is_valid())
    try:
        return evaluate_scorers(rows, matrix(present, dimensions_of(present)), salience, learning, default)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error
