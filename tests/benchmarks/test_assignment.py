import itertools

import numpy as np

from benchmarks.assignment import generate, measure, plain_argmin, tree_above
from transforms.clusters.tree import assign


def test_levels_are_nested_and_have_the_given_sizes() -> None:
    _, centroids = generate(10, 8, 21, seed=0)
    tree = tree_above(centroids, (2, 5))
    assert tree.sizes == (2, 5, 21)
    assert [len(level.children) - 1 for level in tree.levels] == [1, 2, 5]
    assert all(np.diff(level.children).min() > 0 for level in tree.levels)
    for above, below in itertools.pairwise(tree.levels):
        means = [below.centroids[below.parents == node].mean(axis=0) for node in range(len(above.centroids))]
        np.testing.assert_allclose(above.centroids, means, atol=0.51)


def test_the_plain_argmin_finds_the_leaves_of_a_tree_of_one_level() -> None:
    vectors, centroids = generate(2000, 32, 21, seed=1)
    flat = tree_above(centroids, ())
    assert (assign(vectors, flat)[:, 0] == plain_argmin(vectors, flat.levels[0])).mean() > 0.999


def test_all_are_measured() -> None:
    found = measure(500, 16, 21, (3,), repeats=1)
    assert set(found) == {"tree", "leaves", "plain", "tree / plain", "leaves / plain"}
    assert min(found.values()) >= 0
