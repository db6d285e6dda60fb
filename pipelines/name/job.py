"""Options and configuration of the job `name`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, get_args

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    checkpoint_dir,
    default_num_parts,
    find_dataset,
    prepare_workspace,
    resolve_dataset,
)
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import PROMPTS, check_word_lists, model_label
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import resolve_catalogue
from pipelines.name import model as models
from schemas import ERRORS, GENERATIONS, ITEMS, JOURNEY_NAMES, JOURNEYS, METRICS, DatasetSchema
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source, absolute_path
from transforms.language_models.spec import GenerationSpec
from transforms.naming.config import Method, NamingConfig
from transforms.naming.safety.classifier import CombinedFilter
from transforms.naming.safety.word_lists import WordLists
from transforms.naming.selection import NameSelectorConfig
from transforms.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class NameJob(Job):
    """One run, checked: everything that its graph is built from.

    Attributes:
        journeys: the journeys to name.
        items: the catalogue.
        generations: completions of an earlier run; None: there are none.
        catalogue_columns: how the columns of the catalogue are read.
        naming: configuration of prompts and names.
        generation: the language model, its prompt template and decoding; None for the method `salient`.
        model: label of the model in the datasets; empty for `salient`.
        selector: selects one of several candidates of the model; None: the most probable one is used.
        safety: decides whether a name may be published.
        users: number of users whose journeys are named; None: all.
        parts: number of parts of each dataset.
    """

    name = "name"
    description = "Name the journeys of each user: from their terms, or by a language model that reads titles of items."
    inheritance = (Inheritance(("journeys",), JOURNEYS, names=options.CATALOGUE, unless=("items",)),)

    journeys: Source
    items: Source
    generations: Source | None
    catalogue_columns: ColumnOptions
    naming: NamingConfig
    generation: GenerationSpec | None
    model: str
    selector: NameSelectorConfig | None
    safety: WordLists | CombinedFilter
    users: int | None
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--journeys", default="workspace", help="Workspace with `journeys`, written by `extract`.")
        add(
            "--items",
            help="Catalogue: parquet file, folder or glob. Default: that from which --journeys was extracted.",
        )
        options.add_workspace(parser, "names")
        add(
            "--previous",
            help="Workspace of an earlier run with `generations` to reuse, so that no prompt is completed twice. "
            "Default: --workspace.",
        )
        add(
            "--method",
            choices=get_args(Method),
            help="Source of names: `salient`, the terms of a journey; or a language model, with `few_shot` examples in "
            "the prompt, with a tuned prompt (`prompt_tuned`), or with tuned weights (`fine_tuned`). Default: "
            "fine_tuned for --model=builtin, otherwise salient.",
        )
        add(
            "--users",
            type=options.bounded_number(int, 1),
            help="Number of users whose journeys are named, to try a model on a few first; they are the same in every "
            "run. Default: all.",
        )
        models.add_model(parser)
        models.add_safety_model(parser)
        options.add_item_columns(parser)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> NameJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        check_word_lists("names are")
        args.method = models.method_of(args)
        models.check_options(args)
        safety = models.resolve_safety(args)
        items = resolve_catalogue(args.items)
        journeys = resolve_dataset("--journeys", args.journeys, JOURNEYS)
        workspace = absolute_path(args.workspace)
        check_not_nested(workspace, [("--items", items), ("--journeys", journeys)])
        if args.users is not None:
            _check_partial(workspace)
        naming = models.resolve_naming(args)
        generation, selector = models.resolve_generation(args, naming)
        return cls(
            journeys=journeys,
            items=items,
            generations=_resolve_generations(args, workspace) if generation else None,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _outputs(naming.method)),
            catalogue_columns=options.read_catalogue_columns(args),
            naming=naming,
            generation=generation,
            model=model_label(generation) if generation else "",
            selector=selector,
            safety=safety,
            users=args.users,
            parts=default_num_parts(journeys),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def required_counts(self) -> tuple[str, ...]:
        """Journeys with a title: without any, the catalogue is that of other items."""
        return ("journeys_with_titles",)

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {ITEMS.name: self.catalogue_columns}

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _outputs(self.naming.method)

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {ITEMS.name: self.items, JOURNEYS.name: self.journeys, GENERATIONS.name: self.generations}

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "parts": self.parts,
            "naming": dataclasses.asdict(self.naming),
            "model": self.model,
            "num_candidates": self.generation.decoding.num_sequences if self.generation else 0,
            "selector": self.selector.fingerprint() if self.selector else "",
            "safety_model": models.describe_safety(self.safety),
            **({} if self.users is None else {"users": self.users}),
        }

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """The prompts, if a language model completes them: their failures count as invalid rows."""
        return () if self.generation is None else (PROMPTS,)

    @property
    def checkpoint_dir(self) -> str:
        """The folder of completions that are not committed yet."""
        return checkpoint_dir(self.workspace)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The prompts that a language model completes, and the journeys whose name is then chosen."""
        if self.generation is None:
            return {}
        return {PROMPTS: ProgressStep("prompts completed"), "journeys_named": ProgressStep("journeys named")}

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.name.graph import build_name

        build_name(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run, and delete its checkpoint."""
        from pipelines.name.summary import print_name
        from transforms.datasets.row_checkpoint import RowCheckpoint

        if self.generation is not None:
            RowCheckpoint(self.checkpoint_dir, GENERATIONS).clear()
        print_name(self, seconds)


def _outputs(method: Method) -> tuple[DatasetSchema, ...]:
    generations = () if method == "salient" else (GENERATIONS,)
    return (*generations, ERRORS, METRICS, JOURNEY_NAMES)


def _check_partial(workspace: str) -> None:
    """Check that names of some users do not replace those of all users.

    Raises:
        UsageError: when they would.
    """
    written = find_dataset("--workspace", workspace, JOURNEY_NAMES)
    if written is not None and written.manifest is not None and "users" not in written.manifest.configuration:
        raise UsageError(f"--users: {workspace} holds the names of all users; give another --workspace")


def _resolve_generations(args: argparse.Namespace, workspace: str) -> Source | None:
    """Return the generations of --previous; otherwise those in --workspace, if any."""
    if args.previous:
        return resolve_dataset("--previous", args.previous, GENERATIONS)
    try:
        return resolve_dataset("--workspace", workspace, GENERATIONS)
    except UsageError:
        return None
