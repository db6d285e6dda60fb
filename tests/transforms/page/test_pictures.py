"""Geometry of pictures: trees, heat maps and line charts."""

import math

import pytest

from transforms.page.cluster_views import clusters_of_table, view_table, view_tree
from transforms.page.heat_map import STEPS, Successor, heat_map
from transforms.page.line_chart import HEIGHT, WIDTH, Curve, line_chart
from transforms.page.tree_rows import TreeCluster, tree_boxes
from transforms.page.user_views import TableRow

CLUSTERS = [
    TreeCluster("00", 1, None, "birds", 3, 30),
    TreeCluster("01", 1, None, "boats", 2, 70),
    TreeCluster("00.00", 2, "00", "gulls", 1, 10),
    TreeCluster("00.01", 2, "00", "owls", 2, 20),
    TreeCluster("01.00", 2, "01", "canoes", 2, 70),
]


def test_widths_of_a_tree_are_traffic_and_children_lie_below_their_parent() -> None:
    boxes = {box.cluster.cluster_id: (box.left, box.width, box.group) for box in tree_boxes(CLUSTERS)}
    assert boxes["01"] == (0.0, 0.7, 1)
    assert boxes["01.00"] == (0.0, 0.7, 1)
    assert boxes["00"] == pytest.approx((0.7, 0.3, 0))
    assert boxes["00.01"] == pytest.approx((0.7, 0.2, 0))
    assert boxes["00.00"] == pytest.approx((0.9, 0.1, 0))


def test_siblings_without_traffic_have_equal_widths() -> None:
    silent = [TreeCluster(each, 1, None, each, 1, 0) for each in ("00", "01")]
    assert [box.width for box in tree_boxes(silent)] == [0.5, 0.5]


def test_a_tree_states_its_traffic() -> None:
    tree = view_tree(CLUSTERS, has_log=True)
    assert (tree.levels, tree.traffic) == (2, 100)
    assert [each.cluster_id for each in tree.children[None]] == ["01", "00"]
    assert "no log" in view_tree(CLUSTERS, has_log=False).measure


def test_shades_of_a_heat_map_divide_the_probabilities() -> None:
    contexts = {
        ("a", "b"): [Successor(1, "c", math.log(0.1))],
        ("b", "a"): [Successor(1, "c", math.log(0.8))],
        ("c", "a"): [Successor(1, "b", math.log(0.79))],
        ("a", "elsewhere"): [Successor(1, "b", 0.0)],
        ("a",): [Successor(1, "b", 0.0)],
    }
    picture = heat_map(contexts, ["a", "b", "c"], 2)
    assert (picture.columns, picture.rows) == (3, 3)
    assert picture.shades[0] == "M1 0h1v1H1z"
    assert picture.shades[-1] == "M0 1h1v1H0zM0 2h1v1H0z"
    assert picture.limits == pytest.approx([0.1 + 0.1 * step for step in range(STEPS + 1)])


def test_neighbours_of_a_shade_are_one_rectangle() -> None:
    contexts = {("a",): [Successor(1, "c", -1.0)], ("b",): [Successor(1, "c", -1.0)]}
    assert heat_map(contexts, ["a", "b", "c"], 1).shades[0] == "M0 0h2v1H0z"


def test_a_heat_map_needs_a_context() -> None:
    with pytest.raises(ValueError, match="no context"):
        heat_map({("a",): [Successor(1, "b", 0.0)]}, ["a", "b"], 2)


def test_the_clusters_of_the_table_are_those_with_the_most_traffic_by_id() -> None:
    assert [each.cluster_id for each in clusters_of_table(CLUSTERS, 0, 2)] == ["00.01", "01.00"]
    assert [each.cluster_id for each in clusters_of_table(CLUSTERS, 1, 9)] == ["00", "01"]


def test_the_script_has_the_successors_of_each_cell() -> None:
    rows = {"00.00 01.00": [TableRow(1, "00.01", -0.5, "blend"), TableRow(2, "00.00", -1.25, "blend")]}
    shown = [CLUSTERS[2], CLUSTERS[4]]
    table = view_table(rows, shown, CLUSTERS, 2)
    assert table.data == {
        "columns": 2,
        "ids": ["00.00", "01.00", "00.01"],
        "names": ["gulls", "canoes", "owls"],
        "cells": [0, [2, 500, 0, 1250], 0, 0],
    }
    assert table.groups == ((0, 1, "birds"), (1, 1, "boats"))
    assert table.contexts == 1


def test_labels_of_an_axis_do_not_overlap() -> None:
    steps = (0, 47, 94, 141, 188, 191)
    chart = line_chart("t", "step", "y", [Curve("a", tuple((step, 1.0) for step in steps))])
    assert [tick.label for tick in chart.x_ticks] == ["0", "47", "94", "141", "191"]
    close = line_chart("t", "x", "y", [Curve("a", tuple((x, 1.0) for x in (0, 1, 50, 98, 99, 100)))])
    assert [tick.label for tick in close.x_ticks] == ["0", "50", "100"]
    alone = line_chart("t", "x", "y", [Curve("a", ((3, 1.0),))])
    assert [tick.label for tick in alone.x_ticks] == ["3"]


def test_a_line_chart_fills_its_area() -> None:
    chart = line_chart("t", "x", "y", [Curve("a", ((0, 0.5), (10, 2.0)))])
    assert chart.lines == (((0.0, HEIGHT * 0.75), (WIDTH, 0.0)),)
    assert [tick.label for tick in chart.y_ticks] == ["0", "0.5", "1", "1.5", "2"]


def test_an_axis_over_two_decades_is_logarithmic() -> None:
    chart = line_chart("t", "x", "y", [Curve("a", ((0.01, 1), (0.1, 1), (1, 1)))])
    assert [x for x, _ in chart.lines[0]] == [0.0, WIDTH / 2, WIDTH]


def test_a_chart_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        line_chart("t", "x", "y", [Curve("a", ())])
