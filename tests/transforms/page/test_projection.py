import importlib.util

import numpy as np
import pytest

from transforms.page.projection import principal_components, project, spread_equal


def test_principal_components_of_a_line() -> None:
    data = np.array([[0.0, 0, 0], [1, 2, 0], [2, 4, 0]])
    points = principal_components(data)
    assert points[:, 0] == pytest.approx([-np.sqrt(5), 0, np.sqrt(5)])
    assert points[:, 1] == pytest.approx([0, 0, 0])


def test_distances_in_a_plane_are_kept() -> None:
    plane = np.random.default_rng(0).normal(size=(20, 2))
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))
    points = principal_components(plane @ rotation[:2])
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    assert distances == pytest.approx(np.linalg.norm(plane[:, None] - plane[None], axis=2))


@pytest.mark.parametrize("data", [np.zeros((0, 3)), np.zeros((1, 3)), np.ones((4, 1))])
def test_few_or_equal_vectors_have_places(data: np.ndarray) -> None:
    points = project(data, 0).points
    assert points.shape == (len(data), 2)
    assert ((points >= 0) & (points <= 1)).all()


@pytest.mark.skipif(importlib.util.find_spec("umap") is not None, reason="UMAP is installed")
def test_places_fill_the_square_and_the_method_is_stated() -> None:
    projection = project(np.random.default_rng(0).normal(size=(40, 6)), 0)
    assert projection.method == "two principal components"
    assert projection.points.min(axis=0) == pytest.approx([0, 0])
    assert projection.points.max(axis=0) == pytest.approx([1, 1])


@pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="needs umap-learn")
def test_umap_gives_equal_places_for_equal_seeds() -> None:
    data = np.random.default_rng(0).normal(size=(40, 6))
    first, second = project(data, 3), project(data, 3)
    assert first.method == "UMAP, by cosine"
    assert (first.points == second.points).all()


def test_points_of_equal_place_are_spread_and_others_stay() -> None:
    points = np.array([[1.0, 1.0], [5.0, 5.0], [1.0, 1.0], [1.0, 1.0]])
    spread = spread_equal(points, 2.0)
    assert spread[:2].tolist() == points[:2].tolist()
    assert len({tuple(each) for each in spread.round(3).tolist()}) == 4
    assert np.linalg.norm(spread - points, axis=1) == pytest.approx([0, 0, 2, 2 * np.sqrt(2)])
