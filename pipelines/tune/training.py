"""What `tune` does on this machine once the examples are committed: it teaches the model, and says how far it is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from schemas import NAMING_EXAMPLES
from transforms.columnar import concatenate
from transforms.datasets.files import resolve_source
from transforms.datasets.manifest import read_manifest
from transforms.datasets.reading import read_dataset
from transforms.language_models.tuning.config import TrainingExample
from transforms.model_files import ModelUnavailableError
from transforms.naming.prompt import TUNED_TEMPLATE
from transforms.naming.training_examples import tuning_pairs
from transforms.naming.tuning_metadata import MANIFEST

if TYPE_CHECKING:
    from pipelines.tune.job import Teaching, TuneJob
    from transforms.language_models.tuning.trainer import TrainingStatus
    from transforms.language_models.tuning.tune import TuningResult

_PACKAGES = ("torch", "transformers", "peft", "numpy")


def teach(job: TuneJob) -> int:
    """Teaches the model that the job names, if any, what its examples say; returns the exit code.

    Where it is stopped, it goes on from the last evaluation when the same command is given again.
    """
    if job.teaching is None:
        return 0
    console = Console(stderr=True, highlight=False)
    try:
        _teach(job, job.teaching, console)
    except KeyboardInterrupt:
        console.print(f"{job.name}: stopped; the same command goes on from the last evaluation", markup=False)
        return 130
    except (ModelUnavailableError, ValueError) as error:
        console.print(f"{job.name} failed: {error}. The examples are in {job.workspace}.", soft_wrap=True, markup=False)
        return 1
    return 0


def _teach(job: TuneJob, teaching: Teaching, console: Console) -> None:
    from transforms.language_models.tuning.tune import tune

    started = time.monotonic()
    examples = _read_examples(job)
    parts = {part: examples.filter(pc.equal(examples["split"], part)) for part in ("train", "validation")}
    pairs = {
        part: _training_examples(tuning_pairs(rows, teaching.naming, teaching.passes, teaching.tuning.seed))
        for part, rows in parts.items()
    }
    (teaching.output / MANIFEST).unlink(missing_ok=True)
    with _bar(console) as show:
        tuned = tune(
            teaching.model.locate()[0],
            TUNED_TEMPLATE,
            pairs["train"],
            pairs["validation"],
            teaching.tuning,
            teaching.output,
            base=teaching.base,
            show=show,
        )
    seconds = time.monotonic() - started
    _write_manifest(job, teaching, {part: rows.num_rows for part, rows in parts.items()}, tuned, seconds)
    _tell(teaching, tuned, seconds)


def _training_examples(pairs: pa.RecordBatch) -> list[TrainingExample]:
    columns = (pairs[name].to_pylist() for name in ("prompt", "completion"))
    return [TrainingExample(*each) for each in zip(*columns, strict=True)]


def _read_examples(job: TuneJob) -> pa.RecordBatch:
    rows = read_dataset(NAMING_EXAMPLES, resolve_source(FileSystems.join(job.workspace, NAMING_EXAMPLES.name)))
    return concatenate((batch.cast(NAMING_EXAMPLES.arrow) for batch in rows.to_batches()), NAMING_EXAMPLES.arrow)


class _Show:
    """What draws how far a training is."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def __call__(self, shown: TrainingStatus) -> None:
        """Draws steps."""
        losses = (("loss", shown.training_loss), ("validation", shown.validation_loss))
        text = "  ".join(f"{name} {loss:.3f}" for name, loss in losses if loss is not None)
        self._bars.update(self._task, completed=shown.step, total=shown.steps, losses=text)


@contextmanager
def _bar(console: Console) -> Iterator[_Show]:
    columns = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=2) as bars:
        yield _Show(bars, bars.add_task("done", total=None, losses=""))


def _write_manifest(
    job: TuneJob, teaching: Teaching, examples: dict[str, int], tuned: TuningResult, seconds: float
) -> None:
    """Says what was learnt, from what and how well; the folder is whole when this is there."""
    version = read_manifest(FileSystems.join(job.workspace, NAMING_EXAMPLES.name))
    told = {
        "task": job.task,
        "model": str(teaching.model),
        "model_fingerprint": teaching.model.fingerprint(),
        "tuning": dataclasses.asdict(teaching.tuning) | {"learning_rate": teaching.tuning.peak_learning_rate},
        "passes": teaching.passes,
        "prompt": {
            "prompt_fields": teaching.naming.prompt_fields,
            "max_items": teaching.naming.max_items,
            "instructions": TUNED_TEMPLATE.instructions,
        },
        "examples": examples | {"dataset": version.digest if version else "", "configuration": job.configuration},
        "came_of_it": tuned._asdict(),
        "seconds": round(seconds, 1),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }
    path = teaching.output / MANIFEST
    hidden = path.with_suffix(".part")
    hidden.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    hidden.replace(path)


def _tell(teaching: Teaching, tuned: TuningResult, seconds: float) -> None:
    console = Console(highlight=False)
    console.print(
        f"taught {teaching.model} by {teaching.tuning.method}: {tuned.trainable_parameters:,} numbers, "
        f"{tuned.steps:,} steps, {tuned.examples:,} questions, {tuned.tokens:,} tokens, {seconds / 60:.1f} minutes",
        markup=False,
    )
    console.print(f"  loss on validation: {tuned.loss_before:.3f} before, {tuned.loss:.3f} now (nats a token)")
    if tuned.skipped:
        console.print(f"  left out: longer than {teaching.tuning.max_tokens} tokens: {tuned.skipped:,}")
    console.print(f"Written to {teaching.output}", soft_wrap=True, markup=False)
    console.print(f"Name journeys with it:\n  {name_command(teaching)}", soft_wrap=True, markup=False)


def name_command(teaching: Teaching) -> str:
    """The command that names journeys by what was taught."""
    method = "prompt_tuned" if teaching.tuning.method == "prompt_tuning" else "fine_tuned"
    whole = teaching.tuning.method == "full"
    model = teaching.output if whole else (teaching.model.name or teaching.model.kind)
    adapter = "" if whole else f" --adapter={teaching.output}"
    return f"python -m pipelines.name --journeys=workspace --method={method} --model={model}{adapter}"
