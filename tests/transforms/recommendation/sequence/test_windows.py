"""Windows and batches of histories."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.recommendation.sequence.logs import histories
from transforms.recommendation.sequence.windows import batch_of, batches_of, windows_of


def test_windows_end_at_the_last_item_and_overlap_by_one() -> None:
    windows = windows_of(histories([1, 2, 3, 4, 5, 6], [], [7], [8, 9]), length=2)
    found = [
        windows.items[start : start + length].tolist()
        for start, length in zip(windows.starts.tolist(), windows.lengths.tolist(), strict=True)
    ]
    assert found == [[1, 2], [2, 3, 4], [4, 5, 6], [7], [8, 9]]
    assert windows.is_first.tolist() == [True, False, False, True, True]


def test_a_batch_is_padded_behind_its_items() -> None:
    windows = windows_of(histories([1, 2, 3, 4, 5, 6], [7]), length=2)
    batch = batch_of(windows, np.array([1, 3]))
    assert batch.inputs.tolist() == [[2, 3], [0, 0]]
    assert batch.lengths.tolist() == [2, 0]
    assert batch.targets.tolist() == [[2, 3, 4], [7, 0, 0]]
    # Item 2 follows item 1, which this window does not have; item 7 is the first one of its user.
    assert batch.is_target.tolist() == [[False, True, True], [True, False, False]]


@given(
    st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=12),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 3),
)
def test_each_new_item_is_the_target_after_the_items_before_it_once(
    users: list[list[int]], length: int, batch_size: int, seed: int
) -> None:
    windows = windows_of(histories(*users), length)
    found = []
    for batch in batches_of(windows, batch_size, np.random.default_rng(seed)):
        for row, place in zip(*np.nonzero(batch.is_target), strict=True):
            found.append((batch.inputs[row, :place].tolist(), int(batch.targets[row, place])))
    expected = []
    for items in users:
        ends = range(len(items), 1, -length)
        for end in ends:
            first = max(end - length - 1, 0)
            expected += [
                (items[first:place], items[place])
                for place in range(first + 1, end)
                if items[place] not in items[:place]
            ]
        expected += [([], items[0])] if items else []
    assert sorted(found) == sorted(expected)


def test_batches_have_about_the_same_number_of_items() -> None:
    random = np.random.default_rng(0)
    windows = windows_of(histories(*[list(range(size)) for size in random.integers(1, 30, 400).tolist()]), 29)
    sizes = [int(batch.is_target.sum()) for batch in batches_of(windows, 20, random)]
    assert sum(sizes) == windows.lengths.sum()
    assert np.median(sizes) == pytest.approx(20 * windows.lengths.mean(), rel=0.1)
