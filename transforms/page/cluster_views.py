"""Views of clusters: the tree with its traffic, and the lookup table as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.context import parse_context
from transforms.page.content import ShownTable, ShownTree
from transforms.page.heat_map import Successor, heat_map
from transforms.page.tree_rows import TreeCluster, children_of, tree_boxes
from transforms.page.user_views import TableRow, named_cluster

MAX_SUCCESSORS = 5
"""Number of next clusters of a context that the page has."""


def view_tree(clusters: Sequence[TreeCluster], has_log: bool) -> ShownTree:
    """Return the view of the tree.

    Args:
        clusters: all clusters.
        has_log: whether traffic is that of a log; otherwise it is the number of items.
    """
    return ShownTree(
        boxes=tuple(tree_boxes(clusters)),
        children=children_of(clusters),
        levels=max(each.level for each in clusters),
        traffic=sum(each.traffic for each in clusters if each.level == 1),
        measure="interactions with its items" if has_log else "the number of its items, since no log was given",
    )


def clusters_of_table(clusters: Sequence[TreeCluster], level: int, count: int) -> list[TreeCluster]:
    """Return the clusters of one level with the most traffic, at most `count`, by id.

    Args:
        clusters: all clusters.
        level: the level, from 1; 0: the last one.
        count: maximum number of clusters.
    """
    level = level or max(each.level for each in clusters)
    of_level = [each for each in clusters if each.level == level]
    largest = sorted(of_level, key=lambda each: (-each.traffic, each.cluster_id))[:count]
    return sorted(largest, key=lambda each: each.cluster_id)


def view_table(
    rows: Mapping[str, Sequence[TableRow]], shown: Sequence[TreeCluster], clusters: Sequence[TreeCluster], size: int
) -> ShownTable:
    """Return the view of the lookup table.

    Args:
        rows: rows by context, by ascending rank.
        shown: the clusters of rows and columns.
        clusters: all clusters.
        size: number of clusters of the contexts that are shown, 1 or 2.

    Raises:
        ValueError: when the table has no such context.
    """
    descriptions = {each.cluster_id: each.description for each in clusters}
    ids = [each.cluster_id for each in shown]
    contexts = {
        parse_context(text): [Successor(row.rank, row.next, row.score) for row in found[:MAX_SUCCESSORS]]
        for text, found in rows.items()
    }
    contexts = {each: found for each, found in contexts.items() if len(each) == size and set(each) <= set(ids)}
    picture = heat_map(contexts, ids, size)
    return ShownTable(
        picture=picture,
        clusters=tuple(named_cluster(each, descriptions) for each in ids),
        size=size,
        groups=_groups(shown, descriptions),
        data=_script_data(contexts, ids, descriptions, size),
        contexts=len(contexts),
        description=_describe(len(contexts), len(ids), sum(each.level == shown[0].level for each in clusters), size),
    )


def _describe(contexts: int, shown: int, available: int, size: int) -> str:
    which = f"the {shown} clusters of the level"
    if shown < available:
        which = f"the {shown} clusters with the most traffic, of {available} of the level"
    if size > 1:
        text = f"{contexts:,} contexts: pairs of {which}. Rows are the earlier cluster, columns the most recent one."
    else:
        text = f"{contexts:,} contexts: {which}."
    return f"{text} A shade is the probability of the best next cluster."


def _groups(shown: Sequence[TreeCluster], descriptions: Mapping[str, str]) -> tuple[tuple[int, int, str], ...]:
    """Return the blocks of neighbours of one parent: first place, length, name."""
    groups: list[tuple[int, int, str]] = []
    previous: str | None = None
    for place, cluster in enumerate(shown):
        if not groups or cluster.parent_id != previous:
            groups.append((place, 1, named_cluster(cluster.parent_id or "", descriptions).description))
        else:
            first, length, name = groups[-1]
            groups[-1] = (first, length + 1, name)
        previous = cluster.parent_id
    return tuple(groups)


def _script_data(
    contexts: Mapping[tuple[str, ...], Sequence[Successor]],
    ids: Sequence[str],
    descriptions: Mapping[str, str],
    size: int,
) -> dict[str, object]:
    """Return the successors of each cell: number of the cluster, minus the score in units of 0.001, and so on."""
    numbers = {cluster: number for number, cluster in enumerate(ids)}
    further = sorted({each.cluster_id for found in contexts.values() for each in found} - set(numbers))
    numbers |= {cluster: len(ids) + number for number, cluster in enumerate(further)}
    cells: list[list[int] | int] = [0] * len(ids) ** size
    for context, found in contexts.items():
        place = numbers[context[-1]] + (numbers[context[0]] * len(ids) if size > 1 else 0)
        cells[place] = [value for each in found for value in (numbers[each.cluster_id], round(-1000 * each.score))]
    named = [named_cluster(each, descriptions) for each in (*ids, *further)]
    return {
        "columns": len(ids),
        "ids": [each.cluster_id for each in named],
        "names": [each.description or each.cluster_id for each in named],
        "cells": cells,
    }
