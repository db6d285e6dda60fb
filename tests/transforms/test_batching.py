import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.batching import equal_length_batches, length_sorted_batches, pad, split_on_oom

LENGTHS = st.lists(st.integers(1, 12), max_size=40).map(lambda lengths: np.array(lengths, np.int64))


@given(LENGTHS, st.integers(1, 60))
def test_each_text_is_in_one_batch_of_bounded_size(lengths: np.ndarray, max_tokens: int) -> None:
    batches = list(length_sorted_batches(lengths, max_tokens))
    order = np.concatenate([np.zeros(0, np.int64), *batches])
    assert order.tolist() == np.argsort(lengths, kind="stable").tolist()
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= max_tokens


@given(LENGTHS, st.integers(12, 60))
def test_no_batch_could_take_one_more(lengths: np.ndarray, max_tokens: int) -> None:
    batches = list(length_sorted_batches(lengths, max_tokens))
    for batch, following in itertools.pairwise(batches):
        assert (len(batch) + 1) * lengths[following[0]] > max_tokens


@given(LENGTHS, st.integers(1, 60))
def test_texts_of_a_batch_have_one_width(widths: np.ndarray, max_tokens: int) -> None:
    batches = list(equal_length_batches(widths, max_tokens))
    order = np.concatenate([np.zeros(0, np.int64), *batches])
    assert order.tolist() == np.argsort(widths, kind="stable").tolist()
    for batch in batches:
        assert len(set(widths[batch])) == 1
        assert len(batch) == 1 or len(batch) * widths[batch[0]] <= max_tokens
    for batch, following in itertools.pairwise(batches):
        assert widths[batch[0]] != widths[following[0]] or (len(batch) + 1) * widths[batch[0]] > max_tokens


def test_rows_are_padded_to_the_longest() -> None:
    ids, mask = pad([[5, 6, 7], [8]], padding=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    ids, mask = pad([[5, 6, 7], [8]], padding=1, min_columns=4)
    assert ids.tolist() == [[5, 6, 7, 1], [8, 1, 1, 1]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]
    assert pad([[5, 6, 7]], padding=1, min_columns=2)[0].tolist() == [[5, 6, 7]]


@given(st.integers(1, 50), st.integers(1, 50))
def test_halves_are_put_together_in_order(count: int, max_tokens: int) -> None:
    sizes = []

    def run(rows: np.ndarray) -> np.ndarray:
        if len(rows) > max_tokens:
            raise MemoryError
        sizes.append(len(rows))
        return np.stack([rows, -rows], axis=1).astype(np.float32)

    rows = np.arange(count)[::-1]
    slices = list(split_on_oom(run, rows, MemoryError))
    assert np.concatenate([part for part, _ in slices]).tolist() == rows.tolist()
    assert all((made[:, 0] == part).all() for part, made in slices)
    assert max(sizes) <= max_tokens
    assert min(sizes) * 2 + 1 >= min(max_tokens, count) or len(sizes) == 1


def test_a_row_that_is_too_large_alone_is_reported() -> None:
    def run(rows: np.ndarray) -> np.ndarray:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(split_on_oom(run, np.arange(4), MemoryError))


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    def run(rows: np.ndarray) -> np.ndarray:
        calls.append(len(rows))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        list(split_on_oom(run, np.arange(4), MemoryError))
    assert calls == [4]
