"""The users on which experiments on exploration run: a sample that fits into one process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from schemas import CLUSTER_HISTORIES, CLUSTERS
from transforms.datasets.error_rate import DataError
from transforms.evaluation.experiment import ExperimentInputs
from transforms.evaluation.exploration_config import ExplorationConfig
from transforms.exploration.blending import BlendParameters, tune_blend
from transforms.exploration.cluster_histories import occurrences_of, return_times_of
from transforms.exploration.explore import smallest_users
from transforms.exploration.stages import clusters_of_level, select_columns
from transforms.exploration.training_counts import (
    TrainingCounts,
    count_training,
    drop_rare_counts,
    training_periods,
)
from transforms.exploration.transitions import FirstOccurrences, Integers, SplitTimes, split_times
from transforms.exploration.validation import count_slices
from transforms.hashing import StringIndex
from transforms.shuffle import ApplyGlobally


class ExplorationSample(NamedTuple):
    """Histories of a sample of users, and the clusters.

    Attributes:
        first: their first occurrences, of all periods.
        return_times: int64, shape (occurrences,): as `cluster_histories.return_times_of`.
        centroids: float64, shape (C, dimensions).
        boundaries: boundaries of the periods.
        end: first time after all first interactions, in microseconds.
        config: the configuration of the workspace.
    """

    first: FirstOccurrences
    return_times: Integers
    centroids: npt.NDArray[np.float64]
    boundaries: SplitTimes
    end: int
    config: ExplorationConfig

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""
        return len(self.centroids)

    @property
    def context_size(self) -> int:
        """The number of clusters in the longest contexts, K."""
        return self.config.transitions.context_size

    @property
    def user_count(self) -> int:
        """The number of users."""
        return len(self.first.offsets) - 1


def exploration_sample(
    histories: pa.RecordBatch, clusters: pa.RecordBatch, config: ExplorationConfig
) -> ExplorationSample:
    """Convert rows of `cluster_histories`, and of `clusters` of their level, to arrays.

    Raises:
        ValueError: when there are no histories, or a history has an unknown cluster.
    """
    first = occurrences_of(histories, StringIndex(clusters["cluster_id"]))
    if not len(first.times):
        raise ValueError("there are no cluster histories")
    return ExplorationSample(
        first,
        return_times_of(histories),
        np.stack(clusters["centroid"].to_numpy(zero_copy_only=False)).astype(np.float64),
        split_times(first.times, config.transitions),
        int(first.times.max()) + 1,
        config,
    )


def counts_before(sample: ExplorationSample, end: int) -> TrainingCounts:
    """Count what happened before a time, without what too few users did."""
    periods = training_periods(sample.first.times, end)
    counts = count_training(sample.first, sample.cluster_count, sample.context_size, periods)
    return drop_rare_counts(counts, sample.config.transitions.min_users)


def tuned_parameters(sample: ExplorationSample) -> BlendParameters:
    """Choose the parameters of the default blend on the validation period, as `explore` does."""
    min_users = sample.config.transitions.min_users
    slices = count_slices(sample.first, sample.cluster_count, sample.context_size, sample.boundaries, min_users)
    return tune_blend(slices, sample.centroids)


Evaluation = Callable[[ExplorationSample, Any], pa.RecordBatch]
"""Computes rows of `metrics` from a sample and the configuration of the experiment."""


@dataclasses.dataclass
class EvaluateExploration(beam.PTransform):
    """Evaluate a function once, on at most `explore.MAX_USERS` users of a workspace; a pipeline -> rows of `metrics`.

    Attributes:
        inputs: the inputs, `clusters` and `cluster_histories` among them.
        exploration: the configuration of the workspace.
        evaluate: the function.
        config: its configuration.
    """

    inputs: ExperimentInputs
    exploration: ExplorationConfig
    evaluate: Evaluation
    config: Any

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        clusters = self.inputs.rows[CLUSTERS.name] | "ClustersOfLevel" >> ApplyGlobally(
            clusters_of_level, (self.exploration.level,)
        )
        sample = (
            self.inputs.rows[CLUSTER_HISTORIES.name]
            | "SelectColumns" >> beam.Map(select_columns, CLUSTER_HISTORIES).with_output_types(pa.RecordBatch)
            | "SmallestOfBatch" >> beam.Map(lambda rows: smallest_users([rows])).with_output_types(pa.RecordBatch)
            | "SampleUsers" >> ApplyGlobally(smallest_users)
        )
        evaluate = beam.Map(
            _evaluate, AsSingleton(sample), AsSingleton(clusters), self.exploration, self.evaluate, self.config
        )
        return root | "Once" >> beam.Impulse() | "Evaluate" >> evaluate.with_output_types(pa.RecordBatch)


def _evaluate(
    _: bytes,
    histories: pa.RecordBatch,
    clusters: pa.RecordBatch,
    exploration: ExplorationConfig,
    evaluate: Evaluation,
    config: Any,
) -> pa.RecordBatch:
    try:
        return evaluate(exploration_sample(histories, clusters, exploration), config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error
