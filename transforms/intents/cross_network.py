"""The feature cross network DCN-v2 (2008.13535), with a sigmoid for each intent. Needs torch."""

from __future__ import annotations

import copy
import dataclasses
import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from transforms.intents.calibration import Floats
from transforms.intents.features import Features, Labels, Rows

_CROSSES = 2
_HIDDEN = (64, 32)
_BATCH = 1024
_EPOCHS = 30
_PATIENCE = 3
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1e-4
_PREDICTED = 65_536


class CrossNetwork(nn.Module):
    """Cross layers `x_{l+1} = x_0 * (W x_l + b) + x_l` (equation 1), then ReLU layers, then one logit for each intent.

    Args:
        features: number of features.
        intents: number of intents.
    """

    def __init__(self, features: int, intents: int) -> None:
        super().__init__()
        self.crosses = nn.ModuleList(nn.Linear(features, features) for _ in range(_CROSSES))
        widths = (features, *_HIDDEN)
        self.hidden = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(widths))
        self.output = nn.Linear(_HIDDEN[-1], intents)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute logits of shape (rows, intents) for standardised features of shape (rows, features)."""
        states = inputs
        for cross in self.crosses:
            states = inputs * cross(states) + states
        for layer in self.hidden:
            states = functional.relu(layer(states))
        logits: torch.Tensor = self.output(states)
        return logits


@dataclasses.dataclass(frozen=True)
class FittedCrossNetwork:
    """A trained network with the scale of its features.

    Attributes:
        network: the network.
        means: float32, shape (features,).
        deviations: float32, shape (features,); 1 for a constant feature.
    """

    network: CrossNetwork
    means: Features
    deviations: Features

    def predict(self, features: Features) -> Floats:
        """Compute the probabilities of intents; see `ExplorationModel`."""
        found = []
        self.network.eval()
        with torch.inference_mode():
            for start in range(0, max(len(features), 1), _PREDICTED):
                logits = self.network(_scaled(features[start : start + _PREDICTED], self.means, self.deviations))
                found.append(torch.sigmoid(logits.double()).numpy())
        return np.concatenate(found)


def fit_cross_network(rows: Rows, validation: Rows, seed: int) -> FittedCrossNetwork:
    """Train a network, and keep its state of the lowest loss on the validation period.

    The loss is the binary cross-entropy, summed over the intents that are known of an example.
    """
    deviations = rows.features.std(axis=0)
    means, deviations = rows.features.mean(axis=0), np.where(deviations > 0, deviations, 1).astype(np.float32)
    inputs, targets = _scaled(rows.features, means, deviations), _targets(rows.labels)
    held_out, held_out_targets = _scaled(validation.features, means, deviations), _targets(validation.labels)
    random = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = CrossNetwork(inputs.shape[1], rows.labels.shape[1])
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    best, best_state, epochs_since = float("inf"), copy.deepcopy(network.state_dict()), 0
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(inputs), generator=random).split(_BATCH):
            optimizer.zero_grad()
            _loss(network(inputs[batch]), targets[batch]).backward()
            optimizer.step()
        with torch.inference_mode():
            loss = float(_loss(network(held_out), held_out_targets))
        epochs_since += 1
        if loss < best:
            best, best_state, epochs_since = loss, copy.deepcopy(network.state_dict()), 0
        if epochs_since == _PATIENCE:
            break
    network.load_state_dict(best_state)
    return FittedCrossNetwork(network, means, deviations)


def _scaled(features: Features, means: Features, deviations: Features) -> torch.Tensor:
    return torch.from_numpy((features - means) / deviations)


def _targets(labels: Labels) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.float32))


def _loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    losses = functional.binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
    total: torch.Tensor = (losses * (targets >= 0)).sum() / len(targets)
    return total
