import numpy as np
import pyarrow as pa
import pytest

from schemas import CLUSTERS, ITEM_CLUSTERS
from transforms.clusters.cluster_rows import cluster_rows, item_rows, node_ids, tree_of_rows
from transforms.clusters.config import TreeConfig
from transforms.clusters.fitting import fit_tree
from transforms.clusters.tree import assign
from transforms.encoders.quantized_vectors import quantize_vectors


@pytest.mark.parametrize("levels", [(3,), (2, 7), (2, 5, 120)])
def test_a_tree_survives_its_rows(levels: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    vectors = quantize_vectors(random.normal(size=(300, 16)))
    tree = fit_tree(vectors, random.integers(1, 9, 300), TreeConfig(levels=levels))
    ids = node_ids(tree)
    assert all(own == sorted(own) and len(set(own)) == len(own) for own in ids)
    keywords = [[(f"level {depth}", f"node {node}") for node in range(size)] for depth, size in enumerate(tree.sizes)]
    zeros = [[0] * size for size in tree.sizes]
    rows = cluster_rows(tree, keywords, zeros, zeros)
    CLUSTERS.check(rows)
    again = tree_of_rows(rows.take(pa.array(random.permutation(rows.num_rows))))
    for before, after in zip(tree.levels, again.levels, strict=True):
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)
    paths = assign(vectors, again)
    np.testing.assert_array_equal(paths, assign(vectors, tree))
    items = item_rows(pa.array([f"i{item}" for item in range(300)]), paths, ids)
    ITEM_CLUSTERS.check(items)
    assert items["cluster_ids"].to_pylist() == [
        [ids[depth][node] for depth, node in enumerate(path)] for path in paths.tolist()
    ]


def test_ids_have_the_digits_that_the_widest_node_needs() -> None:
    random = np.random.default_rng(1)
    vectors = quantize_vectors(random.normal(size=(400, 8)))
    tree = fit_tree(vectors, np.ones(400, np.int64), TreeConfig(levels=(2, 250)))
    narrow, wide = node_ids(tree)
    assert narrow == ["00", "01"]
    assert wide[0] == "00.000"
