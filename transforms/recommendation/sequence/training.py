"""Training of the sequence recommender: early stop on a validation period, and states from which a training resumes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from transforms.recommendation.histories import Codes, ItemHistories
from transforms.recommendation.protocol import before, between
from transforms.recommendation.sequence.config import FULL_SOFTMAX_BELOW, SequenceConfig
from transforms.recommendation.sequence.losses import full_softmax, sampled_softmax
from transforms.recommendation.sequence.model import SequenceModel, conditions_of
from transforms.recommendation.sequence.popularity import PopularityOverTime, popularity_at, popularity_over_time
from transforms.recommendation.sequence.validation import Validation, last_items
from transforms.recommendation.sequence.windows import Batch, Windows, batches_of, windows_of

_BETAS = (0.9, 0.98)


class EpochMetrics(NamedTuple):
    """The metrics of one epoch.

    Attributes:
        epoch: its number, from 1.
        loss: mean negative log-likelihood of the next items, nats.
        ndcg: nDCG@10 on the validation period after the epoch; not a number without one.
        recall: recall@10 on the validation period.
    """

    epoch: int
    loss: float
    ndcg: float
    recall: float


class Catalogue(NamedTuple):
    """The clusters and the content of items.

    Attributes:
        clusters: int32, shape (items,): the cluster of each item, -1: none.
        cluster_count: number of clusters; 0: the model has no conditions.
        content: float32, shape (items, content dimensions): vectors of the content of items; zeros: the item has none.
            None: no item has one.
    """

    clusters: Codes
    cluster_count: int
    content: npt.NDArray[np.float32] | None = None

    @property
    def item_count(self) -> int:
        """The number of items."""
        return len(self.clusters)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained model.

    Attributes:
        model: the model, with the weights of the best epoch.
        epochs: the metrics of each epoch.
        best_epoch: the epoch with the highest nDCG@10, the first of equals.
        popularity: float32, shape (items,): the popularity of items after the training log; None: it is not used.
    """

    model: SequenceModel
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    popularity: npt.NDArray[np.float32] | None = None

    def item_vectors(self) -> torch.Tensor:
        """Compute the vectors of all items, with their popularity as last component if it is used."""
        return self.model.items.all_items(self.popularity)


Show = Callable[[EpochMetrics], None]


def train_before(
    histories: ItemHistories,
    catalogue: Catalogue,
    config: SequenceConfig,
    validation_start: int,
    checkpoint: Path | None = None,
    show: Show | None = None,
) -> Trained:
    """Train on the interactions before a time, and choose the epoch on those from this time on.

    Args:
        histories: interactions of users with items of the catalogue, all before the date of the test.
        catalogue: what is given about items.
        config: the configuration.
        validation_start: where the validation period starts, in microseconds.
        checkpoint: the file of the state after the last epoch. An interrupted training with the same data and
            configuration resumes from it, with the same result.
        show: called after each epoch.
    """
    past = before(histories, validation_start)
    validation = Validation(past, between(histories, validation_start), catalogue.item_count, seed=config.seed)
    return _Training(past, catalogue, config, validation, checkpoint, show or (lambda metrics: None)).run()


def train_epochs(
    histories: ItemHistories,
    catalogue: Catalogue,
    config: SequenceConfig,
    epochs: int,
    checkpoint: Path | None = None,
    show: Show | None = None,
) -> Trained:
    """Train on all interactions for a number of epochs; arguments as for `train_before`."""
    fixed = dataclasses.replace(config, max_epochs=epochs)
    return _Training(histories, catalogue, fixed, None, checkpoint, show or (lambda metrics: None)).run()


