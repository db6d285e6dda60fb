"""`python -m tools.queries PAGE [FOLDER]`: run the SQL queries of a page, and write their rows into the page.

The rows stand below each query, as a table. Files in queries are relative to FOLDER, by default the working folder: for
`docs/one_user.md`, one in which `make demo` has written `workspace`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import duckdb

_QUERY = re.compile(r"(^```sql\n(?P<query>.*?)^```\n\n)(?:(?:\|[^\n]*\n)+\n?)?", re.DOTALL | re.MULTILINE)


def insert_rows(text: str, folder: Path) -> str:
    """Return the text of a page with the current rows of its queries.

    Args:
        text: Markdown with queries in blocks of SQL; the lines of the table below each one are replaced.
        folder: the folder to which the files in queries are relative.

    Raises:
        duckdb.Error: when a query cannot be run, such as when a file is missing.
    """
    with duckdb.connect() as connection:
        connection.execute("set file_search_path = ?", [str(folder)])
        connection.execute("set timezone = 'UTC'")
        return (
            _QUERY.sub(lambda match: f"{match[1]}{_table(connection.sql(match['query']))}\n", text).rstrip("\n") + "\n"
        )


def _table(rows: duckdb.DuckDBPyRelation) -> str:
    cells = [rows.columns, ["---"] * len(rows.columns), *rows.fetchall()]
    return "".join(f"| {' | '.join(map(_cell, row))} |\n" for row in cells)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    text = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    return text.replace("|", "&#124;")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the SQL queries of a page, and write their rows into the page.")
    parser.add_argument("page", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    args = parser.parse_args()
    page = args.page.read_text(encoding="utf-8")
    args.page.write_text(insert_rows(page, args.folder), encoding="utf-8")
