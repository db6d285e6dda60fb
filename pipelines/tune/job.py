"""What `tune` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any, get_args

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    merge_sources,
    prepare_workspace,
    resolve_dataset,
    resolve_inputs,
)
from pipelines.common.job import Job
from pipelines.common.models import check_word_lists, resolve_encoder, resolve_language_model
from schemas import COLLECTIONS, EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.encoders.interface import EncoderSource
from transforms.extras import INSTALL_LLM
from transforms.language_models.smollm2 import HUB_ID
from transforms.language_models.spec import ModelSpec
from transforms.language_models.tuning.config import TuningConfig, TuningMethod
from transforms.naming.config import NamingConfig, PromptFieldSet
from transforms.naming.examples.config import ExampleConfig
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig

TASKS = ("naming",)
OUTPUTS = (EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES)
PASSES = 2
"""How often each example is asked about, with other titles."""
_TEACHERS = ("torch", "transformers", "peft", "accelerate", "tensorboard")


def _add_teaching(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    bounded_number = options.bounded_number
    add(
        "--model",
        help="Language model that is taught: `smollm2`, a folder or a hub id. Without it: the examples alone are made.",
    )
    add(
        "--tuning_method",
        choices=get_args(TuningMethod),
        help="What is learnt: `lora`, low-rank additions to the weights; `prompt_tuning`, vectors before all else; "
        "`full`, all weights. Without it: lora.",
    )
    add(
        "--output",
        help="Local folder for the adapter or, with --tuning_method=full, the model. Default: `model` below "
        "`--workspace`.",
    )
    add(
        "--passes",
        type=bounded_number(int, 1),
        help=f"How often each example is asked about. Without it: {PASSES}.",
    )
    add(
        "--prompt_fields",
        choices=get_args(PromptFieldSet),
        help="What the model is told of a journey. Without it: titles.",
    )
    add(
        "--max_items",
        type=bounded_number(int, 1, 1000),
        help=f"Titles that are told, at most. Without it: {NamingConfig.max_items}.",
    )
    add(
        "--learning_rate",
        type=bounded_number(float, 0, 1, above=True),
        help="The learning rate at its highest. Without it: 1e-3 for LoRA, 3e-2 for a prompt, 5e-5 for all weights.",
    )
    add(
        "--batch_size",
        type=bounded_number(int, 1),
        help=f"Examples a step. Without it: {TuningConfig.batch_size}.",
    )
    add("--rank", type=bounded_number(int, 1), help=f"Of LoRA. Without it: {TuningConfig.rank}.")
    add(
        "--top_layers",
        type=bounded_number(int, 0),
        help=f"LoRA is put on so many of the last layers; 0: on all. Without it: {TuningConfig.top_layers}.",
    )
    add(
        "--prompt_tokens",
        type=bounded_number(int, 1),
        help=f"Vectors of a prompt. Without it: {TuningConfig.prompt_tokens}.",
    )
    add(
        "--evaluations",
        type=bounded_number(int, 1),
        help=f"How often the loss on the validation part is looked at. Without it: {TuningConfig.evaluations}.",
    )
    add(
        "--patience",
        type=bounded_number(int, 1),
        help="Training ends when the loss has not fallen for so many evaluations. Without it: "
        f"{TuningConfig.patience}.",
    )
    add("--seed", type=bounded_number(int, 0), help="Of what is drawn in training. Without it: 0.")


def _add_choice_of_examples(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    bounded_number = options.bounded_number
    add(
        "--min_titles",
        type=bounded_number(int, 2),
        default=ExampleConfig.min_titles,
        help="Collections with fewer distinct titles are left out.",
    )
    add(
        "--max_name_sources",
        type=bounded_number(int, 1),
        default=ExampleConfig.max_name_sources,
        help="Names that more sources use are left out: they mean nothing alone.",
    )
    add(
        "--min_continuity",
        type=bounded_number(float, -1, 1),
        default=ExampleConfig.min_continuity,
        help="Least mean cosine of two titles of a collection.",
    )
    add(
        "--min_relevance",
        type=bounded_number(float, -1, 1),
        default=ExampleConfig.min_relevance,
        help="Least cosine of a name with the mean of the titles.",
    )
    add(
        "--test_fraction",
        type=bounded_number(float, 0, 1),
        default=ExampleConfig.test_fraction,
        help="Share of the sources that is kept for evaluation.",
    )
    add(
        "--validation_fraction",
        type=bounded_number(float, 0, 1),
        default=ExampleConfig.validation_fraction,
        help="Share of the sources by which training is ended.",
    )
    add(
        "--max_source_fraction",
        type=bounded_number(float, 0, 1, above=True),
        default=ExampleConfig.max_source_fraction,
        help="Sources with a larger share of all collections are for training alone.",
    )
    add(
        "--max_examples_per_source",
        type=bounded_number(int, 1),
        default=ExampleConfig.max_examples_per_source,
        help="Most training examples of one source.",
    )
    add(
        "--max_examples",
        type=bounded_number(int, 1),
        default=ExampleConfig.max_examples,
        help="Most training examples of all sources. Without it: no limit.",
    )


@dataclasses.dataclass(frozen=True)
class Teaching:
    """What a model is taught once there are examples.

    Attributes:
        model: which.
        base: what an adapter says of the model that it is for; empty: the path of its folder.
        tuning: how.
        naming: what the model is told of a journey.
        passes: how often each example is asked about.
        output: where what was learnt is written.
    """

    model: ModelSpec
    base: str
    tuning: TuningConfig
    naming: NamingConfig
    passes: int
    output: Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class TuneJob(Job):
    """One run, checked: everything that the graph is built from.

    Attributes:
        task: what a model is to become better at.
        collections: what examples are made of.
        embeddings: those of an earlier run; None: there are none.
        collection_columns: other names of columns in the collections.
        encoder: what makes vectors.
        examples: which collections become examples, and what each is for.
        naming: how long a name may be.
        salience: how the terms of items are found.
        teaching: what is done with the examples on this machine; None: nothing.
    """

    name = "tune"
    description = "Makes a language model better at a task; at naming, by collections that people made and named."

    task: str
    collections: Source
    embeddings: Source | None
    collection_columns: dict[str, str]
    encoder: EncoderSource
    examples: ExampleConfig
    naming: NamingConfig
    salience: SalienceConfig
    teaching: Teaching | None

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--task", required=True, choices=TASKS, help="What a model is to become better at.")
        add(
            "--collections",
            required=True,
            type=options.comma_separated,
            help="`collections`: playlists, curated lists, or interests that people told of in interviews. Parquet "
            "file, folder or glob, or several with commas between them.",
        )
        options.add_collection_columns(parser)
        add("--workspace", default="tuned", help="Folder or bucket prefix in which the datasets are written.")
        add(
            "--previous",
            help="Workspace of a run before: texts that it encoded are not encoded again. Without it: `--workspace`.",
        )
        add(
            "--encoder",
            default="static",
            help="Encoder of names and titles: `static` is fast, `minilm` is better; or a folder, or a hub id.",
        )
        _add_choice_of_examples(parser)
        _add_teaching(parser)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> TuneJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.tune.graph import build_tune

        build_tune(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.tune.summary import print_tune

        print_tune(self, seconds)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return OUTPUTS

    def after_commit(self) -> int:
        """Train the model."""
        from pipelines.tune.training import teach

        return teach(self)

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        return {
            "examples": dataclasses.asdict(self.examples),
            "naming": dataclasses.asdict(self.naming),
            "salience": self.salience.described(),
            "encoder": str(self.encoder),
            "encoder_fingerprint": self.encoder.fingerprint(),
        }

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {COLLECTIONS.name: self.collections, EMBEDDINGS.name: self.embeddings}


def plan(args: argparse.Namespace) -> TuneJob:
    """Checks a command line against the world: finds inputs and the encoder, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    check_word_lists("names and titles are")
    examples = _example_config(args)
    collections = resolve_inputs("--collections", args.collections)
    workspace = absolute_path(args.workspace)
    check_not_nested(workspace, [("--collections", source) for source in collections])
    encoder = resolve_encoder("--encoder", args.encoder)
    teaching = _teaching(args, workspace)
    return TuneJob(
        task=args.task,
        collections=merge_sources(collections),
        embeddings=_find_embeddings(args, workspace),
        workspace=workspace,
        expected_versions=prepare_workspace(workspace, OUTPUTS),
        collection_columns=args.collection_columns,
        encoder=encoder,
        examples=examples,
        naming=NamingConfig(),
        salience=SalienceConfig(),
        max_error_rate=args.max_error_rate,
        teaching=teaching,
    )


