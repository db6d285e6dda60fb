"""Beam stages: clusters and cluster histories -> metrics of the sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from schemas import CLUSTER_HISTORIES, LOOKUP
from transforms.datasets.error_rate import DataError
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.evaluation.experiments.exploration.config import ExplorationConfig
from transforms.evaluation.experiments.exploration.scoring import (
    Log,
    compare_selections,
    compare_sizes,
    compare_sources,
)
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.cluster_histories import occurrences_of
from transforms.exploration.explore import periods_of, smallest_users
from transforms.exploration.stages import clusters_of_level, select_columns
from transforms.exploration.table_source import TableSource
from transforms.exploration.time_sample import sample_of
from transforms.exploration.transitions import TEST, split_times
from transforms.hashing import StringIndex
from transforms.shuffle import ApplyGlobally


def evaluate_sources(
    clusters: Iterable[pa.RecordBatch], histories: pa.RecordBatch, config: ExplorationConfig
) -> pa.RecordBatch:
    """Compute rows of `metrics` of all sources.

    Args:
        clusters: rows of `clusters`, of all levels.
        histories: rows of `cluster_histories` of the users that are counted and measured.
        config: configuration of the experiment.

    Raises:
        DataError: when there are no transitions in the test period.
    """
    of_level = clusters_of_level(clusters, config.level)
    log, size = log_of(of_level, histories, config), config.transitions.context_size
    test = log.transitions(size, TEST)
    if not len(test.users):
        raise DataError("there are no transitions in the test period to measure recall on; nothing was committed")
    tables = {table_name(path): _read_table(path, of_level["cluster_id"]) for path in config.tables or ()}
    amounts = {"clusters": of_level.num_rows, "users": len(np.unique(test.users)), "transitions": len(test.users)}
    rows = [metric_row(f"exploration_{name}", point(value)) for name, value in amounts.items()]
    rows += compare_sources(log, size, tables, config.seed)
    rows += compare_sizes(log, config.seed)
    rows += compare_selections(log, size, config.transitions.per_label, config.seed)
    return metric_batch(rows)


def log_of(clusters: pa.RecordBatch, histories: pa.RecordBatch, config: ExplorationConfig) -> Log:
    """Convert rows of `cluster_histories` to arrays, and compute their periods from the times that `explore` uses."""
    first = occurrences_of(histories, StringIndex(clusters["cluster_id"]))
    times = np.sort(sample_of(histories)[1])
    boundaries = split_times(times, config.transitions)
    centroids = np.stack(clusters["centroid"].to_numpy(zero_copy_only=False)).astype(np.float64)
    return Log(first, boundaries, periods_of(times, boundaries), centroids)


def table_name(path: str) -> str:
    """Return the name of a table in metrics: that of its workspace."""
    return f"table {path.rstrip('/').rpartition('/')[2]}"


def _read_table(path: str, cluster_ids: pa.StringArray) -> TableSource:
    return TableSource.from_rows(read_dataset(LOOKUP, resolve_source(f"{path}/{LOOKUP.name}")), cluster_ids)


@dataclasses.dataclass
class EvaluateExploration(beam.PTransform):
    """Rows of `cluster_histories` -> metrics. One process measures, on a sample of at most 20,000 users.

    Attributes:
        clusters: rows of `clusters`.
        config: configuration of the experiment.
    """

    clusters: beam.PCollection
    config: ExplorationConfig

    def expand(self, histories: beam.PCollection) -> beam.PCollection:
        few = (
            histories
            | "SelectColumns" >> beam.Map(select_columns, CLUSTER_HISTORIES).with_output_types(pa.RecordBatch)
            | "SmallestOfBatch" >> beam.Map(lambda rows: smallest_users([rows])).with_output_types(pa.RecordBatch)
        )
        sample = few | "SampleUsers" >> ApplyGlobally(smallest_users)
        return self.clusters | "Evaluate" >> ApplyGlobally(evaluate_sources, (AsSingleton(sample), self.config))
