"""Options of `explore` for the refresh of an earlier table."""

from __future__ import annotations

import argparse
import dataclasses

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_dataset
from schemas import CLUSTER_HISTORIES, CLUSTERS, LOOKUP, TRANSITIONS
from transforms.datasets.files import Source, absolute_path
from transforms.exploration.model_ranking import SOURCE

TRANSITIONS_BEFORE = "transitions_before"
"""Name of the input with the transitions that the earlier table was computed from."""

_DEFAULT_THRESHOLD = 0.5


@dataclasses.dataclass(frozen=True)
class Refresh:
    """An earlier table of a language model, and how much the successors of a context must change to rank it again.

    Attributes:
        lookup: the earlier table.
        histories_before: the cluster histories that it was computed from.
        transitions_before: the transitions that were counted in these.
        transitions: the transitions of now.
        threshold: contexts are ranked again if the Jaccard index of their successors is below it.
    """

    lookup: Source
    histories_before: Source
    transitions_before: Source
    transitions: Source
    threshold: float


def add_refresh(parser: argparse.ArgumentParser) -> None:
    """Declare the options of a refresh."""
    add = parser.add_argument
    add(
        "--previous",
        help="Workspace with an earlier `lookup` of --source=language_model, of the same tree. Its rows are kept, but "
        "for contexts whose most frequent successors changed since, which are ranked again. Default: all are ranked.",
    )
    add(
        "--previous_transitions",
        help="Workspace with the `transitions` that the table in --previous was computed from. Default: --previous.",
    )
    add(
        "--refresh_below",
        type=options.bounded_number(float, 0, 1),
        help="With --previous: a context is ranked again if the Jaccard index of its five most frequent successors, "
        f"before and now, is below this value, or if it had none before. Default: {_DEFAULT_THRESHOLD}.",
    )


def resolve_refresh(args: argparse.Namespace, transitions_workspace: str) -> Refresh | None:
    """Return the refresh that a command line describes; None without one.

    Raises:
        UsageError: naming the option, when it has no effect, or a dataset is missing.
    """
    if args.previous is None:
        for name in ("previous_transitions", "refresh_below"):
            if getattr(args, name) is not None:
                raise UsageError(f"--{name} has an effect with --previous only")
        return None
    if args.source != SOURCE:
        raise UsageError("--previous has an effect with --source=language_model only; other sources take seconds")
    before = args.previous_transitions or args.previous
    if absolute_path(before) == absolute_path(transitions_workspace):
        raise UsageError(
            "--previous_transitions holds the transitions of now, not those that the table in --previous was computed "
            "from: write the new ones to another --workspace of `transitions`"
        )
    return Refresh(
        resolve_dataset("--previous", args.previous, LOOKUP),
        resolve_dataset("--previous_transitions", before, CLUSTER_HISTORIES),
        resolve_dataset("--previous_transitions", before, TRANSITIONS),
        resolve_dataset("--transitions", transitions_workspace, TRANSITIONS),
        _DEFAULT_THRESHOLD if args.refresh_below is None else args.refresh_below,
    )


def check_refresh(refresh: Refresh, clusters: Source, configuration: dict[str, object]) -> None:
    """Check that the kept rows of an earlier table fit those of this run.

    Args:
        refresh: the refresh.
        clusters: the tree of this run.
        configuration: the options on which all rows of a table depend, of this run.

    Raises:
        UsageError: naming the option, when the table has another tree or other options, or other transitions.
    """
    lookup, before = refresh.lookup.manifest, refresh.histories_before.manifest
    if lookup is None or before is None or clusters.manifest is None:
        raise UsageError("--previous and --previous_transitions must be workspaces that this version wrote")
    if lookup.inputs.get(CLUSTERS.name) != clusters.manifest.digest:
        raise UsageError("--previous was computed from another tree than --clusters holds: leave it out")
    if lookup.inputs.get(CLUSTER_HISTORIES.name) != before.digest:
        raise UsageError("--previous_transitions are not those that the table in --previous was computed from")
    stored = lookup.configuration | {"context_size": lookup.configuration["transitions"]["context_size"]}
    for name, value in configuration.items():
        if stored[name] != value:
            raise UsageError(f"--previous was computed with the {name} {stored[name]!r}, this run has {value!r}")
