"""Tables of mixtures with noise."""

from __future__ import annotations

from collections.abc import Mapping

from transforms.evaluation.experiments.separation.metric_names import NOISE_MEASURES, NOISE_PREFIX
from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import Column, Table, row, text_columns

_TITLES: Mapping[str, str] = {
    "precision": "precision",
    "noise": "noise in journeys",
    "recall": "recall",
    "f1": "F1",
}
_NOTES = (
    (
        "Precision is the fraction of the items in journeys that are of the collection of their journey; noise is "
        "wrong. Noise in journeys is the fraction of the noise items. Recall and F1 are B-cubed, of the items of "
        "collections. Groups of fewer than three items are no journeys."
    ),
)


def noise_tables(index: MetricIndex) -> list[Table]:
    """Return a table by method and fraction of noise, and one by `min_coherence`; none if nothing was measured."""
    slices = index.slices(f"{NOISE_PREFIX}f1")
    by_method = [parts for parts in slices if "min_coherence" not in parts]
    curve = [parts for parts in slices if "min_coherence" in parts]
    tables = []
    if by_method:
        tables.append(_table(index, by_method, ("noise", "method"), "With noise"))
    if curve:
        tables.append(_table(index, curve, ("method", "noise", "min_coherence"), "By min_coherence"))
    return tables


def _table(index: MetricIndex, slices: list[dict[str, str]], names: tuple[str, ...], title: str) -> Table:
    """Return a row for each slice, sorted by its parts."""
    rows = [
        row(
            *(parts[name] for name in names),
            *(value_cell(index.get(f"{NOISE_PREFIX}{measure}", **parts)) for measure in NOISE_MEASURES),
        )
        for parts in sorted(slices, key=lambda parts: tuple(_order(parts[name]) for name in names))
    ]
    columns = (*text_columns(*names), *(Column(_TITLES[measure], hides_intervals=True) for measure in NOISE_MEASURES))
    return Table(columns, tuple(rows), title=title, notes=_NOTES, is_detail=True)


def _order(text: str) -> tuple[float, str]:
    """Sort numbers as numbers."""
    try:
        return float(text), ""
    except ValueError:
        return 0.0, text
