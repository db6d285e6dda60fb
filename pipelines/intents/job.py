"""The job `intents`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, default_num_parts, prepare_workspace, resolve_dataset
from pipelines.common.job import Job
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import resolve_catalogue, resolve_log
from pipelines.common.tree_level import resolve_level
from schemas import CLUSTERS, ERRORS, INTENTS, INTERACTIONS, ITEM_CLUSTERS, ITEMS, METRICS, DatasetSchema
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.extras import INSTALL_EXPLORATION, INSTALL_RECOMMENDER
from transforms.intents.config import IntentConfig
from transforms.progress import Progress
from transforms.settings import settings_of

_OUTPUTS = (INTENTS, ERRORS, METRICS)
_PACKAGES = ("sklearn", "scipy", "threadpoolctl")
_OF_THE_LOG = ("interactions", "columns", "timestamp_unit", *settings_of(InteractionFilter))


@dataclasses.dataclass(frozen=True, kw_only=True)
class IntentsJob(Job):
    """One run that predicts the intents of users.

    Attributes:
        interactions: the log.
        items: the catalogue, whose creators are used; None: there are none.
        clusters: the tree.
        item_clusters: the clusters of the items.
        columns: names of the columns in the log, where they differ.
        catalogue_columns: how the columns of the catalogue are read.
        timestamp_unit: unit of numeric timestamps.
        filter: conditions on interactions.
        config: configuration of the features and of the model.
        level: the level of the tree whose clusters count as new, from 1.
        parts: number of parts of each dataset.
    """

    name = "intents"
    description = "Predict for each user how likely the next interaction is with a new cluster, creator or item."
    inheritance = (
        Inheritance(("clusters", "workspace"), CLUSTERS, names=_OF_THE_LOG, unless=("interactions",)),
        Inheritance(("clusters", "workspace"), CLUSTERS, names=options.CATALOGUE, unless=("items",)),
    )

    interactions: Source
    items: Source | None
    clusters: Source
    item_clusters: Source
    columns: dict[str, str]
    catalogue_columns: ColumnOptions
    timestamp_unit: TimestampUnit
    filter: InteractionFilter
    config: IntentConfig
    level: int
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--interactions", help="Log: parquet file, folder or glob. Default: that by which --clusters was balanced.")
        add("--items", help="Catalogue, whose creators are used. Default: that of --clusters.")
        add("--clusters", help="Workspace with `clusters` and `item_clusters`. Default: --workspace.")
        options.add_workspace(parser, "exploration")
        add(
            "--level",
            type=options.bounded_number(int, 0),
            default=0,
            help="Level of the tree whose clusters count as new, from 1; 0: the last one.",
        )
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        options.add_config(parser, IntentConfig)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> IntentsJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
            raise UsageError(f"the models need {', '.join(missing)}: {INSTALL_EXPLORATION}")
        config = options.read_config(args, IntentConfig)
        if config.intent_model == "cross_network" and importlib.util.find_spec("torch") is None:
            raise UsageError(f"--intent_model=cross_network needs the package torch: {INSTALL_RECOMMENDER}")
        workspace = absolute_path(args.workspace)
        tree = absolute_path(args.clusters) if args.clusters else workspace
        clusters, item_clusters = (resolve_dataset("--clusters", tree, each) for each in (CLUSTERS, ITEM_CLUSTERS))
        interactions = resolve_log(args.interactions)
        has_catalogue = args.items is not None or args.interactions is None
        items = resolve_catalogue(args.items) if has_catalogue else None
        named = {"--interactions": interactions, "--items": items}
        check_not_nested(workspace, [(name, source) for name, source in named.items() if source is not None])
        return cls(
            interactions=interactions,
            items=items,
            clusters=clusters,
            item_clusters=item_clusters,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            columns=args.columns,
            catalogue_columns=options.read_catalogue_columns(args),
            timestamp_unit=args.timestamp_unit,
            filter=options.read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
            config=config,
            level=resolve_level(args.level, clusters),
            parts=default_num_parts(interactions),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "parts": self.parts,
            "filter": dataclasses.asdict(self.filter),
            "intents": dataclasses.asdict(self.config),
            "level": self.level,
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {
            INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit),
            ITEMS.name: self.catalogue_columns,
        }

    @property
    def interaction_filter(self) -> InteractionFilter:
        """The conditions on interactions."""
        return self.filter

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name and in reading order."""
        return {
            CLUSTERS.name: self.clusters,
            ITEM_CLUSTERS.name: self.item_clusters,
            ITEMS.name: self.items,
            INTERACTIONS.name: self.interactions,
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.intents.graph import build_intents

        build_intents(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.intents.summary import print_intents

        print_intents(self, seconds)
