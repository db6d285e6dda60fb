import numpy as np
import pytest

from transforms.clusters.costs import (
    CENTROID_SCALE,
    MAX_PENALTY,
    PENALTY_SCALE,
    cheapest,
    directions_of,
    lengths_of,
    negative_products,
    quantize_centroids,
    squared_lengths,
)
from transforms.encoders.quantized_vectors import quantize_vectors


def test_by_hand() -> None:
    vectors = np.array([[3, 4], [0, -5], [0, 0]], np.int8)
    assert lengths_of(vectors).tolist() == [5 * 256, 5 * 256, 1]
    assert directions_of(vectors).tolist() == [[0.6, 0.8], [0, -1], [0, 0]]
    centroids = quantize_centroids(np.array([[0.5, 0.5], [0, -1.0]]))
    assert centroids.tolist() == [[8192, 8192], [0, -16384]]
    assert (squared_lengths(centroids) / PENALTY_SCALE).tolist() == [0.5, 1]
    costs = negative_products(vectors, centroids) + lengths_of(vectors)[:, None] * squared_lengths(centroids)
    assert (costs[:2] / 2**32).tolist() == [[5 * 0.5 - 7, 5 + 8], [5 * 0.5 + 5, 5 - 10]]


def test_costs_order_nodes_as_squared_distances_do() -> None:
    random = np.random.default_rng(0)
    vectors = quantize_vectors(random.normal(size=(200, 50)))
    centroids = quantize_centroids(0.5 * directions_of(quantize_vectors(random.normal(size=(9, 50)))))
    offsets = random.random(9) / 10
    penalties = squared_lengths(centroids) + np.rint(offsets * PENALTY_SCALE).astype(np.int64)
    found = cheapest(negative_products(vectors, centroids), lengths_of(vectors), penalties)
    differences = directions_of(vectors)[:, None] - centroids / CENTROID_SCALE
    expected = ((differences**2).sum(axis=2) + offsets).argmin(axis=1)
    assert np.mean(found == expected) > 0.99


def test_a_tie_goes_to_the_lowest_index_and_zeros_to_the_smallest_penalty() -> None:
    vectors = np.array([[127, 0], [0, 0]], np.int8)
    centroids = quantize_centroids(np.array([[0, 1.0], [1, 0], [1, 0], [0, 0.5]]))
    nodes = cheapest(negative_products(vectors, centroids), lengths_of(vectors), squared_lengths(centroids))
    assert nodes.tolist() == [1, 3]


@pytest.mark.parametrize("dimensions", [1, 256, 1040, 4096])
def test_costs_are_exact_whole_numbers(dimensions: int) -> None:
    random = np.random.default_rng(0)
    vectors = quantize_vectors(random.choice([-1.0, 1.0, 0.9], (20, dimensions)))
    centroids = quantize_centroids(directions_of(vectors[:5]))
    products = negative_products(vectors, centroids)
    exact = -vectors.astype(object) @ centroids.astype(object).T * (2 * 256 * PENALTY_SCALE // CENTROID_SCALE)
    assert (products.astype(object) == exact).all()
    lengths = lengths_of(vectors)
    assert (lengths == np.rint(lengths)).all()
    assert np.abs(products).max() + lengths.max() * MAX_PENALTY < 2**53
