"""Losses over the items of a catalogue: softmax, and softmax with sampled negatives."""

from __future__ import annotations

import math

import torch
from torch.nn import functional


def full_softmax(
    users: torch.Tensor, vectors: torch.Tensor, targets: torch.Tensor, added: torch.Tensor | None = None
) -> torch.Tensor:
    """Compute the mean negative log-likelihood of targets among all items.

    Args:
        users: shape (examples, D).
        vectors: shape (items, D): vectors of all items.
        targets: int64, shape (examples,): rows of `vectors`.
        added: shape (examples, items): what is added to the logits; None: nothing.
    """
    logits = users @ vectors.T
    return functional.cross_entropy(logits if added is None else logits + added, targets)


def sampled_softmax(
    users: torch.Tensor,
    positives: torch.Tensor,
    targets: torch.Tensor,
    negatives: torch.Tensor,
    sampled: torch.Tensor,
    count: int,
    added: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute the mean negative log-likelihood of targets among themselves and sampled items.

    The logarithm of how often an item is expected in the sample is subtracted from its logit, so that the sum over the
    sample estimates that over all other items (Bengio and Senécal 2008). With each other item once in the sample, the
    result is that of `full_softmax`. A sampled item that is the target of an example is left out there.

    Args:
        users: shape (examples, D).
        positives: shape (examples, D): vectors of the targets.
        targets: int64, shape (examples,): codes of the targets.
        negatives: shape (sampled, D): vectors of a uniform sample, which all examples have in common.
        sampled: int64, shape (sampled,): codes of the sample.
        count: number of items from which the sample was taken, above 1.
        added: shape (examples, 1 + sampled): what is added to the logits of the target and the sample; None: nothing.
    """
    logits = torch.cat([(users * positives).sum(dim=1, keepdim=True), users @ negatives.T], dim=1)
    if added is not None:
        logits = logits + added
    is_target = sampled[None] == targets[:, None]
    others = (~is_target).sum(dim=1, keepdim=True).clamp(min=1)
    others_logits = (logits[:, 1:] + (math.log(count - 1) - others.log())).masked_fill(is_target, -torch.inf)
    logits = torch.cat([logits[:, :1], others_logits], dim=1)
    return functional.cross_entropy(logits, torch.zeros_like(targets))
