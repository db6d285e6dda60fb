"""Options and configuration of the job `naming_examples`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

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
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import ENCODING, check_word_lists, resolve_encoder
from schemas import COLLECTIONS, EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES, TUNING_PAIRS, DatasetSchema
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source, absolute_path
from transforms.encoders.interface import EncoderSource
from transforms.naming.config import NamingConfig
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.prompt import TUNED_TEMPLATE
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig

OUTPUTS = (EMBEDDINGS, ERRORS, METRICS, NAMING_EXAMPLES, TUNING_PAIRS)
_DEFAULT_PASSES = 2
_PROMPT_SETTINGS = ("prompt_fields", "max_items")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamingExamplesJob(Job):
    """One run, checked: everything that its graph is built from.

    Attributes:
        collections: named collections.
        embeddings: embeddings of an earlier run; None: there are none.
        collection_columns: names of the columns in the collections, where they differ.
        encoder: encoder of names and titles.
        examples: selection of collections, and their splits.
        naming: prompt fields, and the limits of names.
        salience: configuration of salient terms.
        passes: prompts per example of the split `train`.
        seed: random seed of the prompts.
    """

    name = "naming_examples"
    description = "Select named collections as examples of journey names, and convert them to tuning pairs."

    collections: Source
    embeddings: Source | None
    collection_columns: dict[str, str]
    encoder: EncoderSource
    examples: ExampleConfig
    naming: NamingConfig
    salience: SalienceConfig
    passes: int
    seed: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add(
            "--collections",
            required=True,
            type=options.comma_separated,
            help="Named collections, such as playlists or curated lists: parquet file, folder or glob, or several with "
            "commas between them.",
        )
        options.add_collection_columns(parser)
        options.add_workspace(parser, "examples")
        add(
            "--previous",
            help="Workspace of an earlier run with `embeddings` to reuse, so that no text is encoded twice. Default: "
            "--workspace.",
        )
        add(
            "--encoder",
            default="static",
            help="Encoder of names and titles: `static` is fast, `minilm` more accurate; or a folder, or a hub id.",
        )
        options.add_config(parser, ExampleConfig)
        options.add_config(parser, NamingConfig, only=_PROMPT_SETTINGS)
        add(
            "--passes",
            type=options.bounded_number(int, 1),
            default=_DEFAULT_PASSES,
            help="Number of prompts per example in the split `train`, each with a different random subset of titles.",
        )
        add("--seed", type=options.bounded_number(int, 0), default=0, help="Random seed of the prompts in `train`.")
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> NamingExamplesJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        check_word_lists("names and titles are")
        examples = options.read_config(args, ExampleConfig)
        collections = resolve_inputs("--collections", args.collections)
        workspace = absolute_path(args.workspace)
        check_not_nested(workspace, [("--collections", source) for source in collections])
        naming = options.read_config(args, NamingConfig, method="fine_tuned")
        encoder = resolve_encoder("--encoder", args.encoder)
        return cls(
            collections=merge_sources(collections),
            embeddings=_resolve_embeddings(args, workspace),
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, OUTPUTS),
            collection_columns=args.collection_columns,
            encoder=encoder,
            examples=examples,
            naming=naming,
            salience=SalienceConfig(),
            passes=args.passes,
            seed=args.seed,
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {COLLECTIONS.name: ColumnOptions(self.collection_columns)}

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {COLLECTIONS.name: self.collections, EMBEDDINGS.name: self.embeddings}

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs; `tune` copies `prompt`."""
        return {
            "examples": dataclasses.asdict(self.examples),
            "naming": dataclasses.asdict(self.naming),
            "salience": self.salience.described(),
            "encoder": str(self.encoder),
            "encoder_fingerprint": self.encoder.fingerprint(),
            "passes": self.passes,
            "seed": self.seed,
            "prompt": {name: getattr(self.naming, name) for name in _PROMPT_SETTINGS}
            | {"instructions": TUNED_TEMPLATE.instructions},
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.naming_examples.graph import build_naming_examples

        build_naming_examples(root, self, progress)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The texts that are encoded."""
        return ENCODING

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.naming_examples.summary import print_naming_examples

        print_naming_examples(self, seconds)


def _resolve_embeddings(args: argparse.Namespace, workspace: str) -> Source | None:
    """Return the embeddings of --previous; otherwise those in --workspace, if any."""
    if args.previous:
        return resolve_dataset("--previous", args.previous, EMBEDDINGS)
    try:
        return resolve_dataset("--workspace", workspace, EMBEDDINGS)
    except UsageError:
        return None
