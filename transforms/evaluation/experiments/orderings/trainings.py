"""Curves of trainings that `tune` recorded in `tuning.json`, as rows of `metrics`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from transforms.evaluation.experiments.orderings.differences import proportion_interval
from transforms.evaluation.experiments.orderings.evaluations import Evaluation
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row
from transforms.model_files import file_sha256

MANIFEST = "tuning.json"
_MEASURES = {"training_match_rate": "match_rate", "training_recall": "recall_10"}


class Training(NamedTuple):
    """A training on pairs with a closed set of completions.

    Attributes:
        name: the name of its folder.
        digest: SHA-256 of its `tuning.json`, in hexadecimal.
        pairs: number of validation pairs that each evaluation measured.
        kept: the step whose state was kept.
        evaluations: measures of each evaluation, by step.
    """

    name: str
    digest: str
    pairs: int
    kept: int
    evaluations: tuple[Mapping[str, float], ...]


def parse_trainings(text: str) -> tuple[Training, ...]:
    """Read the trainings of folders, with commas between them.

    Raises:
        ValueError: when a folder has no `tuning.json` with measures of a closed set.
    """
    return tuple(read_training(Path(folder).expanduser()) for folder in text.split(",") if folder)


def read_training(folder: Path) -> Training:
    """Read the training of a folder.

    Raises:
        ValueError: when it has no `tuning.json` with measures of a closed set.
    """
    path = folder / MANIFEST
    try:
        stored: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        result, validation = stored["result"], int(stored["pairs"]["validation"])
        pairs = min(int(stored["tuning"]["thresholds"]["measured_pairs"]), validation)
        found = tuple(each for each in result["evaluations"] if set(_MEASURES.values()) <= each.keys())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} has no {MANIFEST} of a training that `tune` measured: {error!r}") from error
    if not found:
        raise ValueError(f"{path} has no match rates: its pairs have no closed set of completions")
    return Training(folder.resolve().name, file_sha256(path), pairs, int(result["best_step"]), found)


def training_metrics(training: Training) -> pa.RecordBatch:
    """Compute rows of `metrics`: match rate and recall@10 of the first, the kept and any later last step.

    Args:
        training: the training.
    """
    by_step = {int(each["step"]): each for each in training.evaluations}
    steps = {"first": min(by_step), "kept": training.kept}
    if max(by_step) > training.kept:
        steps["last"] = max(by_step)
    rows = [
        metric_row(metric, proportion_interval(by_step[step][key] * training.pairs, training.pairs), step=name)
        for name, step in steps.items()
        if step in by_step
        for metric, key in _MEASURES.items()
    ]
    return metric_batch(rows)


def evaluation_of_training(training: Training) -> Evaluation:
    """Return the metrics of a training under the name of its folder."""
    return Evaluation(training.name, MetricIndex([training_metrics(training)]))
