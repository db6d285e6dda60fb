"""Teaching the network: examples of names -> its weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from transforms.language_models.compact.config import NetworkConfig, TrainingConfig
from transforms.language_models.compact.examples import Example, Lesson, drawn_texts
from transforms.language_models.compact.network import Network, Told
from transforms.language_models.compact.spelling import NO_MARK
from transforms.language_models.compact.texts import TextStates, lengths_of, side_by_side

_MARKS_WEIGHT = 0.3
_LARGEST_GRADIENT = 1.0
_SECOND_MOMENT = 0.98
_LAST_RATE = 0.02


class Epoch(NamedTuple):
    """How far training has come.

    Attributes:
        number: of the epoch, from 1.
        training: mean cross-entropy of a piece in this epoch, in nats.
        validation: the same on the examples that are not learnt from.
    """

    number: int
    training: float
    validation: float


class _Batch(NamedTuple):
    """Examples that are learnt together.

    Attributes:
        told: their texts.
        pieces: int64, shape (examples, pieces): of their names, each with an end.
        marks: int64, the same shape; `NO_MARK` where there is none.
        mask: bool, the same shape: whether there is a piece.
    """

    told: Told
    pieces: Tensor
    marks: Tensor
    mask: Tensor


def known_pieces(examples: Sequence[Example], end: int, least_uses: int) -> list[int]:
    """The end of a name, and what so many names use, ascending."""
    uses = Counter(piece for example in examples for piece in set(example.name.pieces))
    return [end, *sorted(piece for piece, number in uses.items() if number >= least_uses and piece != end)]


def teach(
    lesson: Lesson,
    texts: TextStates,
    embeddings: npt.NDArray[np.float32],
    end: int,
    shape: NetworkConfig,
    config: TrainingConfig,
    tell: Callable[[Epoch], None],
    keep: Callable[[Network], None],
) -> None:
    """Teaches a new network; the same examples give the same weights on machines of one kind.

    Args:
        lesson: examples, and by which training is ended.
        texts: the lesson's texts, as the encoder read them.
        embeddings: the encoder's, of all pieces.
        end: the id of the piece that ends a name.
        shape: of the network.
        config: how it is taught.
        tell: is given each epoch.
        keep: is given the network after each epoch that is better on `lesson.validation` than all before.
    """
    torch.manual_seed(config.seed)
    known = known_pieces(lesson.training, end, config.least_uses)
    network = Network(shape, known, torch.from_numpy(embeddings), config.dropout)
    optimizer = _optimizer(network, config)
    steps = config.epochs * sum(1 for _ in _batches(lesson.training, texts, config, np.random.default_rng(0)))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, steps, config.warm_up))
    best, best_epoch = math.inf, 0
    for epoch in range(1, config.epochs + 1):
        random = np.random.default_rng([config.seed, epoch])
        losses = []
        network.train()
        for examples, chosen in _batches(lesson.training, texts, config, random):
            batch = _batch(examples, chosen, texts, end)
            loss, marks_loss = _losses(network, batch, _forgotten(batch.pieces, config.forgotten, end, random))
            optimizer.zero_grad()
            (loss + _MARKS_WEIGHT * marks_loss).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
            optimizer.step()
            scheduler.step()
            losses.append(float(loss.detach()))
        found = validation_loss(network.eval(), lesson.validation, texts, end, config)
        tell(Epoch(epoch, float(np.mean(losses)), found))
        if found < best:
            best, best_epoch = found, epoch
            keep(network)
        elif epoch - best_epoch >= config.patience:
            break


def validation_loss(
    network: Network, examples: Sequence[Example], texts: TextStates, end: int, config: TrainingConfig
) -> float:
    """Mean cross-entropy of a piece of the examples' names, in nats; each is told by its first titles."""
    total, number = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(examples), config.batch):
            part = examples[start : start + config.batch]
            chosen = [each.titles[: config.most_texts] or [each.terms or 0] for each in part]
            batch = _batch(part, chosen, texts, end)
            loss, _ = _losses(network, batch, batch.pieces)
            total += float(loss) * int(batch.mask.sum())
            number += int(batch.mask.sum())
    return total / number


def _optimizer(network: Network, config: TrainingConfig) -> torch.optim.AdamW:
    matrices = [weight for weight in network.parameters() if weight.dim() > 1]
    others = [weight for weight in network.parameters() if weight.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, _SECOND_MOMENT))


def _rate(step: int, steps: int, warm_up: int) -> float:
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, step / steps)))
    return min((step + 1) / warm_up, _LAST_RATE + (1 - _LAST_RATE) * falling)


def _batches(
    examples: Sequence[Example], texts: TextStates, config: TrainingConfig, random: np.random.Generator
) -> Iterator[tuple[list[Example], list[list[int]]]]:
    """The examples of one epoch with the texts that are told of each; those of about one length go together."""
    of_source: dict[str, list[Example]] = {}
    for example in examples:
        of_source.setdefault(example.source, []).append(example)
    drawn = [
        part[place]
        for part in of_source.values()
        for place in random.permutation(len(part))[: config.most_of_source].tolist()
    ]
    limits = (config.least_texts, config.most_texts, config.with_terms, config.terms_alone)
    chosen = [drawn_texts(example, random, *limits) for example in drawn]
    # Not quite by length, so that it is not the same examples that meet in each epoch.
    lengths = lengths_of(texts, chosen) * random.uniform(0.8, 1.25, len(chosen))
    order = np.argsort(lengths, kind="stable")
    starts = np.arange(0, len(order), config.batch)
    for start in random.permutation(starts).tolist():
        rows = order[start : start + config.batch].tolist()
        yield [drawn[row] for row in rows], [chosen[row] for row in rows]


def _batch(examples: Sequence[Example], chosen: Sequence[Sequence[int]], texts: TextStates, end: int) -> _Batch:
    lengths = torch.tensor([len(each.name.pieces) + 1 for each in examples])
    pieces = torch.full((len(examples), int(lengths.max())), end)
    marks = torch.full_like(pieces, NO_MARK)
    for row, (said, marked) in enumerate(each.name for each in examples):
        pieces[row, : len(said)] = torch.tensor(said)
        marks[row, : len(marked)] = torch.tensor(marked)
    mask = torch.arange(pieces.shape[1]) < lengths[:, None]
    return _Batch(side_by_side(texts, chosen), pieces, marks, mask)


def _losses(network: Network, batch: _Batch, heard: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of pieces, and of marks; `heard` are the pieces that the network is told were said."""
    memory = network.remember(batch.told)
    hidden = network(memory, heard[:, :-1])
    chances = network.chance_of(hidden, memory, batch.told.pieces, batch.pieces)
    marks = network.marks_of(hidden, batch.pieces)
    marks_loss = functional.cross_entropy(marks.flatten(0, 1), batch.marks.flatten(), ignore_index=NO_MARK)
    return -(chances * batch.mask).sum() / batch.mask.sum(), marks_loss


def _forgotten(pieces: Tensor, share: float, end: int, random: np.random.Generator) -> Tensor:
    """Pieces of which a share is replaced by the end, which never stands within a name."""
    return pieces.masked_fill(torch.from_numpy(random.random(pieces.shape) < share), end)
