"""The training of `tune` on this machine: reading pairs, progress, `tuning.json` and the summary."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.table import Table

from pipelines.common.progress_bars import bars
from pipelines.tune.pairs import Pairs, read_pairs
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.tuning.tune import RejectedModelError
from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    from pipelines.tune.job import TuneJob
    from transforms.language_models.tuning.trainer import TrainingStatus
    from transforms.language_models.tuning.tune import TuningResult

MANIFEST = "tuning.json"
"""The description of a training in its output folder. It is written last: the folder is complete once it exists."""

_PACKAGES = ("torch", "transformers", "peft", "numpy")


def train(job: TuneJob) -> int:
    """Train the model of a job; return the exit code.

    If the training is stopped, the same command resumes from the last evaluation.
    """
    console = Console(stderr=True, highlight=False)
    try:
        _train(job, console)
    except KeyboardInterrupt:
        console.print(f"{job.name}: stopped; the same command resumes from the last evaluation", markup=False)
        return 130
    except RejectedModelError as error:
        _print_evaluations(console, error.evaluations)
        console.print(
            f"{job.name}: {error}. No model is written; tune on more pairs or for more epochs. The same command with "
            "other thresholds uses what was trained.",
            soft_wrap=True,
            markup=False,
        )
        return 1
    except (ModelUnavailableError, ValueError) as error:
        console.print(f"{job.name} failed: {error}", soft_wrap=True, markup=False)
        return 1
    return 0


def _train(job: TuneJob, console: Console) -> None:
    from transforms.language_models.tuning.tune import ClosedSetTask, tune

    started = time.monotonic()
    pairs = read_pairs(job.pairs)
    (job.output / MANIFEST).unlink(missing_ok=True)
    with bars(console, TextColumn("{task.fields[detail]}")) as shown:
        result = tune(
            job.model.locate()[0],
            PromptTemplate(pairs.prompt.get("instructions", "")),
            pairs.training,
            pairs.validation,
            job.tuning,
            job.output,
            base=job.base,
            show=_show_steps(shown),
            closed_set=ClosedSetTask(pairs.outputs, job.thresholds) if job.thresholds else None,
        )
    seconds = time.monotonic() - started
    _write_manifest(job, pairs, result, seconds)
    _print_summary(job, result, seconds)


def _show_steps(shown: Bars) -> Callable[[TrainingStatus], None]:
    """Add a task for the steps, and return the function that updates it."""
    task = shown.add_task("steps", total=None, detail="loading the model and measuring it before the training")

    def show(status: TrainingStatus) -> None:
        values = (
            ("loss", status.training_loss),
            ("validation", status.validation_loss),
            ("match rate", status.match_rate),
            ("recall@10", status.recall),
        )
        text = "  ".join(f"{name} {value:.3f}" for name, value in values if value is not None)
        shown.update(task, completed=status.step, total=status.steps, detail=text)

    return show


def _write_manifest(job: TuneJob, pairs: Pairs, result: TuningResult, seconds: float) -> None:
    """Write the description of the training."""
    manifest = job.pairs.manifest
    description = {
        "model": str(job.model),
        "model_fingerprint": job.model.fingerprint(),
        "tuning": job.configuration,
        "prompt": pairs.prompt,
        "pairs": {
            "train": len(pairs.training),
            "validation": len(pairs.validation),
            "tasks": pairs.tasks,
            "dataset": manifest.digest if manifest else "",
            "configuration": manifest.configuration if manifest else {},
        },
        "result": result._asdict(),
        "seconds": round(seconds, 1),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    path = job.output / MANIFEST
    hidden = path.with_suffix(".part")
    hidden.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    hidden.replace(path)


def _print_summary(job: TuneJob, result: TuningResult, seconds: float) -> None:
    console = Console(highlight=False)
    console.print(
        f"trained {job.model} by {job.tuning.method}: {result.trainable_parameters:,} parameters, {result.steps:,} "
        f"steps, {result.examples:,} pairs, {result.tokens:,} tokens, {seconds / 60:.1f} minutes",
        soft_wrap=True,
        markup=False,
    )
    console.print(f"  validation loss: {result.loss_before:.3f} before, {result.loss:.3f} after (nats per token)")
    if job.thresholds is not None:
        _print_evaluations(console, result.evaluations)
        console.print(f"  the model of step {result.best_step:,} is kept")
    if result.skipped:
        console.print(f"  skipped: {result.skipped:,} pairs of more than {job.tuning.max_tokens} tokens")
    console.print(f"Written to {job.output}", soft_wrap=True, markup=False)
    console.print(f"Options to use it: {model_options(job)}", soft_wrap=True, markup=False)


_SHOWN = (
    ("loss", "loss"),
    ("match_rate", "match"),
    ("recall_1", "recall@1"),
    ("recall_5", "@5"),
    ("recall_10", "@10"),
    ("gini", "Gini"),
    ("effective_number", "effective"),
)
"""Metrics of an evaluation with their headings; the last two are of the distribution of first ranks."""


def _print_evaluations(console: Console, evaluations: list[dict[str, float]]) -> None:
    """Print match rate, recall and diversity by step."""
    table = Table("step", *(heading for _, heading in _SHOWN))
    for each in evaluations:
        table.add_row(f"{each['step']:,}", *(f"{each[name]:.3f}" for name, _ in _SHOWN))
    console.print(table)
    console.print(f"  recall@10 of a random order: {evaluations[0]['chance_10']:.3f}", markup=False)


def model_options(job: TuneJob) -> str:
    """Return the options with which other jobs load the result."""
    if job.tuning.method == "full":
        return f"--model={job.output}"
    return f"--model={job.model.name or job.model.kind} --adapter={job.output}"
