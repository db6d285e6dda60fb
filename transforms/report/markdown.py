"""Tables and pages in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from transforms.report.table import Cell, Section, Table

_RULES = {"left": "---", "right": "---:"}


def render_table(table: Table) -> str:
    """Render a table, without its title and notes; intervals are small print behind their values."""
    lines = [[_escape(column.title) for column in table.columns], [_RULES[column.align] for column in table.columns]]
    lines += [[_cell(cell) for cell in cells] for cells in table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def render_page(title: str, sections: Iterable[Section]) -> str:
    """Render a whole page.

    Args:
        title: its heading.
        sections: its sections, in order.
    """
    blocks = [f"# {title}\n"]
    for section in sections:
        blocks.append(f"## {section.title}\n")
        blocks += _paragraphs(section.description)
        blocks += [f"![{image.caption}]({image.path})\n" for image in section.images]
        for table in section.tables:
            blocks += [f"### {table.title}\n"] if table.title else []
            blocks += [render_table(table), *_paragraphs(table.notes)]
    return "\n".join(blocks)


def _paragraphs(texts: tuple[str, ...]) -> list[str]:
    """Return one text as a paragraph, several as a list."""
    if len(texts) < 2:
        return [f"{text}\n" for text in texts]
    return ["".join(f"- {text}\n" for text in texts)]


def _cell(cell: Cell) -> str:
    text = f"**{_escape(cell.text)}**" if cell.is_emphasized else _escape(cell.text)
    return f"{text} <sub>{_escape(cell.interval)}</sub>" if cell.interval else text


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
