"""All contexts of a table, divided into blocks that workers rank independently."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from transforms.exploration.transitions import Codes

CONTEXTS_PER_BLOCK = 1 << 12


class Block(NamedTuple):
    """A range of the numbered contexts of one size.

    Attributes:
        size: number of clusters of each context.
        start: the first number, see `transitions.context_keys`.
        stop: the number after the last one.
    """

    size: int
    start: int
    stop: int


def context_blocks(sizes: Iterable[int], cluster_count: int, contexts: int = CONTEXTS_PER_BLOCK) -> Iterator[Block]:
    """Divide all contexts of some sizes into blocks.

    Args:
        sizes: numbers of clusters of a context.
        cluster_count: number of clusters.
        contexts: maximum number of contexts of a block.
    """
    for size in sizes:
        total = cluster_count**size
        for start in range(0, total, contexts):
            yield Block(size, start, min(start + contexts, total))


def sharing_blocks(sizes: Iterable[int], cluster_count: int, contexts: int) -> Iterator[Block]:
    """Divide all contexts of some sizes into blocks whose contexts differ in the last cluster alone.

    Args:
        sizes: numbers of clusters of a context, each at least 1.
        cluster_count: number of clusters.
        contexts: maximum number of contexts of a block.
    """
    for size in sizes:
        for first in range(0, cluster_count**size, cluster_count):
            for block in context_blocks((1,), cluster_count, contexts):
                yield Block(size, first + block.start, first + block.stop)


def count_contexts(sizes: Iterable[int], cluster_count: int) -> int:
    """Count the contexts of some sizes without those that repeat a cluster, and that leave a cluster to recommend."""
    return sum(math.perm(cluster_count, size) for size in sizes if size < cluster_count)


def contexts_of(block: Block, cluster_count: int) -> Codes:
    """Return the contexts of a block without those that repeat a cluster, int32, shape (contexts, size)."""
    keys = np.arange(block.start, block.stop)
    places = [keys // cluster_count ** (block.size - 1 - place) % cluster_count for place in range(block.size)]
    contexts = np.stack(places, axis=1).astype(np.int32) if places else np.zeros((len(keys), 0), np.int32)
    ordered = np.sort(contexts, axis=1)
    return contexts[(ordered[:, 1:] != ordered[:, :-1]).all(axis=1)]
