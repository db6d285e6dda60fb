"""Tables on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import rich.table
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement

from transforms.report.table import Cell, Table

_MAX_WIDTH = 1000
_MAX_TEXT_WIDTH = 32


def rich_table(table: Table) -> rich.table.Table:
    """Convert a table for a terminal: without details, intervals in columns of their own."""
    if table.transpose_on_terminal:
        table = table.transposed()
    result = rich.table.Table(
        title=escape(table.title),
        title_justify="left",
        caption=escape("\n".join(table.notes)),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    content: list[list[str]] = []
    for index, column in enumerate(table.columns):
        if column.is_detail:
            continue
        cells = [cells[index] for cells in table.rows]
        texts = [_text(cell) for cell in cells]
        is_text = column.align == "left"
        result.add_column(
            escape(_wrap(column.title, [cell.text for cell in cells])),
            justify=column.align,
            no_wrap=not is_text,
            min_width=_text_width([column.title, *(cell.text for cell in cells)]) if is_text else None,
        )
        content.append(texts)
        if not column.hides_intervals and any(cell.interval for cell in cells):
            result.add_column("95 %", justify="right", no_wrap=True, style="dim")
            content.append([escape(cell.interval) for cell in cells])
    for line in zip(*content, strict=True):
        result.add_row(*line)
    return result


def print_tables(tables: Iterable[Table]) -> Console:
    """Print tables that are no details.

    Returns:
        The console, which is wide enough that no number is cut, even where the screen is narrower.
    """
    rendered = [rich_table(table) for table in tables if not table.is_detail]
    console = Console(highlight=False)
    options = console.options.update(max_width=_MAX_WIDTH)
    widths = [Measurement.get(console, options, table).minimum for table in rendered]
    console = Console(highlight=False, width=max([console.width, *widths]))
    for table in rendered:
        console.print(table)
    return console


def _text(cell: Cell) -> str:
    return f"[bold]{escape(cell.text)}[/]" if cell.is_emphasized else escape(cell.text)


def _text_width(texts: list[str]) -> int:
    """Return the width of the longest text, up to a limit, but not less than that of the longest word."""
    return max(min(max(map(len, texts)), _MAX_TEXT_WIDTH), _longest_word(texts))


def _longest_word(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _wrap(title: str, texts: list[str]) -> str:
    """Break a heading into lines no wider than the cells below it, as far as its words allow."""
    width = max([_longest_word([title]), *map(len, texts)], default=1)
    return "\n".join(textwrap.wrap(title, max(width, 1)))
