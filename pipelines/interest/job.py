"""What `interest` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, default_num_parts, prepare_workspace, resolve_input
from pipelines.common.job import Job
from schemas import ERRORS, INTERACTIONS, METRICS, SCORED_INTERACTIONS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.interest.config import InterestConfig
from transforms.progress import Progress

OUTPUTS = (SCORED_INTERACTIONS, ERRORS, METRICS)
_MOST_PAIRS = 20_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class InterestJob(Job):
    """One run, checked: everything that the graph is built from.

    Attributes:
        interactions: the log.
        columns: other names of columns in the log.
        timestamp_unit: what numbers in the timestamp column count.
        learning: how interest is told from conformity.
        max_pairs: the most pairs of user and item that are learnt from.
        parts: number of parts of each dataset.
    """

    name = "interest"
    description = (
        "Says how much of each interaction is interest rather than conformity: what people do because many do."
    )

    interactions: Source
    columns: dict[str, str]
    timestamp_unit: Any
    learning: InterestConfig
    max_pairs: int
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        bounded_number = options.bounded_number
        add("--interactions", help="Log: parquet file, folder or glob.")
        add("--workspace", default="interest", help="Folder or bucket prefix in which the datasets are written.")
        options.add_columns(parser)
        options.add_timestamp_unit(parser)
        add(
            "--dimensions",
            type=bounded_number(int, 1, 1024),
            default=InterestConfig.dimensions,
            help="Size of an embedding of interest, and of one of conformity.",
        )
        add(
            "--epochs",
            type=bounded_number(int, 1),
            default=InterestConfig.epochs,
            help="How often each pair of user and item is learnt from.",
        )
        add(
            "--margin",
            type=bounded_number(float, 0),
            default=InterestConfig.margin,
            help="How much more popular one of two items must be to tell of causes: 0.5 is half as much again.",
        )
        add(
            "--cause_weight",
            type=bounded_number(float, 0),
            default=InterestConfig.cause_weight,
            help="Weight of what is said of one cause alone, beside the click.",
        )
        add(
            "--discrepancy",
            default=InterestConfig.discrepancy,
            choices=("l1", "l2"),
            help="The distance that keeps interest and conformity apart.",
        )
        add(
            "--seed",
            type=bounded_number(int, 0),
            default=InterestConfig.seed,
            help="Of first values, orders and negatives.",
        )
        add(
            "--max_pairs",
            type=bounded_number(int, 1),
            default=_MOST_PAIRS,
            help="The job fails where the log has more distinct pairs of user and item: one process learns from them.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> InterestJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.interest.graph import build_interest

        build_interest(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.interest.summary import print_interest

        print_interest(self, seconds)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return OUTPUTS

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        return {
            "parts": self.parts,
            "learning": dataclasses.asdict(self.learning),
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {INTERACTIONS.name: self.interactions}


def plan(args: argparse.Namespace) -> InterestJob:
    """Checks a command line against the world: finds the log, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    if args.interactions is None:
        raise UsageError("give --interactions, the log")
    workspace = absolute_path(args.workspace)
    interactions = resolve_input("--interactions", args.interactions)
    check_not_nested(workspace, [("--interactions", interactions)])
    return InterestJob(
        interactions=interactions,
        workspace=workspace,
        expected_versions=prepare_workspace(workspace, OUTPUTS),
        columns=args.columns,
        timestamp_unit=args.timestamp_unit,
        learning=InterestConfig(
            dimensions=args.dimensions,
            epochs=args.epochs,
            margin=args.margin,
            cause_weight=args.cause_weight,
            discrepancy=args.discrepancy,
            seed=args.seed,
        ),
        max_pairs=args.max_pairs,
        parts=default_num_parts(interactions),
        max_error_rate=args.max_error_rate,
    )
