"""The training of `tune` on this machine: reading pairs, progress, `tuning.json` and the summary."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from pipelines.common.progress_bars import bars
from schemas import TUNING_PAIRS
from transforms.datasets.files import Source
from transforms.datasets.reading import read_dataset
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.tuning.config import TrainingExample
from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    from pipelines.tune.job import TuneJob
    from transforms.language_models.tuning.trainer import TrainingStatus
    from transforms.language_models.tuning.tune import TuningResult

MANIFEST = "tuning.json"
"""The description of a training in its output folder. It is written last: the folder is complete once it exists."""

_PACKAGES = ("torch", "transformers", "peft", "numpy")


class Pairs(NamedTuple):
    """The pairs of a workspace.

    Attributes:
        training: pairs of the split `train`, by `pair_id`.
        validation: pairs of the split `validation`, by `pair_id`.
        tasks: number of pairs of each task in these splits.
        prompt: the entry `prompt` of the manifest's configuration: how the stage that wrote the pairs renders its
            prompts; with the key `instructions`, these precede each prompt. It is copied to `tuning.json`.
    """

    training: list[TrainingExample]
    validation: list[TrainingExample]
    tasks: dict[str, int]
    prompt: dict[str, Any]


def read_pairs(source: Source) -> Pairs:
    """Read the pairs of both splits that a training uses."""
    rows = read_dataset(TUNING_PAIRS, source).sort_by("pair_id")
    used = rows.filter(pc.is_in(rows["split"], pa.array(["train", "validation"])))
    tasks = {each["values"]: each["counts"] for each in pc.value_counts(used["task"]).to_pylist()}
    prompt = source.manifest.configuration.get("prompt", {}) if source.manifest else {}
    return Pairs(_examples(used, "train"), _examples(used, "validation"), dict(sorted(tasks.items())), prompt)


def _examples(rows: pa.Table, split: str) -> list[TrainingExample]:
    of_split = rows.filter(pc.equal(rows["split"], split)).select(list(TrainingExample._fields))
    return [TrainingExample(**row) for row in of_split.to_pylist()]


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
    except (ModelUnavailableError, ValueError) as error:
        console.print(f"{job.name} failed: {error}", soft_wrap=True, markup=False)
        return 1
    return 0


def _train(job: TuneJob, console: Console) -> None:
    from transforms.language_models.tuning.tune import tune

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
        )
    seconds = time.monotonic() - started
    _write_manifest(job, pairs, result, seconds)
    _print_summary(job, result, seconds)


def _show_steps(shown: Bars) -> Callable[[TrainingStatus], None]:
    """Add a task for the steps, and return the function that updates it."""
    task = shown.add_task("steps", total=None, detail="")

    def show(status: TrainingStatus) -> None:
        losses = (("loss", status.training_loss), ("validation", status.validation_loss))
        text = "  ".join(f"{name} {loss:.3f}" for name, loss in losses if loss is not None)
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
    if result.skipped:
        console.print(f"  skipped: {result.skipped:,} pairs of more than {job.tuning.max_tokens} tokens")
    console.print(f"Written to {job.output}", soft_wrap=True, markup=False)
    console.print(f"Options to use it: {model_options(job)}", soft_wrap=True, markup=False)


def model_options(job: TuneJob) -> str:
    """Return the options with which other jobs load the result."""
    if job.tuning.method == "full":
        return f"--model={job.output}"
    return f"--model={job.model.name or job.model.kind} --adapter={job.output}"
