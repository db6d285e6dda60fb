"""Names on a map that overlap neither each other nor the border."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle; `y` grows downwards.

    Attributes:
        left: smallest x.
        top: smallest y.
        right: largest x.
        bottom: largest y.
    """

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Whether both have a point inside in common."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def lies_in(self, other: Box) -> bool:
        """Whether no point is outside of the other one."""
        return (
            self.left >= other.left
            and self.top >= other.top
            and self.right <= other.right
            and self.bottom <= other.bottom
        )


class Label(NamedTuple):
    """A name to place.

    Attributes:
        x: the point that it names.
        y: the same.
        distance: radius of the point.
        width: width of the text.
        height: height of the text.
    """

    x: float
    y: float
    distance: float
    width: float
    height: float


def place_labels(labels: Iterable[Label], border: Box, obstacles: Iterable[Box] = ()) -> list[Box | None]:
    """Place names next to their points, one after another, where there is room.

    Args:
        labels: the names, the most important first: the greedy method favours them.
        border: the area of the map.
        obstacles: boxes that no name covers.

    Returns:
        For each name the box of its text; None: there is no room.
    """
    placed: list[Box | None] = []
    taken = list(obstacles)
    for label in labels:
        box = next((each for each in _candidates(label) if each.lies_in(border) and _is_free(each, taken)), None)
        placed.append(box)
        if box is not None:
            taken.append(box)
    return placed


def _is_free(box: Box, taken: Sequence[Box]) -> bool:
    return not any(box.overlaps(other) for other in taken)


def _candidates(label: Label) -> Iterator[Box]:
    """Return the boxes to the right, left, above and below of a point, and those at its corners."""
    x, y, distance, width, height = label
    for left, top in (
        (x + distance, y - height / 2),
        (x - distance - width, y - height / 2),
        (x - width / 2, y - distance - height),
        (x - width / 2, y + distance),
        (x + distance / 2, y - distance - height),
        (x + distance / 2, y + distance),
        (x - distance / 2 - width, y - distance - height),
        (x - distance / 2 - width, y + distance),
    ):
        yield Box(left, top, left + width, top + height)
