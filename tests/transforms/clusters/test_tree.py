import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.clusters.catalogues import catalogues, grouped_vectors
from transforms.clusters import tree as tree_module
from transforms.clusters.config import TreeConfig
from transforms.clusters.costs import Integers, Vectors, quantize_centroids, squared_lengths
from transforms.clusters.fitting import fit_tree
from transforms.clusters.tree import Level, Tree, assign, rows_of_nodes


def level(children: list[int], centroids: list[list[float]]) -> Level:
    whole = quantize_centroids(np.array(centroids))
    return Level(np.array(children), whole, squared_lengths(whole))


BY_HAND = Tree(
    (
        level([0, 2], [[1, 0], [0, 1]]),
        level([0, 2, 3], [[0.8, 0.6], [0.8, -0.6], [0, 1]]),
    )
)


def test_by_hand() -> None:
    vectors = np.array([[127, 90], [127, -90], [90, 127], [0, 0]], np.int8)
    # The last but one is nearest to the first node of the second level, but its parent is the second.
    assert assign(vectors, BY_HAND).tolist() == [[0, 0], [0, 1], [1, 2], [0, 0]]
    assert assign(vectors, BY_HAND).dtype == np.int32
    assert assign(vectors[:0], BY_HAND).shape == (0, 2)
    assert BY_HAND.sizes == (2, 3)
    assert BY_HAND.levels[1].parents.tolist() == [0, 0, 1]


def test_another_number_of_dimensions_is_an_error() -> None:
    with pytest.raises(ValueError, match="vectors must have 2 dimensions as the tree has, got 3"):
        assign(np.zeros((1, 3), np.int8), BY_HAND)


def test_rows_of_nodes() -> None:
    found = rows_of_nodes(np.array([2, 0, 2, 0]), 4)
    assert [(node, rows.tolist()) for node, rows in found] == [(0, [1, 3]), (2, [0, 2])]
    assert rows_of_nodes(np.zeros(0, np.int64), 3) == []


@given(catalogues(), st.integers(0, 40))
def test_batches_are_assigned_as_the_whole_is(catalogue: tuple[Vectors, Integers], cut: int) -> None:
    vectors, traffic = catalogue
    tree = fit_tree(vectors, traffic, TreeConfig(levels=(2, 5)))
    whole = assign(vectors, tree)
    batches = [assign(part, tree) for part in np.split(vectors, [min(cut, len(vectors))])]
    assert np.array_equal(np.concatenate(batches), whole)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, groups = grouped_vectors(500, 6)
    tree = fit_tree(vectors, groups, TreeConfig(levels=(3, 12)))
    whole = assign(vectors, tree)
    monkeypatch.setattr(tree_module, "_BLOCK", 7)
    assert np.array_equal(assign(vectors, tree), whole)
