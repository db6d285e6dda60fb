"""The job `train_recommender`: trains the sequence recommender on a log, on this machine."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_dataset, resolve_input
from pipelines.common.job import Job
from pipelines.common.models import resolve_encoder
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import resolve_catalogue, resolve_log
from pipelines.common.tree_level import resolve_level
from schemas import CLUSTERS, INTERACTIONS, ITEM_CLUSTERS, ITEM_EMBEDDINGS, ITEMS, DatasetSchema
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.encoders.interface import EncoderSource
from transforms.extras import INSTALL_RECOMMENDER
from transforms.progress import Progress
from transforms.recommendation.sequence.config import SequenceConfig
from transforms.settings import settings_of

_PACKAGES = ("torch", "safetensors")
_OF_THE_LOG = ("interactions", "columns", "timestamp_unit", *settings_of(InteractionFilter))
_OF_THE_CATALOGUE = (*options.CATALOGUE, "encoder", "item_embeddings", "embedding_columns")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainRecommenderJob(Job):
    """One training of the sequence recommender.

    Attributes:
        interactions: the log.
        clusters: the tree, whose clusters are conditions.
        item_clusters: the clusters of the items; its items are the catalogue.
        items: the catalogue with texts; None: content is not used, or given by `item_embeddings`.
        item_embeddings: the user's own vectors of items.
        columns: names of the columns in the log, where they differ.
        catalogue_columns: how the columns of the catalogue are read.
        embedding_columns: names of the columns in `item_embeddings`, where they differ.
        timestamp_unit: unit of numeric timestamps.
        filter: conditions on interactions.
        encoder: the encoder of items.
        sequence: configuration of the recommender.
        level: the level of the tree whose clusters are conditions, from 1.
        test_fraction: fraction of the interactions, the latest ones, that are not used.
        output: the local folder of the recommender.
    """

    name = "train_recommender"
    description = "Train the sequence recommender: a Transformer over the items that users consumed."
    inheritance = (
        Inheritance(("clusters",), CLUSTERS, names=_OF_THE_LOG, unless=("interactions",)),
        Inheritance(("clusters",), CLUSTERS, names=_OF_THE_CATALOGUE, unless=("items", "item_embeddings")),
    )

    interactions: Source
    clusters: Source
    item_clusters: Source
    items: Source | None
    item_embeddings: Source | None
    columns: dict[str, str]
    catalogue_columns: ColumnOptions
    embedding_columns: dict[str, str]
    timestamp_unit: TimestampUnit
    filter: InteractionFilter
    encoder: EncoderSource
    sequence: SequenceConfig
    level: int
    test_fraction: float
    output: Path

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--interactions", help="Log: parquet file, folder or glob. Default: that by which --clusters was balanced.")
        add(
            "--clusters",
            default="exploration",
            help="Workspace with `clusters` and `item_clusters`, as `cluster` writes it: its items are the catalogue.",
        )
        add("--items", help="Catalogue, whose content is used. Default: that of --clusters.")
        add("--output", default="recommender", help="Local folder for the trained recommender.")
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        add("--encoder", help="Encoder of the items. Default: that of --clusters, otherwise `static`.")
        add("--item_embeddings", help="Your own vectors of items, instead of --encoder: parquet file, folder or glob.")
        add(
            "--embedding_columns",
            type=options.column_mapping(ITEM_EMBEDDINGS),
            default={},
            help="Names of the columns in --item_embeddings, where they differ: `item_id=content,embedding=vector`.",
        )
        add(
            "--ids_only",
            action="store_true",
            help="Use no content of items. Items that the log does not have are then not recommended.",
        )
        add(
            "--level",
            type=options.bounded_number(int, 0),
            default=0,
            help="Level of the tree whose clusters are conditions, from 1; 0: the last one.",
        )
        add(
            "--test_fraction",
            type=options.bounded_number(float, 0, 1),
            default=0.0,
            help="Fraction of the interactions, the latest ones, that are not used, so that the recommender can be "
            "evaluated on them.",
        )
        options.add_config(parser, SequenceConfig)
        add(
            "--max_error_rate",
            type=options.bounded_number(float, 0, 1),
            default=0.05,
            help="Largest fraction of invalid rows of an input; if it is exceeded, the job fails and writes nothing.",
        )

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> TrainRecommenderJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        sequence = options.read_config(args, SequenceConfig)
        if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
            raise UsageError(f"the sequence recommender needs {', '.join(missing)}: {INSTALL_RECOMMENDER}")
        if args.test_fraction >= 1:
            raise UsageError("--test_fraction must be below 1, so that interactions are left for training")
        clusters, item_clusters = (
            resolve_dataset("--clusters", args.clusters, schema) for schema in (CLUSTERS, ITEM_CLUSTERS)
        )
        given = args.item_embeddings if not args.ids_only else None
        embeddings = resolve_input("--item_embeddings", given) if given else None
        return cls(
            workspace=args.output,
            expected_versions={},
            max_error_rate=args.max_error_rate,
            interactions=resolve_log(args.interactions),
            clusters=clusters,
            item_clusters=item_clusters,
            items=resolve_catalogue(args.items) if embeddings is None and not args.ids_only else None,
            item_embeddings=embeddings,
            columns=args.columns,
            catalogue_columns=options.read_catalogue_columns(args),
            embedding_columns=args.embedding_columns,
            timestamp_unit=args.timestamp_unit,
            filter=options.read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
            encoder=resolve_encoder("--encoder", args.encoder or "static"),
            sequence=sequence,
            level=resolve_level(args.level, clusters),
            test_fraction=args.test_fraction,
            output=_output(args.output),
        )

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """No datasets: the output is a folder of this machine."""
        return ()

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            CLUSTERS.name: self.clusters,
            ITEM_CLUSTERS.name: self.item_clusters,
            ITEMS.name: self.items,
            ITEM_EMBEDDINGS.name: self.item_embeddings,
            INTERACTIONS.name: self.interactions,
        }

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the output, for its description."""
        return {
            "filter": dataclasses.asdict(self.filter),
            "encoder": self.encoder.fingerprint() if self.items is not None else "",
            "sequence": dataclasses.asdict(self.sequence),
            "level": self.level,
            "test_fraction": self.test_fraction,
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {
            INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit),
            ITEMS.name: self.catalogue_columns,
            ITEM_EMBEDDINGS.name: ColumnOptions(self.embedding_columns),
        }

    @property
    def interaction_filter(self) -> InteractionFilter:
        """The conditions on interactions."""
        return self.filter

    @property
    def has_graph(self) -> bool:
        """A training has no graph."""
        return False

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add nothing: the job has no graph."""

    def after_commit(self) -> int:
        """Train the recommender on this machine."""
        from pipelines.train_recommender.training import train

        return train(self)


def _output(text: str) -> Path:
    if "://" in text:
        raise UsageError(f"--output must be a local folder, got {text!r}")
    output = Path(text).expanduser().resolve()
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output: {output} is not a folder")
    return output
