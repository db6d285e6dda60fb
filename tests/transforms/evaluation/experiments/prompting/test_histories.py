import dataclasses

import pytest

from tests.transforms.evaluation.experiments.naming.builders import example, examples, made_examples
from tests.transforms.evaluation.experiments.prompting.builders import SMALL
from transforms.evaluation.experiments.prompting.histories import History, build_histories, groups_of_labels

MADE = [row for row in made_examples() if row["split"] == "test"]


def test_histories_are_mixed_from_whole_collections() -> None:
    titles_of = {str(row["name"]): row["titles"] for row in MADE}
    histories = build_histories(examples(MADE), SMALL)
    assert [history.k for history in histories] == [2] * 4 + [3] * 4
    for history in histories:
        assert len(history.names) == len(set(history.names)) == history.k
        assert len(history.titles) == len(history.labels) == 4 * history.k
        for title, label in zip(history.titles, history.labels, strict=True):
            assert title in titles_of[history.names[label]]  # type: ignore[operator]
    assert any(list(history.labels) != sorted(history.labels) for history in histories)


def test_histories_depend_on_the_seed_alone() -> None:
    rows = examples(MADE)
    again = build_histories(rows, SMALL)
    assert build_histories(rows, SMALL) == again
    assert build_histories(rows, dataclasses.replace(SMALL, seed=1)) != again
    more = build_histories(rows, dataclasses.replace(SMALL, histories_per_k=6))
    assert more[:4] == again[:4]


def test_collections_with_a_common_title_or_name_are_not_mixed() -> None:
    rows = [
        example("Tea pots", ["a", "b", "c"]),
        example("tea pot", ["d", "e", "f"]),
        example("Jazz", ["c", "g", "h"]),
        example("Chess", ["i", "j", "k"]),
    ]
    config = dataclasses.replace(SMALL, named_collections=(2,), histories_per_k=20)
    pairs = {frozenset(history.names) for history in build_histories(examples(rows), config)}
    assert pairs <= {
        frozenset(pair)
        for pair in (("Tea pots", "Chess"), ("tea pot", "Jazz"), ("tea pot", "Chess"), ("Jazz", "Chess"))
    }
    with pytest.raises(ValueError, match="no 2 examples with distinct names and titles"):
        build_histories(examples(rows[:2]), config)


def test_too_few_collections() -> None:
    rows = [example("a", ["b", "c", "d"]), example("short", ["e", "f"])]
    with pytest.raises(ValueError, match=r"k=2 needs 2 examples of at least 3 titles, got 1"):
        build_histories(examples(rows), SMALL)


def test_groups_of_labels() -> None:
    history = History(2, ("x", "y"), ("a", "b", "c", "d", "e"), (0, 0, 1, 1, 1))
    assert groups_of_labels(history, (7, 3, 7, -1, 7)) == [["a", "c", "e"], ["b"]]
    assert groups_of_labels(history, (5, 3, 5, 3, -1)) == [["a", "c"], ["b", "d"]]
    assert groups_of_labels(history, (-1,) * 5) == []