def _teaching(args: argparse.Namespace, workspace: str) -> Teaching | None:
    names = ["tuning_method", "output", "passes", "prompt_fields", "max_items"]
    names += [field.name for field in dataclasses.fields(TuningConfig) if hasattr(args, field.name)]
    given = [name for name in names if getattr(args, name) is not None]
    if not args.model:
        if given:
            raise UsageError(f"--{given[0]} is for teaching a model, so give the --model too")
        return None
    missing = [name for name in _TEACHERS if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"teaching a model needs {', '.join(missing)}: {INSTALL_LLM}")
    model = resolve_language_model("--model", args.model, "")
    if model.kind == "endpoint" or model.adapter:
        raise UsageError(f"--model={args.model} cannot be taught: give `smollm2`, a folder or a hub id")
    asked = {name: getattr(args, name) for name in ("prompt_fields", "max_items") if getattr(args, name) is not None}
    return Teaching(
        model=model,
        base={"smollm2": HUB_ID, "hub": model.name}.get(model.kind, ""),
        tuning=_tuning_config(args),
        naming=NamingConfig("prompt_tuned" if args.tuning_method == "prompt_tuning" else "fine_tuned", **asked),
        passes=args.passes or PASSES,
        output=_output(args, workspace),
    )


def _tuning_config(args: argparse.Namespace) -> TuningConfig:
    names = [field.name for field in dataclasses.fields(TuningConfig)]
    told = {name: getattr(args, name, None) for name in names}
    told["method"] = args.tuning_method
    given = {name: value for name, value in told.items() if value is not None}
    for name, way in (("rank", "lora"), ("top_layers", "lora"), ("prompt_tokens", "prompt_tuning")):
        if name in given and given.get("method", TuningConfig.method) != way:
            raise UsageError(f"--{name} is for --tuning_method={way}")
    return TuningConfig(**given)


def _output(args: argparse.Namespace, workspace: str) -> Path:
    if args.output is None and "://" in workspace:
        raise UsageError("--output must name a folder of this machine, as the workspace is in a bucket")
    output = Path(args.output or Path(workspace) / "model").expanduser().resolve()
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output: {output} is no folder")
    return output


def _example_config(args: argparse.Namespace) -> ExampleConfig:
    names = [field.name for field in dataclasses.fields(ExampleConfig)]
    try:
        return ExampleConfig(**{name: getattr(args, name) for name in names})
    except ValueError as error:
        raise UsageError(f"--{error}") from error


def _find_embeddings(args: argparse.Namespace, workspace: str) -> Source | None:
    """The vectors of --previous; or those of --workspace, where it has any."""
    if args.previous:
        return resolve_dataset("--previous", args.previous, EMBEDDINGS)
    try:
        return resolve_dataset("--workspace", workspace, EMBEDDINGS)
    except UsageError:
        return None
