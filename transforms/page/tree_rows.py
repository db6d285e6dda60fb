"""The tree of clusters as nested rows: the width of a cluster is its traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class TreeCluster(NamedTuple):
    """A cluster of the tree.

    Attributes:
        cluster_id: its id.
        level: its level, from 1.
        parent_id: the cluster above; None at level 1.
        description: its description.
        items: number of its items.
        traffic: number of interactions with them.
    """

    cluster_id: str
    level: int
    parent_id: str | None
    description: str
    items: int
    traffic: int


class TreeBox(NamedTuple):
    """The place of a cluster in the picture.

    Attributes:
        cluster: the cluster.
        left: distance from the left, in [0, 1].
        width: its width, in [0, 1].
        group: number of its ancestor at level 1 in the order of ids, from 0.
    """

    cluster: TreeCluster
    left: float
    width: float
    group: int


def children_of(clusters: Sequence[TreeCluster]) -> dict[str | None, list[TreeCluster]]:
    """Return the clusters by their parent; siblings by descending traffic, ties by id."""
    children: dict[str | None, list[TreeCluster]] = {}
    for cluster in sorted(clusters, key=lambda each: (-each.traffic, each.cluster_id)):
        children.setdefault(cluster.parent_id, []).append(cluster)
    return children


def tree_boxes(clusters: Sequence[TreeCluster]) -> list[TreeBox]:
    """Lay out a tree in rows, one for each level: children below their parent, with widths in proportion to traffic.

    Returns:
        The boxes, a parent before its children. Siblings without any traffic have equal widths.
    """
    boxes: list[TreeBox] = []
    _add(children_of(clusters), None, 0.0, 1.0, top_groups(clusters), boxes)
    return boxes


def top_groups(clusters: Sequence[TreeCluster]) -> dict[str, int]:
    """Return the number of each cluster of level 1 in the order of ids, which is that of its colour."""
    return {each: number for number, each in enumerate(sorted(each.cluster_id for each in clusters if each.level == 1))}


def _add(
    children: Mapping[str | None, list[TreeCluster]],
    parent: str | None,
    left: float,
    width: float,
    groups: Mapping[str, int],
    boxes: list[TreeBox],
) -> None:
    siblings = children.get(parent, [])
    total = sum(each.traffic for each in siblings)
    for cluster in siblings:
        own = width * (cluster.traffic / total if total else 1 / len(siblings))
        group = groups[top_of(cluster.cluster_id, groups)]
        boxes.append(TreeBox(cluster, left, own, group))
        _add(children, cluster.cluster_id, left, own, groups, boxes)
        left += own


def top_of(cluster_id: str, groups: Mapping[str, int]) -> str:
    """Return the ancestor of a cluster at level 1: ids begin with those of their parents."""
    return next(each for each in groups if cluster_id == each or cluster_id.startswith(f"{each}."))
