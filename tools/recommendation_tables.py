"""Rewrite the rows of logs in the tables of docs/recommendation_evaluation.md.

    python -m tools.recommendation_tables arxiv_authors=WORKSPACE github_stars=WORKSPACE

Each workspace is one that `evaluate --suites=recommendation` wrote for the log. Only tables that have rows of the log
are changed: a log is added to a table by a row with its name.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from schemas import METRICS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.recommendation.allocations import CHOSEN, COMPARED_SLOTS
from transforms.evaluation.experiments.recommendation.comparison import FRACTIONS, OWN
from transforms.evaluation.experiments.recommendation.context_sizes import UCI_LEVELS
from transforms.evaluation.experiments.recommendation.methods import ALLOCATIONS, OURS, RANDOM, SHIPPED, UNRESTRICTED
from transforms.evaluation.experiments.recommendation.report import MIXED, measured_methods
from transforms.evaluation.experiments.recommendation.rolling import REFRESHES
from transforms.evaluation.experiments.recommendation.similarity import AWARE, EXISTING, THRESHOLDS
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING

PAGE = Path(__file__).parent.parent / "docs" / "recommendation_evaluation.md"
_MARK = "<!-- result of recommendation, {} -->\n"
_END = "<!-- end -->"

Rows = Iterable[list[str]]


def insert_log(page: str, log: str, index: MetricIndex) -> str:
    """Return the text of the page with the rows of a log from its metrics, in each table that has rows of the log.

    Raises:
        ValueError: when a table has no mark, or no table has rows of the log.
    """
    changed = False
    for name, compute in TABLES.items():
        start = page.find(mark := _MARK.format(name))
        if start < 0:
            raise ValueError(f"the page has no mark {mark.strip()!r}")
        start += len(mark)
        end = page.index(_END, start)
        lines = page[start:end].splitlines()
        places = [place for place, owner in enumerate(_owners(lines)) if owner == log]
        if not places:
            continue
        changed = True
        if not (computed := list(compute(index))):
            print(f"the metrics of {log} have no rows of the table {name!r}, which stays as it is")
            continue
        first = lines[places[0]].split("|")[1].strip()
        label = f"{log}, {len(_weeks(index))} weeks" if "," in first else log
        rows = [_line([label if not place else "", *cells]) for place, cells in enumerate(computed)]
        page = page[:start] + "\n".join([*lines[: places[0]], *rows, *lines[places[-1] + 1 :]]) + "\n" + page[end:]
    if not changed:
        raise ValueError(f"no table has rows of {log!r}")
    return page


def _owners(lines: list[str]) -> list[str]:
    """Return the log of each line of a table: it stands in the first of its rows alone."""
    owner, owners = "", []
    for line in lines:
        owner = line.split("|")[1].split(",")[0].strip() or owner
        owners.append(owner)
    return owners


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float, form: str = ".3f") -> str:
    """Format a number without the zero before the point."""
    return re.sub(r"^([+-]?)0\.", r"\1.", format(value, form))


def _value(found: Interval | None, form: str = ".3f") -> str:
    return MISSING if found is None else _number(found.value, form)


def _with_ends(found: Interval | None, form: str = ".3f") -> str:
    """Format a value with the ends of its interval, as small numbers."""
    if found is None or math.isnan(found.low):
        return _value(found, form)
    return f"{_value(found, form)} <sub>{_number(found.low, form)}–{_number(found.high, form)}</sub>"


def _data(index: MetricIndex) -> Rows:
    parts = index.require("recommendation_popularity_weight")[0]
    weight = index.value("recommendation_popularity_weight", **parts)
    names = ("users", "items", "interactions", "measured_users", "targets", "novel_targets", "new_item_targets")
    days = ("training_days", "test_days")
    return [
        [
            f"{parts['base']} + {weight:g} × popularity",
            *(index.count(f"recommendation_{name}") for name in (*names, *days)),
        ]
    ]


def _methods(novel: str) -> Callable[[MetricIndex], Rows]:
    forms: dict[str, Callable[[Interval | None], str]] = {
        "recall": _with_ends,
        "ndcg": _value,
        "hit_rate": _with_ends,
        "novel_recall": _value,
        "novel_ndcg": _value,
        "novel_hit_rate": _with_ends,
        "novel_cluster_hit_rate": _with_ends,
        "novelty_ratio": lambda found: _value(found, ".2f"),
        "coverage": _value,
        "gini": lambda found: _value(found, ".2f"),
        "effective_clusters": lambda found: _value(found, ".1f"),
    }

    def rows(index: MetricIndex) -> Iterator[list[str]]:
        for name in measured_methods(index):
            if index.get("recommendation_novelty_ratio", method=name, novel=novel):
                found = {each: index.get(f"recommendation_{each}", method=name, novel=novel) for each in forms}
                yield [name, *(form(found[each]) for each, form in forms.items())]

    return rows


def _curve(measure: str) -> Callable[[MetricIndex], Rows]:
    def rows(index: MetricIndex) -> Iterator[list[str]]:
        for name in measured_methods(index):
            found = (index.get(f"recommendation_{measure}", method=name, novel=str(each)) for each in FRACTIONS)
            yield [name, *(_value(each) for each in found)]

    return rows


def _difference(measure: str) -> Callable[[MetricIndex], Rows]:
    def rows(index: MetricIndex) -> Iterator[list[str]]:
        for name in measured_methods(index):
            if name != OURS:
                parts = {"measure": measure, "method": name}
                novel = [str(each) for each in FRACTIONS if each]
                found = (index.get("recommendation_difference", **parts, novel=each) for each in novel)
                yield [name, *(_with_ends(each, "+.3f") for each in found)]

    return rows


def _allocations(index: MetricIndex) -> Iterator[list[str]]:
    measures = ("novel_hit_rate", "novel_cluster_hit_rate")
    for items in (CHOSEN, SHIPPED):
        for place, allocation in enumerate(ALLOCATIONS):
            parts = {"items": items, "clusters": allocation.clusters_name, "power": allocation.power_name}
            found = [
                index.get(f"recommendation_allocation_{measure}", slots=slots, **parts)
                for measure in measures
                for slots in COMPARED_SLOTS
            ]
            yield [
                "" if place else items,
                allocation.clusters_name,
                allocation.power_name,
                *(_with_ends(each) for each in found),
            ]


def _sizes(index: MetricIndex) -> Iterator[list[str]]:
    measures = ("novel_hit_rate", "novel_cluster_recall", "novel_cluster_hit_rate")
    sizes = sorted({parts["lists"] for parts in index.require("recommendation_uci")} - {"no list", UNRESTRICTED})
    for name in ("no list", *sizes, UNRESTRICTED):
        found = (index.get(f"recommendation_size_{measure}", lists=name) for measure in measures)
        reached = (index.count("recommendation_uci", lists=name, at_least=level) for level in UCI_LEVELS)
        yield [name, *(_with_ends(each) for each in found), *reached]


def _contexts(index: MetricIndex) -> Iterator[list[str]]:
    measures, names = ("novel_hit_rate", "novel_cluster_recall"), ("recent clusters", "clusters of journeys")
    if other := index.get("recommendation_other_context"):
        found = [index.get(f"recommendation_context_{each}", context=name) for each in measures for name in names]
        gains = [index.get("recommendation_context_difference", measure=each) for each in measures]
        values = [*(_value(each) for each in found), *(_with_ends(each, "+.3f") for each in gains)]
        yield [f"{other.n:,}", f"{other.value:.0%}", *values]


def _similarity(index: MetricIndex) -> Iterator[list[str]]:
    for name in (AWARE, EXISTING):
        found = (index.get("recommendation_similarity", lists=name, threshold=each) for each in THRESHOLDS)
        yield [name, *(_value(each) for each in found)]
    gaps = (index.get("recommendation_similarity_gap", threshold=each) for each in THRESHOLDS)
    yield ["gap", *(_with_ends(each, "+.3f") for each in gaps)]


def _weeks(index: MetricIndex) -> list[int]:
    return sorted(int(parts["week"]) for parts in index.slices("recommendation_week_active_users"))


def _mean(index: MetricIndex, name: str, weeks: Iterable[int], form: str, **parts: str) -> str:
    """Format the mean of a measure over the weeks that have it."""
    found = [each.value for week in weeks if (each := index.get(f"recommendation_week_{name}", **parts, week=week))]
    return _number(sum(found) / len(found), form) if found else MISSING


def _week_methods(index: MetricIndex) -> Iterator[list[str]]:
    if not (weeks := _weeks(index)):
        return
    for name in (*_TABLES_OVER_TIME, _WITHOUT_TABLE, UNRESTRICTED, RANDOM):
        rates = (
            index.get(f"recommendation_weeks_{each}", method=name)
            for each in ("hit_rate", "novel_hit_rate", "novel_cluster_hit_rate")
        )
        novelty = index.get("recommendation_weeks_novelty_ratio", method=name)
        breadth = _mean(index, "breadth", weeks, ".1f", method=name)
        yield [name, _value(novelty, ".2f"), *(_with_ends(each) for each in rates), breadth]


def _halves(index: MetricIndex) -> Iterator[list[str]]:
    of_log = {"active_users": ",.0f", "returning": ".3f", "engaged_pairs": ",.0f", "uci_2": ",.0f", "uci_5": ",.0f"}
    of_lists = {"breadth": ".1f", "novel_hit_rate": ".3f", "novel_cluster_hit_rate": ".3f"}
    if not (weeks := _weeks(index)):
        return
    for half in (weeks[: len(weeks) // 2], weeks[len(weeks) // 2 :]):
        cells = [_mean(index, name, half, form) for name, form in of_log.items()]
        for name, form in of_lists.items():
            cells += [_mean(index, name, half, form, method=each) for each in (_TABLES_OVER_TIME[0], _WITHOUT_TABLE)]
        yield [f"{half[0] + 1}–{half[-1] + 1}", *cells]


_TABLES_OVER_TIME = [f"{OURS}, refreshed {name}" for name in REFRESHES]
_WITHOUT_TABLE = f"{UNRESTRICTED}, novel items"

TABLES: dict[str, Callable[[MetricIndex], Rows]] = {
    "data": _data,
    "30%": _methods(MIXED),
    "novel": _methods("1.0"),
    "own": _methods(OWN),
    "curve": _curve("novel_hit_rate"),
    "curve_all": _curve("hit_rate"),
    "difference": _difference("novel_hit_rate"),
    "difference_all": _difference("hit_rate"),
    "difference_clusters": _difference("novel_cluster_hit_rate"),
    "allocations": _allocations,
    "sizes": _sizes,
    "contexts": _contexts,
    "similarity": _similarity,
    "weeks": _week_methods,
    "weeklog": _halves,
}


def read_metrics(workspace: str) -> MetricIndex:
    """Read the metrics of a workspace."""
    rows = read_dataset(METRICS, resolve_source(f"{workspace}/{METRICS.name}"))
    return MetricIndex(rows.cast(METRICS.arrow).combine_chunks().to_batches())


def main(arguments: list[str]) -> None:
    """Rewrite the rows of the logs `NAME=WORKSPACE` in the page."""
    page = PAGE.read_text(encoding="utf-8")
    for argument in arguments:
        log, _, workspace = argument.partition("=")
        page = insert_log(page, log, read_metrics(workspace))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
