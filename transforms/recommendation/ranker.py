"""The interface of rankers: items and users are vectors of whole numbers, and a score is their product.

Products and sums of whole numbers are exact in float64 in any order. So a score does not depend on which users or items
are scored together, and the output is equal on every runner. A ranker is used in three forms: over the whole catalogue,
restricted to the members of clusters, and conditioned on a cluster, which changes the vector of the user (papers on
conditional retrieval, such as 2508.16793).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.recommendation.histories import Codes, ItemHistories

Vectors = npt.NDArray[np.int16]

MAX_DIMENSIONS = 1024
"""Products of two vectors of int16 of this length are below 2**53, which float64 represents exactly."""


class Ranker(Protocol):
    """A fitted model that ranks the items of a catalogue for users."""

    @property
    def item_ids(self) -> pa.StringArray:
        """The ids of all items, ascending; the code of an item is its position."""
        ...

    @property
    def item_vectors(self) -> Vectors:
        """The vectors of items, int16, shape (items, dimensions)."""
        ...

    def user_vectors(self, histories: ItemHistories, conditions: Codes | None = None) -> Vectors:
        """Compute the vectors of users.

        Args:
            histories: the histories; a user may have none.
            conditions: int32, shape (users,): the cluster that each user's vector is conditioned on, a code of the
                tree's level; None: no condition. To condition one user on several clusters, repeat the user.

        Returns:
            int16, shape (users, dimensions). The score of an item is the product with its vector; a higher score is
            better, and ties are ranked by the lower code.
        """
        ...
