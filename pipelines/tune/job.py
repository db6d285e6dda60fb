"""The job `tune`: trains a language model on any `tuning_pairs`."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_dataset
from pipelines.common.job import Job
from pipelines.common.models import resolve_language_model
from pipelines.tune.pairs import has_closed_set
from schemas import TUNING_PAIRS, DatasetSchema
from transforms.datasets.files import Source
from transforms.extras import INSTALL_LLM
from transforms.language_models.smollm2 import HUB_ID
from transforms.language_models.spec import ModelSpec
from transforms.language_models.tuning.config import ClosedSetThresholds, TuningConfig
from transforms.progress import Progress
from transforms.settings import settings_of

_PACKAGES = ("torch", "transformers", "peft", "accelerate", "tensorboard")
_CLOSED_SET_OPTIONS = tuple(settings_of(ClosedSetThresholds))
"""Options that have an effect with pairs of a closed set of completions only."""

_METHOD_OPTIONS = {"rank": "lora", "top_layers": "lora", "prompt_tokens": "prompt_tuning"}
"""Options that have an effect with one tuning method only."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuneJob(Job):
    """One training.

    Attributes:
        pairs: the `tuning_pairs`.
        model: the model that is trained.
        base: the name of the base model in an adapter's configuration; empty: the path of its folder.
        tuning: the configuration of tuning.
        thresholds: requirements for a model that generates members of a closed set; None: the pairs have no closed set.
        output: the local folder of the adapter or the model.
    """

    name = "tune"
    description = "Trains a language model, or an adapter for it, on pairs of prompt and completion."

    pairs: Source
    model: ModelSpec
    base: str
    tuning: TuningConfig
    thresholds: ClosedSetThresholds | None
    output: Path

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add(
            "--pairs",
            default="exploration",
            help="Workspace with `tuning_pairs`, as `naming_examples` and `transitions` write it.",
        )
        add("--model", default="smollm2", help="Language model to train: `smollm2`, a folder or a hub id.")
        add("--output", default="tuned_model", help="Local folder for the adapter; with `full`, for the model.")
        options.add_config(parser, TuningConfig, unset=tuple(_METHOD_OPTIONS))
        options.add_config(parser, ClosedSetThresholds, unset=_CLOSED_SET_OPTIONS)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> TuneJob:
        """Create the job that a command line describes."""
        for name, method in _METHOD_OPTIONS.items():
            if getattr(args, name) is not None and args.tuning_method != method:
                raise UsageError(f"--{name} has an effect with --tuning_method={method} only")
        tuning = options.read_config(args, TuningConfig)
        if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
            raise UsageError(f"tuning needs the packages {', '.join(missing)}: {INSTALL_LLM}")
        pairs = resolve_dataset("--pairs", args.pairs, TUNING_PAIRS)
        model = resolve_language_model("--model", args.model, "")
        if model.kind == "endpoint" or model.adapter:
            raise UsageError(f"--model: {args.model} cannot be trained; allowed are `smollm2`, a folder and a hub id")
        return cls(
            workspace=args.output,
            expected_versions={},
            max_error_rate=0.0,
            pairs=pairs,
            model=model,
            base={"smollm2": HUB_ID, "hub": model.name}.get(model.kind, ""),
            tuning=tuning,
            thresholds=_thresholds(args, pairs),
            output=_output(args.output),
        )

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """No datasets: the output is a folder of this machine."""
        return ()

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name."""
        return {TUNING_PAIRS.name: self.pairs}

    @property
    def configuration(self) -> dict[str, Any]:
        """The configuration of tuning, for `tuning.json`."""
        thresholds = {"thresholds": dataclasses.asdict(self.thresholds)} if self.thresholds else {}
        return dataclasses.asdict(self.tuning) | {"learning_rate": self.tuning.peak_learning_rate} | thresholds

    @property
    def has_graph(self) -> bool:
        """A training has no graph."""
        return False

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add nothing: the job has no graph."""

    def after_commit(self) -> int:
        """Train the model on this machine."""
        from pipelines.tune.training import train

        return train(self)


def _thresholds(args: argparse.Namespace, pairs: Source) -> ClosedSetThresholds | None:
    """Return the thresholds of pairs with a closed set; None for other pairs.

    Raises:
        UsageError: when an option has no effect.
    """
    if has_closed_set(pairs):
        return options.read_config(args, ClosedSetThresholds)
    if given := [name for name in _CLOSED_SET_OPTIONS if getattr(args, name) is not None]:
        raise UsageError(f"--{given[0]} has an effect with pairs of a closed set only, as `transitions` writes them")
    return None


def _output(text: str) -> Path:
    if "://" in text:
        raise UsageError(f"--output must be a local folder, got {text!r}")
    output = Path(text).expanduser().resolve()
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output: {output} is not a folder")
    return output
