import pytest

from tools.recommendation_tables import PAGE, TABLES, insert_log
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row, point

HEADER = "| log | method | a | b |\n| --- | --- | ---: | ---: |\n"
ROWS = "| films | old | 1 | 2 |\n|  | older | 3 | 4 |\n| shop, 3 weeks | kept | 5 | 6 |\n|  | kept too | 7 | 8 |\n"


def page(rows: str = ROWS) -> str:
    """Return a page with all tables, of which one has rows of logs."""
    bodies = {name: rows if name == "difference" else "" for name in TABLES}
    tables = (
        f"<!-- result of recommendation, {name} -->\n{HEADER}{rows}<!-- end -->\n" for name, rows in bodies.items()
    )
    return "# Page\n\n" + "\n".join(tables)


def metrics() -> MetricIndex:
    """Return the metrics of a log: one rival at two fractions of novel items."""
    measured = [
        metric_row("recommendation_novelty_ratio", point(0.3), method=name, novel="0.3")
        for name in ("lookup table", "popularity")
    ]
    parts = {"measure": "novel_hit_rate", "method": "popularity"}
    differences = [
        metric_row("recommendation_difference", interval, **parts, novel=novel)
        for novel, interval in (("0.1", Interval(0.0125, -0.0002, 1.0, 9)), ("0.2", Interval(-0.25, -0.5, 0.0, 9)))
    ]
    return MetricIndex([metric_batch(measured + differences)])


def test_the_rows_of_a_log_are_replaced_and_those_of_other_logs_stay() -> None:
    missing = " | ".join("–" * 4)
    first = "+.013 <sub>-.000–+1.000</sub>"
    expected = f"| films | popularity | {first} | -.250 <sub>-.500–+.000</sub> | {missing} |\n"
    assert insert_log(page(), "films", metrics()) == page(expected + "".join(ROWS.splitlines(keepends=True)[2:]))


def test_a_log_without_rows_and_a_page_without_a_table_are_refused() -> None:
    with pytest.raises(ValueError, match="no table has rows of 'papers'"):
        insert_log(page(), "papers", metrics())
    with pytest.raises(ValueError, match="the page has no mark"):
        insert_log(page().replace("recommendation, own", "recommendation"), "films", metrics())


def test_the_page_has_all_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- result of recommendation, {name} -->" in text for name in TABLES)
