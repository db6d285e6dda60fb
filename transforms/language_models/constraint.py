"""Closed sets of outputs, and the token trie that restricts decoding to such a set. Imports nothing of this package."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

ROOT = 0
"""The node of a trie at which each output begins."""


@dataclasses.dataclass(frozen=True)
class ClosedSet:
    """The only outputs that a model may generate.

    Attributes:
        outputs: the allowed texts, each once, without surrounding white space.
        excluded: members of `outputs` that are masked: never generated, although they belong to the set.

    Raises:
        ValueError: if no output remains, if an output is empty, padded or repeated, or if an excluded one is unknown.
    """

    outputs: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        members = set(self.outputs)
        if len(members) != len(self.outputs):
            raise ValueError(f"outputs must be distinct, got {len(self.outputs) - len(members)} duplicates")
        if unfit := sorted(text for text in members if not text or text != text.strip()):
            raise ValueError(f"outputs must be non-empty and without surrounding white space, got {unfit[0]!r}")
        if unknown := sorted(set(self.excluded) - members):
            raise ValueError(f"excluded must be members of outputs, got {unknown[0]!r}")
        if len(set(self.excluded)) == len(members):
            raise ValueError("outputs must have at least one member that is not excluded")


class TokenTrie:
    """A prefix tree of token sequences. Each sequence ends with a stop token, so that none is a prefix of another.

    Nodes are integers, and `ROOT` is the first. Building takes time and memory linear in the number of tokens.

    Args:
        sequences: the token ids of each member with its stop token.

    Raises:
        ValueError: if a sequence is a prefix of another, or equals it.
    """

    def __init__(self, sequences: Sequence[Sequence[int]]) -> None:
        self._children: list[dict[int, int]] = [{}]
        self._members: dict[int, int] = {}  # leaf -> index of the sequence
        self._sequences = [tuple(sequence) for sequence in sequences]
        self._masked: Mapping[int, int] = {}  # node -> number of excluded members below it
        self._sizes = [0]  # node -> number of members below it
        for member, sequence in enumerate(self._sequences):
            leaf = self._insert(sequence)
            if leaf in self._members or self._children[leaf]:
                raise ValueError(f"sequence {member} is a prefix of another sequence, or equals it")
            self._members[leaf] = member
        if prefixes := [member for leaf, member in self._members.items() if self._children[leaf]]:
            raise ValueError(f"sequence {prefixes[0]} is a prefix of another sequence, or equals it")

    def _insert(self, sequence: Sequence[int]) -> int:
        node = ROOT
        self._sizes[node] += 1
        for token in sequence:
            if token not in self._children[node]:
                self._children[node][token] = len(self._children)
                self._children.append({})
                self._sizes.append(0)
            node = self._children[node][token]
            self._sizes[node] += 1
        return node

    def without(self, excluded: Collection[int]) -> TokenTrie:
        """Return a view of the trie in which some members are masked; it shares all nodes with this trie.

        Args:
            excluded: indices of sequences.
        """
        masked: dict[int, int] = {}
        for member in set(excluded):
            for node in self._path(self._sequences[member]):
                masked[node] = masked.get(node, 0) + 1
        view = TokenTrie.__new__(TokenTrie)
        view.__dict__.update(self.__dict__, _masked=masked)
        return view

    def children(self, node: int) -> list[tuple[int, int]]:
        """Return (token, node) for each child with at least one member below that is not masked, by token."""
        return [
            (token, child)
            for token, child in sorted(self._children[node].items())
            if self._sizes[child] > self._masked.get(child, 0)
        ]

    def member(self, node: int) -> int | None:
        """Return the index of the sequence that ends at a node; None: the node is no leaf."""
        return self._members.get(node)

    def _path(self, sequence: Sequence[int]) -> Iterator[int]:
        node = ROOT
        yield node
        for token in sequence:
            node = self._children[node][token]
            yield node
