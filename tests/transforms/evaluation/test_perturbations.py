import numpy as np
import pytest

from schemas import ITEMS
from tests.transforms.evaluation.builders import collections
from transforms.evaluation.mixtures import MixtureConfig, build_mixtures
from transforms.evaluation.perturbations import concatenate_mixtures, inject_members, inject_popular, reorder

ROWS = collections([20, 30, 40, 50])
MIXTURES = build_mixtures(ROWS, MixtureConfig((2, 3), mixtures_per_k=100))
POPULAR = collections([5, 5, 5, 5, 9, 25])  # only the last two have items that no mixture has


def test_another_order_has_the_same_items() -> None:
    again = reorder(MIXTURES.rows, seed=1)
    assert again.select(["mixture_id", "k"]) == MIXTURES.rows.select(["mixture_id", "k"])
    for one, other in zip(MIXTURES.rows.to_pylist(), again.to_pylist(), strict=True):
        assert one["item"] != other["item"]
        assert dict(zip(one["item"], one["label"], strict=True)) == dict(
            zip(other["item"], other["label"], strict=True)
        )


def test_another_order_does_not_depend_on_the_batch() -> None:
    again = reorder(MIXTURES.rows, seed=1)
    assert reorder(MIXTURES.rows.slice(7, 5), seed=1) == again.slice(7, 5)
    assert reorder(MIXTURES.rows.slice(0, 0), seed=1).num_rows == 0
    assert reorder(MIXTURES.rows, seed=2) != again


def test_popular_items_are_planted_and_nothing_else_changes() -> None:
    planted = inject_popular(MIXTURES, POPULAR, number=6, fraction=0.25, seed=3)
    existing = MIXTURES.items.num_rows
    ITEMS.check(planted.items)
    assert planted.items.slice(0, existing) == MIXTURES.items
    assert planted.items["item_id"].to_pylist() == [f"{number:08d}" for number in range(existing + 6)]
    assert len({title.split()[0] for title in planted.items["title"].to_pylist()[existing:]} & {"4", "5"}) == 1
    mixtures_of = np.zeros(6)
    for before, after in zip(MIXTURES.rows.to_pylist(), planted.rows.to_pylist(), strict=True):
        pairs = list(zip(after["item"], after["label"], strict=True))
        assert [pair for pair in pairs if pair[1] >= 0] == list(zip(before["item"], before["label"], strict=True))
        new = [item for item, label in pairs if label < 0]
        assert len(set(new)) == len(new)
        mixtures_of[np.array(new, int) - existing] += 1
    assert (np.abs(mixtures_of / 200 - 0.25) < 0.12).all()
    assert inject_popular(MIXTURES, POPULAR, number=6, fraction=0.25, seed=3) == planted


def test_popular_items_lie_anywhere_in_time() -> None:
    planted = inject_popular(MIXTURES, POPULAR, number=9, fraction=1.0, seed=0)
    places = [np.flatnonzero(np.array(row["label"]) < 0) / len(row["label"]) for row in planted.rows.to_pylist()]
    assert np.concatenate(places).mean() == pytest.approx(0.5, abs=0.05)


def test_members_are_planted_where_they_are_not_yet_and_nothing_else_changes() -> None:
    planted = inject_members(MIXTURES, number=6, fraction=0.25, seed=3)
    assert planted.items == MIXTURES.items
    mixtures_of: dict[int, int] = {}
    for before, after in zip(MIXTURES.rows.to_pylist(), planted.rows.to_pylist(), strict=True):
        pairs = list(zip(after["item"], after["label"], strict=True))
        assert [pair for pair in pairs if pair[1] >= 0] == list(zip(before["item"], before["label"], strict=True))
        new = [item for item, label in pairs if label < 0]
        assert len(set(new)) == len(new)
        assert not set(new) & set(before["item"])
        for item in new:
            mixtures_of[item] = mixtures_of.get(item, 0) + 1
    assert len(mixtures_of) == 6
    assert inject_members(MIXTURES, number=6, fraction=0.25, seed=3) == planted


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="items that are in enough mixtures, 999 are needed"):
        inject_members(MIXTURES, number=999, fraction=0.5, seed=0)
    with pytest.raises(ValueError, match=r"got 1 and 0"):
        inject_members(MIXTURES, number=1, fraction=0, seed=0)
    with pytest.raises(ValueError, match="no collection has at least 26 items"):
        inject_popular(MIXTURES, POPULAR, number=26, fraction=0.5, seed=0)
    with pytest.raises(ValueError, match=r"got 0 and 0\.5"):
        inject_popular(MIXTURES, POPULAR, number=0, fraction=0.5, seed=0)
    with pytest.raises(ValueError, match=r"got 1 and 1\.5"):
        inject_popular(MIXTURES, POPULAR, number=1, fraction=1.5, seed=0)


def test_batches_are_put_in_order() -> None:
    rows = MIXTURES.rows
    assert concatenate_mixtures([rows.slice(50), rows.slice(0, 50)]) == rows
