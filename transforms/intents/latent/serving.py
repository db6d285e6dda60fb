"""Use of a trained latent intent model: latents of users by the prior, scores of items, and the terms of the ELBO."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from transforms.intents.latent.gaussians import Gaussian, divergence
from transforms.intents.latent.measures import RowTerms
from transforms.intents.latent.model import LatentModel
from transforms.intents.latent.rows import Matrix, Rows, check_rows, take_rows

_NUMBERS_PER_BLOCK = 1 << 24


@torch.no_grad()
def prior_means(model: LatentModel, contexts: Matrix) -> Matrix:
    """Compute the means of p(z|x), with which the model is served.

    Args:
        model: the model, set to evaluation.
        contexts: float32, shape (rows, D).

    Returns:
        float32, shape (rows, units).
    """
    return _array(_prior(model, contexts).means)


@torch.no_grad()
def prior_samples(model: LatentModel, contexts: Matrix, samples: int, seed: int) -> Matrix:
    """Sample from p(z|x).

    Args:
        model: the model, set to evaluation.
        contexts: float32, shape (rows, D).
        samples: number of samples for each row.
        seed: random seed.

    Returns:
        float32, shape (samples, rows, units).
    """
    noise = np.random.default_rng(seed).standard_normal((samples, len(contexts), model.units), np.float32)
    return _array(_prior(model, contexts).at(torch.from_numpy(noise).to(model.device)))


@torch.no_grad()
def score_items(model: LatentModel, contexts: Matrix, latents: Matrix) -> Matrix:
    """Compute the scores of all items given contexts and latents.

    Args:
        model: the model, set to evaluation.
        contexts: float32, shape (rows, D).
        latents: float32, shape (rows, units).

    Returns:
        float32, shape (rows, items): the logits; the softmax over items is the probability of the next one. The last
        digits of a score can depend on the rows that are computed together.

    Raises:
        ValueError: when the shapes do not fit the model.
    """
    _check_contexts(model, contexts)
    if latents.shape != (len(contexts), model.units):
        raise ValueError(f"latents must have the shape {(len(contexts), model.units)}, got {latents.shape}")
    return _array(model.logits(model.decode(_tensor(model, contexts), _tensor(model, latents))))


@torch.no_grad()
def measure_rows(model: LatentModel, rows: Rows, samples: int = 1, seed: int = 0) -> RowTerms:
    """Compute the terms of the ELBO of rows.

    Args:
        model: the model, set to evaluation.
        rows: the rows.
        samples: number of samples of the posterior for each row, over whose log-likelihoods the mean is taken.
        seed: random seed of the samples.

    Raises:
        ValueError: when the rows do not fit the model.
    """
    _check_contexts(model, rows.contexts)
    check_rows(rows, len(model.item_vectors))
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}")
    random = np.random.default_rng(seed)
    parts = [
        _block_terms(model, block, random.standard_normal((samples, len(block.contexts), model.units), np.float32))
        for block in _blocks(rows, len(model.item_vectors))
    ]
    return RowTerms(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _block_terms(model: LatentModel, rows: Rows, noise: Matrix) -> RowTerms:
    contexts = _tensor(model, rows.contexts)
    offsets = torch.from_numpy(rows.following.offsets).to(model.device)
    items = torch.from_numpy(rows.following.items.astype(np.int64)).to(model.device)
    sums, counts = model.sums(items, offsets[:-1]), torch.diff(offsets)
    empty = contexts[:, :0]
    prior = posterior = Gaussian(empty, empty)
    if model.units:
        prior, posterior = model.prior(contexts), model.posterior(contexts, sums, counts)
    likelihoods = [
        model.log_likelihood(model.decode(contexts, posterior.at(_tensor(model, each))), sums, counts) for each in noise
    ]
    shifts = (posterior.means - prior.means) * (-0.5 * prior.log_variances).exp()
    found = (torch.stack(likelihoods).mean(dim=0), divergence(posterior, prior), posterior.means, shifts)
    return RowTerms(*(_array(each).astype(np.float64) for each in found))


def _blocks(rows: Rows, item_count: int) -> Iterator[Rows]:
    """Cut rows into blocks whose logits fit into memory; without rows, one empty block."""
    height = max(_NUMBERS_PER_BLOCK // item_count, 1)
    for start in range(0, max(len(rows.contexts), 1), height):
        yield take_rows(rows, np.arange(start, min(start + height, len(rows.contexts))))


def _prior(model: LatentModel, contexts: Matrix) -> Gaussian:
    _check_contexts(model, contexts)
    return model.prior(_tensor(model, contexts))


def _check_contexts(model: LatentModel, contexts: Matrix) -> None:
    width = len(model.context_means)
    if contexts.ndim != 2 or contexts.shape[1] != width:
        raise ValueError(f"contexts must have the shape (rows, {width}), got {contexts.shape}")


def _tensor(model: LatentModel, values: Matrix) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(model.device)


def _array(values: torch.Tensor) -> Matrix:
    found: Matrix = values.cpu().numpy()
    return found
