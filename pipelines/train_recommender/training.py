"""The training of `train_recommender` on this machine: progress, the folder of the recommender, and the summary."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.table import Table

from pipelines.common.progress_bars import bars
from pipelines.train_recommender.inputs import TrainingData, read_data
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import UnreadableFileError
from transforms.exploration.transitions import time_before_last
from transforms.model_files import ModelUnavailableError
from transforms.progress import Progress
from transforms.recommendation.protocol import before, between
from transforms.recommendation.sequence.folder import TrainedFor, digest_of_items, write_folder
from transforms.recommendation.sequence.training import EpochMetrics, Trained, train_before, train_epochs
from transforms.recommendation.sequence.validation import Validation

if TYPE_CHECKING:
    from pipelines.train_recommender.job import TrainRecommenderJob

_PACKAGES = ("torch", "safetensors", "numpy")
_WEEK = 7 * 86_400_000_000
_SHOWN_EPOCHS = 12


def train(job: TrainRecommenderJob) -> int:
    """Train the recommender of a job; return the exit code.

    If the training is stopped, the same command resumes after the last epoch.
    """
    console = Console(stderr=True, highlight=False)
    try:
        _train(job, console)
    except KeyboardInterrupt:
        console.print(f"{job.name}: stopped; the same command resumes after the last epoch", markup=False)
        return 130
    except (DataError, ModelUnavailableError, UnreadableFileError, ValueError) as error:
        console.print(f"{job.name} failed: {error}", soft_wrap=True, markup=False)
        return 1
    return 0


def _train(job: TrainRecommenderJob, console: Console) -> None:
    started = time.monotonic()
    data = read_data(job, Progress())
    boundary = time_before_last(np.sort(data.histories.times), job.sequence.validation_fraction)
    checkpoints = job.output / "checkpoints" / _fingerprint(job, data)
    with bars(console, TextColumn("{task.fields[detail]}")) as shown:
        chosen = train_before(
            data.histories,
            data.catalogue,
            job.sequence,
            boundary,
            checkpoints / "validated.pt",
            _show(shown, "epochs", job.sequence.max_epochs),
        )
        trained = train_epochs(
            data.histories,
            data.catalogue,
            job.sequence,
            chosen.best_epoch,
            checkpoints / "final.pt",
            _show(shown, "epochs, all data", chosen.best_epoch),
        )
    rivals = _popularity(data, boundary, job.sequence.seed)
    seconds = time.monotonic() - started
    _write(job, data, chosen, trained, rivals, seconds)
    shutil.rmtree(job.output / "checkpoints")
    _print_summary(job, data, chosen, rivals, seconds)


def _show(shown: Bars, name: str, total: int) -> Callable[[EpochMetrics], None]:
    """Add a task for the epochs, and return the function that updates it."""
    task = shown.add_task(name, total=total, detail="")

    def show(metrics: EpochMetrics) -> None:
        detail = f"loss {metrics.loss:.3f}"
        detail += f"  nDCG@10 {metrics.ndcg:.4f}" if np.isfinite(metrics.ndcg) else ""
        shown.update(task, completed=metrics.epoch, detail=detail)

    return show


def _popularity(data: TrainingData, boundary: int, seed: int) -> dict[str, float]:
    """Compute nDCG@10 of popular items on the validation period: of all time before it, and of the last 7 days."""
    past = before(data.histories, boundary)
    validation = Validation(past, between(data.histories, boundary), data.catalogue.item_count, seed=seed)
    recent = between(past, boundary - _WEEK, boundary)
    named = (("popularity", past), ("popularity of 7 days", recent))
    return {name: validation.measure_popularity(rows)[0] for name, rows in named}


def _trained_for(job: TrainRecommenderJob, data: TrainingData) -> TrainedFor:
    digest = job.clusters.manifest.digest if job.clusters.manifest else ""
    clusters = data.catalogue.cluster_count if job.sequence.conditioned else 0
    return TrainedFor(len(data.item_ids), digest_of_items(data.item_ids), digest, job.level, clusters)


def _fingerprint(job: TrainRecommenderJob, data: TrainingData) -> str:
    """Compute hexadecimal digits that differ if the configuration or the data of a training differ."""
    content = data.catalogue.content
    described = [job.configuration, dataclasses.asdict(_trained_for(job, data))]
    found = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for array in (*data.histories, data.catalogue.clusters, *(() if content is None else (content,))):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _write(
    job: TrainRecommenderJob,
    data: TrainingData,
    chosen: Trained,
    trained: Trained,
    rivals: dict[str, float],
    seconds: float,
) -> None:
    training: dict[str, Any] = {
        "configuration": job.configuration,
        "inputs": job.lineage,
        "interactions": len(data.histories.items),
        "users": data.histories.user_count,
        "best_epoch": chosen.best_epoch,
        "epochs": [metrics._asdict() for metrics in chosen.epochs],
        "ndcg_of_rivals": rivals,
        "seconds": round(seconds, 1),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    write_folder(job.output, trained, job.sequence, data.item_ids, _trained_for(job, data), training)


def _print_summary(
    job: TrainRecommenderJob, data: TrainingData, chosen: Trained, rivals: dict[str, float], seconds: float
) -> None:
    console = Console(highlight=False)
    cold = data.catalogue.item_count - len(np.unique(data.histories.items))
    console.print(
        f"trained on {len(data.histories.items):,} interactions of {data.histories.user_count:,} users with "
        f"{data.catalogue.item_count:,} items, in {seconds / 60:.1f} minutes",
        soft_wrap=True,
        markup=False,
    )
    if cold:
        vectors = "they have no vectors" if data.catalogue.content is None else "their vectors are of their content"
        console.print(f"  items that the log does not have: {cold:,}; {vectors}", markup=False)
    if data.invalid or data.outside:
        text = f"  left out: {data.invalid:,} invalid rows, {data.outside:,} with items outside of --clusters"
        console.print(text, markup=False)
    step = -(-len(chosen.epochs) // _SHOWN_EPOCHS)
    table = Table("epoch", "loss", "nDCG@10", "recall@10")
    for metrics in chosen.epochs:
        if (metrics.epoch - 1) % step == 0 or metrics.epoch == chosen.best_epoch:
            values = (metrics.loss, metrics.ndcg, metrics.recall)
            table.add_row(f"{metrics.epoch}", *(f"{value:.4f}" for value in values))
    console.print(table)
    best = chosen.epochs[chosen.best_epoch - 1]
    compared = ", ".join(f"{name} {value:.4f}" for name, value in rivals.items())
    console.print(
        f"  nDCG@10 on the validation period: {best.ndcg:.4f} in epoch {best.epoch}; {compared}",
        soft_wrap=True,
        markup=False,
    )
    console.print(f"Written to {job.output}", soft_wrap=True, markup=False)
