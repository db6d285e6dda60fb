"""The tables of the experiment on the life of journeys."""

from __future__ import annotations

from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import Table, number_columns, row, text_columns

_JUDGEMENTS = {"journey": "its journey of the whole log", "cluster": "its cluster of the tree"}


def lifecycle_tables(index: MetricIndex) -> list[Table]:
    """Return all tables."""
    return [
        _rule_table(index),
        _difference_table(index),
        _score_table(index),
        _recurrence_table(index),
        _coverage_table(index),
        _coverage_difference_table(index),
    ]


def describe_lifecycle(index: MetricIndex) -> list[str]:
    """Describe the data and the measures."""
    users, journeys = (index.count(f"lifecycle_{name}") for name in ("users", "journeys"))
    past, future, gap = (index.value(f"lifecycle_{name}") for name in ("past_days", "future_days", "mean_gap"))
    return [
        (
            f"{journeys} journeys of {users} users, formed from {past:.0f} days before the date; what follows are the "
            f"{future:.0f} days after it. The mean gap between active days of a journey is {gap:.1f} days. Small "
            "numbers are 95 % intervals, by bootstrap over users."
        ),
        (
            "A journey is continued if its user consumes an item of the same journey of the whole log, in which most "
            "items of the journey lie; or, as a second judgement, an item of the cluster in which most of its items "
            "lie."
        ),
    ]


def _rule_table(index: MetricIndex) -> Table:
    rows = []
    for parts in index.require("lifecycle_precision"):
        base = index.get("lifecycle_continued", judgement=parts["judgement"], days=parts["days"])
        cells = (index.cell(f"lifecycle_{name}", **parts) for name in ("ongoing", "precision", "recall", "f1"))
        rows.append(row(_JUDGEMENTS[parts["judgement"]], parts["days"], value_cell(base), parts["rule"], *cells))
    columns = (
        *text_columns("continued by"),
        *number_columns("within days", "continued"),
        *text_columns("ongoing by"),
        *number_columns("ongoing", "precision", "recall", "F1"),
    )
    return Table(columns, tuple(rows), "Stages: do ongoing journeys continue?")


def _difference_table(index: MetricIndex) -> Table:
    slices = index.require("lifecycle_f1_difference")
    rows = [
        row(
            _JUDGEMENTS[parts["judgement"]],
            parts["days"],
            parts["rival"],
            index.cell("lifecycle_f1_difference", **parts),
        )
        for parts in slices
    ]
    columns = (
        *text_columns("continued by"),
        *number_columns("within days"),
        *text_columns("rival"),
        *number_columns("F1: own gaps minus rival"),
    )
    return Table(columns, tuple(rows), "Stages: own gaps minus rival")


def _score_table(index: MetricIndex) -> Table:
    rows = [
        row(_JUDGEMENTS[parts["judgement"]], parts["days"], parts["score"], index.cell("lifecycle_auc", **parts))
        for parts in index.slices("lifecycle_auc")
    ]
    columns = (
        *text_columns("continued by"),
        *number_columns("within days"),
        *text_columns("score"),
        *number_columns("AUC"),
    )
    return Table(columns, tuple(rows), "Scores of continuation")


def _recurrence_table(index: MetricIndex) -> Table:
    rows = [
        row(
            parts["stage"],
            parts["recurrence"],
            f"{found.n:,}" if (found := index.get("lifecycle_returned", **parts)) else "",
            index.cell("lifecycle_returned", **parts),
        )
        for parts in index.require("lifecycle_returned")
    ]
    columns = (*text_columns("stage", "recurrence"), *number_columns("journeys", "continued"))
    return Table(columns, tuple(rows), "Recurrence: which journeys come back?")


def _coverage_table(index: MetricIndex) -> Table:
    rows = []
    for parts in index.slices("lifecycle_coverage"):
        found = index.get("lifecycle_coverage", **parts)
        users = f"{found.n:,}" if found else ""
        rows.append(
            row(parts["covered"], parts["length"], users, parts["order"], index.cell("lifecycle_coverage", **parts))
        )
    columns = (
        *text_columns("covered"),
        *number_columns("journeys listed", "users"),
        *text_columns("order"),
        *number_columns("fraction covered"),
    )
    changed = ", ".join(
        f"{index.value('lifecycle_other_list', **parts):.1%} of the lists of {parts['length']}"
        for parts in index.slices("lifecycle_other_list")
    )
    notes = (f"Users with more journeys than the list has. The penalty changes {changed}.",) if changed else ()
    return Table(columns, tuple(rows), "Lists: how much of what users do next they cover", notes)


def _coverage_difference_table(index: MetricIndex) -> Table:
    rows = [
        row(
            parts["covered"],
            parts["length"],
            parts["rival"],
            index.cell("lifecycle_coverage_difference", **parts),
        )
        for parts in index.slices("lifecycle_coverage_difference")
    ]
    columns = (
        *text_columns("covered"),
        *number_columns("journeys listed"),
        *text_columns("rival"),
        *number_columns("fraction covered: diverse order minus rival"),
    )
    return Table(columns, tuple(rows), "Lists: diverse order minus rival")
