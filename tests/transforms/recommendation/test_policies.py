import numpy as np
import pytest

from transforms.recommendation.histories import NO_ITEM
from transforms.recommendation.policies import (
    FAMILIAR,
    NOVEL,
    POPULAR,
    Candidates,
    by_score,
    fill_lists,
    in_turn,
)
from transforms.recommendation.retrieval import Consumed, Retrieved

NOTHING = Consumed(np.zeros(2, np.int64), np.zeros(0, np.int32))


def retrieved() -> Retrieved:
    """One user with two requests of three items."""
    items = np.array([[7, 8, 9], [4, 5, NO_ITEM]], np.int32)
    return Retrieved(items, np.array([[3.0, 2.0, 1.0], [9.0, 2.0, -np.inf]]))


def candidates(*items: int) -> Candidates:
    row = np.array([[*items, NO_ITEM]], np.int32)
    return Candidates(row, np.zeros(row.shape), np.zeros(row.shape, np.int64))


def test_novel_items_are_taken_from_clusters_in_turn() -> None:
    found = in_turn(retrieved(), 2)
    assert found.items.tolist() == [[7, 4, 8, 5, 9, NO_ITEM]]
    assert found.columns.tolist()[0][:5] == [0, 1, 0, 1, 0]


def test_familiar_items_are_ordered_by_score_then_code() -> None:
    found = by_score(retrieved(), 2)
    assert found.items.tolist() == [[4, 7, 5, 8, 9, NO_ITEM]]
    assert found.columns.tolist()[0][:5] == [1, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (0, [20, 21, 22, 23]),
        (1, [20, 21, 22, 10]),
        (2, [20, 10, 21, 11]),
        (3, [20, 10, 11, 12]),
        (4, [10, 11, 12, 13]),
    ],
)
def test_places_of_novel_items_are_evenly_spaced(places: int, expected: list[int]) -> None:
    novel, familiar = candidates(10, 11, 12, 13), candidates(20, 21, 22, 23)
    lists = fill_lists(novel, familiar, np.zeros(0, np.int32), NOTHING, 4, places)
    assert lists.items.tolist() == [expected]
    assert [POLICY[policy] for policy in lists.policies[0]] == ["n" if item < 20 else "f" for item in expected]


POLICY = {NOVEL: "n", FAMILIAR: "f", POPULAR: "p"}


def test_other_items_fill_a_list_in_which_one_kind_ends() -> None:
    popular = np.array([3, 20, 5, 6], np.int32)
    consumed = Consumed(np.array([0, 1]), np.array([3], np.int32))
    lists = fill_lists(candidates(10), candidates(20), popular, consumed, 5, 4)
    assert lists.items.tolist() == [[20, 10, 5, 6, NO_ITEM]]
    assert lists.policies.tolist()[0][:4] == [FAMILIAR, NOVEL, POPULAR, POPULAR]
    assert lists.places.tolist()[0][:4] == [0, 0, 2, 3]
