"""The experiments on interest and conformity from end to end, on Beam: collections, or a log, in; figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import pyarrow as pa

from transforms.columnar import ApplyGlobally
from transforms.datasets.error_rate import DataError
from transforms.evaluation.config import InterventionConfig
from transforms.evaluation.experiments.intervention.scoring import evaluate_recommenders


def _judge_log(batches: Iterable[pa.RecordBatch], config: InterventionConfig) -> pa.RecordBatch:
    try:
        return evaluate_recommenders(batches, config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateIntervention(beam.PTransform):
    """Record batches of `interactions` -> what rivals recommend, as record batches of `metrics`.

    The pairs of users and items are brought together in one process: experiments are on data that fit into memory.

    Attributes:
        config: how.
    """

    config: InterventionConfig

    def expand(self, interactions: beam.PCollection) -> beam.PCollection:
        return interactions | "Judge" >> ApplyGlobally(_judge_log, (self.config,))
