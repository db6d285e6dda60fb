"""Training of the latent intent model: Adam on the ELBO, and early stop on validation rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.model import LatentModel
from transforms.intents.latent.rows import Flags, Matrix, Rows, check_rows, take_rows
from transforms.intents.latent.serving import measure_rows

_PARAMETERS, _VALIDATION, _EPOCHS = range(3)
"""Streams of random numbers; that of epoch n is the n-th after `_EPOCHS`."""


class EpochMetrics(NamedTuple):
    """The metrics of one epoch, means over rows in nats.

    Attributes:
        epoch: its number, from 1.
        beta: weight of the divergence in its last step.
        loss: the negative objective of the training rows, with the weight of each step.
        reconstruction: mean log-likelihood of the next items of the validation rows.
        divergence: mean divergence of their posteriors from their priors.
        objective: the objective of the validation rows with the final beta, by which the epoch is chosen:
            reconstruction less beta times the penalized divergence; the ELBO if beta is 1 and no bits are free.
    """

    epoch: int
    beta: float
    loss: float
    reconstruction: float
    divergence: float
    objective: float

    @property
    def elbo(self) -> float:
        """The ELBO of the validation rows."""
        return self.reconstruction - self.divergence


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        model: the model, with the weights of the best epoch, on the CPU.
        epochs: the metrics of each epoch.
        best_epoch: the epoch with the highest objective of the validation rows, the first of equals.
    """

    model: LatentModel
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int


Show = Callable[[EpochMetrics], None]


def train_latent(
    rows: Rows,
    item_vectors: Matrix,
    config: LatentConfig,
    is_validation: Flags,
    show: Show | None = None,
) -> Trained:
    """Train a latent intent model, on a GPU if there is one; on the CPU, equal arguments give equal weights.

    Args:
        rows: the rows for training and validation.
        item_vectors: float32, shape (items, V): see `LatentModel`.
        config: the configuration.
        is_validation: bool, shape (rows,): the rows on which the number of epochs is chosen, such as the latest or
            those of some users.
        show: called after each epoch.

    Raises:
        ValueError: naming what is wrong with the rows or vectors, and what is allowed.
    """
    check_rows(rows, len(item_vectors))
    if is_validation.shape != (len(rows.contexts),) or is_validation.all() or not is_validation.any():
        raise ValueError(f"is_validation must select some but not all of the {len(rows.contexts)} rows")
    training, validation = (take_rows(rows, np.flatnonzero(each)) for each in (~is_validation, is_validation))
    return _Training(training, validation, item_vectors, config, show or (lambda metrics: None)).run()


def beta_at(step: int, steps_per_epoch: int, config: LatentConfig) -> float:
    """Compute the weight of the divergence in a step, counted from 1: it rises linearly during the warm-up."""
    warm_up = config.warm_up_epochs * steps_per_epoch
    return config.beta if step >= warm_up else config.beta * step / warm_up


def penalized_divergence(divergences: torch.Tensor, free_bits: float) -> torch.Tensor:
    """Compute the divergence of a batch that is penalized: the sum over units of `max(mean over rows, free bits)`.

    Args:
        divergences: shape (rows, units), in nats.
        free_bits: bits per unit.
    """
    return divergences.mean(dim=0).clamp(min=free_bits * math.log(2)).sum()


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


class _Training:
    """One training, as the state after each epoch."""

    def __init__(self, rows: Rows, validation: Rows, item_vectors: Matrix, config: LatentConfig, show: Show) -> None:
        self.rows, self.validation, self.config, self.show = rows, validation, config, show
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        means, scales = _moments(rows.contexts)
        with torch.random.fork_rng():
            torch.manual_seed(_seed(config.seed, _PARAMETERS))
            self.model = LatentModel(config, item_vectors, means, scales).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.steps_per_epoch = -(-len(rows.contexts) // config.batch_size)
        self.epochs: list[EpochMetrics] = []
        self.best: dict[str, torch.Tensor] = {}

    def run(self) -> Trained:
        while not self._is_finished():
            self._run_epoch()
        self.model.load_state_dict(self.best)
        return Trained(self.model.cpu().eval(), tuple(self.epochs), self._best_epoch())

    def _best_epoch(self) -> int:
        return 1 + int(np.argmax([metrics.objective for metrics in self.epochs]))

    def _is_finished(self) -> bool:
        done = len(self.epochs)
        if not done or done >= self.config.max_epochs:
            return done > 0
        # During the warm-up the weight of the divergence still changes, so a lower objective is no reason to stop.
        return done - max(self._best_epoch(), self.config.warm_up_epochs) >= self.config.patience

    def _run_epoch(self) -> None:
        """Train one epoch; its random numbers depend on the seed and its number alone."""
        epoch = len(self.epochs) + 1
        seed = _seed(self.config.seed, _EPOCHS + epoch)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            loss = self._train(np.random.default_rng(seed), epoch)
        self.model.eval()
        found = measure_rows(self.model, self.validation, seed=_seed(self.config.seed, _VALIDATION))
        reconstruction, divergence = float(found.reconstruction.mean()), float(found.divergences.sum(axis=1).mean())
        if not math.isfinite(loss + reconstruction + divergence):
            raise FloatingPointError(
                f"the objective of the latent intent model is not a number in epoch {epoch}: lower the learning rate"
            )
        beta = beta_at(epoch * self.steps_per_epoch, self.steps_per_epoch, self.config)
        penalty = float(penalized_divergence(torch.from_numpy(found.divergences), self.config.free_bits))
        objective = reconstruction - self.config.beta * penalty
        self.epochs.append(EpochMetrics(epoch, beta, loss, reconstruction, divergence, objective))
        if self._best_epoch() == epoch:
            self.best = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        self.show(self.epochs[-1])

    def _train(self, order: np.random.Generator, epoch: int) -> float:
        self.model.train()
        total, count = 0.0, len(self.rows.contexts)
        permuted = order.permutation(count)
        for number, start in enumerate(range(0, count, self.config.batch_size), start=1):
            batch = take_rows(self.rows, permuted[start : start + self.config.batch_size])
            beta = beta_at((epoch - 1) * self.steps_per_epoch + number, self.steps_per_epoch, self.config)
            loss = self._loss(batch, beta)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * len(batch.contexts)
        return total / count

    def _loss(self, batch: Rows, beta: float) -> torch.Tensor:
        # The noise is sampled on the CPU, so that it does not depend on the device.
        noise = torch.randn(len(batch.contexts), self.model.units).to(self.device)
        terms = self.model(
            torch.from_numpy(batch.contexts).to(self.device),
            torch.from_numpy(batch.following.items.astype(np.int64)).to(self.device),
            torch.from_numpy(batch.following.offsets).to(self.device),
            noise,
        )
        penalty: torch.Tensor = beta * penalized_divergence(terms.divergences, self.config.free_bits)
        return penalty - terms.reconstruction.mean()


def _moments(contexts: Matrix) -> tuple[Matrix, Matrix]:
    """Compute the means and the standard deviations of components, 1 for components that are constant."""
    numbers: npt.NDArray[np.float64] = contexts.astype(np.float64)
    scales = numbers.std(axis=0)
    # A constant's deviation is 0 but for rounding.
    is_constant = scales <= 1e-6 * np.abs(numbers).max(axis=0, initial=0)
    return numbers.mean(axis=0).astype(np.float32), np.where(is_constant, 1.0, scales).astype(np.float32)
