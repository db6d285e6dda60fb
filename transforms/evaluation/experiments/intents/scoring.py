"""All measurements of the experiment, from a log as arrays to rows of `metrics`."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from transforms.evaluation.experiments.intents.config import IntentsConfig
from transforms.evaluation.experiments.intents.exploration import compare_exploration
from transforms.evaluation.experiments.intents.latent import compare_latent
from transforms.evaluation.experiments.intents.reranking import compare_reranking
from transforms.evaluation.experiments.intents.sample import IntentsLog, intents_log
from transforms.evaluation.log_and_tree import Batches
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.transitions import split_times
from transforms.intents.config import IntentConfig


@dataclasses.dataclass(frozen=True)
class EvaluateIntents:
    """Computes rows of `metrics`, as `EvaluateLogAndTree` calls it.

    Attributes:
        config: configuration of the experiment.
    """

    config: IntentsConfig

    def __call__(
        self, rows: pa.RecordBatch, clusters: Batches, item_clusters: Batches, creators: Batches, vectors: Batches
    ) -> pa.RecordBatch:
        log = intents_log(rows, clusters, item_clusters, creators, vectors, self.config.level)
        return evaluate_intents(log, self.config)


def evaluate_intents(log: IntentsLog, config: IntentsConfig) -> pa.RecordBatch:
    """Compare models of exploration intent, of latent intent, and methods of re-ranking; rows of `metrics`.

    Latent intent is measured where torch is installed.

    Raises:
        ValueError: when no user has interactions at two times.
    """
    histories = log.events.histories
    transitions, seed = config.transitions, config.seed
    boundaries = split_times(histories.times, transitions)
    now = int(histories.times.max())
    rows = [*_amount_rows(log), *compare_exploration(log, now, IntentConfig(), seed)]
    rows += compare_reranking(
        log, (boundaries.validation, boundaries.test), config.measured_users, transitions.context_size,
        config.candidates, seed,
    )  # fmt: skip
    if importlib.util.find_spec("torch") is not None:
        rows += compare_latent(log, (boundaries.validation, boundaries.test), config.measured_users, seed)
    return metric_batch(rows)


def _amount_rows(log: IntentsLog) -> Iterator[dict[str, Any]]:
    histories = log.events.histories
    amounts = {
        "users": histories.user_count,
        "items": len(log.item_ids),
        "clusters": log.cluster_count,
        "interactions": len(histories.items),
    }
    for name, value in amounts.items():
        yield metric_row(f"intents_{name}", point(value))
