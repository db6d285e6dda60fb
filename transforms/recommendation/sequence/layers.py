"""Layers of the sequence recommender: LiGR (2502.03417), as eSASRec uses them."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

_EXPANSION = 4


class CausalAttention(nn.Module):
    """Multi-head attention of each place to itself and to the places before it.

    Args:
        dimensions: dimensions of a vector, D.
        heads: number of heads, a divisor of D.
        dropout: fraction of attention weights that are set to 0 in training.
    """

    def __init__(self, dimensions: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.inputs = nn.Linear(dimensions, 3 * dimensions)
        self.output = nn.Linear(dimensions, dimensions)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the output of shape (rows, length, D) for states of this shape."""
        rows, length, dimensions = states.shape
        by_head = self.inputs(states).view(rows, length, 3 * self.heads, -1).transpose(1, 2)
        queries, keys, values = by_head.chunk(3, dim=1)
        found = functional.scaled_dot_product_attention(
            queries, keys, values, dropout_p=self.dropout if self.training else 0.0, is_causal=True
        )
        output: torch.Tensor = self.output(found.transpose(1, 2).reshape(rows, length, dimensions))
        return output


class SwiGLU(nn.Module):
    """The feed-forward network `(silu(x A) * x B) C` (2002.05202), four times as wide inside.

    Args:
        dimensions: dimensions of a vector.
        dropout: fraction of inner units that are set to 0 in training.
    """

    def __init__(self, dimensions: int, dropout: float) -> None:
        super().__init__()
        inner = _EXPANSION * dimensions
        self.activated = nn.Linear(dimensions, inner, bias=False)
        self.linear = nn.Linear(dimensions, inner, bias=False)
        self.output = nn.Linear(inner, dimensions, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the output, of the same shape as the input."""
        output: torch.Tensor = self.output(self.dropout(functional.silu(self.activated(states)) * self.linear(states)))
        return output


class LiGRLayer(nn.Module):
    """A layer of a Transformer, `y = x + sigmoid(x U) * attention(norm(x))`, `z = y + sigmoid(y V) * SwiGLU(norm(y))`.

    Args:
        dimensions: dimensions of a vector, D.
        heads: number of attention heads.
        dropout: fraction of units that are set to 0 in training.
    """

    def __init__(self, dimensions: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.sublayers = nn.ModuleList((CausalAttention(dimensions, heads, dropout), SwiGLU(dimensions, dropout)))
        self.norms = nn.ModuleList(nn.LayerNorm(dimensions) for _ in range(2))
        self.factors = nn.ModuleList(nn.Linear(dimensions, dimensions) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Compute the output of shape (rows, length, D) for states of this shape."""
        for sublayer, norm, factor in zip(self.sublayers, self.norms, self.factors, strict=True):
            states = states + torch.sigmoid(factor(states)) * self.dropout(sublayer(norm(states)))
        return states
