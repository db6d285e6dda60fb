"""The sequence recommender: a causal Transformer over the items of a user (eSASRec: SASRec's objective, LiGR layers).

The vector of an item is a trained vector of its id plus a linear projection of the vector of its content. An item that
the training log does not have has no trained vector: the projection alone places it, which the dropout of ids in
training prepares for. The score of an item is the product of its vector with that of the user.

The vector of a user can be conditioned on a cluster: a trained vector of the cluster is added to the last state, as
conditional retrieval puts the condition into the tower of the user (2508.16793).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from transforms.recommendation.histories import Codes
from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.layers import LiGRLayer

NO_CONDITION = -1
"""The code of no condition."""


class ItemTower(nn.Module):
    """The vectors of items.

    Args:
        dimensions: dimensions of a vector, D.
        is_trained: bool, shape (items,): whether the training log has the item, so that it has a vector of its id.
        content: float32, shape (items, content dimensions): vectors of the content; zeros: the item has none. None: no
            item has one.
    """

    is_trained: torch.Tensor
    content: torch.Tensor | None

    def __init__(
        self, dimensions: int, is_trained: npt.NDArray[np.bool_], content: npt.NDArray[np.float32] | None
    ) -> None:
        super().__init__()
        self.ids = nn.Embedding(len(is_trained), dimensions)
        self.projection = None if content is None else nn.Linear(content.shape[1], dimensions, bias=False)
        self.register_buffer("is_trained", torch.from_numpy(is_trained), persistent=False)
        self.register_buffer("content", None if content is None else torch.from_numpy(content), persistent=False)

    def forward(self, items: torch.Tensor, has_id: torch.Tensor | None = None) -> torch.Tensor:
        """Compute the vectors of items.

        Args:
            items: int64, any shape: codes of items.
            has_id: bool, shape (all items,): whether the vector of the id of each item is used. None: of those that the
                training log has.

        Returns:
            Shape (*items, D).
        """
        used = (self.is_trained if has_id is None else has_id)[items]
        vectors: torch.Tensor = self.ids(items) * used[..., None]
        if self.projection is None or self.content is None:
            return vectors
        return vectors + self.projection(self.content[items])

    @torch.no_grad()
    def all_items(self, popularity: npt.NDArray[np.float32] | None = None) -> torch.Tensor:
        """Compute the vectors of all items, shape (items, D); with their popularity as last component, if it is given.

        An item of which nothing is given, neither in the training log nor by content, has the mean vector of the
        items of the training log: its score is the mean of theirs, so it is not recommended before them.
        """
        vectors: torch.Tensor = self(torch.arange(len(self.is_trained), device=self.is_trained.device))
        if self.is_trained.any():
            has_content = False if self.content is None else self.content.any(dim=1, keepdim=True)
            mean = vectors[self.is_trained].mean(dim=0)
            vectors = torch.where(self.is_trained[:, None] | has_content, vectors, mean)
        if popularity is None:
            return vectors
        return torch.cat([vectors, torch.from_numpy(popularity).to(vectors)[:, None]], dim=1)

    def sample_ids(self, dropped: float) -> torch.Tensor | None:
        """Sample the items whose ids are used, by the random state of torch; None: those of the training log.

        Args:
            dropped: fraction of the items with content that are used without their ids.
        """
        if self.content is None or not dropped:
            return None
        kept = torch.rand(len(self.is_trained)).to(self.is_trained.device) >= dropped
        return self.is_trained & (kept | ~self.content.any(dim=1))


class UserTower(nn.Module):
    """The vectors of users, from the vectors of their items.

    Args:
        config: the configuration; D dimensions.
        clusters: number of clusters on which users can be conditioned.
    """

    def __init__(self, config: SequenceConfig, clusters: int) -> None:
        super().__init__()
        size = config.dimensions
        self.length = config.length
        self.start = nn.Parameter(torch.empty(1, size))
        self.positions = nn.Embedding(config.length + 1, size)
        self.conditions = nn.Embedding(clusters, size) if clusters else None
        self.layers = nn.ModuleList(LiGRLayer(size, config.heads, config.dropout) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(size)
        self.popularity = nn.Linear(size, 1) if config.popularity_days else None
        self.popularity_scale = nn.Parameter(torch.zeros(1)) if config.popularity_days else None
        self.dropout = nn.Dropout(config.dropout)

    def states(self, vectors: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Compute a state at the start of each sequence and after each of its items.

        Args:
            vectors: shape (rows, longest, D): vectors of the items of each sequence, in time order; at most `length`
                items. What is behind the last item of a sequence has no effect on its states.
            lengths: int64, shape (rows,): the number of items of each sequence.

        Returns:
            Shape (rows, longest + 1, D): place t is the state after t items.
        """
        rows, longest, _ = vectors.shape
        places = torch.arange(longest + 1, device=vectors.device)
        # Positions are counted from the last item, so that those of the most recent items have equal vectors.
        from_last = (lengths[:, None] - places[None]).clamp(min=0)
        inputs = torch.cat([self.start.expand(rows, 1, -1), vectors], dim=1)
        states: torch.Tensor = self.dropout(inputs + self.positions(from_last))
        for layer in self.layers:
            states = layer(states)
        return states

    def forward(self, states: torch.Tensor, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Compute vectors of users from states.

        Args:
            states: shape (..., D).
            conditions: int64, shape (...): the cluster of each, or `NO_CONDITION`; None: no condition.

        Returns:
            Shape (..., D). The score of an item is the product with its vector, plus its weighted popularity.
        """
        if conditions is not None and self.conditions is not None:
            states = states + self.conditions(conditions.clamp(min=0)) * (conditions >= 0)[..., None]
        vectors: torch.Tensor = self.norm(states)
        return vectors

    def popularity_weights(self, vectors: torch.Tensor) -> torch.Tensor | None:
        """Compute the weight of popularity for users, between 0 and the exponential of a parameter.

        Args:
            vectors: shape (..., D): vectors of users.

        Returns:
            Shape (..., 1); None: popularity is not used.
        """
        if self.popularity is None or self.popularity_scale is None:
            return None
        weights: torch.Tensor = torch.sigmoid(self.popularity(vectors)) * self.popularity_scale.exp()
        return weights

    @torch.no_grad()
    def largest_component(self) -> float:
        """Return a bound of the components of the vectors of users and of the weight of popularity."""
        spread = (self.norm.normalized_shape[0] - 1) ** 0.5
        bound = float((self.norm.weight.abs() * spread + self.norm.bias.abs()).max())
        return bound if self.popularity_scale is None else max(bound, float(self.popularity_scale.exp()))


class SequenceModel(nn.Module):
    """Both towers; arguments as theirs."""

    def __init__(
        self,
        config: SequenceConfig,
        is_trained: npt.NDArray[np.bool_],
        content: npt.NDArray[np.float32] | None = None,
        clusters: int = 0,
    ) -> None:
        super().__init__()
        self.items = ItemTower(config.dimensions, is_trained, content)
        self.users = UserTower(config, clusters)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)


def conditions_of(items: npt.NDArray[np.int64], clusters: Codes, fraction: float) -> npt.NDArray[np.int64]:
    """Sample the conditions of training examples, by the random state of torch.

    Args:
        items: int64, any shape: the next item of each example.
        clusters: int32, shape (items,): the cluster of each item, or `NO_CONDITION`.
        fraction: fraction of the examples that have a condition.

    Returns:
        int64, of the shape of `items`: the cluster of the next item, or `NO_CONDITION`.
    """
    has_condition = torch.rand(items.shape).numpy() < fraction
    return np.where(has_condition, clusters[items], NO_CONDITION).astype(np.int64)
