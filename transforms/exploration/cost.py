"""The cost of a table by a language model, estimated from the time of ranking some of its contexts."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyarrow as pa

from transforms.exploration.blocks import Block, context_blocks, count_contexts
from transforms.exploration.model_ranking import (
    CONTEXTS_PER_BLOCK,
    ModelRanking,
    contexts_to_rank,
    prompts_of,
    rank_by_model,
)
from transforms.language_models.token_counts import count_prompt_tokens

_GOLDEN_RATIO = 0.618034


class TableCost(NamedTuple):
    """The cost of a table.

    Attributes:
        contexts: number of contexts of the table.
        tokens: estimated number of tokens of their prompts, with the template.
        measured_contexts: number of contexts that were ranked for the estimate.
        seconds: estimated time of ranking all contexts by one process of this machine, without loading the model.
    """

    contexts: int
    tokens: int
    measured_contexts: int
    seconds: float


def sample_blocks(context_size: int, cluster_count: int) -> Iterator[Block]:
    """Yield blocks of the longest contexts that leave a cluster to recommend, spread evenly over their first clusters.

    Args:
        context_size: number of clusters of the longest contexts of a table.
        cluster_count: number of clusters, at least 2.
    """
    size = min(context_size, cluster_count - 1)
    rows = cluster_count ** (size - 1)
    row_blocks = list(context_blocks((1,), cluster_count, CONTEXTS_PER_BLOCK))
    step = _coprime_near(rows * _GOLDEN_RATIO, rows)
    for number in range(rows):
        start = number * step % rows * cluster_count
        block = row_blocks[number % len(row_blocks)]
        yield Block(size, start + block.start, start + block.stop)


def _coprime_near(value: float, modulus: int) -> int:
    """Return a whole number near a value that has no factor in common with a modulus."""
    step = max(round(value), 1)
    while math.gcd(step, modulus) > 1:
        step += 1
    return step


def estimate_cost(
    ranking: ModelRanking,
    clusters: pa.RecordBatch,
    context_size: int,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> TableCost:
    """Rank contexts for some seconds, and estimate the cost of all contexts from them.

    Args:
        ranking: the ranking.
        clusters: rows of `clusters` of one level.
        context_size: number of clusters of the longest contexts.
        seconds: minimum time of ranking; at least one block is measured, after one that warms up.
        clock: returns the time in seconds.

    Raises:
        ValueError: if no context leaves a cluster to recommend.
        ModelUnavailableError: if weights or packages are unavailable.
    """
    sizes = range(1, context_size + 1)
    total = count_contexts(sizes, clusters.num_rows)
    if not total:
        raise ValueError(f"{clusters.num_rows} clusters are too few: no context leaves a cluster to recommend")
    model = ranking.load()
    descriptions = clusters["description"].to_pylist()
    measured = (
        contexts
        for block in sample_blocks(context_size, clusters.num_rows)
        if len(contexts := contexts_to_rank(block, clusters))
    )
    first = next(measured)
    rank_by_model(model, ranking, first, clusters)
    prompts: list[str] = []
    started = clock()
    for some in itertools.chain([first], measured):
        rank_by_model(model, ranking, some, clusters)
        prompts += prompts_of(some, descriptions)
        if clock() - started >= seconds:
            break
    elapsed = clock() - started
    tokens = int(count_prompt_tokens(ranking.spec, prompts).sum())
    factor = total / len(prompts)
    return TableCost(total, round(tokens * factor), len(prompts), elapsed * factor)
