"""The lookup table as a picture: one cell for each pair of clusters that a context consists of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

STEPS = 7
"""Number of shades."""


class Successor(NamedTuple):
    """A next cluster of a context.

    Attributes:
        rank: its rank in the table.
        cluster_id: the cluster.
        score: logarithm of its probability.
    """

    rank: int
    cluster_id: str
    score: float


class HeatMap(NamedTuple):
    """The geometry of the picture, in cells.

    Attributes:
        columns: number of columns.
        rows: number of rows.
        shades: for each shade, from the lowest probability, an SVG path of the cells that have it.
        limits: the lowest probability of each shade, and the highest of all.
    """

    columns: int
    rows: int
    shades: tuple[str, ...]
    limits: tuple[float, ...]


def heat_map(contexts: Mapping[tuple[str, ...], Sequence[Successor]], clusters: Sequence[str], size: int) -> HeatMap:
    """Shade each context by the probability of its first successor.

    Args:
        contexts: successors by context, by ascending rank; contexts of other clusters or sizes are left out.
        clusters: the clusters of rows and columns, in order.
        size: number of clusters of a context: 2, or 1 for a picture of one row.

    Returns:
        The picture; the most recent cluster of a context is the column. Shades divide the probabilities into equal
        ranges.

    Raises:
        ValueError: when no context is left.
    """
    position = {cluster: number for number, cluster in enumerate(clusters)}
    values = {}
    for context, successors in contexts.items():
        if len(context) == size and successors and all(each in position for each in context):
            row = position[context[0]] if size > 1 else 0
            values[row, position[context[-1]]] = math.exp(successors[0].score)
    if not values:
        raise ValueError("the lookup table has no context of these clusters")
    low, high = min(values.values()), max(values.values())
    span = (high - low) or 1.0
    shades: list[list[tuple[int, int]]] = [[] for _ in range(STEPS)]
    for place, value in sorted(values.items()):
        shades[min(int((value - low) / span * STEPS), STEPS - 1)].append(place)
    limits = (*(low + span * step / STEPS for step in range(STEPS)), high)
    return HeatMap(len(clusters), len(clusters) if size > 1 else 1, tuple(map(_path, shades)), limits)


def _path(cells: Iterable[tuple[int, int]]) -> str:
    """Return an SVG path of cells; neighbours in a row are one rectangle."""
    runs: list[list[int]] = []
    for row, column in cells:
        if runs and runs[-1][0] == row and runs[-1][2] == column:
            runs[-1][2] += 1
        else:
            runs.append([row, column, column + 1])
    return "".join(f"M{first} {row}h{last - first}v1H{first}z" for row, first, last in runs)
