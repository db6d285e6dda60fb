import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.clusters.catalogues import catalogues, grouped_vectors
from transforms.clusters.config import TreeConfig
from transforms.clusters.costs import Integers, Vectors, directions_of
from transforms.clusters.fitting import fit_tree
from transforms.clusters.quality import coherence, described_fraction, imbalance, plain_clusters, shuffle_paths
from transforms.clusters.tree import assign

AXES = np.array([[127, 0], [127, 0], [0, 127], [0, 127], [0, 0]], np.int8)


def test_imbalance_by_hand() -> None:
    assert imbalance(np.array([3, 6, 0])) == pytest.approx(6 / 3)
    assert imbalance(np.array([0, 0])) == 1


def test_coherence_by_hand() -> None:
    assert coherence(AXES, np.array([0, 0, 1, 1, 1])) == pytest.approx(1)
    assert coherence(AXES, np.array([0, 1, 0, 1, 0])) == pytest.approx(0)
    # Cosines in the first node: 1 and 0, 1 and 0, 0 and 0; the other item is alone.
    assert coherence(AXES, np.array([0, 0, 0, 1, 0])) == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert math.isnan(coherence(AXES, np.arange(5)))
    assert math.isnan(coherence(AXES[4:], np.zeros(1, np.int64)))


@given(catalogues(), st.integers(1, 5))
def test_coherence_is_the_mean_cosine_with_the_others(catalogue: tuple[Vectors, Integers], count: int) -> None:
    vectors = catalogue[0]
    nodes = np.arange(len(vectors)) % count
    cosines = directions_of(vectors) @ directions_of(vectors).T
    found = []
    for item in np.flatnonzero(vectors.any(axis=1)):
        others = [each for each in np.flatnonzero((nodes == nodes[item]) & vectors.any(axis=1)) if each != item]
        if others:
            found.append(cosines[item, others].mean())
    assert coherence(vectors, nodes) == pytest.approx(np.mean(found) if found else math.nan, nan_ok=True, abs=1e-9)


def test_items_near_to_a_description_by_hand() -> None:
    # Lengths do not matter: the second description is as near as any other of its direction.
    descriptions = np.array([[127, 0], [0, 3], [0, 127]], np.int8)
    vectors = np.array([[127, 0], [127, 90], [90, 127], [0, 127], [0, 0]], np.int8)
    assert described_fraction(descriptions, vectors, np.array([0, 0, 1, 1, 1])) == 1
    # The third is equal to the second, which has the lower index.
    assert described_fraction(descriptions, vectors, np.array([1, 0, 1, 2, 0])) == 0.5
    assert math.isnan(described_fraction(descriptions, vectors[4:], np.array([0])))


def test_a_description_without_a_vector_is_at_a_right_angle_to_all_items() -> None:
    descriptions = np.array([[0, 0], [1, 0]], np.int8)
    assert described_fraction(descriptions, np.array([[5, 5], [-5, 5]], np.int8), np.array([1, 0])) == 1


def test_shuffled_paths_keep_the_sizes_of_nodes() -> None:
    paths = np.array([[0, 0], [0, 1], [0, 1], [1, 2]], np.int32)
    shuffled = shuffle_paths(paths, 1)
    assert sorted(map(tuple, shuffled.tolist())) == sorted(map(tuple, paths.tolist()))


def test_a_tree_is_more_coherent_than_chance_and_about_as_plain_clusters() -> None:
    vectors, _ = grouped_vectors(1500, 8)
    traffic = np.random.default_rng(0).integers(0, 10, len(vectors))
    paths = assign(vectors, fit_tree(vectors, traffic, TreeConfig(levels=(8,))))
    balanced, plain, chance = paths[:, 0], plain_clusters(vectors, 8, 0), shuffle_paths(paths, 0)[:, 0]
    assert coherence(vectors, balanced) > coherence(vectors, chance) + 0.3
    assert coherence(vectors, balanced) > 0.8 * coherence(vectors, plain)
