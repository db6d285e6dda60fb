import pytest

from transforms.language_models.tuning.packing import PromptGroup, group_by_prompt, pack, random_batches
from transforms.language_models.tuning.rows import Row

ONE = PromptGroup([1, 2, 3], [[7, 9], [8, 6, 9]], [1.0, 2.0])
OTHER = PromptGroup([1, 4], [[5, 9]], [0.5])


def test_rows_of_a_prompt_are_a_group() -> None:
    rows = [Row([1], [7]), Row([2], [8]), Row([1], [9], 3.0), Row([1], [6])]
    assert group_by_prompt(rows, 2) == [
        PromptGroup([1], [[7], [9]], [1.0, 3.0]),
        PromptGroup([1], [[6]], [1.0]),
        PromptGroup([2], [[8]], [1.0]),
    ]


def test_a_row_is_a_tree() -> None:
    batch = pack([ONE, OTHER], shared=1, padding=0)
    # The shared token, the first prompt with its completions, and the second one; end tokens are targets only.
    assert batch.input_ids.tolist() == [[1, 2, 3, 7, 8, 6, 4, 5]]
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 3, 4, 1, 2]]
    visible = [[place for place in range(8) if batch.visible[0, 0, token, place]] for token in range(8)]
    assert visible == [
        [0],
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 2, 4],
        [0, 1, 2, 4, 5],
        [0, 6],
        [0, 6, 7],
    ]
    sources = batch.kept[batch.target_places].tolist()
    assert list(zip(sources, batch.labels.tolist(), batch.target_weights.tolist(), strict=True)) == [
        (2, 7, 1.0),
        (3, 9, 1.0),
        (2, 8, 2.0),
        (4, 6, 2.0),
        (5, 9, 2.0),
        (6, 5, 0.5),
        (7, 9, 0.5),
    ]


def test_long_rows_are_divided_and_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.language_models.tuning.packing.ROW_TOKENS", 8)
    batch = pack([ONE, OTHER], shared=1, padding=0)
    assert batch.input_ids.tolist() == [[1, 2, 3, 7, 8, 6], [1, 4, 5, 0, 0, 0]]
    assert batch.target_rows.tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert batch.visible.any(axis=-1).all()  # a softmax over nothing would not be a number


def test_batches_reach_the_number_of_completions_and_contain_each_group_once() -> None:
    groups = [PromptGroup([number], [[1]] * (1 + number % 3), [1.0] * (1 + number % 3)) for number in range(20)]
    batches = random_batches(groups, 4, seed=1)
    assert sorted(group.prompt for batch in batches for group in batch) == [[number] for number in range(20)]
    sizes = [sum(len(group.completions) for group in batch) for batch in batches]
    assert all(4 <= size < 7 for size in sizes[:-1])
    assert batches == random_batches(groups, 4, seed=1)
    assert batches != random_batches(groups, 4, seed=2)
