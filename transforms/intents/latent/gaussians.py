"""Diagonal Gaussians: soft bounds of log-variances, and their divergence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional

_SHARPNESS = 10.0
"""Sharpness of the softplus terms, divided by the range of the log-variances."""


class Gaussian(NamedTuple):
    """Normal distributions with diagonal covariances.

    Attributes:
        means: shape (rows, units).
        log_variances: of the same shape.
    """

    means: torch.Tensor
    log_variances: torch.Tensor

    def at(self, noise: torch.Tensor) -> torch.Tensor:
        """Return `mean + standard deviation * noise`, for standard normal noise that broadcasts to (rows, units)."""
        return self.means + (0.5 * self.log_variances).exp() * noise


def soft_clip(values: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Clip values smoothly: `v - softplus(v - high) + softplus(low - v)`, with the sharpness `10 / (high - low)`.

    Args:
        values: any shape.
        low: lower bound.
        high: upper bound.

    Returns:
        Of the same shape, within the bounds. The middle of the bounds is kept, and the gradient vanishes only far
        outside of them.
    """
    sharpness = _SHARPNESS / (high - low)
    above = functional.softplus(values - high, beta=sharpness)
    below = functional.softplus(low - values, beta=sharpness)
    return values - above + below


def divergence(posterior: Gaussian, prior: Gaussian) -> torch.Tensor:
    """Compute the Kullback-Leibler divergence KL(posterior || prior) of each unit, in nats.

    Returns:
        Shape (rows, units), not negative but by rounding.
    """
    difference = posterior.log_variances - prior.log_variances
    distance = (posterior.means - prior.means) ** 2 * (-prior.log_variances).exp()
    return 0.5 * (difference.exp() + distance - 1 - difference)
