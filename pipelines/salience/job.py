"""What `salience` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    prepare_workspace,
    resolve_dataset,
    resolve_optional,
)
from pipelines.common.job import Job
from pipelines.common.models import resolve_encoder
from schemas import (
    COLLECTIONS,
    EMBEDDINGS,
    ERRORS,
    INTERACTIONS,
    ITEMS,
    METRICS,
    SALIENCE_MODEL,
    SALIENT_TERMS,
    DatasetSchema,
)
from transforms.datasets.files import Source, absolute_path
from transforms.encoders.spec import EncoderSpec
from transforms.progress import Progress
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig

OUTPUTS = (EMBEDDINGS, SALIENCE_MODEL, SALIENT_TERMS, ERRORS, METRICS)
MODELS = ("auto", "default")
MAX_TERMS = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class SalienceJob(Job):
    """One run, checked: everything that the graph is built from.

    Attributes:
        items: the catalogue; None: what `collections` says.
        collections: lists whose names are tags.
        min_collections_of_source: sources with fewer are left out.
        interactions: a log to learn from.
        embeddings: those of an earlier run.
        stored_model: the model of an earlier run, to be used.
        learns: whether a model is learnt.
        columns: other names of columns in the log.
        item_columns: other names of columns in the catalogue.
        encoder: what makes vectors.
        salience: limits of the vocabulary and of what an item keeps.
        learning: how a model is learnt, and how far items are expanded.
    """

    name = "salience"
    description = (
        "Finds the salient terms of each item by a learned model: words of its text, and others that are near to it."
    )

    items: Source | None
    collections: Source | None
    min_collections_of_source: int
    interactions: Source | None
    embeddings: Source | None
    stored_model: Source | None
    learns: bool
    columns: dict[str, str]
    item_columns: dict[str, str]
    encoder: EncoderSpec
    salience: SalienceConfig
    learning: LearnedSalienceConfig

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        bounded_number = options.bounded_number
        add("--items", help="Catalogue: parquet file, folder or glob.")
        add(
            "--collections",
            help="Instead of a catalogue: `collections`; their names are tags. A sample of its items is used.",
        )
        add(
            "--min_collections_of_source",
            type=bounded_number(int, 1),
            default=1,
            help="Use collections of sources that have at least so many.",
        )
        add("--interactions", help="Log to learn from where too few items have tags or queries.")
        add("--workspace", default="salience", help="Folder or bucket prefix in which the datasets are written.")
        add("--previous", help="Workspace of a run before: texts that it encoded are not encoded again.")
        add(
            "--model",
            default="auto",
            help="`auto`: learnt from the inputs where they say enough; `default`: the one that comes with the "
            "package; or a workspace that holds a `salience_model`.",
        )
        add(
            "--encoder",
            default="static",
            help="Encoder of the items: `static` is fast, `minilm` is better; or a folder, or a hub id.",
        )
        options.add_columns(parser)
        options.add_item_columns(parser)
        add(
            "--max_terms",
            type=bounded_number(int, 1, 1000),
            default=MAX_TERMS,
            help="Salient terms kept of an item: the most salient.",
        )
        add(
            "--neighbours",
            type=bounded_number(int, 0, 1000),
            default=LearnedSalienceConfig.neighbours,
            help="Terms considered for an item besides those of its text: the nearest.",
        )
        add(
            "--max_context_terms",
            type=bounded_number(int, 1, 1 << 20),
            default=LearnedSalienceConfig.max_context_terms,
            help="Terms that can be near: the most frequent. It bounds time and memory.",
        )
        add(
            "--min_items",
            type=bounded_number(int, 1),
            default=LearnedSalienceConfig.min_items,
            help="Terms of fewer items are not near to any.",
        )
        add(
            "--max_items",
            type=bounded_number(int, 1),
            default=LearnedSalienceConfig.max_items,
            help="Items that a model is learnt from: a sample.",
        )
        add(
            "--seed",
            type=bounded_number(int, 0),
            default=LearnedSalienceConfig.seed,
            help="Of what a model is learnt from.",
        )
        options.add_vocabulary_limits(parser)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> SalienceJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.salience.graph import build_salience

        build_salience(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.salience.summary import print_salience

        print_salience(self, seconds)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return OUTPUTS

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        return {
            "salience": self.salience.described(),
            "learning": dataclasses.asdict(self.learning),
            "learns": self.learns,
            "encoder": str(self.encoder),
            "encoder_fingerprint": self.encoder.fingerprint(),
            "min_collections_of_source": self.min_collections_of_source,
        }

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            ITEMS.name: self.items,
            COLLECTIONS.name: self.collections,
            INTERACTIONS.name: self.interactions,
            EMBEDDINGS.name: self.embeddings,
        }


def plan(args: argparse.Namespace) -> SalienceJob:
    """Checks a command line against the world: finds inputs, opens the workspace, finds encoder and model.

    Raises:
        UsageError: when it cannot be carried out.
    """
    if (args.items is None) == (args.collections is None):
        raise UsageError("give either --items or --collections")
    if args.collections is not None and args.interactions is not None:
        raise UsageError("--interactions are for --items, not for --collections, whose names say enough")
    if args.model == "default" and args.interactions is not None:
        raise UsageError("--interactions are to learn from, but --model=default learns nothing")
    workspace = absolute_path(args.workspace)
    sources = resolve_optional(args, ("items", "collections", "interactions"))
    check_not_nested(workspace, [(f"--{name}", source) for name, source in sources.items()])
    encoder = resolve_encoder("--encoder", args.encoder)
    return SalienceJob(
        items=sources.get("items"),
        collections=sources.get("collections"),
        min_collections_of_source=args.min_collections_of_source,
        interactions=sources.get("interactions"),
        embeddings=resolve_dataset("--previous", args.previous, EMBEDDINGS) if args.previous else None,
        stored_model=None if args.model in MODELS else resolve_dataset("--model", args.model, SALIENCE_MODEL),
        learns=args.model == "auto",
        workspace=workspace,
        expected_versions=prepare_workspace(workspace, OUTPUTS),
        columns=args.columns,
        item_columns=args.item_columns,
        encoder=encoder,
        salience=SalienceConfig(options.vocabulary_config(args), args.max_terms),
        learning=LearnedSalienceConfig(
            max_context_terms=args.max_context_terms,
            neighbours=args.neighbours,
            min_items=args.min_items,
            max_items=args.max_items,
            seed=args.seed,
        ),
        max_error_rate=args.max_error_rate,
    )
