"""A trained sequence recommender as a ranker: vectors of whole numbers, see `Ranker`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from transforms.recommendation.histories import Codes, ItemHistories
from transforms.recommendation.ranker import Vectors
from transforms.recommendation.sequence.folder import SequenceFolder, check_catalogue, read_folder
from transforms.recommendation.sequence.model import UserTower
from transforms.recommendation.sequence.validation import encode_users

_LARGEST = int(np.iinfo(np.int16).max)
_TINY = 1e-30


@dataclasses.dataclass(frozen=True)
class SequenceRanker:
    """A ranker by the vectors of a trained model.

    All items have one scale, and so have all users: the bound of the components of their vectors. So scores can be
    compared between users, and a score is the model's, times `item_scale * user_scale`.

    The vectors of users are computed in float64 and then rounded. The order of summation, which depends on the machine
    and on which users are computed together, changes a float64 in its last bits only, not what it is rounded to.

    Attributes:
        item_ids: the ids of all items, ascending.
        item_vectors: int16, shape (items, D), or (items, D + 1) with their popularity as last component.
        item_scale: factor by which the vectors of items were multiplied.
        user_scale: factor by which those of users are multiplied.
        vectors: float64, of the same shape: the vectors of items.
        tower: the tower of users, in float64.
    """

    item_ids: pa.StringArray
    item_vectors: Vectors
    item_scale: float
    user_scale: float
    vectors: torch.Tensor
    tower: UserTower

    @classmethod
    def from_folder(cls, stored: SequenceFolder) -> SequenceRanker:
        """Create the ranker of a trained model."""
        vectors, tower = stored.item_vectors.double(), stored.tower.double().eval()
        item_scale = _LARGEST / max(float(vectors.abs().max()) if len(vectors) else 0.0, _TINY)
        user_scale = _LARGEST / max(tower.largest_component(), _TINY)
        whole = np.rint(vectors.numpy() * item_scale).astype(np.int16)
        return cls(stored.item_ids, whole, item_scale, user_scale, vectors, tower)

    def user_vectors(self, histories: ItemHistories, conditions: Codes | None = None) -> Vectors:
        """Compute the vectors of users; see `Ranker`. A condition of -1 is none."""
        found = encode_users(self.tower, self.vectors, histories, conditions).numpy()
        rounded: Vectors = np.rint(np.clip(found * self.user_scale, -_LARGEST, _LARGEST)).astype(np.int16)
        return rounded


@dataclasses.dataclass(frozen=True)
class SequenceRankerSource:
    """The folder of a trained recommender, from which workers load the ranker.

    Attributes:
        folder: the folder, on a disk that all workers have.
    """

    folder: str

    def load(self, item_ids: pa.StringArray) -> SequenceRanker:
        """Load the ranker for the items of a catalogue.

        Args:
            item_ids: the ids of all items, ascending.

        Raises:
            OtherCatalogueError: when it was trained for another catalogue.
            ValueError: when the folder holds no trained recommender.
        """
        check_catalogue(Path(self.folder), item_ids)
        return SequenceRanker.from_folder(read_folder(Path(self.folder)))
