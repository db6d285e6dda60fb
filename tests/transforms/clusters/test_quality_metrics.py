from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from schemas import METRICS
from tests.transforms.clusters.catalogues import grouped_vectors
from transforms.clusters.cluster_rows import cluster_rows
from transforms.clusters.config import TreeConfig
from transforms.clusters.costs import Vectors
from transforms.clusters.features import FEATURES
from transforms.clusters.fitting import fit_tree
from transforms.clusters.quality_metrics import quality_rows
from transforms.clusters.tree import Tree
from transforms.encoders.quantized_vectors import VECTOR, column_of


class GivenVectors:
    """An encoder of a few texts, whose vectors are given."""

    dimension = 2

    def __init__(self, vectors: dict[str, tuple[float, float]]) -> None:
        self.vectors = vectors

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([self.vectors[text] for text in texts], np.float32)


def features(vectors: Vectors) -> pa.RecordBatch:
    """Rows of FEATURES with these vectors and no terms."""
    rows = pa.Table.from_pylist(
        [{"item_id": f"{item:05}", "terms": [], "saliences": [], "traffic": 1} for item in range(len(vectors))],
        pa.schema([field for field in FEATURES if field.name != VECTOR.name]),
    )
    return rows.append_column(VECTOR, column_of(vectors)).select(FEATURES.names).to_batches()[0].cast(FEATURES)


def described(tree: Tree, keywords: Sequence[Sequence[tuple[str, ...]]]) -> pa.RecordBatch:
    """Rows of `clusters` of a tree."""
    ones = [[1] * size for size in tree.sizes]
    return cluster_rows(tree, keywords, ones, ones)


def by_slice(rows: pa.RecordBatch) -> dict[tuple[str, str], float]:
    METRICS.check(rows)
    return {(row["metric"], row["slice"]): row["value"] for row in rows.to_pylist()}


TWO_TOPICS = np.array([[127, 0]] * 3 + [[0, 127]] * 3 + [[0, 0]], np.int8)


def test_two_topics_by_hand() -> None:
    tree = fit_tree(TWO_TOPICS[:6], np.ones(6, np.int64), TreeConfig(levels=(2,)))
    first = "east" if tree.levels[0].centroids[0, 0] else "north coast"
    clusters = described(tree, ([(first,), ("north coast" if first == "east" else "east",)],))
    encoder = GivenVectors({"east": (1, 0), "north coast": (0, 1)})
    found = by_slice(quality_rows(features(TWO_TOPICS), clusters, encoder, 0, "cluster"))
    assert found.pop(("coherence", "level=1/method=random")) < 1
    assert found == {
        ("coherence", "level=1/method=tree"): pytest.approx(1),
        ("coherence", "level=1/method=k_means"): pytest.approx(1),
        ("description_words", "level=1"): 1.5,
        ("longest_description_words", "level=1"): 2,
        ("items_nearest_own_description", "level=1"): 1,
    }
    swapped = GivenVectors({"east": (0, 1), "north coast": (1, 0)})
    found = by_slice(quality_rows(features(TWO_TOPICS), clusters, swapped, 0, "cluster"))
    assert found["items_nearest_own_description", "level=1"] == 0


def test_without_an_encoder_nothing_is_said_about_descriptions_but_their_length() -> None:
    vectors, _ = grouped_vectors(200, 4)
    tree = fit_tree(vectors, np.ones(200, np.int64), TreeConfig(levels=(2, 4)))
    clusters = described(
        tree, tuple([(f"{depth} {node}",) for node in range(size)] for depth, size in enumerate(tree.sizes))
    )
    rows = quality_rows(features(vectors), clusters, None, 3, "cluster")
    found = by_slice(rows)
    assert {metric for metric, _ in found} == {"coherence", "description_words", "longest_description_words"}
    for level in (1, 2):
        chance, own = (found["coherence", f"level={level}/method={method}"] for method in ("random", "tree"))
        assert own > chance + 0.2
    assert rows.equals(quality_rows(features(vectors), clusters, None, 3, "cluster"))
    other = by_slice(quality_rows(features(vectors), clusters, None, 4, "cluster"))
    assert other["coherence", "level=2/method=random"] != found["coherence", "level=2/method=random"]


@pytest.mark.parametrize("vectors", [TWO_TOPICS[:1], TWO_TOPICS[6:]], ids=["one item", "no vector"])
def test_what_is_not_defined_is_left_out(vectors: Vectors) -> None:
    clusters = described(fit_tree(vectors, np.ones(1, np.int64), TreeConfig(levels=(1,))), ([("east",)],))
    encoder = GivenVectors({"east": (1, 0)})
    found = by_slice(quality_rows(features(vectors), clusters, encoder, 0, "cluster"))
    nearest = {("items_nearest_own_description", "level=1"): 1} if vectors.any() else {}
    assert found == {("description_words", "level=1"): 1, ("longest_description_words", "level=1"): 1} | nearest
