"""Tables of the experiment on orderings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from transforms.evaluation.experiments.orderings.claims import CLAIMS, Claim
from transforms.evaluation.experiments.orderings.verdicts import VERDICTS
from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import Cell, Column, Table, row, text_columns

_SIGNS = {"more": "above", "less": "below", "equal": "equal to"}
Parts = Mapping[str, str]


def summary_table(index: MetricIndex) -> Table:
    """Return one row for each claim: how many comparisons reproduce it."""
    rows = []
    for claim in CLAIMS:
        counts = Counter(parts["verdict"] for parts in _verdicts(index, claim))
        text = "; ".join(f"{verdict} ({counts[verdict]})" for verdict in VERDICTS if counts[verdict])
        rows.append(row(_source(claim), claim.text, "not testable" if counts["not testable"] else text or "–"))
    return Table(text_columns("paper", "ordering", "verdict (comparisons)"), tuple(rows))


def comparisons_table(index: MetricIndex) -> Table:
    """Return one row for each comparison: both values, their difference and the verdict."""
    rows = []
    for claim in CLAIMS:
        for place, parts in enumerate(_tested(index, claim)):
            texts = (_source(claim), claim.text) if not place else ("", "")
            rows.append(row(*texts, parts["evaluation"], parts["measure"], *_cells(index, parts), parts["verdict"]))
    return Table(
        (
            *text_columns("paper", "ordering", "evaluation", "measure"),
            *(Column(title, hides_intervals=True) for title in ("first", "second")),
            Column("difference"),
            *text_columns("interval", "verdict"),
        ),
        tuple(rows),
        title="Comparisons",
        notes=tuple(f"{claim.text}: {claim.note}." for claim in CLAIMS if claim.note and _tested(index, claim)),
        is_detail=True,
    )


def untestable_table(index: MetricIndex) -> Table:
    """Return one row for each claim that is not testable, with the reason."""
    claims = [claim for claim in CLAIMS if not _tested(index, claim)]
    rows = tuple(row(_source(claim), claim.text, claim.untestable) for claim in claims)
    return Table(text_columns("paper", "ordering", "reason"), rows, title="Not testable", is_detail=True)


def _source(claim: Claim) -> str:
    return f"{claim.paper}, {claim.section}"


def _verdicts(index: MetricIndex, claim: Claim) -> list[dict[str, str]]:
    return [parts for parts in index.slices("orderings_verdict") if parts["claim"] == claim.name]


def _tested(index: MetricIndex, claim: Claim) -> list[dict[str, str]]:
    return [parts for parts in _verdicts(index, claim) if "evaluation" in parts]


def _cells(index: MetricIndex, parts: Parts) -> Sequence[Cell | str]:
    place = {name: parts[name] for name in ("claim", "evaluation", "measure")}
    values = (value_cell(index.get(f"orderings_{side}", **place)) for side in ("first", "second"))
    difference = value_cell(index.get("orderings_difference", **place), "{:+.3f}".format, " to ")
    return [*values, difference, parts["kind"]]
