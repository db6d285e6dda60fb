"""Histories of users over the items of a catalogue, in compressed rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

NO_ITEM = -1
"""The code of an item that is not in the catalogue."""


class ItemHistories(NamedTuple):
    """The interactions of each user.

    Attributes:
        offsets: int64, shape (users + 1,): offsets of the users.
        items: int32, shape (interactions,): codes of items, positions in the item ids of a catalogue; by user, then
            time, then item id. An item can occur several times.
        times: int64, shape (interactions,): times in microseconds, ascending for each user.
    """

    offsets: Integers
    items: Codes
    times: Integers

    @property
    def user_count(self) -> int:
        """The number of users."""
        return len(self.offsets) - 1
