"""Baselines as a stage: histories and item vectors in, journeys out."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton

from transforms.baselines.agglomerative import agglomerative_labels
from transforms.baselines.co_occurrence import co_occurrence_labels
from transforms.baselines.config import BaselineConfig
from transforms.baselines.density import density_labels
from transforms.baselines.labels import NONE, Labels, Vectors
from transforms.baselines.one_pass import one_pass_labels
from transforms.baselines.rows import (
    ITEM_CLUSTERS,
    NumberedHistories,
    histories_by_user,
    labelled_journeys,
    matrix_of,
    number_histories,
    pack_vectors,
)
from transforms.baselines.ward import average_labels, ward_labels
from transforms.columnar import ApplyGlobally

_PERSONAL: dict[str, Callable[[Vectors, BaselineConfig], Labels]] = {
    "ward": lambda vectors, config: ward_labels(vectors, config.threshold),
    "average": lambda vectors, config: average_labels(vectors, config.threshold),
    "density": lambda vectors, config: density_labels(vectors, config.min_cluster_size),
    "one_pass": lambda vectors, config: one_pass_labels(vectors, config.threshold),
}


def personal_journeys(histories: pa.RecordBatch, packed: pa.RecordBatch, config: BaselineConfig) -> pa.RecordBatch:
    """Rows of `journeys`: the clusters of each user's own items.

    Items without a vector are in no journey. An item that was consumed several times is clustered once.

    Args:
        histories: rows of `histories`.
        packed: all rows of `ITEM_VECTORS`, sorted by item.
        config: a method that looks at one user at a time.
    """
    vectors = matrix_of(packed)
    numbered = number_histories(histories_by_user([histories]), packed["item_id"])
    labels = np.full(len(numbered.items), NONE, np.int64)
    for start, end in itertools.pairwise(numbered.histories.offsets):
        labels[start:end] = _labels_of_user(numbered.items[start:end], vectors, config)
    return labelled_journeys(numbered, labels, config.min_size)


def _labels_of_user(items: np.ndarray, vectors: Vectors, config: BaselineConfig) -> Labels:
    labels = np.full(len(items), NONE, np.int64)
    known = np.flatnonzero(items >= 0)
    _, first, events = np.unique(items[known], return_index=True, return_inverse=True)
    by_time = np.sort(first)  # distinct items in the order of their first interactions
    found = _PERSONAL[config.method](vectors[items[known[by_time]]], config)
    labels[known] = found[np.searchsorted(by_time, first)][events]
    return labels


def clusters_by_content(vectors: Iterable[pa.RecordBatch], config: BaselineConfig) -> pa.RecordBatch:
    """Rows of `ITEM_CLUSTERS`, sorted by item, from rows of `ITEM_VECTORS`."""
    packed = pack_vectors(vectors)
    labels = agglomerative_labels(matrix_of(packed), config.threshold)
    return pa.RecordBatch.from_arrays([packed["item_id"], pa.array(labels)], schema=ITEM_CLUSTERS)


def clusters_by_behaviour(histories: Iterable[pa.RecordBatch], config: BaselineConfig) -> pa.RecordBatch:
    """Rows of `ITEM_CLUSTERS`, sorted by item, from all rows of `histories`."""
    rows = histories_by_user(histories)
    item_ids = pc.unique(rows["item_ids"].flatten())
    item_ids = item_ids.take(pc.sort_indices(item_ids))
    numbered = number_histories(rows, item_ids)
    labels = co_occurrence_labels(
        numbered.histories.offsets, numbered.items, len(item_ids), config.clusters, config.dimensions, config.seed
    )
    return pa.RecordBatch.from_arrays([item_ids, pa.array(labels)], schema=ITEM_CLUSTERS)


def global_journeys(histories: pa.RecordBatch, clusters: pa.RecordBatch, min_size: int) -> pa.RecordBatch:
    """Rows of `journeys`: those items of each user that share a global cluster.

    Args:
        histories: rows of `histories`.
        clusters: rows of `ITEM_CLUSTERS`; items that are not among them are in no journey.
        min_size: journeys with fewer distinct items are dropped.
    """
    numbered: NumberedHistories = number_histories(histories_by_user([histories]), clusters["item_id"])
    known = np.append(clusters["cluster"].to_numpy(), NONE)
    return labelled_journeys(numbered, known[numbered.items], min_size)


@dataclasses.dataclass
class BaselineJourneys(beam.PTransform):
    """Record batches of `histories` -> record batches of `journeys`, without terms.

    The vectors, or for `co_occurrence` the histories, are brought together in one process: baselines are for
    comparison, on data that fit into memory.

    Attributes:
        vectors: record batches of `ITEM_VECTORS`; None for `co_occurrence`, which looks at histories alone.
        config: the method.

    Raises:
        ValueError: when vectors are missing, or given where they are not looked at.
    """

    vectors: beam.PCollection | None
    config: BaselineConfig

    def __post_init__(self) -> None:
        if (self.vectors is None) != (self.config.method == "co_occurrence"):
            raise ValueError(f"vectors of the items are for all methods but co_occurrence, got {self.config.method!r}")

    def expand(self, histories: beam.PCollection) -> beam.PCollection:
        config = self.config
        if config.method == "co_occurrence":
            clusters = histories | "ByBehaviour" >> ApplyGlobally(clusters_by_behaviour, (config,))
        elif config.is_global:
            clusters = self.vectors | "ByContent" >> ApplyGlobally(clusters_by_content, (config,))
        else:
            packed = self.vectors | "PackVectors" >> ApplyGlobally(pack_vectors)
            journeys = beam.Map(personal_journeys, AsSingleton(packed), config)
            return histories | "PersonalJourneys" >> journeys.with_output_types(pa.RecordBatch)
        journeys = beam.Map(global_journeys, AsSingleton(clusters), config.min_size)
        return histories | "GlobalJourneys" >> journeys.with_output_types(pa.RecordBatch)
