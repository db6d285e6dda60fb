import math

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.clusters.catalogues import grouped_vectors
from transforms.clusters.config import TreeConfig
from transforms.clusters.fitting import fit_tree
from transforms.clusters.quality import (
    coherence,
    plain_clusters,
    retrieved_fractions,
    shuffle_paths,
    smallest_imbalance,
    tag_agreement,
    traffic_imbalance,
    unique_fraction,
)
from transforms.clusters.tree import assign

AXES = np.array([[127, 0], [127, 0], [0, 127], [0, 127], [0, 0]], np.int8)


def test_imbalance_by_hand() -> None:
    nodes, traffic = np.array([0, 0, 1, 2, 2]), np.array([1, 2, 6, 0, 0])
    assert traffic_imbalance(nodes, traffic, 3) == pytest.approx(6 / 3)
    assert traffic_imbalance(nodes, np.zeros(5, np.int64), 3) == pytest.approx(2 / (5 / 3))
    assert traffic_imbalance(nodes, traffic, 6) == pytest.approx(6 / 1.5)


def test_items_of_equal_vectors_bound_the_imbalance() -> None:
    assert smallest_imbalance(AXES, np.array([2, 2, 1, 1, 0]), 3) == pytest.approx(4 / 2)
    assert smallest_imbalance(AXES, np.array([1, 1, 1, 1, 4]), 1) == 1


def test_coherence_by_hand() -> None:
    assert coherence(AXES, np.array([0, 0, 1, 1, 1])) == pytest.approx(1)
    assert coherence(AXES, np.array([0, 1, 0, 1, 0])) == pytest.approx(0)
    # Cosines in the first node: 1 and 0, 1 and 0, 0 and 0; the other item is alone.
    assert coherence(AXES, np.array([0, 0, 0, 1, 0])) == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert math.isnan(coherence(AXES, np.arange(5)))
    assert math.isnan(coherence(AXES[4:], np.zeros(1, np.int64)))


def test_agreement_with_tags_by_hand() -> None:
    tags = pa.array(["a", "a", "b", None, "b"])
    assert tag_agreement(np.array([3, 3, 1, 3, 1]), tags) == (1, 1)
    assert tag_agreement(np.zeros(5, np.int64), tags) == (0, 0)
    assert math.isnan(tag_agreement(np.zeros(1, np.int64), pa.array([None], pa.string())).ari)


def test_retrieval_by_hand() -> None:
    descriptions = np.array([[1.0, 0], [0, 1.0], [1.0, 0], [1.0, 0]])
    vectors = np.array([[1.0, 0], [0.8, 0.6], [0, 1.0], [0.6, 0.8], [0.8, 0.6]])
    nodes = np.array([0, 1, 1, 0, 2])
    # The second description retrieves items 2 and 3; the third, item 0; the first, items 0 and 1 of two equal ones.
    found = retrieved_fractions(descriptions, vectors, nodes)
    assert found[:3].tolist() == [0.5, 0.5, 0]
    assert math.isnan(found[3])


def test_descriptions_that_differ_by_case_are_equal() -> None:
    assert unique_fraction([["a"], ["A", "b", "c"]]) == 0.75


def test_shuffled_paths_keep_the_sizes_of_nodes() -> None:
    paths = np.array([[0, 0], [0, 1], [0, 1], [1, 2]], np.int32)
    shuffled = shuffle_paths(paths, 1)
    assert sorted(map(tuple, shuffled.tolist())) == sorted(map(tuple, paths.tolist()))


def test_a_tree_is_more_coherent_than_chance_and_about_as_plain_clusters() -> None:
    vectors, groups = grouped_vectors(1500, 8)
    tags = pa.array([str(group) for group in groups])
    traffic = np.random.default_rng(0).integers(0, 10, len(vectors))
    paths = assign(vectors, fit_tree(vectors, traffic, TreeConfig(levels=(8,))))
    balanced, plain, chance = paths[:, 0], plain_clusters(vectors, 8, 0), shuffle_paths(paths, 0)[:, 0]
    assert coherence(vectors, balanced) > coherence(vectors, chance) + 0.3
    assert coherence(vectors, balanced) > 0.8 * coherence(vectors, plain)
    assert tag_agreement(balanced, tags).v_measure > tag_agreement(chance, tags).v_measure + 0.5
