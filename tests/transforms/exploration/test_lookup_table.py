from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.exploration.test_count_models import Given
from transforms.exploration.count_models import top_clusters
from transforms.exploration.lookup_table import ContextRows, LookupTable
from transforms.exploration.transitions import recent_contexts

IDS = pa.array(["c0", "c1", "c2", "c3", "c4"])
PAIRS = {(0, 1): [2, 3, 4], (1, 2): [4, 3], (2, 1): [0]}
SINGLES = {(1,): [3, 0], (2,): [1]}
POPULAR = [4, 3, 2, 1, 0]


def context_rows(entries: dict[tuple[int, ...], list[int]], top: int = 3, count: int = 5) -> ContextRows:
    contexts = np.array(list(entries), np.int32).reshape(len(entries), -1)
    ranked = [row + [-1] * (top - len(row)) for row in entries.values()]
    return ContextRows.from_arrays(contexts, np.array(ranked, np.int32), count)


TABLE = LookupTable(IDS, [context_rows({(): POPULAR}, 5), context_rows(SINGLES), context_rows(PAIRS)])


def dataset(top: int = 3) -> pa.Table:
    """Rows as in the dataset, in a shuffled order."""
    rows = [
        (" ".join(IDS[code].as_py() for code in context), rank + 1, IDS[cluster].as_py())
        for entries in (PAIRS, SINGLES, {(): POPULAR})
        for context, ranked in entries.items()
        for rank, cluster in enumerate(ranked)
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    columns = list(zip(*(rows[row] for row in order), strict=True))
    return pa.table({"context": columns[0], "rank": pa.array(columns[1], pa.int32()), "next": columns[2]})


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([0, 1], [2, 3, 4]),
        ([0, 0, 1, 0, 1], [2, 3, 4]),
        ([3, 0, -1, 1], [2, 4]),  # 3 is in the history: then the context (1), then popular clusters
        ([1, 2], [4, 3, 0]),
        ([2, 1], [0, 3, 4]),  # after 0: the context (1), then popular clusters
        ([4, 2], [1, 3, 0]),  # no such pair: the context (2), then popular clusters
        ([4, 3], [2, 1, 0]),
        ([4], [3, 2, 1]),
        ([], [4, 3, 2]),
        ([-1], [4, 3, 2]),
        ([0, 1, 2, 3, 4], []),
        ([7, 9], [4, 3, 2]),  # clusters that are not in the table
    ],
)
def test_the_lookup_falls_back_to_shorter_contexts(history: list[int], expected: list[int]) -> None:
    assert TABLE.next_clusters(history) == expected
    assert TABLE.next_clusters(tuple(history), 1) == expected[:1]


def test_a_count_above_the_top_is_filled_with_popular_clusters() -> None:
    assert TABLE.next_clusters([1, 2], 10) == [4, 3, 0]
    assert TABLE.next_clusters([], 10) == POPULAR
    assert TABLE.next_clusters([], 0) == []


@given(st.lists(st.integers(-1, 6), max_size=8), st.integers(0, 6))
def test_no_cluster_is_repeated_or_in_the_history(history: list[int], count: int) -> None:
    found = TABLE.next_clusters(history, count)
    assert len(found) == len(set(found)) <= count
    assert not set(found) & set(history)
    assert len(found) == min(count, len(set(POPULAR) - set(history)))


@pytest.mark.parametrize("encoded", [False, True])
def test_rows_of_a_dataset_in_any_order(encoded: bool) -> None:
    rows = dataset()
    if encoded:
        rows = pa.table(
            {name: pc.dictionary_encode(rows[name]) if name != "rank" else rows[name] for name in rows.schema.names}
        )
    table = LookupTable.from_rows(rows, IDS)
    assert table.context_size == 2
    assert table.context_count == TABLE.context_count == 6
    for history in ([0, 1], [3, 0, 1], [4, 2], [4], [], [7, 9]):
        assert table.next_clusters(history, 3) == TABLE.next_clusters(history, 3)


def scored(scores: dict[tuple[str, int], float]) -> pa.Table:
    """Return the rows of `dataset` with the scores of some, by context and rank, and minus the rank for others."""
    rows = dataset()
    values = [
        scores.get((context, rank), -float(rank))
        for context, rank in zip(rows["context"].to_pylist(), rows["rank"].to_pylist(), strict=True)
    ]
    return rows.append_column("score", pa.array(values, pa.float32()))


def test_probabilities_are_stored_ones_and_do_not_rise_with_the_rank() -> None:
    table = LookupTable.from_rows(scored({("c0 c1", 3): -7.0, ("", 1): -0.5, ("", 5): -9.0}), IDS)
    offsets, clusters = np.array([0, 2, 3, 3, 8]), np.array([0, 1, 4, 0, 1, 2, 3, 4])
    found = table.next_clusters_of(offsets, clusters, recent_contexts(offsets, clusters, 2), 4)
    assert found.clusters.tolist() == [[2, 3, 4, -1], [3, 2, 1, 0], [4, 3, 2, 1], [-1] * 4]
    # After 4 the popular clusters follow from the second one on. Before, all three are of the pair (0, 1).
    logarithms = [[-1, -2, -7, -np.inf], [-2, -3, -4, -9], [-0.5, -2, -3, -4], [-np.inf] * 4]
    np.testing.assert_allclose(found.probabilities, np.exp(logarithms), rtol=1e-6)
    # After (2, 1) come 0 with -1, then 3 of the context (1), and 4 of the empty one, which is less probable than 3.
    offsets, clusters = np.array([0, 2]), np.array([2, 1])
    found = table.next_clusters_of(offsets, clusters, recent_contexts(offsets, clusters, 2), 3)
    assert found.clusters.tolist() == [[0, 3, 4]]
    np.testing.assert_allclose(found.probabilities, np.exp([[-1, -1, -1]]), rtol=1e-6)
    assert table.nbytes == LookupTable.from_rows(dataset(), IDS).nbytes + 4 * 5 * 6


