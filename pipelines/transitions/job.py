"""The job `transitions`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, default_num_parts, prepare_workspace, resolve_dataset
from pipelines.common.job import Job
from pipelines.common.recorded_options import OPTIONS, Inheritance
from pipelines.common.sample import resolve_log
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    ERRORS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    METRICS,
    TRANSITIONS,
    TUNING_PAIRS,
    DatasetSchema,
)
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.exploration.config import TransitionConfig
from transforms.exploration.prompts import INSTRUCTIONS
from transforms.progress import Progress
from transforms.settings import settings_of

_OF_THE_LOG = ("interactions", "columns", "timestamp_unit", *(settings_of(InteractionFilter)))
"""Options that are inherited from the tree, if its traffic was counted in a log."""

_OUTPUTS = (CLUSTER_HISTORIES, TRANSITIONS, TUNING_PAIRS, ERRORS, METRICS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TransitionsJob(Job):
    """One run that counts the transitions between clusters.

    Attributes:
        interactions: the log.
        clusters: the tree.
        item_clusters: the clusters of the items.
        columns: names of the columns in the log, where they differ.
        timestamp_unit: unit of numeric timestamps.
        filter: conditions on interactions.
        transitions: configuration of the transitions.
        level: the level of the tree, from 1; 0: the last one.
        parts: number of parts of each dataset.
    """

    name = "transitions"
    description = "Count which new interest cluster users consume next, and select pairs for tuning a language model."
    inheritance = (Inheritance(("clusters", "workspace"), CLUSTERS, names=_OF_THE_LOG, unless=("interactions",)),)

    interactions: Source
    clusters: Source
    item_clusters: Source
    columns: dict[str, str]
    timestamp_unit: TimestampUnit
    filter: InteractionFilter
    transitions: TransitionConfig
    level: int
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        parser.add_argument(
            "--interactions", help="Log: parquet file, folder or glob. Default: that by which --clusters was balanced."
        )
        parser.add_argument(
            "--clusters",
            help="Workspace with `clusters` and `item_clusters`, as `cluster` writes it. Default: --workspace.",
        )
        options.add_workspace(parser, "exploration")
        options.add_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        parser.add_argument(
            "--level",
            type=options.bounded_number(int, 0),
            default=0,
            help="Level of the tree between whose clusters transitions are counted, from 1; 0: the last one.",
        )
        names = ("context_size", "min_users", "test_fraction", "validation_fraction", "selection", "per_label")
        options.add_config(parser, TransitionConfig, only=names)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> TransitionsJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        workspace = absolute_path(args.workspace)
        clusters, item_clusters = (
            resolve_dataset("--clusters", args.clusters or workspace, schema) for schema in (CLUSTERS, ITEM_CLUSTERS)
        )
        check_level(args.level, clusters)
        if args.interactions is None:
            _check_has_log(clusters)
        interactions = resolve_log(args.interactions)
        check_not_nested(workspace, [("--interactions", interactions)])
        return cls(
            interactions=interactions,
            clusters=clusters,
            item_clusters=item_clusters,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            columns=args.columns,
            timestamp_unit=args.timestamp_unit,
            filter=options.read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
            transitions=options.read_config(args, TransitionConfig),
            level=args.level,
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
            "transitions": dataclasses.asdict(self.transitions),
            "level": self.level,
            "prompt": {"instructions": INSTRUCTIONS, "closed_set": True},
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit)}

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
            INTERACTIONS.name: self.interactions,
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.transitions.graph import build_transitions

        build_transitions(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.transitions.summary import print_transitions

        print_transitions(self, seconds)


def _check_has_log(clusters: Source) -> None:
    """Check that a tree was balanced by the traffic of a log.

    Raises:
        UsageError: when it is that of a catalogue alone.
    """
    recorded = clusters.manifest.configuration.get(OPTIONS, {}) if clusters.manifest else {}
    if "items" in recorded and "interactions" not in recorded:
        raise UsageError(f"--interactions is missing: the clusters are those of {recorded['items']}, without a log")


def check_level(level: int, clusters: Source) -> None:
    """Check that a tree has a level.

    Raises:
        UsageError: when it does not.
    """
    levels = clusters.manifest.configuration["tree"]["levels"] if clusters.manifest else ()
    if level > len(levels):
        raise UsageError(f"--level must be at most {len(levels)}, the number of levels of --clusters, got {level}")
