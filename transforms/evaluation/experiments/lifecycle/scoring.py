"""All measurements of the experiment, from a log as arrays to rows of `metrics`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from schemas import ITEM_CLUSTERS, SALIENT_TERMS
from transforms.columnar import concatenate
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.experiments.lifecycle.lists import list_rows
from transforms.evaluation.experiments.lifecycle.past_journeys import (
    Continuations,
    PastJourneys,
    continuations,
    latest,
    past_journeys,
)
from transforms.evaluation.experiments.lifecycle.stage import recurrence_rows, stage_rows
from transforms.evaluation.experiments.recommendation.sample import recommendation_log
from transforms.evaluation.log_and_tree import Batches
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.stages import select_columns
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.config import ExtractConfig
from transforms.journeys.icpc import TermVectors
from transforms.journeys.item_features import build_item_features
from transforms.lifecycle.rhythm import DAY, LogGaps, log_gaps
from transforms.recommendation.protocol import before

Row = dict[str, Any]


class LifecycleSample(NamedTuple):
    """The journeys before a date, and the interactions after it.

    Attributes:
        journeys: the journeys before the date.
        following: what follows the date.
        terms: the salient terms of all items.
        gaps: the gaps of the journeys before the date.
        date: the date, in microseconds.
    """

    journeys: PastJourneys
    following: Continuations
    terms: TermVectors
    gaps: LogGaps
    date: int


@dataclasses.dataclass(frozen=True)
class EvaluateLifecycle:
    """Computes rows of `metrics`, as `EvaluateLogAndTree` calls it, with `salient_terms` as the items.

    Attributes:
        config: configuration of the experiment.
    """

    config: LifecycleExperimentConfig

    def __call__(
        self, rows: pa.RecordBatch, clusters: Batches, item_clusters: Batches, items: Batches, vectors: Batches
    ) -> pa.RecordBatch:
        sample = lifecycle_sample(rows, clusters, item_clusters, items, vectors, self.config)
        return evaluate_lifecycle(sample, self.config)


def lifecycle_sample(
    rows: pa.RecordBatch,
    clusters: Batches,
    item_clusters: Batches,
    salient: Batches,
    vectors: Batches,
    config: LifecycleExperimentConfig,
) -> LifecycleSample:
    """Divide a log by a date, and form the journeys before it.

    Args:
        rows: the interactions of the users.
        clusters: rows of `clusters`, of all levels.
        item_clusters: rows of `item_clusters`.
        salient: rows of `salient_terms`, at most one per item.
        vectors: rows of `quantized_vectors.ITEM_VECTORS`.
        config: configuration of the experiment.

    Raises:
        ValueError: when there is no journey before the date.
    """
    log = recommendation_log(rows, clusters, item_clusters, vectors, config.level)
    date = int(log.histories.times.max()) + 1 - config.future_days * DAY
    limit = ExtractConfig.max_history
    journeys = past_journeys(latest(before(log.histories, date), limit), log.catalogue)
    if not len(journeys.users):
        raise ValueError(f"no user has a journey {config.future_days} days before the end of the log")
    following = continuations(journeys, log.histories, log.catalogue, date, limit)
    gaps = log_gaps(journeys.member_offsets, journeys.times)
    return LifecycleSample(journeys, following, _term_vectors(item_clusters, salient), gaps, date)


def _term_vectors(item_clusters: Batches, salient: Batches) -> TermVectors:
    """Return the salient terms of the items of the tree, sorted by id."""
    assigned = concatenate((select_columns(each, ITEM_CLUSTERS) for each in item_clusters), ITEM_CLUSTERS.arrow)
    names = SALIENT_TERMS.arrow.names
    rows = concatenate((each.select(names).cast(SALIENT_TERMS.arrow) for each in salient), SALIENT_TERMS.arrow)
    features = build_item_features(assigned["item_id"], rows, None)
    return unpack_catalogue(pack_catalogue([features])).term_vectors


def evaluate_lifecycle(sample: LifecycleSample, config: LifecycleExperimentConfig) -> pa.RecordBatch:
    """Measure stages, recurrence and lists; rows of `metrics`."""
    rows: Iterable[Row] = [
        *_amount_rows(sample, config),
        *stage_rows(sample.journeys, sample.following, sample.gaps, sample.date, config),
        *recurrence_rows(sample.journeys, sample.following, sample.gaps, sample.date, config),
        *list_rows(sample.journeys, sample.following, sample.gaps, sample.date, sample.terms, config),
    ]
    return metric_batch(list(rows))


def _amount_rows(sample: LifecycleSample, config: LifecycleExperimentConfig) -> Iterator[Row]:
    journeys = sample.journeys
    amounts = {
        "users": len(np.unique(journeys.users)),
        "journeys": len(journeys.users),
        "past_days": (sample.date - int(journeys.times.min())) / DAY,
        "future_days": config.future_days,
        "mean_gap": sample.gaps.mean_gap,
    }
    for name, value in amounts.items():
        yield metric_row(f"lifecycle_{name}", point(value))
