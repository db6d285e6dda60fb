"""The exact ranking of a closed set of outputs after a prompt: all members, or the most probable ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from transforms.language_models.branching_trie import (
    NONE,
    BranchingTrie,
    Indices,
    LogProbs,
    Mask,
    TrieReading,
    build_branching_trie,
    read_branches,
    read_everything,
    renormalize,
    sum_paths,
    sum_tokens,
)

if TYPE_CHECKING:
    import torch

    from transforms.language_models.constraint import ClosedSet
    from transforms.language_models.trie_reader import TrieReader

ScoreName = Literal["renormalized", "full"]
"""`renormalized`: at each branching node of the token trie a softmax over its children; forced tokens have probability
1, so that the members that are not excluded sum to 1. `full`: the probability of all tokens in the vocabulary."""


class PreparedSet(NamedTuple):
    """A closed set as the ranking needs it.

    Attributes:
        trie: the token trie of its members.
        score: the kind of probability.
        reading: what a model reads to compute it.
    """

    trie: BranchingTrie
    score: ScoreName
    reading: TrieReading

    def row_tokens(self, number: int | None = None) -> int:
        """Return the maximum number of tokens that are read together after a prompt.

        Args:
            number: of members that `top_members` finds; None: for `rank_members`.
        """
        group = max(map(len, self.reading.groups), default=0)
        if number is None or self.score == "full":
            return group
        return min(group, number * (int(self.reading.depths.max(initial=-1)) + 1))


def prepare_set(sequences: Sequence[Sequence[int]], score: ScoreName, group_tokens: int) -> PreparedSet:
    """Prepare a closed set for a kind of probability.

    Args:
        sequences: the tokens of each member with its stop token.
        score: the kind of probability.
        group_tokens: see `TrieReader`.

    Raises:
        ValueError: if the name of the score is unknown, or if sequences are not distinct, see `build_branching_trie`.
    """
    if score not in get_args(ScoreName):
        raise ValueError(f"score must be one of {', '.join(get_args(ScoreName))}, got {score!r}")
    trie = build_branching_trie(sequences)
    read = read_branches if score == "renormalized" else read_everything
    return PreparedSet(trie, score, read(trie, group_tokens))


def excluded_members(closed_set: ClosedSet, prompts: int, excluded: Mask | None = None) -> Mask:
    """Return the excluded members of each prompt: those of the set, and further ones of single prompts.

    Args:
        closed_set: the members, and those that are excluded for all prompts.
        prompts: number of prompts.
        excluded: further excluded members, shape (prompts, members); None: none.

    Returns:
        Shape (prompts, members).

    Raises:
        ValueError: if the shape differs, or no member remains for a prompt.
    """
    of_set = set(closed_set.excluded)
    found = np.tile(np.array([text in of_set for text in closed_set.outputs]), (prompts, 1))
    if excluded is not None:
        if excluded.shape != found.shape:
            raise ValueError(
                f"excluded must have one row a prompt and one column a member, {found.shape}, got {excluded.shape}"
            )
        found |= excluded
    _refuse_empty(found)
    return found


def rank_members(reader: TrieReader, prepared: PreparedSet, excluded: Mask) -> LogProbs:
    """Compute the log-probability of each member after each prompt.

    Args:
        reader: the prompts.
        prepared: the closed set.
        excluded: the excluded members of each prompt, shape (prompts, members). Their probability is removed; with
            `renormalized` it is distributed among the other children of their branching node.

    Returns:
        Natural logarithms, minus infinity for an excluded member, float64, shape (prompts, members).

    Raises:
        ValueError: if all members are excluded for a prompt.
    """
    _refuse_empty(excluded)
    trie, reading = prepared.trie, prepared.reading
    if prepared.score == "full":
        children = sum_tokens(trie, _predict(reader, reading, None))
    else:
        children = renormalize(trie, _predict(reader, reading, np.unique(reading.targets)), excluded)
    return np.where(excluded, -np.inf, sum_paths(trie, children)[:, trie.leaves])


def top_members(reader: TrieReader, prepared: PreparedSet, excluded: Mask, number: int) -> tuple[Indices, LogProbs]:
    """Find the most probable members after each prompt, ties by the index of the member. The result is exact.

    With `renormalized`, a decoder reads branches best first, as far as they are needed: a branch is no more probable
    than what precedes it, so one that is less probable than enough complete members is never read.

    Args:
        reader: the prompts.
        prepared: the closed set.
        excluded: the excluded members of each prompt, shape (prompts, members); see `rank_members`.
        number: maximum number of members of a prompt, at least 1.

    Returns:
        Members and their log-probabilities, the most probable first, shape (prompts, min(number, members)); where
        fewer members are not excluded, -1 and minus infinity.

    Raises:
        ValueError: see `rank_members`; or if the number is below 1.
    """
    if number < 1:
        raise ValueError(f"number must be at least 1, got {number}")
    if prepared.score == "full" or not reader.group_tokens:
        return select_top(rank_members(reader, prepared, excluded), number)
    _refuse_empty(excluded)
    return select_top(_search(reader, prepared, excluded, min(number, prepared.trie.members)), number)


def select_top(log_probs: LogProbs, number: int) -> tuple[Indices, LogProbs]:
    """Return the most probable members of scores of shape (prompts, members); see `top_members`."""
    best = np.argsort(-log_probs, axis=1, kind="stable")[:, :number]
    found = np.take_along_axis(log_probs, best, axis=1)
    return np.where(np.isneginf(found), NONE, best), found


def _refuse_empty(excluded: Mask) -> None:
    if (nothing_left := np.flatnonzero(excluded.all(axis=1))).size:
        raise ValueError(f"prompt {nothing_left[0]} has no member that is not excluded")


def _predict(reader: TrieReader, reading: TrieReading, columns: Indices | None) -> LogProbs:
    """Return the logits of all predictions, log-probabilities without columns, shape (prompts, predictions)."""
    prompts = np.arange(len(reader.logits))
    predicted = np.empty((len(prompts), len(reading.targets)))
    at_prompt = reading.sources == NONE
    normalized = columns is None
    predicted[:, at_prompt] = _gather(reader.logits[:, None], reading.targets[at_prompt], normalized)
    column_of = reading.targets if columns is None else np.searchsorted(columns, reading.targets)
    for group in reading.groups:
        logits = reader.read(reading, prompts, np.tile(group, (len(prompts), 1)), columns)
        slot_of = np.full(len(reading.tokens) + 1, NONE)  # the last one is the slot of `NONE`
        slot_of[group] = np.arange(len(group))
        slots = slot_of[reading.sources]
        here = slots != NONE
        predicted[:, here] = _gather(logits, column_of[here], normalized, slots[here])
    return predicted


def _gather(
    logits: torch.Tensor, columns: Indices, normalized: bool, slots: Indices | None = None
) -> npt.NDArray[np.float64]:
    """Return logits of shape (rows, slots, columns) at pairs of slot and column, shape (rows, pairs).

    Args:
        logits: shape (rows, slots, columns).
        columns: shape (pairs,).
        normalized: whether the log-softmax over all columns is returned in place of logits.
        slots: shape (pairs,); or (rows, pairs), if they differ between rows; None: the first slot.
    """
    import torch

    device = logits.device
    slot = torch.zeros(len(columns), dtype=torch.long) if slots is None else torch.from_numpy(slots)
    at = torch.from_numpy(columns).to(device), slot.to(device).expand(len(logits), -1)
    gathered = logits[torch.arange(len(logits), device=device)[:, None], at[1], at[0]].double()
    if normalized:
        totals = torch.stack([row.logsumexp(-1) for row in logits]).double()  # row by row saves memory
        gathered -= totals.gather(1, at[1])
    return gathered.cpu().numpy()


def _search(reader: TrieReader, prepared: PreparedSet, excluded: Mask, number: int) -> LogProbs:
    """Return scores of at least the most probable members, minus infinity for others, shape (prompts, members)."""
    trie, reading = prepared.trie, prepared.reading
    columns = np.unique(reading.targets)
    column_of = np.searchsorted(columns, reading.targets)
    node_of = np.repeat(np.arange(len(trie.child_offsets) - 1), np.diff(trie.child_offsets))
    inner = np.flatnonzero(trie.next_nodes != NONE)
    ends = np.full(len(node_of), NONE)  # the last token of each child that is read
    ends[inner] = reading.sources[trie.child_offsets[trie.next_nodes[inner]]]
    predicted = np.zeros((len(excluded), len(node_of)), bool)
    predicted[:, node_of == 0] = True
    is_read = np.zeros((len(excluded), len(inner)), bool)
    logits = np.zeros(predicted.shape)
    logits[:, node_of == 0] = _gather(reader.logits[:, None], reading.targets[node_of == 0], normalized=False)
    while True:
        scores = np.where(predicted, sum_paths(trie, renormalize(trie, logits, excluded)), -np.inf)
        members = scores[:, trie.leaves]
        selected = _promising(scores[:, inner], is_read, members, number)
        prompts = np.flatnonzero(selected.any(axis=1))
        if not len(prompts):
            return members
        is_read |= selected
        slots, slot_of = _pack(selected[prompts] @ reading.follows[ends[inner]])
        read = reader.read(reading, prompts, slots, columns)
        new = np.zeros((len(prompts), len(trie.child_offsets) - 1), bool)
        new[:, trie.next_nodes[inner]] = selected[prompts]
        new = new[:, node_of]
        found = _gather(read, column_of, False, np.maximum(slot_of[:, reading.sources], 0))
        logits[prompts] = np.where(new, found, logits[prompts])
        predicted[prompts] |= new


def _promising(bounds: LogProbs, is_read: Mask, members: LogProbs, number: int) -> Mask:
    """Return the branches to read next: at most `number`, no less probable than as many complete members."""
    worst = -np.sort(-members, axis=1)[:, number - 1]
    open_bounds = np.where(is_read | (bounds < worst[:, None]), -np.inf, bounds)
    rank = np.argsort(np.argsort(-open_bounds, axis=1, kind="stable"), axis=1)
    return (rank < number) & ~np.isneginf(open_bounds)


def _pack(tokens: Mask) -> tuple[Indices, Indices]:
    """Return the selected tokens of each row, filled up with `NONE`, and the slot of each token.

    Args:
        tokens: shape (rows, tokens).

    Returns:
        Shapes (rows, most tokens of a row) and (rows, tokens); slots of tokens that are not selected have no meaning.
    """
    order = np.argsort(~tokens, axis=1, kind="stable")[:, : int(tokens.sum(axis=1).max())]
    slots = np.where(np.take_along_axis(tokens, order, axis=1), order, NONE)
    return slots, np.cumsum(tokens, axis=1) - 1
