"""A part of the log of the sample, with the items of its users, as files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

SAMPLE = Path(__file__).parent.parent / "samples" / "arxiv_authors"
EVERY = 24
"""One of this number of users is part of the log."""


def small_log() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the interactions of some users, some of them twice, and the catalogue of their items."""
    whole = pl.read_parquet(SAMPLE / "interactions.parquet")
    users = whole["user_id"].unique().sort().gather_every(EVERY)
    log = whole.filter(pl.col("user_id").is_in(users.implode()))
    items = pl.read_parquet(SAMPLE / "items.parquet").filter(pl.col("item_id").is_in(log["item_id"].implode()))
    return pl.concat([log, log.gather_every(50)]), items


def write_files(folder: Path, table: pl.DataFrame, files: int, seed: int | None = None) -> Path:
    """Writes a table as some files, in a random order of rows if there is a seed."""
    folder.mkdir(parents=True)
    order: Sequence[int] = range(len(table))
    if seed is not None:
        order = np.random.default_rng(seed).permutation(len(table)).tolist()
    for number, rows in enumerate(np.array_split(np.array(order), files)):
        table[rows.tolist()].write_parquet(folder / f"{number}.parquet", row_group_size=2000)
    return folder
