import contextlib
import io

import pytest

from transforms.report import html, markdown
from transforms.report.table import Cell, Column, Image, Section, Table, number_columns, row, text_columns
from transforms.report.terminal import print_tables

TABLE = Table(
    columns=(*text_columns("method"), *number_columns("mean F1"), Column("details", is_detail=True)),
    rows=(
        row("Ward | <b>[bold]", Cell("0.900", ".880–.920", is_emphasized=True), "1"),
        row("k-means, oracle k", Cell("0.5"), "2"),
    ),
    title="Methods",
    notes=("The best is bold.",),
)


def terminal(*tables: Table) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        print_tables(tables)
    return printed.getvalue()


def test_a_row_has_a_cell_for_each_column() -> None:
    with pytest.raises(ValueError, match="a row has 1 cells, but the table has 2 columns"):
        Table(number_columns("a", "b"), (row("1"),))


def test_markdown() -> None:
    assert markdown.render_table(TABLE) == (
        "| method | mean F1 | details |\n"
        "| --- | ---: | ---: |\n"
        "| Ward \\| <b>[bold] | **0.900** <sub>.880–.920</sub> | 1 |\n"
        "| k-means, oracle k | 0.5 | 2 |\n"
    )


def test_html_is_escaped() -> None:
    text = html.render_table(TABLE)
    assert "<td>Ward | &lt;b&gt;[bold]</td>" in text
    assert '<td class="right"><strong>0.900</strong> <small>.880–.920</small></td>' in text
    assert "<caption>Methods</caption>" in text


def test_a_terminal_shows_intervals_in_a_column_and_no_details() -> None:
    lines = [line.rstrip() for line in terminal(TABLE).splitlines()]
    assert lines[0] == "Methods"
    assert any(line.split() == ["Ward", "|", "<b>[bold]", "0.900", ".880–.920"] for line in lines)
    assert any(line.split() == ["k-means,", "oracle", "k", "0.5"] for line in lines)
    assert "details" not in " ".join(lines)
    assert "The best is bold." in " ".join(lines)


def test_a_terminal_cuts_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    wide = Table(number_columns(*(f"column {index}" for index in range(9))), (row(*["123.456"] * 9),))
    assert terminal(wide).count("123.456") == 9
    assert "…" not in terminal(wide)


def test_a_terminal_leaves_out_detail_tables() -> None:
    assert not terminal(Table(number_columns("a"), (row("1"),), is_detail=True)).strip()


def test_rows_can_be_shown_as_columns_on_a_terminal() -> None:
    table = Table(
        (*text_columns("method"), *number_columns("users", "items")),
        (row("ICPC", "5", Cell("7", "6–8")),),
        transpose_on_terminal=True,
    )
    lines = [line.split() for line in terminal(table).splitlines()]
    assert ["users", "5"] in lines
    assert ["items", "7", "6–8"] in lines
    assert "| method | users | items |" in markdown.render_table(table)


def test_pages() -> None:
    sections = [
        Section("First", ("One `option`.",), (Image("a.svg", "curves"),), (TABLE,)),
        Section("Second", ("One <x>.", "Two.")),
    ]
    page = markdown.render_page("Evaluation", sections)
    assert page.startswith("# Evaluation\n\n## First\n\nOne `option`.\n\n![curves](a.svg)\n\n### Methods\n\n| method |")
    assert page.endswith("\nThe best is bold.\n\n## Second\n\n- One <x>.\n- Two.\n")
    text = html.render_page("Evaluation", sections)
    assert "<p>One <code>option</code>.</p>" in text
    assert "<li>One &lt;x&gt;.</li>" in text
    assert '<img src="a.svg" alt="curves">' in text
