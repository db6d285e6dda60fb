"""Beam stages: a log, its catalogue and the tree of its items -> metrics of recommendations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from schemas import CLUSTERS, INTERACTIONS, ITEM_CLUSTERS, ITEMS
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.error_rate import DataError
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.encoders.encode import EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.encoders.quantized_vectors import quantize_rows
from transforms.evaluation.experiment import ExperimentInputs, ExperimentResult
from transforms.evaluation.experiments.recommendation.config import RecommendationConfig
from transforms.evaluation.experiments.recommendation.sample import keep_users, recommendation_log
from transforms.evaluation.experiments.recommendation.scoring import evaluate_recommendation
from transforms.shuffle import ApplyGlobally


def _keep_users(rows: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    return keep_users([rows], limit)


def _evaluate(
    _: bytes,
    rows: pa.RecordBatch,
    clusters: Iterable[pa.RecordBatch],
    item_clusters: Iterable[pa.RecordBatch],
    vectors: Iterable[pa.RecordBatch],
    config: RecommendationConfig,
) -> pa.RecordBatch:
    try:
        log = recommendation_log(rows, clusters, item_clusters, vectors, config.level)
        return evaluate_recommendation(log, config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateRecommendation(beam.PTransform):
    """Compare methods of recommendation in one process, on a sample of users; a pipeline -> `ExperimentResult`.

    Attributes:
        inputs: the inputs.
        encoder: where vectors of items come from.
        stored: record batches of `embeddings` of an earlier run; None: none.
        config: configuration of the experiment.
    """

    inputs: ExperimentInputs
    encoder: EncoderSource
    stored: beam.PCollection | None
    config: RecommendationConfig

    def expand(self, root: beam.Pipeline) -> ExperimentResult:
        rows = self.inputs.rows
        kept, dropped = rows[INTERACTIONS.name] | "KeepInteractions" >> KeepInteractions(self.config.interactions)
        limit = self.config.fitted_users
        log = (
            kept
            | "UsersOfBatch" >> beam.Map(_keep_users, limit).with_output_types(pa.RecordBatch)
            | "SampleUsers" >> ApplyGlobally(keep_users, (limit,))
        )
        items, errors, item_counts = rows[ITEMS.name] | "UniqueItems" >> Deduplicate()
        encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
        vectors = encoded.vectors | "Quantize" >> beam.Map(quantize_rows, "vector").with_output_types(pa.RecordBatch)
        tree = (AsIter(rows[name]) for name in (CLUSTERS.name, ITEM_CLUSTERS.name))
        evaluate = beam.Map(_evaluate, AsSingleton(log), *tree, AsIter(vectors), self.config)
        metrics = root | "Once" >> beam.Impulse() | "Evaluate" >> evaluate.with_output_types(pa.RecordBatch)
        counts = (dropped, item_counts, encoded.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, encoded.embeddings, errors)
