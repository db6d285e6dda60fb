"""The lookup table from a context to its ranked next clusters, which serves requests (2405.16363, serving).

Rows are stored densely. Contexts of one size are found by their number, such as `c1 * C + c2`, if most of them are
there, by a dictionary otherwise. A request is one access to an array; no model is needed.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.context import parse_contexts
from transforms.columnar import list_offsets
from transforms.exploration.transitions import NO_CLUSTER, Codes, Integers, context_keys, recent_context
from transforms.hashing import StringIndex

_DENSE_FROM = 0.5
"""Fraction of all contexts of a size from which they are indexed by number."""

_BYTES_PER_ENTRY = 100
"""Approximate size of an entry of a dictionary from int to int."""

Floats = npt.NDArray[np.float64]
LogProbabilities = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class ContextRows:
    """The ranked next clusters of contexts of one size.

    Attributes:
        size: number of clusters in a context.
        next_clusters: int32, shape (rows, top): `NO_CLUSTER` after the last one. If `rows_by_key` is None, row i is the
            context with the number i.
        rows_by_key: the row of each context number; None: all rows are there.
        scores: float32, of the shape of `next_clusters`: logarithms of their probabilities; None: not loaded.
    """

    size: int
    next_clusters: Codes
    rows_by_key: dict[int, int] | None
    scores: LogProbabilities | None = None

    @classmethod
    def from_arrays(cls, contexts: Codes, next_clusters: Codes, cluster_count: int) -> ContextRows:
        """Index rows by their contexts.

        Args:
            contexts: int32, shape (rows, K), distinct, in any order.
            next_clusters: int32, shape (rows, top), the best first.
            cluster_count: number of clusters, C.
        """
        return cls.from_keys(contexts.shape[1], context_keys(contexts, cluster_count), next_clusters, cluster_count)

    @classmethod
    def from_keys(
        cls,
        size: int,
        keys: Integers,
        next_clusters: Codes,
        cluster_count: int,
        scores: LogProbabilities | None = None,
    ) -> ContextRows:
        """Index rows by the `context_keys` of their contexts, int64, shape (rows,)."""
        if len(keys) >= _DENSE_FROM * cluster_count**size:
            rows = np.full((cluster_count**size, next_clusters.shape[1]), NO_CLUSTER, np.int32)
            rows[keys] = next_clusters
            if scores is not None:
                dense = np.full(rows.shape, -np.inf, np.float32)
                dense[keys] = scores
                scores = dense
            return cls(size, rows, None, scores)
        order = np.argsort(keys)
        by_key = dict(zip(keys[order].tolist(), range(len(keys)), strict=True))
        ordered = None if scores is None else np.ascontiguousarray(scores[order], np.float32)
        return cls(size, np.ascontiguousarray(next_clusters[order], np.int32), by_key, ordered)

    @property
    def nbytes(self) -> int:
        """The memory held, in bytes; that of the dictionary is approximate."""
        held = self.next_clusters.nbytes + (0 if self.scores is None else self.scores.nbytes)
        return held + _BYTES_PER_ENTRY * len(self.rows_by_key or ())


class NextClusters(NamedTuple):
    """The next clusters of users.

    Attributes:
        clusters: int32, shape (users, count): the best first; `NO_CLUSTER` after the last one.
        ranks: int32, of the same shape: the rank of each in the row of the table that it was found in, from 1.
        matched: int32, shape (users,): number of clusters of the longest context with a row in the table; 0: none.
        probabilities: float64, of the shape of `clusters`: the stored probability of each, not above that of the one
            before it, so that clusters of shorter contexts do not exceed those of longer ones; 0 for `NO_CLUSTER`.
            None: the table was loaded without scores.
    """

    clusters: Codes
    ranks: Codes
    matched: Codes
    probabilities: Floats | None


class LookupTable:
    """Ranked next clusters by context, with a fall-back to shorter contexts and to popular clusters.

    Args:
        cluster_ids: the ids of clusters; clusters are given and returned as indices of them, codes.
        rows: rows by size of the context, in any order; those of size 0, one row, are the popular clusters.

    Raises:
        ValueError: when two sets of rows have contexts of the same size.
    """

    def __init__(self, cluster_ids: pa.StringArray, rows: Sequence[ContextRows]) -> None:
        self.cluster_ids = cluster_ids
        self._count = len(cluster_ids)
        self._by_size = {one.size: one for one in rows}
        if len(self._by_size) != len(rows):
            raise ValueError(f"each size of context must occur once, got {sorted(one.size for one in rows)}")
        self.context_size = max(self._by_size, default=0)
        longest = self._by_size.get(self.context_size)
        self.top = longest.next_clusters.shape[1] if longest else 0
        popular = self._by_size.get(0)
        self._popular: list[int] = popular.next_clusters[0].tolist() if popular else []
        self._has_scores = all(one.scores is not None for one in rows)

    @classmethod
    def from_rows(
        cls, rows: pa.Table, cluster_ids: pa.StringArray, popular: Codes | None = None, top: int | None = None
    ) -> LookupTable:
        """Build a table from rows with `context`, `rank` and `next`, in any order.

        Args:
            rows: contexts as text, ranks from 1, cluster ids of the next clusters. The columns of text may be
                dictionary-encoded, which is faster. `score`, logarithms of probabilities, is loaded if it is there.
            cluster_ids: the ids of all clusters, distinct.
            popular: int32, shape (clusters,): codes, the most popular first; None: the rows of the empty context.
            top: number of ranks that are loaded; None: all.

        Raises:
            ValueError: when a row has a cluster that is not in `cluster_ids`, or a rank below 1.
        """
        index, cluster_count = StringIndex(cluster_ids), len(cluster_ids)
        keys_by_size, context_of_row = index_contexts(rows["context"], index, cluster_count)
        ids, id_of_row = _dictionaries(rows["next"])
        next_of_row = codes_of_ids(index, ids)[id_of_row]
        ranks = rows["rank"].to_numpy().astype(np.int64)
        if len(ranks) and ranks.min() < 1:
            raise ValueError(f"rank must be at least 1, got {ranks.min()}")
        width = min(int(ranks.max(initial=0)), top or cluster_count)
        kept = ranks <= width
        found = np.full((sum(map(len, keys_by_size)), width), NO_CLUSTER, np.int32)
        found[context_of_row[kept], ranks[kept] - 1] = next_of_row[kept]
        scores = None
        if "score" in rows.column_names and popular is None:
            scores = np.full(found.shape, -np.inf, np.float32)
            scores[context_of_row[kept], ranks[kept] - 1] = rows["score"].to_numpy()[kept]
        ends = list_offsets([len(keys) for keys in keys_by_size])
        of_size = [slice(start, end) for start, end in itertools.pairwise(ends.tolist())]
        parts = [
            ContextRows.from_keys(size, keys, found[own], cluster_count, None if scores is None else scores[own])
            for size, (keys, own) in enumerate(zip(keys_by_size, of_size, strict=True))
            if len(keys) and (size or popular is None)
        ]
        if popular is not None:
            parts.append(ContextRows(0, np.asarray(popular, np.int32)[None], None))
        return cls(cluster_ids, parts)

    @classmethod
    def load(
        cls,
        paths: Sequence[str | Path],
        cluster_ids: pa.StringArray,
        popular: Codes | None = None,
        top: int | None = None,
    ) -> LookupTable:
        """Load the parts of a dataset with `context`, `rank` and `next`, memory-mapped.

        Args:
            paths: parquet files, at least one.
            cluster_ids: as for `from_rows`.
            popular: as for `from_rows`.
            top: as for `from_rows`.
        """
        columns = ["context", "rank", "next"]
        tables = [
            pq.read_table(path, columns=columns, memory_map=True, read_dictionary=["context", "next"]) for path in paths
        ]
        return cls.from_rows(pa.concat_tables(tables), cluster_ids, popular, top)

    @property
    def nbytes(self) -> int:
        """The memory held, in bytes; that of dictionaries is approximate."""
        return sum(rows.nbytes for rows in self._by_size.values())

    @property
    def context_count(self) -> int:
        """The number of contexts with rows, the empty one included."""
        return sum(int((rows.next_clusters[:, :1] != NO_CLUSTER).sum()) for rows in self._by_size.values())

    def next_clusters(self, history: Sequence[int], count: int | None = None) -> list[int]:
        """Return the next clusters of a user, the best first.

        The context of the most recent distinct clusters is looked up. Clusters of the history are left out. While fewer
        than `count` clusters are found, those of the next shorter context follow, at last the popular clusters.

        Args:
            history: codes of clusters in time order, in a list or tuple; may be empty.
            count: maximum number of clusters; None: `top`.

        Returns:
            Distinct codes, none of which is in the history.
        """
        wanted = self.top if count is None else count
        seen = set(history)
        context = recent_context(history, self.context_size)
        found: list[int] = []
        while len(found) < wanted:
            for cluster in self._row(context) if context else self._popular:
                if cluster not in seen and cluster != NO_CLUSTER:
                    seen.add(cluster)
                    found.append(cluster)
                    if len(found) == wanted:
                        break
            if not context:
                break
            context = context[1:]
        return found

    def next_clusters_of(
        self, offsets: npt.NDArray[np.integer], clusters: npt.NDArray[np.integer], contexts: Codes, count: int
    ) -> NextClusters:
        """Return the next clusters of many users, by the rules of `next_clusters`.

        Args:
            offsets: shape (users + 1,): offsets of the users in `clusters`.
            clusters: shape (interactions,): codes of the clusters that users consumed; `NO_CLUSTER` is skipped.
            contexts: int32, shape (users, K): as `recent_contexts` returns them; K is at least 1.
            count: maximum number of clusters of a user.
        """
        users, size = contexts.shape
        found = [np.full((users, 0), NO_CLUSTER, np.int32)]
        scores = [np.zeros((users, 0), np.float32)]
        matched = np.zeros(users, np.int32)
        for length in range(min(size, self.context_size), 0, -1):
            rows, of_rows = self._rows(contexts[:, size - length :], length)
            found.append(rows)
            scores.append(of_rows)
            matched = np.maximum(matched, np.where((rows != NO_CLUSTER).any(axis=1), length, 0).astype(np.int32))
        popular = np.tile(np.array(self._popular, np.int32), (users, 1))
        candidates = np.hstack([*found, popular])
        first = np.full((users, count), NO_CLUSTER, np.int32)
        places = np.zeros((users, count), np.int32)
        starts = np.ascontiguousarray(offsets, np.int64)
        _select_novel(candidates, starts, np.ascontiguousarray(clusters, np.int32), self._count, first, places)
        widths = [part.shape[1] for part in (*found, popular)]
        ranks = np.concatenate([np.arange(1, width + 1, dtype=np.int32) for width in widths] or [np.zeros(0, np.int32)])
        probabilities = None
        if self._has_scores:
            stored = self._by_size.get(0)
            of_popular = np.zeros(0, np.float32) if stored is None or stored.scores is None else stored.scores[0]
            all_scores = np.hstack([*scores, np.tile(of_popular, (users, 1))])
            probabilities = _falling_probabilities(all_scores, places, first)
        return NextClusters(first, ranks[places] if len(ranks) else places, matched, probabilities)

    def _rows(self, contexts: Codes, length: int) -> tuple[Codes, LogProbabilities]:
        """Return the stored clusters of contexts of one length, shape (contexts, top), and their scores.

        They are `NO_CLUSTER` without a row, and the scores without meaning if the table was loaded without them.
        """
        stored = self._by_size.get(length)
        if stored is None:
            return np.full((len(contexts), 0), NO_CLUSTER, np.int32), np.zeros((len(contexts), 0), np.float32)
        complete = (contexts != NO_CLUSTER).all(axis=1)
        keys = context_keys(np.where(complete[:, None], contexts, 0), self._count)
        if stored.rows_by_key is not None:
            by_key = stored.rows_by_key
            keys = np.array([by_key.get(key, -1) for key in keys.tolist()], np.int64)
        rows = stored.next_clusters[keys]
        scores = np.zeros(rows.shape, np.float32) if stored.scores is None else stored.scores[keys]
        return np.where((complete & (keys >= 0))[:, None], rows, NO_CLUSTER).astype(np.int32), scores

    def _row(self, context: tuple[int, ...]) -> list[int]:
        """Return the stored clusters of one context; empty if it is not there."""
        rows = self._by_size.get(len(context))
        if rows is None:
            return []
        count = self._count
        key = 0
        for cluster in context:
            if not 0 <= cluster < count:
                return []
            key = key * count + cluster
        if rows.rows_by_key is not None:
            position = rows.rows_by_key.get(key)
            if position is None:
                return []
            key = position
        row: list[int] = rows.next_clusters[key].tolist()
        return row


def index_contexts(
    column: pa.ChunkedArray, index: StringIndex, cluster_count: int
) -> tuple[list[Integers], npt.NDArray[np.intp]]:
    """Compute the distinct contexts of a column, and which of them each row has.

    The texts of each chunk are parsed once, and then only numbers are compared: contexts are numbered by their size,
    then by `context_keys`.

    Returns:
        By size of the context: the keys, ascending; and for each row of the column, the index of its context in all of
        them together.
    """
    texts, rows = _dictionaries(column)
    sizes, keys = _keys_of(texts, index, cluster_count)
    starts = list_offsets([cluster_count**size for size in range(int(sizes.max(initial=0)) + 1)])
    numbers, inverse = np.unique(starts[sizes] + keys, return_inverse=True)
    bounds = np.searchsorted(numbers, starts)
    by_size = [numbers[bounds[size] : bounds[size + 1]] - starts[size] for size in range(len(starts) - 1)]
    return by_size, inverse[rows]


def _keys_of(texts: pa.StringArray, index: StringIndex, cluster_count: int) -> tuple[Integers, Integers]:
    """Return the number of clusters and the key of each context."""
    lists = parse_contexts(texts)
    sizes: Integers = pc.list_value_length(lists).to_numpy().astype(np.int64)
    codes = codes_of_ids(index, lists.flatten())
    offsets = list_offsets(sizes)[:-1]
    keys = np.zeros(len(sizes), np.int64)
    for size in np.unique(sizes).tolist():
        rows = np.flatnonzero(sizes == size)
        keys[rows] = context_keys(codes[offsets[rows][:, None] + np.arange(size)], cluster_count)
    return sizes, keys


def _dictionaries(column: pa.ChunkedArray) -> tuple[pa.StringArray, npt.NDArray[np.int64]]:
    """Return the dictionaries of all chunks, one after another, and the index of each row in them.

    A text is repeated if it is in several chunks: to unify the dictionaries takes longer than to parse some twice.
    """
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(column)
    texts: list[pa.Array] = []
    starts: list[int] = []
    end = 0
    for chunk in column.chunks:
        # Chunks of a row group have the same dictionary.
        if not texts or not chunk.dictionary.equals(texts[-1]):
            texts.append(chunk.dictionary)
            end += len(chunk.dictionary)
        starts.append(end - len(chunk.dictionary))
    rows = [start + chunk.indices.to_numpy() for start, chunk in zip(starts, column.chunks, strict=True)]
    return (
        pa.concat_arrays([pa.array([], pa.string()), *(one.cast(pa.string()) for one in texts)]),
        np.concatenate([np.zeros(0, np.int64), *rows]),
    )


def codes_of_ids(index: StringIndex, ids: pa.StringArray) -> Codes:
    """Return the codes of cluster ids, int32, shape (ids,).

    Raises:
        ValueError: when an id is not in the index.
    """
    codes = index.lookup(ids)
    if (codes < 0).any():
        raise ValueError(f"the cluster {ids[int(np.argmin(codes))].as_py()!r} is not in the list of clusters")
    return codes


def _falling_probabilities(scores: LogProbabilities, places: Codes, clusters: Codes) -> Floats:
    """Return the probabilities of chosen clusters, each at most that of the one before it; 0 for `NO_CLUSTER`."""
    if not scores.shape[1]:
        return np.zeros(clusters.shape)
    chosen = np.where(clusters == NO_CLUSTER, -np.inf, np.take_along_axis(scores, places.astype(np.int64), axis=1))
    return np.exp(np.minimum.accumulate(chosen.astype(np.float64), axis=1))


@numba.njit(cache=True, nogil=True)
def _select_novel(candidates, offsets, clusters, cluster_count, found, places):  # type: ignore[no-untyped-def]
    last_user = np.full(cluster_count, -1, np.int64)
    for user in range(len(found)):
        for position in range(offsets[user], offsets[user + 1]):
            if clusters[position] >= 0:
                last_user[clusters[position]] = user
        filled = 0
        for place in range(candidates.shape[1]):
            cluster = candidates[user, place]
            if filled < found.shape[1] and cluster >= 0 and last_user[cluster] != user:
                last_user[cluster] = user
                found[user, filled] = cluster
                places[user, filled] = place
                filled += 1
