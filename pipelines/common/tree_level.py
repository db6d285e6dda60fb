"""The number of a level of a tree of clusters."""

from __future__ import annotations

from pipelines.common.command_line import UsageError
from transforms.datasets.files import Source


def resolve_level(level: int, clusters: Source) -> int:
    """Return the number of the level of a tree, from 1.

    Args:
        level: the level, from 1; 0: the last one.
        clusters: the dataset `clusters`, as `cluster` wrote it.

    Raises:
        UsageError: when the tree does not have it.
    """
    levels = len(clusters.manifest.configuration["tree"]["levels"]) if clusters.manifest else 0
    if level > levels:
        raise UsageError(f"--level must be at most {levels}, the number of levels of --clusters, got {level}")
    return level or levels
