"""Rows of the latent intent model: the context of a user, and the items that follow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.recommendation.histories import Codes, Integers

Matrix = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class NextItems(NamedTuple):
    """The items that follow each row, as bags in compressed rows.

    Attributes:
        offsets: int64, shape (rows + 1,): offsets of the rows.
        items: int32, shape (next items,): codes of items. Their order within a row does not matter, and an item can
            occur several times.
    """

    offsets: Integers
    items: Codes


class Rows(NamedTuple):
    """The rows that a model is trained on or measured on.

    Attributes:
        contexts: float32, shape (rows, D): what is given about the user and the moment.
        following: the items that follow; each row has at least one.
    """

    contexts: Matrix
    following: NextItems


def take_rows(rows: Rows, chosen: npt.NDArray[np.integer]) -> Rows:
    """Return the chosen rows, int64, shape (chosen,), in this order."""
    return Rows(rows.contexts[chosen], take_items(rows.following, chosen))


def take_items(following: NextItems, chosen: npt.NDArray[np.integer]) -> NextItems:
    """Return the next items of the chosen rows, int64, shape (chosen,), in this order."""
    starts = following.offsets[:-1][chosen]
    lengths = following.offsets[1:][chosen] - starts
    offsets = list_offsets(lengths).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    return NextItems(offsets, following.items[places])


def check_rows(rows: Rows, item_count: int) -> None:
    """Check the shapes and the range of rows.

    Raises:
        ValueError: naming what is wrong and what is allowed.
    """
    contexts, (offsets, items) = rows
    if contexts.ndim != 2 or len(contexts) != len(offsets) - 1:
        raise ValueError(f"contexts must have the shape ({len(offsets) - 1}, D), got {contexts.shape}")
    if not np.isfinite(contexts).all():
        raise ValueError("contexts must be numbers")
    if (np.diff(offsets) < 1).any():
        row = int(np.flatnonzero(np.diff(offsets) < 1)[0])
        raise ValueError(f"each row must have at least one next item, but row {row} has none")
    if len(items) and (items.min() < 0 or items.max() >= item_count):
        raise ValueError(f"codes of next items must be in [0, {item_count}), got {items.min()} to {items.max()}")
