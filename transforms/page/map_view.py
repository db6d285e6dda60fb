"""The map: clusters by their centroids, and journeys by the clusters or the terms of their items."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.page.content import MapLabel, MapPoint, ShownMap
from transforms.page.labels import Box, Label, place_labels
from transforms.page.projection import Projection, project, spread_equal
from transforms.page.text import shorten, text_width
from transforms.page.tree_rows import TreeCluster, top_groups, top_of

WIDTH, HEIGHT = 900.0, 620.0
_MARGIN = 30.0
_LABEL_CHARACTERS = 34
_TITLE_CHARACTERS = 70
_FONT_SIZE = 12.0
_LABEL_HEIGHT = 16.0
_JOURNEY_RADIUS = 3.0
_MAX_TERMS = 2000


class NoMapError(ValueError):
    """Nothing has a place on the map."""


class MapJourney(NamedTuple):
    """A journey of the map.

    Attributes:
        heading: its name.
        user_id: its user.
        size: number of its items.
        titles: titles of a few of its items.
        clusters: the cluster of the last level of each item that has one.
        terms: its terms, with their weights.
    """

    heading: str
    user_id: str
    size: int
    titles: tuple[str, ...]
    clusters: tuple[str, ...]
    terms: tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True)
class MapClusters:
    """The clusters of the last level.

    Attributes:
        clusters: all clusters of the tree.
        leaves: those of the last level.
        vectors: unit vectors of their centroids, shape (leaves, dimensions).
        titles: titles of a few items, by cluster.
    """

    clusters: Sequence[TreeCluster]
    leaves: Sequence[TreeCluster]
    vectors: npt.NDArray[np.float64]
    titles: Mapping[str, Sequence[str]]


def view_map(clusters: MapClusters | None, journeys: Sequence[MapJourney], total: int, seed: int) -> ShownMap:
    """Return the map.

    Args:
        clusters: the clusters; None: the tree is missing, and journeys are placed by their terms.
        journeys: a sample of journeys.
        total: number of all journeys.
        seed: seed of the projection.

    Raises:
        NoMapError: when there is neither a cluster nor a journey with a place.
    """
    if clusters is None:
        return _map_of_terms(journeys, total, seed)
    placed = [each for each in journeys if each.clusters]
    vectors = np.vstack([clusters.vectors, journey_vectors(clusters, placed)])
    projection = project(vectors, seed)
    points = _in_picture(projection)
    count = len(clusters.leaves)
    parents = top_groups(clusters.clusters)
    by_id = {each.cluster_id: each for each in clusters.clusters}
    order = sorted(range(count), key=lambda each: (-clusters.leaves[each].traffic, clusters.leaves[each].cluster_id))
    leaves = [_cluster_point(clusters, number, points[number], parents, by_id) for number in order]
    names = [shorten(clusters.leaves[number].description, _LABEL_CHARACTERS) for number in order]
    dots = spread_equal(points[count:], 4.0)
    return ShownMap(
        WIDTH,
        HEIGHT,
        tuple(leaves),
        tuple(
            _journey_point(each, dots[number], parents[top_of(_dominant(each.clusters), parents)], by_id)
            for number, each in enumerate(placed)
        ),
        _labels(leaves, names),
        tuple(shorten(by_id[each].description) for each in parents),
        _describe(count, len(placed), len(journeys), total, projection.method),
    )


def journey_vectors(clusters: MapClusters, journeys: Sequence[MapJourney]) -> npt.NDArray[np.float64]:
    """Compute the mean centroid of the clusters of the items of each journey, shape (journeys, dimensions)."""
    place = {each.cluster_id: number for number, each in enumerate(clusters.leaves)}
    result = np.zeros((len(journeys), clusters.vectors.shape[1]))
    for number, journey in enumerate(journeys):
        result[number] = clusters.vectors[[place[each] for each in journey.clusters]].mean(axis=0)
    return result


def term_vectors(journeys: Sequence[MapJourney]) -> npt.NDArray[np.float64]:
    """Compute unit vectors of the weights of terms, of the most frequent terms that two journeys have.

    Returns:
        Shape (journeys, terms); zeros for a journey without such terms.
    """
    counts = Counter(term for each in journeys for term, _ in each.terms)
    common = sorted((-number, term) for term, number in counts.items() if number > 1)[:_MAX_TERMS]
    place = {term: number for number, (_, term) in enumerate(common)}
    result = np.zeros((len(journeys), len(place)))
    for number, journey in enumerate(journeys):
        for term, weight in journey.terms:
            if term in place:
                result[number, place[term]] = weight
    lengths = np.linalg.norm(result, axis=1, keepdims=True)
    return np.divide(result, lengths, out=result, where=lengths > 0)


def _map_of_terms(journeys: Sequence[MapJourney], total: int, seed: int) -> ShownMap:
    vectors = term_vectors(journeys)
    has_place = vectors.any(axis=1) if vectors.shape[1] else np.zeros(len(journeys), bool)
    placed = [journeys[number] for number in np.flatnonzero(has_place).tolist()]
    if not placed:
        raise NoMapError("the map has no cluster, and no two journeys with a term in common")
    projection = project(vectors[has_place], seed)
    points = _in_picture(projection)
    dots = [_journey_point(each, points[number], 0, {}) for number, each in enumerate(placed)]
    order = sorted(range(len(placed)), key=lambda each: (-placed[each].size, each))
    labels = _labels(
        [dots[each] for each in order], [shorten(placed[each].heading, _LABEL_CHARACTERS) for each in order]
    )
    text = (
        f"{len(placed):,} journeys that have a term in common with another one, of a sample of {len(journeys):,} of "
        f"{total:,}, placed by their terms: {projection.method}."
    )
    return ShownMap(WIDTH, HEIGHT, (), tuple(dots), labels, ("journeys",), text)


def _describe(clusters: int, placed: int, sampled: int, total: int, method: str) -> str:
    text = f"{clusters:,} clusters of the last level by their centroids; their area grows with traffic."
    if sampled:
        text += (
            f" {placed:,} journeys with items in clusters, of a sample of {sampled:,} of {total:,}, at the mean of the "
            "centroids of their items; journeys of equal places lie around it."
        )
    return f"{text} Places: {method}."


def _in_picture(projection: Projection) -> npt.NDArray[np.float64]:
    """Return points in units of the picture; y grows downwards."""
    spans = np.array([WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN])
    return (projection.points * spans + _MARGIN).round(1)


def _dominant(clusters: Sequence[str]) -> str:
    counts = Counter(clusters)
    return min(counts, key=lambda each: (-counts[each], each))


def _cluster_point(
    clusters: MapClusters,
    number: int,
    point: npt.NDArray[np.float64],
    parents: Mapping[str, int],
    by_id: Mapping[str, TreeCluster],
) -> MapPoint:
    leaf = clusters.leaves[number]
    largest = max(each.traffic for each in clusters.leaves) or 1
    top = top_of(leaf.cluster_id, parents)
    details = [
        shorten(leaf.description),
        f"cluster {leaf.cluster_id} of {shorten(by_id[top].description)}",
        f"traffic {leaf.traffic:,}, {leaf.items:,} items",
        *(shorten(title, _TITLE_CHARACTERS) for title in clusters.titles.get(leaf.cluster_id, ())),
    ]
    radius = round(3 + 11 * (leaf.traffic / largest) ** 0.5, 1)
    return MapPoint(float(point[0]), float(point[1]), radius, parents[top], tuple(details))


def _journey_point(
    journey: MapJourney, point: npt.NDArray[np.float64], group: int, by_id: Mapping[str, TreeCluster]
) -> MapPoint:
    details = [
        journey.heading,
        f"journey of user {shorten(journey.user_id, 60)}, {journey.size:,} items",
        *([f"mostly in {shorten(by_id[_dominant(journey.clusters)].description, 60)}"] if by_id else []),
        *(shorten(title, _TITLE_CHARACTERS) for title in journey.titles),
    ]
    x, y = np.clip(point, 2, [WIDTH - 2, HEIGHT - 2]).round(1).tolist()
    return MapPoint(x, y, _JOURNEY_RADIUS, group, tuple(details))


def _labels(points: Sequence[MapPoint], names: Sequence[str]) -> tuple[MapLabel, ...]:
    """Place names next to their points, in the order of the points, where there is room."""
    wanted = [
        Label(point.x, point.y, point.radius + 2, text_width(name, _FONT_SIZE), _LABEL_HEIGHT)
        for point, name in zip(points, names, strict=True)
    ]
    boxes = place_labels(wanted, Box(0, 0, WIDTH, HEIGHT), [_inside(point) for point in points])
    return tuple(
        MapLabel(box, name, _anchor(box, point))
        for box, name, point in zip(boxes, names, points, strict=True)
        if box is not None
    )


def _anchor(box: Box, point: MapPoint) -> Literal["start", "middle", "end"]:
    """Return the end of a name that is nearest to its point."""
    if box.left > point.x:
        return "start"
    return "end" if box.right < point.x else "middle"


def _inside(point: MapPoint) -> Box:
    """Return the square inside of a point, which names do not cover."""
    half = point.radius * 0.7
    return Box(point.x - half, point.y - half, point.x + half, point.y + half)
