"""The exact ranking of a closed set of outputs: the log-probability of each member after a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from transforms.language_models.branching_trie import (
    BranchingTrie,
    Indices,
    LogProbs,
    Mask,
    TrieReading,
    read_branches,
    read_everything,
    renormalize,
    sum_paths,
    sum_tokens,
)

if TYPE_CHECKING:
    import torch

    from transforms.language_models.trie_reader import TrieReader

ScoreName = Literal["renormalized", "full"]
"""`renormalized`: at each branching node of the token trie a softmax over its children, forced tokens have probability
1, so that members that are not excluded sum to 1. `full`: the probability of all tokens in the whole vocabulary."""


def reading_of(trie: BranchingTrie, score: ScoreName) -> TrieReading:
    """Return what a model reads to rank the members of a trie.

    Raises:
        ValueError: if the name of the score is unknown.
    """
    if score not in get_args(ScoreName):
        raise ValueError(f"score must be one of {', '.join(get_args(ScoreName))}, got {score!r}")
    return read_branches(trie) if score == "renormalized" else read_everything(trie)


def rank_members(
    reader: TrieReader, trie: BranchingTrie, reading: TrieReading, score: ScoreName, excluded: Mask
) -> LogProbs:
    """Compute the log-probability of each member after each prompt, in one forward pass.

    Args:
        reader: the prompts.
        trie: the closed set.
        reading: of the trie, see `reading_of`.
        score: the kind of probability.
        excluded: the excluded members of each prompt, shape (prompts, members). Their probability is removed; with
            `renormalized` it is distributed among the other children of their branching node.

    Returns:
        Natural logarithms, minus infinity for an excluded member, float64, shape (prompts, members).

    Raises:
        ValueError: if all members are excluded for a prompt.
    """
    if (nothing_left := np.flatnonzero(excluded.all(axis=1))).size:
        raise ValueError(f"prompt {nothing_left[0]} has no member that is not excluded")
    if score == "renormalized":
        columns, column_of = np.unique(reading.targets, return_inverse=True)
        logits = reader.read(reading, columns)
        children = renormalize(trie, _gather(logits, reading.rows, column_of), excluded)
    else:
        logits = reader.read(reading)
        gained = _gather(logits, reading.rows, reading.targets) - _log_totals(logits)[:, reading.rows]
        children = sum_tokens(trie, gained)
    return np.where(excluded, -np.inf, sum_paths(trie, children))


def _gather(logits: torch.Tensor, rows: Indices, columns: Indices) -> LogProbs:
    import torch

    at = (torch.from_numpy(each).to(logits.device) for each in (rows, columns))
    return logits[:, *at].double().cpu().numpy()


def _log_totals(logits: torch.Tensor) -> LogProbs:
    """Return the logarithm of the sum of exponentials of the last axis, one prompt at a time to save memory."""
    return np.stack([of_prompt.logsumexp(-1).double().cpu().numpy() for of_prompt in logits])


def top_members(log_probs: LogProbs, number: int) -> tuple[Indices, LogProbs]:
    """Return the most probable members of each prompt, ties by the index of the member.

    Args:
        log_probs: of all members, shape (prompts, members).
        number: maximum number of members of a prompt, at least 1.

    Returns:
        Members and their log-probabilities, the most probable first, shape (prompts, min(number, members)); where
        fewer members are not excluded, -1 and minus infinity.
    """
    if number < 1:
        raise ValueError(f"number must be at least 1, got {number}")
    best = np.argsort(-log_probs, axis=1, kind="stable")[:, :number]
    found = np.take_along_axis(log_probs, best, axis=1)
    return np.where(np.isneginf(found), -1, best), found
