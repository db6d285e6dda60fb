"""Columns in the path of a file: `date=2024-01-15/event=click/part-0.parquet`, as Hive and Spark write partitions."""

from __future__ import annotations

from urllib.parse import unquote

_NULLS = ("__HIVE_DEFAULT_PARTITION__", "")


def is_hidden(name: str) -> bool:
    """Return whether tools skip a file or folder of this name; `_date=2024-01-15` is a partition, as Spark reads it."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def partition_values(path: str) -> dict[str, str | None]:
    """Return the columns in the path of a file, with their values; of equal names the last counts.

    Args:
        path: a path or URL.
    """
    values: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, separator, value = folder.partition("=")
        if name and separator:
            values[unquote(name)] = None if value in _NULLS else unquote(value)
    return values
