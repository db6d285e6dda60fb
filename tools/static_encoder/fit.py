"""Fitting of a table of token vectors to a reference encoder and to collections.

The loss has two parts. Distillation: the vector of a text, the sum of the vectors of its tokens, approximates the
vector of the reference encoder, and the cosines within a batch approximate those of the reference encoder.
Collections: texts of one collection that a person made are nearer to one another than to texts of other collections
(supervised contrastive learning, 2004.11362, with the mean of the batch removed, as `extract` removes the mean of the
catalogue).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch.nn.functional import normalize

from transforms.batching import Vectors
from transforms.columnar import list_offsets

_TEXTS_FOR_START = 30_000


@dataclasses.dataclass(frozen=True)
class FitConfig:
    """Configuration of the fitting.

    Attributes:
        epochs: number of passes over the texts.
        batch_size: number of texts in a batch.
        learning_rate: learning rate of Adam at the start; it falls linearly to 0.
        token_dropout: fraction of the tokens that are left out.
        similarity_weight: weight of the squared error of the cosines within a batch.
        collection_weight: weight of the loss of collections.
        temperature: temperature of the loss of collections.
        collections_per_batch: number of collections in a batch.
        items_per_collection: maximum number of texts of a collection in a batch.
        seed: random seed.
    """

    epochs: float = 1.5
    batch_size: int = 512
    learning_rate: float = 2e-3
    token_dropout: float = 0.1
    similarity_weight: float = 2.0
    collection_weight: float = 3.0
    temperature: float = 0.1
    collections_per_batch: int = 64
    items_per_collection: int = 8
    seed: int = 0


class Bags(NamedTuple):
    """The tokens of texts.

    Attributes:
        tokens: int64, shape (tokens,), one text after another.
        offsets: int64, shape (texts + 1,).
    """

    tokens: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Bags:
        """Return the tokens of some texts."""
        starts, lengths = self.offsets[rows], np.diff(self.offsets)[rows]
        offsets = list_offsets(lengths)
        positions = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Bags(self.tokens[positions], offsets)


def bags_of(tokens: Sequence[Sequence[int]]) -> Bags:
    """Concatenate the tokens of texts."""
    flat = np.fromiter((token for each in tokens for token in each), np.int64)
    return Bags(flat, list_offsets([len(each) for each in tokens]))


def start_table(distilled: Vectors, texts: Bags, targets: Vectors) -> Vectors:
    """Map a distilled table linearly onto the targets, by least squares over the first texts."""
    rows = np.arange(min(_TEXTS_FOR_START, len(targets)))
    rows = rows[np.diff(texts.offsets)[rows] > 0]
    bags = texts.take(rows)
    sums = np.add.reduceat(distilled[bags.tokens], bags.offsets[:-1], axis=0)
    sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    mapping = np.linalg.lstsq(sums, targets[rows], rcond=None)[0]
    table: Vectors = (distilled @ mapping).astype(np.float32)
    return table


def fit_table(
    start: Vectors,
    texts: Bags,
    targets: Vectors,
    collection_texts: Bags,
    members: Sequence[npt.NDArray[np.int64]],
    config: FitConfig,
) -> Vectors:
    """Fit a table of token vectors, float32, shape (vocabulary, dimension).

    Args:
        start: the table to begin with, of the same shape.
        texts: the tokens of the texts.
        targets: the projected vector of the reference encoder for each text, shape (texts, dimension).
        collection_texts: the tokens of the texts of collections.
        members: for each collection the indices of its texts in `collection_texts`.
        config: the configuration.
    """
    torch.manual_seed(config.seed)
    random = np.random.default_rng(config.seed)
    table = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(start.copy()), freeze=False, mode="sum")
    optimizer = torch.optim.Adam(table.parameters(), lr=config.learning_rate)
    usable = np.flatnonzero(np.diff(texts.offsets) > 0)
    wanted = torch.from_numpy(targets)
    steps = int(config.epochs * len(usable) / config.batch_size)
    for step, rows in enumerate(_batches(usable, steps, config.batch_size, random)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * (1 - step / steps)
        vectors = _encode(table, texts.take(rows), config.token_dropout, random)
        loss = _distillation_loss(vectors, wanted[torch.from_numpy(rows)], config.similarity_weight)
        if config.collection_weight:
            sampled, labels = _sample_collections(members, config, random)
            vectors = _encode(table, collection_texts.take(sampled), config.token_dropout, random)
            loss = loss + config.collection_weight * contrastive_loss(vectors, labels, config.temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fitted: Vectors = table.weight.detach().numpy()
    return fitted


def _batches(
    usable: npt.NDArray[np.int64], steps: int, batch_size: int, random: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield random batches; each text is used once before any is used again."""
    order = np.zeros(0, np.int64)
    for _ in track(range(steps), description="fitting"):
        if len(order) < batch_size:
            order = np.concatenate([order, random.permutation(usable)])
        yield order[:batch_size]
        order = order[batch_size:]


def _encode(table: torch.nn.EmbeddingBag, bags: Bags, dropout: float, random: np.random.Generator) -> torch.Tensor:
    kept = torch.from_numpy((random.random(len(bags.tokens)) >= dropout).astype(np.float32))
    sums = table(torch.from_numpy(bags.tokens), torch.from_numpy(bags.offsets[:-1]), per_sample_weights=kept)
    return normalize(sums, dim=1)


def _distillation_loss(vectors: torch.Tensor, targets: torch.Tensor, similarity_weight: float) -> torch.Tensor:
    cosines = (vectors * targets).sum(dim=1)
    similarities = vectors @ vectors.T - targets @ targets.T
    return (1 - cosines).mean() + similarity_weight * similarities.square().mean()


def contrastive_loss(vectors: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """Compute the supervised contrastive loss: the mean log probability of texts with the same label, negated.

    Args:
        vectors: shape (texts, dimension), of unit length; their mean is removed.
        labels: int64, shape (texts,).
        temperature: divisor of the cosines.
    """
    centred = normalize(vectors - vectors.mean(dim=0).detach(), dim=1)
    itself = torch.eye(len(labels), dtype=torch.bool)
    log_prob = torch.log_softmax((centred @ centred.T / temperature).masked_fill(itself, -1e9), dim=1)
    same = (labels[:, None] == labels) & ~itself
    return -((log_prob * same).sum(dim=1) / same.sum(dim=1).clamp(min=1)).mean()


def _sample_collections(
    members: Sequence[npt.NDArray[np.int64]], config: FitConfig, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], torch.Tensor]:
    """Sample collections and some texts of each; return the texts and the collection of each."""
    chosen = random.choice(len(members), min(config.collections_per_batch, len(members)), replace=False)
    samples = [
        random.choice(members[each], min(config.items_per_collection, len(members[each])), replace=False)
        for each in chosen
    ]
    labels = np.repeat(np.arange(len(samples)), [len(each) for each in samples])
    return np.concatenate(samples), torch.from_numpy(labels)
