"""The job `salience`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, prepare_workspace, resolve_dataset, resolve_optional
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import ENCODING, resolve_encoder
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
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.encoders.interface import EncoderSource
from transforms.progress import Progress
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig

_OUTPUTS = (EMBEDDINGS, SALIENCE_MODEL, SALIENT_TERMS, ERRORS, METRICS)
_INPUT_OPTIONS = ("items", "collections", "interactions")
_DEFAULT_MAX_TERMS = 32


@dataclasses.dataclass(frozen=True, kw_only=True)
class SalienceJob(Job):
    """One run that finds salient terms by a learned model.

    Attributes:
        items: the catalogue; None: the items of `collections`.
        collections: lists of items, whose names serve as tags.
        min_collections_per_source: minimum number of collections of a source whose collections are used.
        interactions: a log to train on.
        embeddings: vectors of texts from an earlier run, which are reused.
        stored_model: the model of an earlier run, which is used instead of training.
        trains: whether a model is trained.
        columns: names of the columns in the log, where they differ.
        timestamp_unit: unit of numeric timestamps.
        catalogue_columns: how the columns of the catalogue are read.
        encoder: the encoder of items.
        salience: configuration of the vocabulary and of the terms of an item.
        training: configuration of the model.
    """

    name = "salience"
    description = (
        "Find the salient terms of each item by a learned model: terms of its text, and related terms of other items."
    )
    uses_texts = True

    items: Source | None
    collections: Source | None
    min_collections_per_source: int
    interactions: Source | None
    embeddings: Source | None
    stored_model: Source | None
    trains: bool
    columns: dict[str, str]
    timestamp_unit: TimestampUnit
    catalogue_columns: ColumnOptions
    encoder: EncoderSource
    salience: SalienceConfig
    training: LearnedSalienceConfig

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--items", help="Catalogue: parquet file, folder or glob.")
        add(
            "--collections",
            help="`collections`, instead of a catalogue: their names serve as tags. A sample of their items is used.",
        )
        add(
            "--min_collections_per_source",
            type=options.bounded_number(int, 1),
            default=1,
            help="Minimum number of collections of a source whose collections are used.",
        )
        add("--interactions", help="Log to train on where too few items have tags or queries.")
        options.add_workspace(parser, "salience")
        add("--previous", help="Workspace of an earlier run, whose embeddings are reused.")
        add(
            "--salience_model",
            default="auto",
            help="`auto`: trained on the inputs where they suffice; `default`: the model of this package; or a "
            "workspace that holds a `salience_model`.",
        )
        add(
            "--encoder",
            default="static",
            help="Encoder of the items: `static` (fast), `minilm` (more accurate), a folder or a hub id.",
        )
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, SalienceConfig)
        parser.set_defaults(max_terms=_DEFAULT_MAX_TERMS)
        names = ("max_context_terms", "neighbours", "min_items", "max_items", "seed")
        options.add_config(parser, LearnedSalienceConfig, only=names)
        options.add_config(parser, VocabularyConfig)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> SalienceJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        _check_inputs(args)
        workspace = absolute_path(args.workspace)
        sources = resolve_optional(args, _INPUT_OPTIONS)
        check_not_nested(workspace, [(f"--{name}", source) for name, source in sources.items()])
        encoder = resolve_encoder("--encoder", args.encoder)
        stored = args.salience_model not in ("auto", "default")
        return cls(
            items=sources.get("items"),
            collections=sources.get("collections"),
            min_collections_per_source=args.min_collections_per_source,
            interactions=sources.get("interactions"),
            embeddings=resolve_dataset("--previous", args.previous, EMBEDDINGS) if args.previous else None,
            stored_model=resolve_dataset("--salience_model", args.salience_model, SALIENCE_MODEL) if stored else None,
            trains=args.salience_model == "auto",
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            columns=args.columns,
            timestamp_unit=args.timestamp_unit,
            catalogue_columns=options.read_catalogue_columns(args),
            encoder=encoder,
            salience=options.read_config(args, SalienceConfig, vocabulary=options.read_config(args, VocabularyConfig)),
            training=options.read_config(args, LearnedSalienceConfig),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "salience": self.salience.described(),
            "training": dataclasses.asdict(self.training),
            "trains": self.trains,
            "encoder": str(self.encoder),
            "encoder_fingerprint": self.encoder.fingerprint(),
            "min_collections_per_source": self.min_collections_per_source,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {
            INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit),
            ITEMS.name: self.catalogue_columns,
        }

    @property
    def required_counts(self) -> tuple[str, ...]:
        """The terms of the vocabulary."""
        return ("terms",)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            ITEMS.name: self.items,
            COLLECTIONS.name: self.collections,
            INTERACTIONS.name: self.interactions,
            EMBEDDINGS.name: self.embeddings,
        }

    @property
    def lineage(self) -> dict[str, Any]:
        """The versions of the inputs, with that of a stored model, which is read when the graph is built."""
        stored = self.stored_model.manifest if self.stored_model else None
        return super().lineage | ({SALIENCE_MODEL.name: stored.digest} if stored else {})

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.salience.graph import build_salience

        build_salience(root, self, progress)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The texts that are encoded."""
        return ENCODING

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.salience.summary import print_salience

        print_salience(self, seconds)


def _check_inputs(args: argparse.Namespace) -> None:
    if (args.items is None) == (args.collections is None):
        raise UsageError("give either --items or --collections")
    if args.collections is not None and args.interactions is not None:
        raise UsageError("--interactions are for --items; the names of --collections are the labels to train on")
    if args.salience_model == "default" and args.interactions is not None:
        raise UsageError("--interactions are to train on, but --salience_model=default trains nothing")
