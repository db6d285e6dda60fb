"""The token trie of a closed set, collapsed to its branching nodes, and log-probabilities of members. Only NumPy."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
LogProbs: TypeAlias = npt.NDArray[np.float64]

ROOT = 0
"""The branching node at which each member begins. It is a node even if it has only one child."""

NONE = -1
"""In place of an index: there is no node or member."""


@dataclasses.dataclass(frozen=True, eq=False)
class BranchingTrie:
    """A prefix tree of token sequences in which only the nodes with several children remain, in compressed rows.

    Nodes are ordered by levels, and the children of a node by token. All integers are int64.

    Attributes:
        child_offsets: node n has the children `child_offsets[n]` to `child_offsets[n + 1]`, shape (nodes + 1,).
        token_offsets: child c has the tokens `token_offsets[c]` to `token_offsets[c + 1]`, shape (children + 1,). The
            first distinguishes it from the other children of its node; the others are forced, as nothing else follows.
        tokens: the tokens of all children, shape (tokens,); one for each edge of the whole trie.
        next_nodes: the branching node behind each child, or `NONE`, shape (children,).
        leaf_members: the member that ends with each child, or `NONE`, shape (children,).
        leaves: the child with which each member ends, shape (members,).
        paths: the children on the path to each child, itself included, shape (children, longest path), filled up with
            the number of children.
        order: the members in the order of their tokens, shape (members,).
        spans: the members at and below each child are `order[start:stop]`, shape (children, 2).
    """

    child_offsets: Indices
    token_offsets: Indices
    tokens: Indices
    next_nodes: Indices
    leaf_members: Indices
    leaves: Indices
    paths: Indices
    order: Indices
    spans: Indices

    @property
    def members(self) -> int:
        """Number of members."""
        return len(self.order)

    @property
    def children(self) -> int:
        """Number of children of all branching nodes."""
        return len(self.next_nodes)


def build_branching_trie(sequences: Sequence[Sequence[int]]) -> BranchingTrie:
    """Build the trie of token sequences, in time linear in the tokens, up to sorting.

    Args:
        sequences: the tokens of each member with its stop token, which distinguishes a member from one that continues
            it.

    Raises:
        ValueError: if there is no sequence, or one is empty, equals another, or is a prefix of another.
    """
    rows = [tuple(sequence) for sequence in sequences]
    if not rows:
        raise ValueError("a closed set must have at least one member, got none")
    order = sorted(range(len(rows)), key=rows.__getitem__)
    _refuse_prefixes(rows, order)
    child_offsets, token_offsets = [0], [0]
    tokens: list[int] = []
    next_nodes: list[int] = []
    spans: list[tuple[int, int]] = []
    pending = [(0, len(rows), 0)]  # the branching nodes: their members in `order`, and the tokens before them
    for start, stop, depth in pending:
        for first, end in _equal_runs([rows[member][depth] for member in order[start:stop]], start):
            shortest, longest = rows[order[first]], rows[order[end - 1]]
            # All rows of a sorted run share what its first and its last row share.
            shared = len(shortest) if end - first == 1 else _common_prefix(shortest, longest)
            tokens += shortest[depth:shared]
            token_offsets.append(len(tokens))
            spans.append((first, end))
            next_nodes.append(NONE if end - first == 1 else len(pending))
            if end - first > 1:
                pending.append((first, end, shared))
        child_offsets.append(len(next_nodes))
    ordered, spanned, following = np.array(order, np.int64), np.array(spans, np.int64), np.array(next_nodes, np.int64)
    leaf_members = np.where(following == NONE, ordered[spanned[:, 0]], NONE)
    leaves = np.flatnonzero(following == NONE)
    return BranchingTrie(
        np.array(child_offsets, np.int64),
        np.array(token_offsets, np.int64),
        np.array(tokens, np.int64),
        following,
        leaf_members,
        leaves[np.argsort(leaf_members[leaves])],
        _paths(np.array(child_offsets, np.int64), following),
        ordered,
        spanned,
    )


def _refuse_prefixes(rows: Sequence[tuple[int, ...]], order: Sequence[int]) -> None:
    if empty := [member for member, row in enumerate(rows) if not row]:
        raise ValueError(f"sequence {empty[0]} has no token")
    for first, second in itertools.pairwise(order):  # a prefix is directly before what continues it
        if rows[second][: len(rows[first])] == rows[first]:
            raise ValueError(f"sequence {first} is a prefix of sequence {second}, or equals it")


def _equal_runs(values: Sequence[int], offset: int) -> list[tuple[int, int]]:
    """Return start and stop of each run of equal values, both increased by an offset."""
    bounds = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(start + offset, stop + offset) for start, stop in itertools.pairwise(bounds)]


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = zip(first, second, strict=False)
    return next((number for number, (left, right) in enumerate(pairs) if left != right), min(len(first), len(second)))


def _paths(child_offsets: Indices, next_nodes: Indices) -> Indices:
    before_nodes: dict[int, list[int]] = {ROOT: []}
    below: list[list[int]] = []
    for node, (start, stop) in enumerate(zip(child_offsets[:-1].tolist(), child_offsets[1:].tolist(), strict=True)):
        for child in range(start, stop):
            below.append([*before_nodes[node], child])
            before_nodes[int(next_nodes[child])] = below[child]  # of a leaf, which has no node: never read
    paths = np.full((len(below), max(map(len, below))), len(below), np.int64)
    for child, path in enumerate(below):
        paths[child, : len(path)] = path
    return paths


class TrieReading(NamedTuple):
    """The tokens that a model reads after a prompt, as a tree, and the predictions that are needed from it.

    All integers are int64.

    Attributes:
        tokens: the tokens, each after its parent, shape (tokens,).
        depths: number of tokens between the prompt and each token, shape (tokens,).
        follows: the tokens that each token follows, itself included, shape (tokens, tokens).
        groups: tokens that are read together, with all that they follow; each token is in at least one group.
        sources: the token after which each prediction is made, `NONE`: after the prompt, shape (predictions,).
        targets: the predicted tokens, shape (predictions,).
    """

    tokens: Indices
    depths: Indices
    follows: Mask
    groups: list[Indices]
    sources: Indices
    targets: Indices


def read_branches(trie: BranchingTrie, group_tokens: int) -> TrieReading:
    """Return the reading in which the first token of each child is predicted, and no forced token.

    Only tokens with several members behind them are read.

    Args:
        trie: the trie.
        group_tokens: aimed number of tokens of a group. 0: each group is one branch.
    """
    inner = np.repeat(trie.next_nodes != NONE, np.diff(trie.token_offsets))
    predicted = np.zeros(len(trie.tokens), bool)
    predicted[trie.token_offsets[:-1]] = True
    return _reading(trie, inner, predicted, group_tokens)


def read_everything(trie: BranchingTrie, group_tokens: int) -> TrieReading:
    """Return the reading in which all tokens are predicted, in the order of `BranchingTrie.tokens`.

    Args:
        trie: the trie.
        group_tokens: aimed number of tokens of a group. 0: each group is one branch.
    """
    inner = np.ones(len(trie.tokens), bool)
    inner[trie.token_offsets[1:][trie.next_nodes == NONE] - 1] = False  # nothing follows the last token of a member
    return _reading(trie, inner, np.ones(len(trie.tokens), bool), group_tokens)


def _reading(trie: BranchingTrie, read: Mask, predicted: Mask, group_tokens: int) -> TrieReading:
    all_parents = _token_parents(trie)
    numbers = np.concatenate([np.cumsum(read) - 1, [NONE]])  # the last one is the number of `NONE`
    parents = numbers[all_parents[read]]
    follows = np.eye(len(parents), dtype=bool)
    for token, parent in enumerate(parents.tolist()):
        if parent != NONE:
            follows[token] |= follows[parent]
    return TrieReading(
        trie.tokens[read],
        follows.sum(axis=1) - 1,
        follows,
        _groups(parents, follows, group_tokens),
        numbers[all_parents[predicted]],
        trie.tokens[predicted],
    )


def _groups(parents: Indices, follows: Mask, group_tokens: int) -> list[Indices]:
    """Split a tree into groups of whole branches, neighbours together, as they share most tokens."""
    ends = np.ones(len(parents), bool)
    ends[parents[parents != NONE]] = False
    branches = sorted(np.flatnonzero(ends).tolist(), key=lambda end: np.flatnonzero(follows[end]).tolist())
    groups: list[Indices] = []
    current = np.zeros(len(parents), bool)
    for end in branches:
        joined = current | follows[end]
        if current.any() and joined.sum() > group_tokens:
            groups.append(np.flatnonzero(current))
            joined = follows[end]
        current = joined
    return [*groups, np.flatnonzero(current)] if branches else []


def _token_parents(trie: BranchingTrie) -> Indices:
    """Return the index of the token before each token, or `NONE`, shape (tokens,)."""
    before_nodes = np.full(len(trie.child_offsets) - 1, NONE, np.int64)
    inner = trie.next_nodes != NONE
    before_nodes[trie.next_nodes[inner]] = trie.token_offsets[1:][inner] - 1
    parents = np.arange(len(trie.tokens), dtype=np.int64) - 1
    parents[trie.token_offsets[:-1]] = np.repeat(before_nodes, np.diff(trie.child_offsets))
    return parents


def renormalize(trie: BranchingTrie, logits: npt.NDArray[np.floating], excluded: Mask) -> LogProbs:
    """Compute the log-softmax over the children of each node that have a member that is not excluded.

    Args:
        trie: the trie.
        logits: of the first token of each child, shape (prompts, children).
        excluded: the excluded members of each prompt, shape (prompts, members).

    Returns:
        Log-probability of each child given its node, minus infinity without such a member, shape (prompts, children).
    """
    kept = np.zeros((len(excluded), trie.members + 1), np.int64)
    np.cumsum(~excluded[:, trie.order], axis=1, out=kept[:, 1:])
    allowed = kept[:, trie.spans[:, 1]] > kept[:, trie.spans[:, 0]]
    masked = np.where(allowed, logits.astype(np.float64), -np.inf)
    starts, sizes = trie.child_offsets[:-1], np.diff(trie.child_offsets)
    highest = np.maximum.reduceat(masked, starts, axis=1)
    highest[np.isneginf(highest)] = 0.0  # a node behind which all members are excluded
    masked -= np.repeat(highest, sizes, axis=1)
    with np.errstate(divide="ignore"):
        totals = np.log(np.add.reduceat(np.exp(masked), starts, axis=1))
    totals[np.isneginf(totals)] = 0.0
    return masked - np.repeat(totals, sizes, axis=1)


def sum_tokens(trie: BranchingTrie, log_probs: npt.NDArray[np.floating]) -> LogProbs:
    """Sum log-probabilities of all tokens, shape (prompts, tokens), for each child, shape (prompts, children)."""
    return np.add.reduceat(log_probs.astype(np.float64), trie.token_offsets[:-1], axis=1)


def sum_paths(trie: BranchingTrie, log_probs: LogProbs) -> LogProbs:
    """Sum log-probabilities of children given their nodes over the path to each child, both (prompts, children)."""
    end = np.zeros((len(log_probs), 1))
    return np.concatenate([log_probs, end], axis=1)[:, trie.paths].sum(axis=2)
