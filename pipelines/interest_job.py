"""What `interest` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from pipelines import options as reading
from pipelines.inputs import check_apart, choose_parts, find_input, open_workspace, told_inputs
from schemas import ERRORS, INTERACTIONS, INTERACTIONS_WITH_INTEREST, METRICS, DatasetSchema
from transforms.datasets.files import Source, absolute
from transforms.interest.config import InterestConfig

PROGRAM = "interest"
OUTPUTS = (INTERACTIONS_WITH_INTEREST, ERRORS, METRICS)
_MOST_PAIRS = 20_000_000


class InterestOptions(reading.JobOptions):
    """Says how much of each interaction is interest rather than conformity: what people do because many do."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        number = reading.number
        add("--interactions", help="Log: parquet file, folder or glob.")
        add("--workspace", default="interest", help="Folder or bucket prefix in which the datasets are written.")
        reading.add_columns(parser)
        reading.add_timestamp_unit(parser)
        add(
            "--dimensions",
            type=number(int, 1, 1024),
            default=InterestConfig.dimensions,
            help="Size of an embedding of interest, and of one of conformity.",
        )
        add(
            "--epochs",
            type=number(int, 1),
            default=InterestConfig.epochs,
            help="How often each pair of user and item is learnt from.",
        )
        add(
            "--margin",
            type=number(float, 0),
            default=InterestConfig.margin,
            help="How much more popular one of two items must be to tell of causes: 0.5 is half as much again.",
        )
        add(
            "--cause_weight",
            type=number(float, 0),
            default=InterestConfig.cause_weight,
            help="Weight of what is said of one cause alone, beside the click.",
        )
        add(
            "--discrepancy",
            default=InterestConfig.discrepancy,
            choices=("l1", "l2"),
            help="The distance that keeps interest and conformity apart.",
        )
        add("--seed", type=number(int, 0), default=InterestConfig.seed, help="Of first values, orders and negatives.")
        add(
            "--most_pairs",
            type=number(int, 1),
            default=_MOST_PAIRS,
            help="The job fails where the log has more distinct pairs of user and item: one process learns from them.",
        )
        reading.add_error_rate(parser)


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
        most_pairs: the most pairs of user and item that are learnt from.
        parts: number of parts of each dataset.
        max_error_rate: largest share of unusable rows of an input.
    """

    interactions: Source
    workspace: str
    versions: dict[str, str | None]
    columns: dict[str, str]
    timestamp_unit: Any
    learning: InterestConfig
    most_pairs: int
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
        return told_inputs(self.sources)


def plan(own: argparse.Namespace) -> Job:
    """Checks a command line against the world: finds the log, opens the workspace.

    Raises:
        UsageError: when it cannot be carried out.
    """
    if own.interactions is None:
        raise reading.UsageError("give --interactions, the log")
    workspace = absolute(own.workspace)
    interactions = find_input("--interactions", own.interactions)
    check_apart(workspace, [("--interactions", interactions)])
    return Job(
        interactions=interactions,
        workspace=workspace,
        versions=open_workspace(workspace, OUTPUTS),
        columns=own.columns,
        timestamp_unit=own.timestamp_unit,
        learning=InterestConfig(
            dimensions=own.dimensions,
            epochs=own.epochs,
            margin=own.margin,
            cause_weight=own.cause_weight,
            discrepancy=own.discrepancy,
            seed=own.seed,
        ),
        most_pairs=own.most_pairs,
        parts=choose_parts(interactions),
        max_error_rate=own.max_error_rate,
    )
