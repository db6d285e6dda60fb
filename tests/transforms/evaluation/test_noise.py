import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS
from tests.transforms.evaluation.builders import collections
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.mixtures import build_mixtures
from transforms.evaluation.noise import add_noise, noise_count
from transforms.evaluation.numbered_collections import item_texts

ROWS = collections([20, 30, 40, 50, *[2] * 200])
MIXTURES = build_mixtures(ROWS, MixtureConfig((2, 3), mixtures_per_k=20))
NOISY = add_noise(MIXTURES, ROWS, (0, 0.1, 0.5), seed=3)


def collections_of(items: pa.RecordBatch) -> list[str]:
    return [title.split()[0] for title in items["title"].to_pylist()]


def test_noise_is_a_fraction_of_the_items() -> None:
    assert [noise_count(70, fraction) for fraction in (0, 0.3, 0.5)] == [0, 30, 70]
    for fraction, rows in NOISY.noisy.items():
        for row in rows.to_pylist():
            labels = np.array(row["label"])
            assert (labels < 0).sum() == noise_count(int((labels >= 0).sum()), fraction)


def test_each_noise_item_is_of_another_collection_and_nothing_else_changes() -> None:
    ITEMS.check(NOISY.items)
    assert item_texts(NOISY.items).to_pylist() == sorted(item_texts(NOISY.items).to_pylist())
    of, titles, before = (
        collections_of(NOISY.items),
        NOISY.items["title"].to_pylist(),
        MIXTURES.items["title"].to_pylist(),
    )
    for rows in (NOISY.rows, *NOISY.noisy.values()):
        for was, now in zip(MIXTURES.rows.to_pylist(), rows.to_pylist(), strict=True):
            kept = [(titles[item], label) for item, label in zip(now["item"], now["label"], strict=True) if label >= 0]
            assert kept == [(before[item], label) for item, label in zip(was["item"], was["label"], strict=True)]
            noise = [of[item] for item, label in zip(now["item"], now["label"], strict=True) if label < 0]
            mixed = {of[item] for item, label in zip(now["item"], now["label"], strict=True) if label >= 0}
            assert len(set(noise)) == len(noise)
            assert not mixed & set(noise)


def test_the_noise_of_a_smaller_fraction_is_part_of_that_of_a_larger_one() -> None:
    for few, many in zip(NOISY.noisy[0.1].to_pylist(), NOISY.noisy[0.5].to_pylist(), strict=True):
        assert set(few["item"]) < set(many["item"])
    assert NOISY.noisy[0] == NOISY.rows


def test_items_in_a_common_collection_are_not_noise_together() -> None:
    """The first item of every collection of two is in one more collection with all others of them."""
    twice = pa.RecordBatch.from_pylist(
        [
            {
                "source": "more",
                "name": "all",
                "item_titles": [f"{number} item 0" for number in range(4, 204)],
                "item_descriptions": [f"about {number}" for number in range(4, 204)],
            }
        ],
        ROWS.schema,
    )
    noisy = add_noise(MIXTURES, pa.concat_batches([ROWS, twice]), (0.5,), seed=0)
    titles = noisy.items["title"].to_pylist()
    for row in noisy.noisy[0.5].to_pylist():
        noise = [titles[item] for item, label in zip(row["item"], row["label"], strict=True) if label < 0]
        assert sum(title.endswith("item 0") and int(title.split()[0]) >= 4 for title in noise) <= 1


def test_mixtures_are_left_out_for_which_there_is_too_little_noise() -> None:
    few = collections([20, 30, 40, 50, 2, 2])
    noisy = add_noise(build_mixtures(few, MixtureConfig((2,), mixtures_per_k=10)), few, (0, 0.5), seed=0)
    assert noisy.noisy[0].num_rows == 10
    assert noisy.noisy[0.5].num_rows == 0


def test_noise_depends_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    backwards = ROWS.take(pa.array([*range(ROWS.num_rows - 1, -1, -1)]))
    assert add_noise(MIXTURES, backwards, (0, 0.1, 0.5), seed=3) == NOISY
    assert add_noise(MIXTURES, ROWS, (0.1,), seed=4).noisy[0.1] != NOISY.noisy[0.1]


def test_wrong_fractions() -> None:
    with pytest.raises(ValueError, match=r"fractions of noise must be in \[0, 1\), got \(1,\)"):
        add_noise(MIXTURES, ROWS, (1,), seed=0)
