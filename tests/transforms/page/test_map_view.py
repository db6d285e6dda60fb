import numpy as np
import pytest

from transforms.page.map_view import (
    HEIGHT,
    WIDTH,
    MapClusters,
    MapJourney,
    NoMapError,
    journey_vectors,
    term_vectors,
    view_map,
)
from transforms.page.tree_rows import TreeCluster

LEAVES = [TreeCluster(f"00.0{number}", 2, "00", f"leaf {number}", 5, 10 * number) for number in range(3)]
CLUSTERS = MapClusters(
    [TreeCluster("00", 1, None, "root", 15, 30), *LEAVES],
    LEAVES,
    np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]),
    {"00.01": ["a title"]},
)


def journey(*clusters: str, terms: tuple[str, ...] = ()) -> MapJourney:
    return MapJourney("owls", "u", 3, ("Owls",), clusters, tuple((term, 1.0) for term in terms))


def test_a_journey_is_at_the_mean_of_the_clusters_of_its_items() -> None:
    vectors = journey_vectors(CLUSTERS, [journey("00.00", "00.01"), journey("00.02")])
    assert vectors.tolist() == [[0.5, 0.5, 0], [0, 0, 1]]


def test_terms_of_one_journey_alone_have_no_place() -> None:
    vectors = term_vectors([journey(terms=("owl", "night")), journey(terms=("owl",)), journey(terms=("boat",))])
    assert vectors.tolist() == [[1], [1], [0]]


def test_the_map_has_clusters_by_traffic_and_journeys_with_details() -> None:
    shown = view_map(CLUSTERS, [journey("00.01"), journey("00.01"), journey()], 9, 0)
    assert [point.details[0] for point in shown.clusters] == ["leaf 2", "leaf 1", "leaf 0"]
    assert shown.clusters[1].details == ("leaf 1", "cluster 00.01 of root", "traffic 10, 5 items", "a title")
    assert shown.clusters[0].radius > shown.clusters[1].radius
    assert len(shown.journeys) == 2
    assert shown.journeys[0].details == ("owls", "journey of user u, 3 items", "mostly in leaf 1", "Owls")
    assert (shown.journeys[0].x, shown.journeys[0].y) != (shown.journeys[1].x, shown.journeys[1].y)
    assert "2 journeys with items in clusters, of a sample of 3 of 9" in shown.description
    for point in (*shown.clusters, *shown.journeys):
        assert 0 <= point.x <= WIDTH
        assert 0 <= point.y <= HEIGHT


def test_without_a_tree_journeys_are_placed_by_their_terms() -> None:
    journeys = [journey(terms=("owl", "night")), journey(terms=("owl",)), journey(terms=("night",)), journey()]
    shown = view_map(None, journeys, 4, 0)
    assert shown.clusters == ()
    assert len(shown.journeys) == 3
    assert shown.labels


def test_nothing_on_the_map_is_an_error() -> None:
    with pytest.raises(NoMapError):
        view_map(None, [journey(terms=("owl",))], 1, 0)


def test_a_name_is_anchored_at_the_end_near_its_point() -> None:
    """Its width is an estimate, so that it would otherwise begin far from a point to the right of it."""
    shown = view_map(CLUSTERS, [], 0, 0)
    places = {point.details[0]: point.x for point in shown.clusters}
    for label in shown.labels:
        is_left = label.box.right < places[label.text]
        assert label.anchor == ("end" if is_left else "start")
        assert label.x == (label.box.right if is_left else label.box.left)
    assert {label.anchor for label in shown.labels} == {"start", "end"}
