"""Windows and batches of histories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.recommendation.sequence.logs import histories
from transforms.columnar import list_offsets
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.sequence.windows import Batch, Windows, batch_of, batches_of, windows_of


def orders(*users: list[list[int]]) -> ItemHistories:
    """Histories of users who consume several items at a time."""
    items = np.array([item for user in users for order in user for item in order], np.int32)
    times = [place for user in users for place, order in enumerate(user) for _ in order]
    lengths = [sum(map(len, user)) for user in users]
    return ItemHistories(list_offsets(lengths), items, np.array(times, np.int64))


def described(windows: Windows) -> list[tuple[list[int], list[int]]]:
    """The inputs and the targets of each window."""
    inputs = zip(windows.starts.tolist(), windows.lengths.tolist(), strict=True)
    targets = zip(windows.first_targets.tolist(), windows.target_counts.tolist(), strict=True)
    items = windows.items.tolist()
    return [
        (items[start : start + length], items[first : first + count])
        for (start, length), (first, count) in zip(inputs, targets, strict=True)
    ]


def examples(batch: Batch) -> list[tuple[list[int], int]]:
    """The inputs and the target of each example of a batch."""
    found = zip(batch.rows.tolist(), batch.places.tolist(), batch.targets.tolist(), strict=True)
    return [(batch.inputs[row, :place].tolist(), target) for row, place, target in found]


def test_windows_are_cut_from_the_last_item_backwards() -> None:
    windows = windows_of(histories([1, 2, 3, 4, 5, 6], [], [7], [8, 9]), length=2)
    assert described(windows) == [([4, 5], [5, 6]), ([2, 3], [3, 4]), ([1], [1, 2]), ([], [7]), ([8], [8, 9])]


def test_a_batch_is_padded_behind_its_items() -> None:
    windows = windows_of(histories([1, 2, 3, 4, 5, 6], [7]), length=2)
    batch = batch_of(windows, np.array([1, 3]))
    assert batch.inputs.tolist() == [[2, 3], [0, 0]]
    assert batch.lengths.tolist() == [2, 0]
    # Item 7 is the first one of its user.
    assert examples(batch) == [([2], 3), ([2, 3], 4), ([], 7)]
    assert batch.rows.tolist() == [0, 0, 1]


def test_items_of_one_time_are_predicted_from_what_was_before_it() -> None:
    windows = windows_of(orders([[1, 2], [3, 4, 5], [6, 7]]), length=3)
    assert described(windows) == [([3, 4, 5], [6, 7]), ([1, 2], [1, 2, 3, 4, 5])]
    assert examples(batch_of(windows, np.array([1]))) == [([], 1), ([], 2), ([1, 2], 3), ([1, 2], 4), ([1, 2], 5)]
    assert examples(batch_of(windows, np.array([0]))) == [([3, 4, 5], 6), ([3, 4, 5], 7)]


def test_consumed_items_are_no_targets() -> None:
    windows = windows_of(orders([[1], [2, 1], [1, 3]]), length=9)
    assert examples(batch_of(windows, np.array([0]))) == [([], 1), ([1], 2), ([1, 2, 1], 3)]


@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True), max_size=6),
        max_size=12,
    ),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_each_new_item_is_predicted_once_from_the_last_items_before_its_time(
    users: list[list[list[int]]], length: int, batch_size: int, seed: int
) -> None:
    windows = windows_of(orders(*users), length)
    found = [
        example for batch in batches_of(windows, batch_size, np.random.default_rng(seed)) for example in examples(batch)
    ]
    expected = []
    for user in users:
        history: list[int] = []
        for order in user:
            expected += [(history.copy(), item) for item in order if item not in history]
            history += order
    assert sorted(item for _, item in found) == sorted(item for _, item in expected)
    for inputs, target in found:
        assert any(target == item and inputs == history[len(history) - len(inputs) :] for history, item in expected)
        assert len(inputs) <= length
    # No window is empty, and one that does not begin with the history has all inputs that it may have.
    assert all(targets for _, targets in described(windows))
    with_all = {(*history, -1, item) for history, item in expected if len(history) <= 1}
    assert with_all <= {(*inputs, -1, item) for inputs, item in found}


def test_batches_have_about_the_same_number_of_items() -> None:
    random = np.random.default_rng(0)
    windows = windows_of(histories(*[list(range(size)) for size in random.integers(1, 30, 400).tolist()]), 29)
    sizes = [len(batch.targets) for batch in batches_of(windows, 20, random)]
    assert sum(sizes) == windows.target_counts.sum()
    assert np.median(sizes) == pytest.approx(20 * windows.target_counts.mean(), rel=0.1)
