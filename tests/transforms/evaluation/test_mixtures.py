from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas import ITEMS
from tests.transforms.evaluation.builders import collections
from transforms.evaluation.mixtures import MIXTURES, MixtureConfig, Mixtures, build_mixtures

SIZES = [3, 7, 8, 9, 20, 45, 60, 12, 30, 41]
ROWS = collections(SIZES)


def origins(mixtures: Mixtures, row: dict[str, Any]) -> list[int]:
    """The collection of each item, by its title."""
    return [int(mixtures.items["title"][item].as_py().split()[0]) for item in row["item"]]


@pytest.mark.parametrize("proportions", ["equal", "skewed"])
def test_mixtures_are_what_they_promise(proportions: Any) -> None:
    config = MixtureConfig((1, 2, 3), mixtures_per_k=40, proportions=proportions, seed=5)
    mixtures = build_mixtures(ROWS, config)
    ITEMS.check(mixtures.items)
    assert mixtures.rows.schema == MIXTURES
    rows = mixtures.rows.to_pylist()
    assert [row["mixture_id"] for row in rows] == list(range(120))
    assert Counter(row["k"] for row in rows) == {1: 40, 2: 40, 3: 40}
    used = set()
    for row in rows:
        used |= set(row["item"])
        pairs = set(zip(row["label"], origins(mixtures, row), strict=True))
        assert len(pairs) == row["k"] == len({origin for _, origin in pairs})
        assert len(set(row["item"])) == len(row["item"])
        sizes = Counter(row["label"])
        for label, origin in pairs:
            assert 8 <= sizes[label] <= min(40, SIZES[origin])
            if proportions == "skewed" and label:
                assert sizes[0] >= 3 * sizes[label]
    assert used == set(range(mixtures.items.num_rows))


def test_collections_are_interleaved() -> None:
    rows = build_mixtures(ROWS, MixtureConfig((2,), mixtures_per_k=50)).rows.to_pylist()
    changes = [np.mean(np.diff(row["label"]) != 0) for row in rows]
    assert 0.3 < np.mean(changes) < 0.6


def test_sizes_vary() -> None:
    rows = build_mixtures(ROWS, MixtureConfig((2,), mixtures_per_k=50)).rows.to_pylist()
    assert len({size for row in rows for size in Counter(row["label"]).values()}) > 10


def test_the_order_of_rows_decides_nothing_and_the_seed_does() -> None:
    config = MixtureConfig(mixtures_per_k=5)
    expected = build_mixtures(ROWS, config)
    assert build_mixtures(ROWS.take(pa.array([*range(9, -1, -1)])), config) == expected
    assert build_mixtures(ROWS, MixtureConfig(mixtures_per_k=5, seed=1)) != expected


def test_the_mixtures_of_one_k_do_not_depend_on_the_other_ks() -> None:
    few, many = (build_mixtures(ROWS, MixtureConfig(ks, mixtures_per_k=5)) for ks in ((3,), (2, 3)))
    titles = [
        [[mixtures.items["title"][item].as_py() for item in row["item"]] for row in mixtures.rows.to_pylist()]
        for mixtures in (few, many)
    ]
    assert titles[0] == titles[1][5:]


def test_collections_with_a_common_item_are_not_mixed() -> None:
    twins = ROWS.slice(5, 1)
    rows = pa.concat_batches([ROWS.slice(4, 1), twins, twins])
    for row in build_mixtures(rows, MixtureConfig((2,), mixtures_per_k=20)).rows.to_pylist():
        assert len(set(row["item"])) == len(row["item"])
    with pytest.raises(ValueError, match="no k=2 collections without a common item in 1000 attempts"):
        build_mixtures(pa.concat_batches([twins, twins]), MixtureConfig((2,), mixtures_per_k=1))


def test_too_few_collections() -> None:
    with pytest.raises(ValueError, match=r"k=5 needs 5 collections of at least 8 items.*there are 2 and 2"):
        build_mixtures(ROWS.slice(0, 4), MixtureConfig((5,)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"collections_per_mixture": ()}, "collections_per_mixture must be distinct numbers, at least one"),
        ({"collections_per_mixture": (2, 2)}, "collections_per_mixture must be distinct"),
        ({"collections_per_mixture": (0,)}, "collections_per_mixture must be at least 1, got 0"),
        ({"mixtures_per_k": 0}, "mixtures_per_k must be at least 1, got 0"),
        ({"min_collection_items": 0}, "min_collection_items must be at least 1, got 0"),
        ({"min_collection_items": 9, "max_collection_items": 8}, "max_collection_items must be at least 9, got 8"),
        ({"max_collection_items": 20, "proportions": "skewed"}, "max_collection_items must be at least 24, got 20"),
        ({"proportions": "odd"}, "proportions must be one of"),
    ],
)
def test_wrong_options_are_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixtureConfig(**options)
