"""Beam stages: a log, its catalogue and the tree of its items -> metrics of intents."""

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
from transforms.evaluation.experiments.intents.config import IntentsConfig
from transforms.evaluation.experiments.intents.sample import intents_log, keep_events
from transforms.evaluation.experiments.intents.scoring import evaluate_intents
from transforms.intents.catalogue import creators_of
from transforms.shuffle import ApplyGlobally


def _keep_events(rows: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    return keep_events([rows], limit)


def _evaluate(
    _: bytes,
    rows: pa.RecordBatch,
    clusters: Iterable[pa.RecordBatch],
    item_clusters: Iterable[pa.RecordBatch],
    creators: Iterable[pa.RecordBatch],
    vectors: Iterable[pa.RecordBatch],
    config: IntentsConfig,
) -> pa.RecordBatch:
    try:
        return evaluate_intents(intents_log(rows, clusters, item_clusters, creators, vectors, config.level), config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateIntents(beam.PTransform):
    """Evaluate intents in one process, on a sample of users; a pipeline -> `ExperimentResult`.

    Attributes:
        inputs: the inputs.
        encoder: where vectors of items come from.
        stored: record batches of `embeddings` of an earlier run; None: none.
        config: configuration of the experiment.
    """

    inputs: ExperimentInputs
    encoder: EncoderSource
    stored: beam.PCollection | None
    config: IntentsConfig

    def expand(self, root: beam.Pipeline) -> ExperimentResult:
        rows = self.inputs.rows
        kept, dropped = rows[INTERACTIONS.name] | "KeepInteractions" >> KeepInteractions(self.config.interactions)
        limit = self.config.fitted_users
        log = (
            kept
            | "UsersOfBatch" >> beam.Map(_keep_events, limit).with_output_types(pa.RecordBatch)
            | "SampleUsers" >> ApplyGlobally(keep_events, (limit,))
        )
        items, errors, item_counts = rows[ITEMS.name] | "UniqueItems" >> Deduplicate()
        encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
        vectors = encoded.vectors | "Quantize" >> beam.Map(quantize_rows, "vector").with_output_types(pa.RecordBatch)
        creators = items | "Creators" >> beam.Map(creators_of).with_output_types(pa.RecordBatch)
        sides = (*(rows[name] for name in (CLUSTERS.name, ITEM_CLUSTERS.name)), creators, vectors)
        evaluate = beam.Map(_evaluate, AsSingleton(log), *(AsIter(each) for each in sides), self.config)
        metrics = root | "Once" >> beam.Impulse() | "Evaluate" >> evaluate.with_output_types(pa.RecordBatch)
        counts = (dropped, item_counts, encoded.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, encoded.embeddings, errors)
