"""The tables of the experiment on confidence."""

from __future__ import annotations

from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table, number_columns, row, text_columns


def confidence_tables(index: MetricIndex) -> list[Table]:
    """Return all tables."""
    return [_measure_table(index), _curve_table(index), _coefficient_table(index)]


def describe_confidence(index: MetricIndex) -> list[str]:
    """Describe the data and the measures."""
    lines = []
    for parts in index.require("confidence_belongs"):
        kind = parts["features"]
        fitted, held_out = (
            index.count("confidence_journeys", features=kind, half=half) for half in ("fitted", "held out")
        )
        belongs = index.text("confidence_belongs", features=kind)
        lines.append(
            f"Journeys by {kind}: {fitted} of the fitted half of the sources, {held_out} of the half that was held "
            f"out. There, {belongs} of their items belong to the collection of the journey."
        )
    lines.append(
        "The collection of a journey is that of most of its items; noise belongs to none. A pure journey has at least "
        "80 % of its items of its collection. Small numbers are 95 % intervals, by bootstrap over mixtures."
    )
    return lines


def _measure_table(index: MetricIndex) -> Table:
    rows = [
        row(
            parts["features"],
            parts["model"],
            index.cell("confidence_calibration_error", **parts),
            index.cell("confidence_log_loss", **parts),
            index.cell("confidence_auc", of="items", **parts),
            index.cell("confidence_auc", of="journeys", **parts),
        )
        for parts in index.require("confidence_log_loss")
    ]
    columns = (
        *text_columns("journeys by", "model"),
        *number_columns("calibration error", "log-loss", "AUC of items", "AUC of pure journeys"),
    )
    return Table(columns, tuple(rows), "Confidence on sources that were held out")


def _curve_table(index: MetricIndex) -> Table:
    slices = sorted(index.require("confidence_curve_observed"), key=lambda each: (each["features"], int(each["bin"])))
    rows = [
        row(
            parts["features"],
            parts["bin"],
            f"{index.value('confidence_curve_predicted', **parts):.3f}",
            f"{index.value('confidence_curve_observed', **parts):.3f}",
        )
        for parts in slices
    ]
    columns = (*text_columns("journeys by"), *number_columns("bin", "confidence", "items that belong"))
    return Table(columns, tuple(rows), "Calibration of the shipped model")


def _coefficient_table(index: MetricIndex) -> Table:
    rows = [
        row(
            parts["features"],
            parts["model"],
            parts["name"],
            f"{index.value('confidence_coefficient', **parts):.3f}",
        )
        for parts in index.require("confidence_coefficient")
    ]
    columns = (*text_columns("journeys by", "model", "coefficient"), *number_columns("value"))
    return Table(columns, tuple(rows), "Coefficients")
