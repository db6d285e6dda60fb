"""A stored table as a source of scores, to compare it with count models and to blend it with them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from transforms.columnar import list_offsets
from transforms.exploration.count_models import ContextTable, Scores, novel
from transforms.exploration.lookup_table import codes_of_ids, index_contexts
from transforms.exploration.transitions import Codes
from transforms.hashing import StringIndex

_BELOW_LISTED = 0.999
"""The largest probability of a cluster that is not listed, relative to the smallest one of a listed cluster."""


@dataclasses.dataclass(frozen=True)
class TableSource:
    """The probabilities of a stored table, which lists the first next clusters of each context.

    The listed clusters of a context have their stored probabilities. The others share what remains of 1 in proportion
    to their probabilities after the next shorter context, at last evenly, but each has less than any listed cluster. A
    context without rows has the probabilities of the next shorter one. So clusters are ranked as `LookupTable` does,
    and the clusters that it does not list follow.

    Attributes:
        tables: probabilities by size of the context, ascending.
        count: number of clusters, C.
    """

    tables: tuple[ContextTable, ...]
    count: int

    @classmethod
    def from_rows(cls, rows: pa.Table, cluster_ids: pa.StringArray) -> TableSource:
        """Index rows of `lookup`, in any order.

        Args:
            rows: `context`, `next` and `score`, the logarithm of a probability; the ranks follow from the scores.
            cluster_ids: the ids of all clusters, distinct; the code of a cluster is its position.

        Raises:
            ValueError: when a row has a cluster that is not in `cluster_ids`.
        """
        index, count = StringIndex(cluster_ids), len(cluster_ids)
        keys_by_size, context_of_row = index_contexts(rows["context"], index, count)
        order = np.argsort(context_of_row, kind="stable")
        next_clusters = codes_of_ids(index, rows["next"].combine_chunks().cast(pa.string()))[order]
        probabilities = np.exp(rows["score"].to_numpy().astype(np.float64))[order]
        contexts = list_offsets([len(keys) for keys in keys_by_size])
        offsets = np.searchsorted(context_of_row[order], np.arange(contexts[-1] + 1))
        tables = []
        for size, keys in enumerate(keys_by_size):
            own = offsets[contexts[size] : contexts[size + 1] + 1]
            of_size = slice(own[0], own[-1])
            tables.append(ContextTable(size, keys, own - own[0], next_clusters[of_size], probabilities[of_size]))
        return cls(tuple(tables), count)

    @property
    def cluster_count(self) -> int:
        return self.count

    def scores(self, contexts: Codes) -> Scores:
        candidates = novel(contexts, self.count)
        probabilities = candidates / np.maximum(candidates.sum(axis=1, keepdims=True), 1)
        for table in self.tables:
            listed = table.values_after(contexts, self.count)
            remaining = np.maximum(1 - listed.sum(axis=1), 0.0)
            probabilities = _with_others(np.where(candidates, listed, 0.0), probabilities, remaining)
        return probabilities


def _with_others(listed: Scores, shorter: Scores, remaining: Scores) -> Scores:
    """Add the clusters that are not listed.

    Args:
        listed: shape (contexts, C): the probabilities of listed candidates, 0 for others.
        shorter: shape (contexts, C): probabilities after the next shorter context; 0 for clusters of the context.
        remaining: shape (contexts,): what the listed clusters leave of 1.
    """
    has_row = (listed > 0).any(axis=1, keepdims=True)
    others = np.where(listed > 0, 0.0, shorter)
    tiny = np.finfo(np.float64).tiny
    by_mass = remaining[:, None] / np.maximum(others.sum(axis=1, keepdims=True), tiny)
    lowest = np.where(listed > 0, listed, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    by_rank = _BELOW_LISTED * lowest / np.maximum(others.max(axis=1, keepdims=True, initial=0.0), tiny)
    return np.where(has_row, listed + np.minimum(by_mass, by_rank) * others, shorter)
