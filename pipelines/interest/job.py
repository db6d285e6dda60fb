"""The job `interest`: its options, and the checked configuration of one run."""

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
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.interest.config import InterestConfig
from transforms.progress import Progress

_OUTPUTS = (SCORED_INTERACTIONS, ERRORS, METRICS)
_MAX_PAIRS = 20_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class InterestJob(Job):
    """One run that scores the interactions of a log.

    Attributes:
        interactions: the log.
        columns: names of the columns in the log, where they differ.
        timestamp_unit: unit of numeric timestamps.
        training: configuration of the model.
        max_pairs: maximum number of distinct pairs of user and item.
        parts: number of parts of each dataset.
    """

    name = "interest"
    description = "Estimate for each interaction how much of it is interest rather than conformity (popularity bias)."

    interactions: Source
    columns: dict[str, str]
    timestamp_unit: TimestampUnit
    training: InterestConfig
    max_pairs: int
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        parser.add_argument("--interactions", help="Log: parquet file, folder or glob. Required.")
        options.add_workspace(parser, "interest")
        options.add_columns(parser)
        options.add_timestamp_unit(parser)
        names = ("dimensions", "epochs", "margin", "cause_weight", "discrepancy", "seed")
        options.add_config(parser, InterestConfig, only=names)
        parser.add_argument(
            "--max_pairs",
            type=options.bounded_number(int, 1),
            default=_MAX_PAIRS,
            help="Maximum number of distinct pairs of user and item in the log; the job fails above it, as one process "
            "trains on all pairs.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> InterestJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if args.interactions is None:
            raise UsageError("--interactions is required: the log as a parquet file, folder or glob")
        workspace = absolute_path(args.workspace)
        interactions = resolve_input("--interactions", args.interactions)
        check_not_nested(workspace, [("--interactions", interactions)])
        return cls(
            interactions=interactions,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            columns=args.columns,
            timestamp_unit=args.timestamp_unit,
            training=options.read_config(args, InterestConfig),
            max_pairs=args.max_pairs,
            parts=default_num_parts(interactions),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "parts": self.parts,
            "training": dataclasses.asdict(self.training),
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit)}

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {INTERACTIONS.name: self.interactions}

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.interest.graph import build_interest

        build_interest(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.interest.summary import print_interest

        print_interest(self, seconds)