def test_a_table_without_scores_has_no_probabilities() -> None:
    offsets, clusters = np.array([0, 2]), np.array([0, 1])
    assert TABLE.next_clusters_of(offsets, clusters, recent_contexts(offsets, clusters, 2), 2).probabilities is None


def test_parts_of_a_dataset_are_loaded(tmp_path: Path) -> None:
    rows = dataset()
    paths = [tmp_path / f"part-{part}.parquet" for part in range(2)]
    for part, path in enumerate(paths):
        pq.write_table(rows.slice(6 * part, 6 if part == 0 else None), path, row_group_size=4)
    table = LookupTable.load(paths, IDS)
    assert table.next_clusters([0, 1]) == [2, 3, 4]
    assert LookupTable.load(paths, IDS, top=1).next_clusters([0, 1], 1) == [2]
    popular = np.array([0, 1, 2, 3, 4], np.int32)
    assert LookupTable.load(paths, IDS, popular).next_clusters([], 2) == [0, 1]


def test_the_width_is_that_of_the_longest_contexts() -> None:
    assert TABLE.top == 3
    table = LookupTable.from_rows(dataset(), IDS, np.array(POPULAR, np.int32))
    assert table.next_clusters([]) == table.next_clusters([], table.top)


def test_dense_and_sparse_tables_return_the_same() -> None:
    contexts = [(one, other) for one in range(3) for other in range(3)]
    entries = {context: [code for code in range(3) if code not in context] for context in contexts}
    dense, sparse = context_rows(entries, 3, 3), context_rows(dict(list(entries.items())[:4]), 3, 3)
    assert dense.rows_by_key is None
    assert sparse.rows_by_key == {0: 0, 1: 1, 2: 2, 3: 3}
    assert dense.nbytes == 9 * 3 * 4
    tables = [LookupTable(IDS.slice(0, 3), [rows]) for rows in (dense, sparse)]
    for context in contexts[:4]:
        assert tables[0].next_clusters(context) == tables[1].next_clusters(context)
    assert tables[0].nbytes == dense.nbytes


def test_a_table_of_a_source_has_its_ranking() -> None:
    source = Given((3, 1, 4, 1, 5))
    contexts = np.array([(one, other) for one in range(5) for other in range(5)], np.int32)
    clusters, _ = top_clusters(source, contexts, 3)
    table = LookupTable(IDS, [ContextRows.from_arrays(contexts, clusters, 5)])
    assert table.next_clusters([0, 4]) == [2, 1, 3]
    assert table.next_clusters([0, 4, 2]) == [1, 3]


def test_an_empty_table_returns_nothing() -> None:
    for table in (LookupTable(IDS, []), LookupTable.from_rows(dataset().slice(0, 0), IDS)):
        assert table.next_clusters([0, 1]) == []
        assert table.nbytes == table.context_count == table.top == 0


def test_what_cannot_be_in_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"each size of context must occur once, got \[2, 2\]"):
        LookupTable(IDS, [context_rows(PAIRS), context_rows(PAIRS)])
    with pytest.raises(ValueError, match="the cluster 'c4' is not in the list of clusters"):
        LookupTable.from_rows(dataset(), IDS.slice(0, 4))
    rows = dataset()
    zero = rows.set_column(1, "rank", pa.array([0] * rows.num_rows))
    with pytest.raises(ValueError, match="rank must be at least 1, got 0"):
        LookupTable.from_rows(zero, IDS)


@given(
    st.lists(st.lists(st.integers(-1, 4), max_size=6), max_size=6),
    st.integers(1, 6),
    st.booleans(),
)
def test_the_next_clusters_of_many_users_are_those_of_each(histories: list[list[int]], count: int, dense: bool) -> None:
    pairs = (
        {(a, b): [c for c in range(5) if c not in (a, b)][:3] for a in range(5) for b in range(5)} if dense else PAIRS
    )
    table = LookupTable(IDS, [context_rows({(): POPULAR}, 5), context_rows(SINGLES), context_rows(pairs)])
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    clusters = np.array([cluster for history in histories for cluster in history], np.int32)
    found = table.next_clusters_of(offsets, clusters, recent_contexts(offsets, clusters, 2), count)
    for row, history in zip(found.clusters.tolist(), histories, strict=True):
        assert [cluster for cluster in row if cluster >= 0] == table.next_clusters(history, count)


def test_ranks_are_those_of_the_row_in_which_a_cluster_is_found() -> None:
    offsets, clusters = np.array([0, 4, 4]), np.array([3, 0, -1, 1], np.int32)
    found = TABLE.next_clusters_of(offsets, clusters, recent_contexts(offsets, clusters, 2), 2)
    assert found.clusters.tolist() == [[2, 4], [4, 3]]
    assert found.ranks.tolist() == [[1, 3], [1, 2]]
    assert found.matched.tolist() == [2, 0]
