"""Comparison of the journeys of two programs: speed is compared only between programs with equal results."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

EXACT = ("user_id", "item_ids", "size", "terms")
MEMBERS = ("user_id", "item_ids")


def read_journeys(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    """Read columns of journeys from a parquet file or a folder of such, in an order that does not depend on the files.

    Args:
        path: output of a program.
        columns: columns to read, including `user_id` and `item_ids`, by which rows are sorted.
    """
    files = path / "*.parquet" if path.is_dir() else path
    # Lists are compared as text, since rows cannot be sorted by them.
    return pl.read_parquet(files, columns=list(columns)).sort("user_id", pl.col("item_ids").list.join("\x1e"))


def check_agreement(ours: Path, theirs: Path, columns: tuple[str, ...]) -> None:
    """Compare the journeys that two programs wrote.

    Raises:
        AssertionError: if they differ, with the first difference.
    """
    assert_frame_equal(read_journeys(ours, columns), read_journeys(theirs, columns))
