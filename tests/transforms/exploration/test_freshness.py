import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.exploration.test_best_of_n import Given
from transforms.exploration.freshness import (
    PartlyRefreshed,
    Successors,
    changed_contexts,
    drift,
    jaccard_of_rows,
    recent_successors,
    top_successors,
)
from transforms.exploration.transitions import NO_CLUSTER, TransitionCounts

CLUSTERS = 6
Rows = dict[tuple[tuple[int, ...], int], int]
"""Users by context and next cluster."""

COUNTS = st.dictionaries(
    st.tuples(st.tuples(st.integers(0, 5), st.integers(0, 5)), st.integers(0, 5)), st.integers(1, 4), max_size=30
)


def counts_of(rows: Rows, size: int = 1) -> TransitionCounts:
    contexts = np.array([context for context, _ in rows], np.int32).reshape(len(rows), size)
    users = np.array(list(rows.values()), np.int64)
    codes = np.array([cluster for _, cluster in rows], np.int32)
    return TransitionCounts(contexts, codes, np.zeros(len(rows), np.int8), users, users)


def successors(rows: Rows, cutoff: int = 2, size: int = 1) -> Successors:
    return top_successors(counts_of(rows, size), CLUSTERS, cutoff)


OLD: Rows = {((0,), 1): 5, ((0,), 2): 3, ((0,), 3): 3, ((1,), 0): 2, ((2,), 4): 1, ((2,), 5): 1}
NEW: Rows = {((0,), 2): 9, ((0,), 1): 4, ((0,), 4): 2, ((1,), 4): 6, ((2,), 4): 2, ((3,), 0): 7}


def test_jaccard_by_hand() -> None:
    old, new = successors(OLD), successors(NEW)
    assert old.clusters.tolist() == [[1, 2], [0, NO_CLUSTER], [4, 5]]
    assert old.users.tolist() == [11, 2, 2]
    found = drift(old, new, CLUSTERS)
    assert found.contexts.tolist() == [[0], [1], [2]]
    assert found.jaccard.tolist() == [1, 0, 0.5]
    assert found.users.tolist() == [15, 6, 2]
    assert found.mean == pytest.approx((15 + 2 * 0.5) / 23)
    assert drift(old, new, CLUSTERS, min_users=3).contexts.tolist() == [[0]]
    assert math.isnan(drift(old, new, CLUSTERS, min_users=16).mean)
    # Of all three successors of context 0, two are common: of {1, 2, 3} and {2, 1, 4}.
    assert drift(successors(OLD, 3), successors(NEW, 3), CLUSTERS).jaccard.tolist() == [0.5, 0, 0.5]


def test_changed_contexts_by_hand() -> None:
    old, new = successors(OLD), successors(NEW)
    # Context 3 is new; of the others, 1 changed wholly and 2 in part.
    assert changed_contexts(old, new, CLUSTERS, 0).tolist() == [[3]]
    assert changed_contexts(old, new, CLUSTERS, 0.5).tolist() == [[1], [3]]
    assert changed_contexts(old, new, CLUSTERS, 1).tolist() == [[1], [2], [3]]
    assert changed_contexts(old, new, CLUSTERS, 1.1).tolist() == [[0], [1], [2], [3]]
    assert changed_contexts(old, old, CLUSTERS, 1).tolist() == []


@settings(max_examples=150)
@given(COUNTS, COUNTS, st.integers(1, 4))
def test_drift_equals_sets_by_hand(old: Rows, new: Rows, cutoff: int) -> None:
    def top(rows: Rows, context: tuple[int, ...]) -> set[int]:
        own = sorted((-users, cluster) for (other, cluster), users in rows.items() if other == context)
        return {cluster for _, cluster in own[:cutoff]}

    found = drift(successors(old, cutoff, 2), successors(new, cutoff, 2), CLUSTERS)
    common = sorted({context for context, _ in old} & {context for context, _ in new})
    assert [tuple(context) for context in found.contexts.tolist()] == common
    pairs = [(top(old, context), top(new, context)) for context in common]
    assert found.jaccard.tolist() == pytest.approx([len(a & b) / len(a | b) for a, b in pairs])


def test_two_empty_sets_are_equal() -> None:
    nothing = np.full((1, 2), NO_CLUSTER, np.int32)
    assert jaccard_of_rows(nothing, nothing).tolist() == [1]
    assert jaccard_of_rows(nothing, np.array([[1, 2]], np.int32)).tolist() == [0]


def test_only_changed_contexts_have_new_scores() -> None:
    contexts = np.array([[0], [1], [3]], np.int32)
    refreshed = PartlyRefreshed(Given((1.0,) * CLUSTERS), Given((2.0,) * CLUSTERS), np.array([[1], [3]], np.int32))
    assert refreshed.scores(contexts)[:, 0].tolist() == [1, 2, 2]


def test_the_most_frequent_recent_successor() -> None:
    contexts = np.array([[3], [0], [5]], np.int32)
    assert recent_successors(contexts, successors(NEW), CLUSTERS).tolist() == [0, 2, NO_CLUSTER]
    assert recent_successors(contexts, successors({}), CLUSTERS).tolist() == [NO_CLUSTER] * 3
