"""Tables and pages in HTML: one file without scripts and without anything to load but its images."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from transforms.report.table import Cell, Column, Section, Table

_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: left; }
.right { text-align: right; }
small { color: #666; }
img { max-width: 100%; }
"""


def render_table(table: Table) -> str:
    """Render a table with its title as caption; intervals are small print behind their values."""
    head = "".join(_tag("th", _escape(column.title), column) for column in table.columns)
    body = "".join(
        "<tr>"
        + "".join(_tag("td", _cell(cell), column) for cell, column in zip(cells, table.columns, strict=True))
        + "</tr>\n"
        for cells in table.rows
    )
    caption = f"<caption>{_escape(table.title)}</caption>\n" if table.title else ""
    return f"<table>\n{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"


def render_page(title: str, sections: Iterable[Section]) -> str:
    """Render a whole page.

    Args:
        title: its heading.
        sections: its sections, in order.
    """
    blocks = [f"<h1>{_escape(title)}</h1>\n"]
    for section in sections:
        blocks.append(f"<h2>{_escape(section.title)}</h2>\n{_paragraphs(section.description)}")
        blocks += [
            f'<figure><img src="{html.escape(image.path)}" alt="{html.escape(image.caption)}"></figure>\n'
            for image in section.images
        ]
        blocks += [render_table(table) + _paragraphs(table.notes) for table in section.tables]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{_escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(blocks)}</body>\n</html>\n"
    )


def _paragraphs(texts: tuple[str, ...]) -> str:
    """Return one text as a paragraph, several as a list."""
    if len(texts) < 2:
        return "".join(f"<p>{_escape(text)}</p>\n" for text in texts)
    return "<ul>\n" + "".join(f"<li>{_escape(text)}</li>\n" for text in texts) + "</ul>\n"


def _tag(name: str, content: str, column: Column) -> str:
    attributes = ' scope="col"' if name == "th" else ""
    attributes += ' class="right"' if column.align == "right" else ""
    return f"<{name}{attributes}>{content}</{name}>"


def _cell(cell: Cell) -> str:
    text = f"<strong>{_escape(cell.text)}</strong>" if cell.is_emphasized else _escape(cell.text)
    return f"{text} <small>{_escape(cell.interval)}</small>" if cell.interval else text


def _escape(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
