import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.clusters.catalogues import catalogues
from transforms.clusters.balance import HEAVIEST_TOLERANCE, balancing_offsets
from transforms.clusters.costs import (
    PENALTY_SCALE,
    Integers,
    Vectors,
    cheapest,
    lengths_of,
    negative_products,
    quantize_centroids,
    squared_lengths,
)


def balance(vectors: Vectors, centroids: np.ndarray, weights: Integers, limit: float) -> tuple[Integers, Integers]:
    """Return the offsets and the node of each item."""
    whole = quantize_centroids(centroids)
    products, lengths, penalties = negative_products(vectors, whole), lengths_of(vectors), squared_lengths(whole)
    offsets = balancing_offsets(products, lengths, penalties, weights, limit)
    return offsets, cheapest(products, lengths, penalties + offsets)


FAN = np.array([[127, 0], [127, 10], [127, 30], [127, 60], [60, 127], [0, 127]], np.int8)
AXES = np.array([[1.0, 0], [0, 1.0]])


def test_nothing_changes_within_the_limit() -> None:
    offsets, owners = balance(FAN, AXES, np.ones(6, np.int64), 4)
    assert offsets.tolist() == [0, 0]
    assert owners.tolist() == [0, 0, 0, 0, 1, 1]


def test_the_item_that_loses_least_leaves() -> None:
    offsets, owners = balance(FAN, AXES, np.ones(6, np.int64), 3)
    assert owners.tolist() == [0, 0, 0, 1, 1, 1]
    assert offsets[1] == 0
    # The difference of its squared distances is 2 (127 - 60) / |(127, 60)| = 0.954; that of the next, 1.487.
    assert 0.953 < offsets[0] / PENALTY_SCALE < 1.487


def test_a_heavy_item_may_exceed_the_limit_almost_alone() -> None:
    weights = np.array([100, 1, 1, 1, 1, 1])
    _, owners = balance(FAN, AXES, weights, 10)
    assert owners.tolist() == [0, 0, 0, 0, 1, 1]
    weights = np.array([20, 1, 1, 1, 1, 1])
    _, owners = balance(FAN, AXES, weights, 10)
    assert owners.tolist() == [0, 0, 1, 1, 1, 1]


def test_equal_items_stay_together() -> None:
    offsets, owners = balance(np.tile(FAN[:1], (5, 1)), AXES, np.ones(5, np.int64), 2)
    assert len(set(owners.tolist())) == 1
    assert len(offsets) == 2


def test_one_node_has_all() -> None:
    offsets, owners = balance(FAN, AXES[:1], np.ones(6, np.int64), 1)
    assert offsets.tolist() == [0]
    assert not owners.any()


@given(catalogues(), st.integers(1, 5), st.floats(0, 50))
def test_the_excess_never_grows_and_no_node_loses_all(
    catalogue: tuple[Vectors, Integers], nodes: int, limit: float
) -> None:
    vectors, weights = catalogue
    centroids = np.random.default_rng(nodes).uniform(-1, 1, (nodes, vectors.shape[1]))
    offsets, owners = balance(vectors, centroids, weights, limit)
    assert offsets.min() >= 0
    _, plain = balance(vectors, centroids, weights, float(weights.sum()))
    assert set(plain.tolist()) <= set(owners.tolist())
    assert excess(owners, weights, limit) <= excess(plain, weights, limit)


def excess(owners: Integers, weights: Integers, limit: float) -> float:
    largest = 0.0
    for node in set(owners.tolist()):
        own = weights[owners == node]
        allowed = HEAVIEST_TOLERANCE * own.max() if own.max() > limit else limit
        largest = max(largest, own.sum() / max(allowed, np.finfo(float).tiny))
    return largest
