"""The latent intent model: a conditional variational autoencoder of what follows (2211.09832).

x is the context of a user and y the bag of the next items. The prior p(z|x) and the posterior q(z|x,y) are diagonal
Gaussians with soft-clipped log-variances. The decoder p(y|x,z) computes a vector in the space of given vectors of
items; the logits of all items are one matrix product, and the likelihood is multinomial.

The softmax has all items of the catalogue: a step holds a few float32 matrices of the shape (rows of a batch, items),
256 MB each for 256 rows and 250,000 items. `MAX_ITEMS` limits it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.gaussians import Gaussian, divergence, soft_clip
from transforms.intents.latent.rows import Matrix

MAX_ITEMS = 250_000
"""Maximum number of items of a catalogue, which are all in the softmax."""


class Terms(NamedTuple):
    """The terms of the ELBO of each row.

    Attributes:
        reconstruction: shape (rows,): log-likelihood of the bag of next items, in nats, without the multinomial
            coefficient, which does not depend on the model.
        divergences: shape (rows, units): divergence of the posterior from the prior, in nats.
    """

    reconstruction: torch.Tensor
    divergences: torch.Tensor


class LatentModel(nn.Module):
    """The networks of prior, posterior and decoder.

    Args:
        config: the configuration; with 0 latent dimensions, only the decoder is built, of x alone.
        item_vectors: float32, shape (items, V): vectors of the items, which are not trained. They are divided by their
            root mean square length. To let the model weight the popularity of items, give its logarithm as a component.
        context_means: float32, shape (D,): the means of the components of contexts.
        context_scales: float32, shape (D,): their standard deviations, above 0, by which they are divided.

    Raises:
        ValueError: when there are no items, more than `MAX_ITEMS`, or none with a vector that is not 0.
    """

    item_vectors: torch.Tensor
    context_means: torch.Tensor
    context_scales: torch.Tensor

    def __init__(
        self, config: LatentConfig, item_vectors: Matrix, context_means: Matrix, context_scales: Matrix
    ) -> None:
        super().__init__()
        self.config = config
        vectors = _unit_mean_square(item_vectors)
        self.register_buffer("item_vectors", torch.from_numpy(vectors))
        self.register_buffer("context_means", torch.from_numpy(context_means))
        self.register_buffer("context_scales", torch.from_numpy(context_scales))
        units, width, dimensions = config.latent_dimensions, len(context_means), vectors.shape[1]
        self.prior_network = _network(config, width, 2 * units) if units else None
        self.posterior_network = _network(config, width + dimensions + 1, 2 * units) if units else None
        self.decoder = _network(config, width + units, dimensions)

    @property
    def units(self) -> int:
        """The number of latent units."""
        return self.config.latent_dimensions

    @property
    def device(self) -> torch.device:
        """The device that holds the model."""
        return self.item_vectors.device

    def scaled(self, contexts: torch.Tensor) -> torch.Tensor:
        """Scale contexts, shape (rows, D), to mean 0 and variance 1 on the training rows."""
        return (contexts - self.context_means) / self.context_scales

    def prior(self, contexts: torch.Tensor) -> Gaussian:
        """Compute p(z|x).

        Args:
            contexts: shape (rows, D), as they are given.
        """
        return self._gaussian(self.prior_network, self.scaled(contexts))

    def posterior(self, contexts: torch.Tensor, sums: torch.Tensor, counts: torch.Tensor) -> Gaussian:
        """Compute q(z|x,y).

        Args:
            contexts: shape (rows, D), as they are given.
            sums: shape (rows, V): sums of the vectors of the next items.
            counts: shape (rows,): their numbers, at least 1.
        """
        # Components of vectors of length 1 have the mean square 1 / V.
        means = sums / counts[:, None] * sums.shape[1] ** 0.5
        following = [means, counts.log1p()[:, None]]
        return self._gaussian(self.posterior_network, torch.cat([self.scaled(contexts), *following], dim=1))

    def decode(self, contexts: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
        """Compute the vectors that p(y|x,z) multiplies with those of items.

        Args:
            contexts: shape (rows, D), as they are given.
            latents: shape (rows, units).

        Returns:
            Shape (rows, V).
        """
        vectors: torch.Tensor = self.decoder(torch.cat([self.scaled(contexts), latents], dim=1))
        return vectors

    def logits(self, vectors: torch.Tensor) -> torch.Tensor:
        """Compute the logits of all items, shape (rows, items), for decoded vectors of shape (rows, V)."""
        return vectors @ self.item_vectors.T

    def sums(self, items: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Compute the sums of the vectors of next items.

        Args:
            items: int64, shape (next items,).
            offsets: int64, shape (rows,): the offset of the first item of each row.

        Returns:
            Shape (rows, V).
        """
        return functional.embedding_bag(items, self.item_vectors, offsets, mode="sum")

    def forward(self, contexts: torch.Tensor, items: torch.Tensor, offsets: torch.Tensor, noise: torch.Tensor) -> Terms:
        """Compute the terms of the ELBO with one sample of the posterior for each row.

        Args:
            contexts: shape (rows, D), as they are given.
            items: int64, shape (next items,): codes of the next items, by row.
            offsets: int64, shape (rows + 1,): offsets of the rows.
            noise: shape (rows, units): standard normal noise.
        """
        sums, counts = self.sums(items, offsets[:-1]), torch.diff(offsets)
        if self.units:
            prior, posterior = self.prior(contexts), self.posterior(contexts, sums, counts)
            divergences, latents = divergence(posterior, prior), posterior.at(noise)
        else:
            divergences = latents = noise
        return Terms(self.log_likelihood(self.decode(contexts, latents), sums, counts), divergences)

    def log_likelihood(self, vectors: torch.Tensor, sums: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        """Compute the log-likelihood of bags of items, in nats.

        The sum of the logits of the items of a bag is the product with the sum of their vectors.

        Args:
            vectors: shape (rows, V): decoded vectors.
            sums: shape (rows, V): sums of the vectors of the items.
            counts: shape (rows,): numbers of the items.

        Returns:
            Shape (rows,).
        """
        return (vectors * sums).sum(dim=1) - counts * torch.logsumexp(self.logits(vectors), dim=1)

    def _gaussian(self, network: nn.Module | None, inputs: torch.Tensor) -> Gaussian:
        if network is None:
            return Gaussian(inputs[:, :0], inputs[:, :0])
        means, raw = network(inputs).chunk(2, dim=1)
        return Gaussian(means, soft_clip(raw, self.config.min_log_variance, self.config.max_log_variance))


def _unit_mean_square(item_vectors: Matrix) -> Matrix:
    """Return float32 vectors of mean squared length 1."""
    if item_vectors.ndim != 2 or not 0 < len(item_vectors) <= MAX_ITEMS:
        raise ValueError(
            f"item_vectors must have the shape (items, V) with 1 to {MAX_ITEMS:,} items, all of which are in the "
            f"softmax, got {item_vectors.shape}"
        )
    vectors = item_vectors.astype(np.float64)
    mean = (vectors**2).sum(axis=1).mean()
    if not np.isfinite(mean) or not mean > 0:
        raise ValueError("item_vectors must be numbers, and not all 0")
    return (vectors / np.sqrt(mean)).astype(np.float32)


def _network(config: LatentConfig, inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in range(config.layers):
        width = config.hidden if layer else inputs
        layers += [nn.Linear(width, config.hidden), nn.LayerNorm(config.hidden), nn.SiLU(), nn.Dropout(config.dropout)]
    return nn.Sequential(*layers, nn.Linear(config.hidden, outputs))
