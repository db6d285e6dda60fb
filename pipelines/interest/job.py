"""What `interest` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from pipelines.common import options
from pipelines.common.inputs import check_not_nested, default_num_parts, input_lineage, prepare_workspace, resolve_input
from schemas import ERRORS, INTERACTIONS, METRICS, SCORED_INTERACTIONS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.interest.config import InterestConfig

PROGRAM = "interest"
OUTPUTS = (SCORED_INTERACTIONS, ERRORS, METRICS)
_MOST_PAIRS = 20_000_000


class InterestOptions(options.JobOptions):
    """Says how much of each interaction is interest rather than conformity: what people do because many do."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
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


@dataclasses.dataclass(frozen=True)
class Job:
    """One run, checked: everything that the graph is built from.

    Attributes:
        interactions: the log.
        workspace: where the datasets go.
        versions: which versions of the datasets are there now, to be replaced.
        columns: other names of columns in the log.
        timestamp_unit: what numbers in the timestamp column count.
        learning: how interest is told from conformity.
        max_pairs: the most pairs of user and item that are learnt from.
        parts: number of parts of each dataset.
        max_error_rate: largest share of unusable rows of an input.
    """

    interactions: Source
    workspace: str
    versions: dict[str, str | None]
    columns: dict[str, str]
    timestamp_unit: Any
    learning: InterestConfig
    max_pairs: int
    parts: int
    max_error_rate: float

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
    def sources(self) -> dict[str, Source]:
        """What is read, by the name of the dataset."""
        return {INTERACTIONS.name: self.interactions}

    @property
    def inputs(self) -> dict[str, Any]:
        """What the datasets are computed from, for their manifests."""
        return input_lineage(self.sources)


def plan(args: argparse.Namespace) -> Job:
    """Checks a command line against the world: finds the log, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    if args.interactions is None:
        raise options.UsageError("give --interactions, the log")
    workspace = absolute_path(args.workspace)
    interactions = resolve_input("--interactions", args.interactions)
    check_not_nested(workspace, [("--interactions", interactions)])
    return Job(
        interactions=interactions,
        workspace=workspace,
        versions=prepare_workspace(workspace, OUTPUTS),
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
