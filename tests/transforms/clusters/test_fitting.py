import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from tests.transforms.clusters.catalogues import catalogues, grouped_vectors, traffic_imbalance
from transforms.clusters import fitting
from transforms.clusters.config import TreeConfig
from transforms.clusters.costs import Integers, Vectors
from transforms.clusters.fitting import allot_children, distinct_vectors, fit_tree
from transforms.clusters.tree import Tree, assign


def tree_bytes(tree: Tree) -> list[bytes]:
    return [column.tobytes() for level in tree.levels for column in level]


@given(catalogues(), st.sampled_from([(1,), (3,), (2, 5), (1, 2, 40)]))
def test_trees_are_nested_complete_and_without_empty_nodes(
    catalogue: tuple[Vectors, Integers], levels: tuple[int, ...]
) -> None:
    vectors, traffic = catalogue
    tree = fit_tree(vectors, traffic, TreeConfig(levels=levels))
    paths = assign(vectors, tree)
    distinct = len(np.unique(vectors, axis=0))
    assert tree.sizes == tuple(min(size, distinct) for size in levels)
    for depth, level in enumerate(tree.levels):
        assert np.array_equal(np.unique(paths[:, depth]), np.arange(len(level.penalties)))
        above = paths[:, depth - 1] if depth else np.zeros(len(paths))
        assert np.array_equal(level.parents[paths[:, depth]], above)


@given(catalogues(), st.randoms(use_true_random=False))
def test_the_order_of_items_has_no_influence(catalogue: tuple[Vectors, Integers], random) -> None:  # type: ignore[no-untyped-def]
    vectors, traffic = catalogue
    order = list(range(len(vectors)))
    random.shuffle(order)
    config = TreeConfig(levels=(2, 5), sample_items=10)
    assert tree_bytes(fit_tree(vectors[order], traffic[order], config)) == tree_bytes(
        fit_tree(vectors, traffic, config)
    )


def test_threads_have_no_influence() -> None:
    vectors, groups = grouped_vectors(3000, 10, dimensions=64)
    config = TreeConfig(levels=(4, 16))
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            tree = fit_tree(vectors, groups, config)
            found.append((tree_bytes(tree), assign(vectors, tree).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(3))
def test_traffic_is_balanced_over_whole_levels(seed: int) -> None:
    vectors, _ = grouped_vectors(4000, 12, seed=seed)
    traffic = np.minimum(np.random.default_rng(seed).zipf(1.8, len(vectors)), 40)
    config = TreeConfig(levels=(6, 36), seed=seed)
    tree = fit_tree(vectors, traffic, config)
    paths = assign(vectors, tree)
    assert tree.sizes == (6, 36)
    for depth, size in enumerate(tree.sizes):
        assert traffic_imbalance(paths[:, depth], traffic, size) <= config.max_imbalance


def test_a_huge_item_takes_one_node_and_the_others_are_balanced() -> None:
    vectors, _ = grouped_vectors(2000, 8)
    traffic = np.ones(len(vectors), np.int64)
    traffic[17] = 10_000
    tree = fit_tree(vectors, traffic, TreeConfig(levels=(8,)))
    nodes = assign(vectors, tree)[:, 0]
    bound = 8 * 10_000 / 11_999
    assert traffic_imbalance(nodes, traffic, 8) <= 1.05 * bound


def test_a_sample_gives_centroids_and_all_items_are_balanced() -> None:
    vectors, _ = grouped_vectors(3000, 8)
    traffic = np.ones(len(vectors), np.int64)
    tree = fit_tree(vectors, traffic, TreeConfig(levels=(8,), sample_items=200))
    assert traffic_imbalance(assign(vectors, tree)[:, 0], traffic, 8) <= 1.3


def test_many_items_are_balanced_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_MAX_COSTS", 1 << 13)
    vectors, _ = grouped_vectors(3000, 8)
    for traffic in (np.ones(len(vectors), np.int64), np.random.default_rng(0).integers(0, 9, len(vectors))):
        tree = fit_tree(vectors, traffic, TreeConfig(levels=(8,)))
        assert traffic_imbalance(assign(vectors, tree)[:, 0], traffic, 8) <= 1.5


@settings(max_examples=20)
@given(st.integers(1, 30))
def test_equal_items_have_one_node(count: int) -> None:
    for vector in (np.zeros(3), np.array([1.0, -2, 0])):
        vectors = np.tile(np.rint(vector * 60).astype(np.int8), (count, 1))
        tree = fit_tree(vectors, np.ones(count, np.int64), TreeConfig())
        assert tree.sizes == (1, 1)
        assert not assign(vectors, tree).any()


def test_items_without_a_vector_have_one_path() -> None:
    vectors, groups = grouped_vectors(300, 5)
    vectors[[3, 50, 299]] = 0
    paths = assign(vectors, fit_tree(vectors, groups, TreeConfig(levels=(3, 9))))
    assert len({tuple(path) for path in paths[[3, 50, 299]].tolist()}) == 1


def test_without_traffic_items_count_as_one() -> None:
    vectors, _ = grouped_vectors(200, 4)
    config = TreeConfig(levels=(4,))
    assert tree_bytes(fit_tree(vectors, np.zeros(200, np.int64), config)) == tree_bytes(
        fit_tree(vectors, np.ones(200, np.int64), config)
    )


@pytest.mark.parametrize(
    ("items", "traffic", "message"),
    [
        (0, [], "expected vectors and traffic of the same items, got 0 and 0"),
        (2, [1], "expected vectors and traffic of the same items, got 2 and 1"),
        (2, [1, -3], "traffic must be at least 0, got -3"),
    ],
)
def test_wrong_input_is_named(items: int, traffic: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_tree(np.zeros((items, 2), np.int8), np.array(traffic, np.int64), TreeConfig())


def test_distinct_vectors_by_hand() -> None:
    vectors = np.array([[5, 0], [-1, 2], [5, 0], [0, 0]], np.int8)
    found = distinct_vectors(vectors, np.array([2, 3, 4, 0]))
    assert found.vectors.tolist() == [[0, 0], [5, 0], [-1, 2]]
    assert found.traffic.tolist() == [0, 6, 3]
    assert found.items.tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("traffic", "limits", "total", "expected"),
    [
        ([6.0, 3.0], [9, 9], 3, [2, 1]),
        ([6.0, 3.0], [1, 9], 3, [1, 2]),
        ([1.0, 1.0], [9, 9], 3, [2, 1]),
        ([0.0, 0.0, 5.0], [3, 3, 1], 4, [2, 1, 1]),
        ([1.0, 2.7, 2.3], [9, 9, 9], 6, [1, 3, 2]),
    ],
)
def test_children_are_allotted_by_traffic(
    traffic: list[float], limits: list[int], total: int, expected: list[int]
) -> None:
    assert allot_children(np.array(traffic), np.array(limits), total).tolist() == expected
