import numpy as np
import pytest

from tests.transforms.interest.synthetic import world
from transforms.interest.pairs import distinct_pairs
from transforms.interest.recommend import recommend, recommend_popular, top_popular
from transforms.interest.training import InterestModel

PAIRS = distinct_pairs(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 2, 3, 1]), (3, 5))
MODEL = InterestModel(
    np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32),
    np.array([[5.0, 0.0], [4.0, 0.0], [3.0, 1.0], [0.0, 9.0], [3.0, 2.0]], np.float32),
)
USERS = np.arange(3, dtype=np.int32)


def test_the_best_unseen_items_in_order_of_score_then_number() -> None:
    assert recommend(MODEL, PAIRS, USERS, 2).tolist() == [[2, 4], [4, 0], [3, 0]]
    assert recommend(MODEL, PAIRS, USERS, 2, "interest").tolist() == [[2, 4], [0, 4], [0, 2]]


def test_the_top_popular_unseen_items() -> None:
    assert top_popular(PAIRS, 3).tolist() == [1, 0, 2]
    assert recommend_popular(PAIRS, USERS, 2).tolist() == [[2, 3], [0, 4], [0, 2]]


@pytest.mark.parametrize("cause", ["both", "interest"])
def test_as_a_matrix_product_says(cause: str) -> None:
    pairs = world()
    random = np.random.default_rng(0)
    users, items = (random.normal(size=(count, 6)) for count in (len(pairs.offsets) - 1, pairs.item_count))
    model = InterestModel(users.astype(np.float32), items.astype(np.float32))
    width = 3 if cause == "interest" else 6
    scores = model.users[:, :width].astype(float) @ model.items[:, :width].T.astype(float)
    scores[pairs.users, pairs.items] = -np.inf
    chosen = np.array([3, 50], np.int32)
    expected = np.argsort(-scores[chosen], axis=1)[:, :7]
    assert recommend(model, pairs, chosen, 7, cause).tolist() == expected.tolist()  # type: ignore[arg-type]
