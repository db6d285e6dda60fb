"""nDCG@10 of a model on the items that users consume in a period: all items of the catalogue are ranked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from transforms.recommendation.histories import Codes, ItemHistories
from transforms.recommendation.measures import MEASURES, Targets, measure_lists
from transforms.recommendation.protocol import measured_users, take_targets, take_users, targets_of
from transforms.recommendation.sequence.model import SequenceModel, UserTower

RANKED = 10
_NDCG, _RECALL = MEASURES.index("ndcg"), MEASURES.index("recall")
_NUMBERS_PER_BLOCK = 1 << 23
_INNER = 16  # numbers that are held for each component of a state


def last_items(histories: ItemHistories, length: int) -> ItemHistories:
    """Return the last `length` interactions of each user."""
    starts = np.maximum(histories.offsets[1:] - length, histories.offsets[:-1])
    lengths = histories.offsets[1:] - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    return ItemHistories(offsets, histories.items[rows], histories.times[rows])


@torch.no_grad()
def encode_users(
    tower: UserTower, vectors: torch.Tensor, histories: ItemHistories, conditions: Codes | None = None
) -> torch.Tensor:
    """Compute the vectors of users.

    Histories of equal length are computed together, so there is no padding.

    Args:
        tower: the tower of users, set to evaluation.
        vectors: shape (items, D), or (items, D + 1) with their popularity: the vectors of all items.
        histories: the histories of the users.
        conditions: int32, shape (users,): the cluster of each, or `NO_CONDITION`; None: no condition.

    Returns:
        Of the width of the vectors, on their device; the last component is the weight of popularity, if they have it.
    """
    recent = last_items(histories, tower.length)
    lengths = np.diff(recent.offsets)
    device = vectors.device
    own = vectors if tower.popularity is None else vectors[:, :-1]
    found = torch.empty((len(lengths), vectors.shape[1]), dtype=vectors.dtype, device=device)
    given = None if conditions is None else torch.from_numpy(conditions.astype(np.int64)).to(device)
    for length in np.unique(lengths).tolist():
        users = np.flatnonzero(lengths == length)
        rows_per_block = max(_NUMBERS_PER_BLOCK // (_INNER * vectors.shape[1] * (length + 1)), 1)
        for start in range(0, len(users), rows_per_block):
            rows = users[start : start + rows_per_block]
            items = recent.items[recent.offsets[rows][:, None] + np.arange(length)]
            read = own[torch.from_numpy(items.astype(np.int64)).to(device)]
            states = tower.states(read, torch.full((len(rows),), length, device=device))
            users_of_rows = tower(states[:, -1], None if given is None else given[rows])
            weights = tower.popularity_weights(users_of_rows)
            found[rows] = users_of_rows if weights is None else torch.cat([users_of_rows, weights], dim=1)
    return found


@torch.no_grad()
def rank_items(users: torch.Tensor, vectors: torch.Tensor, consumed: ItemHistories, count: int = RANKED) -> Codes:
    """Rank all items for users, without those that they consumed.

    Args:
        users: shape (users, D): the vectors of the users.
        vectors: shape (items, D): the vectors of all items.
        consumed: the histories of the same users.
        count: number of items of a list.

    Returns:
        int32, shape (users, count), the best first.
    """
    lists = np.empty((len(users), count), np.int32)
    rows_per_block = max(_NUMBERS_PER_BLOCK // len(vectors), 1)
    for start in range(0, len(users), rows_per_block):
        scores = users[start : start + rows_per_block] @ vectors.T
        offsets = consumed.offsets[start : start + len(scores) + 1]
        rows = np.repeat(np.arange(len(scores)), np.diff(offsets))
        items = consumed.items[offsets[0] : offsets[-1]].astype(np.int64)
        scores[torch.from_numpy(rows), torch.from_numpy(items)] = -torch.inf
        lists[start : start + len(scores)] = scores.topk(count, dim=1).indices.cpu().numpy()
    return lists


class Validation:
    """The users and targets of a period, on which models are measured.

    Args:
        past: interactions before the period.
        future: interactions of the same users in the period.
        item_count: number of items of the catalogue.
        max_users: maximum number of measured users.
        seed: random seed of their choice.
    """

    def __init__(
        self, past: ItemHistories, future: ItemHistories, item_count: int, max_users: int = 10_000, seed: int = 0
    ) -> None:
        self._clusters = np.zeros(item_count, np.int32)
        targets = targets_of(past, future, self._clusters, 1)
        users = measured_users(past, targets, max_users, seed)
        self.past: ItemHistories = take_users(past, users)
        self.targets: Targets = take_targets(targets, users)

    @property
    def user_count(self) -> int:
        """The number of users."""
        return self.past.user_count

    def measure(self, lists: Codes) -> tuple[float, float]:
        """Compute the means over users of nDCG@10 and recall@10 of lists; 0 without users."""
        if not self.user_count:
            return 0.0, 0.0
        consumed = np.zeros((self.user_count, 1))
        values = measure_lists(lists, self.targets, self._clusters, consumed)
        return float(values[:, _NDCG].mean()), float(values[:, _RECALL].mean())

    def measure_model(
        self, model: SequenceModel, popularity: npt.NDArray[np.float32] | None = None
    ) -> tuple[float, float]:
        """Compute the same of the lists of a model, which is set to evaluation.

        Args:
            model: the model.
            popularity: float32, shape (items,): the popularity of items before the period; None: it is not used.
        """
        model.eval()
        vectors = model.items.all_items(popularity)
        users = encode_users(model.users, vectors, self.past)
        return self.measure(rank_items(users, vectors, self.past, min(RANKED, len(vectors))))

    def measure_popularity(self, history: ItemHistories) -> tuple[float, float]:
        """Compute the same of the items with the highest number of interactions in some histories."""
        counts = np.bincount(history.items, minlength=len(self._clusters)).astype(np.float64)
        scores = torch.from_numpy(counts)[:, None]
        ones = torch.ones((self.user_count, 1), dtype=torch.float64)
        return self.measure(rank_items(ones, scores, self.past, min(RANKED, len(counts))))
