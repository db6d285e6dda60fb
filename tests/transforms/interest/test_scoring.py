import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.interest.synthetic import ITEMS, world
from transforms.interest.config import InterestConfig
from transforms.interest.scoring import UNKNOWN, NamedModel, Scorer, interest_probabilities
from transforms.interest.training import InterestModel, train_dice

MODEL = InterestModel(
    np.array([[1.0, 1.0], [2.0, -1.0]], np.float32),
    np.array([[1.0, 0.0], [-1.0, 7.0], [0.5, 3.0], [0.5, 2.0]], np.float32),
)
"""One dimension for each cause; the mean of interest over the items is 0.25."""


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


def test_by_hand() -> None:
    found = interest_probabilities(MODEL, np.array([0, 0, 0, 1], np.int32), np.array([0, 1, 2, 2], np.int32))
    expected = [
        sigmoid(1 - 0.25),
        sigmoid(-1 - 0.25),
        sigmoid(0.5 - 0.25),
        sigmoid(2 * 0.5 - 2 * 0.25),
    ]
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-6)


def test_unknown_users_and_items_get_one_half() -> None:
    unknown = np.array([UNKNOWN, 0, UNKNOWN], np.int32)
    assert interest_probabilities(MODEL, unknown, np.array([0, UNKNOWN, UNKNOWN], np.int32)).tolist() == [0.5, 0.5, 0.5]


def test_by_names() -> None:
    scorer = Scorer(NamedModel(pa.array(["u", "v"]), pa.array(["a", "b", "c", "d"]), MODEL))
    rows = pa.RecordBatch.from_pydict({"user_id": ["v", "nobody", "u"], "item_id": ["c", "a", "a"]})
    expected = interest_probabilities(MODEL, np.array([1, UNKNOWN, 0], np.int32), np.array([2, 0, 0], np.int32))
    assert scorer.probabilities(rows).tolist() == expected.tolist()
    assert scorer.probabilities(rows.slice(0, 0)).tolist() == []


def test_what_everybody_does_has_less_interest() -> None:
    pairs = world()
    interests = interest_probabilities(train_dice(pairs, InterestConfig(dimensions=8)), pairs.users, pairs.items)
    popular = pairs.items >= ITEMS
    assert ((interests >= 0) & (interests <= 1)).all()
    assert np.quantile(interests[popular], 0.9) < np.quantile(interests[~popular], 0.1)