class _Training:
    """One training, as the state after each epoch."""

    def __init__(
        self,
        histories: ItemHistories,
        catalogue: Catalogue,
        config: SequenceConfig,
        validation: Validation | None,
        checkpoint: Path | None,
        show: Show,
    ) -> None:
        self.config, self.catalogue, self.validation = config, catalogue, validation
        self.checkpoint, self.show = checkpoint, show
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        trained_on = last_items(histories, config.max_history) if config.max_history else histories
        self.windows: Windows = windows_of(trained_on, config.length)
        self.vocabulary = np.unique(trained_on.items).astype(np.int64)
        self.rows = np.zeros(catalogue.item_count, np.int64)
        self.rows[self.vocabulary] = np.arange(len(self.vocabulary))
        self.is_full = len(self.vocabulary) < FULL_SOFTMAX_BELOW or config.negatives >= len(self.vocabulary)
        is_trained = np.zeros(catalogue.item_count, bool)
        is_trained[self.vocabulary] = True
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            count = catalogue.cluster_count if config.conditioned > 0 else 0
            self.model = SequenceModel(config, is_trained, catalogue.content, count).to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate, betas=_BETAS)
        self.over_time: PopularityOverTime | None = None
        self.popularity: npt.NDArray[np.float32] | None = None
        if config.popularity_days:
            days, count = config.popularity_days, catalogue.item_count
            self.over_time = popularity_over_time(histories, count, days)
            self.popularity = popularity_at(histories, count, int(histories.times.max()) + 1, days)
            self.values = torch.from_numpy(self.over_time.values[:, self.vocabulary]).to(self.device)
        self.epochs: list[EpochMetrics] = []
        self.best: dict[str, torch.Tensor] = {}

    def run(self) -> Trained:
        self._resume()
        while not self._is_finished():
            self._run_epoch()
            if self.checkpoint is not None:
                self._save(self.checkpoint)
        self.model.load_state_dict(self.best)
        self.model.eval()
        return Trained(self.model, tuple(self.epochs), self._best_epoch(), self.popularity)

    def _best_epoch(self) -> int:
        if self.validation is None:
            return len(self.epochs)
        return 1 + int(np.argmax([metrics.ndcg for metrics in self.epochs]))

    def _is_finished(self) -> bool:
        done = len(self.epochs)
        if done >= self.config.max_epochs:
            return True
        return self.validation is not None and done > 0 and done - self._best_epoch() >= self.config.patience

    def _run_epoch(self) -> None:
        """Train one epoch; its random numbers depend on the seed and its number alone."""
        epoch = len(self.epochs) + 1
        seed = int(np.random.SeedSequence([self.config.seed, epoch]).generate_state(1)[0])
        order = np.random.default_rng(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            loss = self._train(order)
        ndcg, recall = (float("nan"),) * 2
        if self.validation is not None:
            ndcg, recall = self.validation.measure_model(self.model, self.popularity)
        self.epochs.append(EpochMetrics(epoch, loss, ndcg, recall))
        if self._best_epoch() == epoch:
            self.best = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}
        self.show(self.epochs[-1])

    def _train(self, order: np.random.Generator) -> float:
        self.model.train()
        total, examples = 0.0, 0
        for batch in batches_of(self.windows, self.config.batch_size, order):
            loss, count = self._loss(batch)
            if not count:
                continue
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += float(loss.detach()) * count
            examples += count
        return total / max(examples, 1)

    def _loss(self, batch: Batch) -> tuple[torch.Tensor, int]:
        """Compute the mean loss of the examples of a batch, and their number."""
        items, users, device = self.model.items, self.model.users, self.device
        has_id = items.sample_ids(self.config.id_dropout)
        inputs = items(torch.from_numpy(batch.inputs).to(device), has_id)
        states = users.states(inputs, torch.from_numpy(batch.lengths).to(device))
        targets = batch.targets
        examples = torch.from_numpy(batch.rows).to(device), torch.from_numpy(batch.places).to(device)
        vectors = users(states[examples], self._conditions(targets))
        rows = torch.from_numpy(self.rows[targets]).to(device)
        weights, periods = users.popularity_weights(vectors), self._periods(batch)
        added = None
        if self.is_full:
            others = items(torch.from_numpy(self.vocabulary).to(device), has_id)
            if weights is not None:
                added = weights * self.values[periods]
            return full_softmax(vectors, others, rows, added), len(targets)
        sampled = torch.randint(len(self.vocabulary), (self.config.negatives,))
        negatives = items(torch.from_numpy(self.vocabulary[sampled.numpy()]).to(device), has_id)
        positives = items(torch.from_numpy(targets).to(device), has_id)
        sampled = sampled.to(device)
        if weights is not None:
            ranked = torch.cat([rows[:, None], sampled.expand(len(rows), -1)], dim=1)
            added = weights * self.values[periods[:, None], ranked]
        return sampled_softmax(vectors, positives, rows, negatives, sampled, len(self.vocabulary), added), len(targets)

    def _periods(self, batch: Batch) -> torch.Tensor:
        """Return the period of each example, for its popularity."""
        times = batch.times
        found = np.zeros(len(times), np.int64) if self.over_time is None else self.over_time.periods_of(times)
        return torch.from_numpy(found).to(self.device)

    def _conditions(self, targets: npt.NDArray[np.int64]) -> torch.Tensor | None:
        if self.model.users.conditions is None:
            return None
        found = conditions_of(targets, self.catalogue.clusters, self.config.conditioned)
        return torch.from_numpy(found).to(self.device)

    def _save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "epochs": [tuple(metrics) for metrics in self.epochs],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        hidden = path.with_suffix(".part")
        torch.save(state, hidden)
        hidden.replace(path)

    def _resume(self) -> None:
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        state: dict[str, Any] = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best = state["best"]
        self.epochs = [EpochMetrics(*metrics) for metrics in state["epochs"]]
