"""Logs with whales: users with very many interactions, or a bucket of users that has half of all rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.generator import INTERACTIONS_SCHEMA, ROWS_PER_ROW_GROUP, ROWS_PER_WINDOW, GeneratedLog
from transforms.hashing import bucket_ids

_FIRST_TIME = 1_704_067_200_000  # 2024-01-01, in milliseconds
_YEAR = 365 * 86_400_000


class Whales(NamedTuple):
    """Users and interactions to add to a log.

    Attributes:
        name: name in reports.
        users: number of users.
        interactions_per_user: number of interactions of each.
        buckets: number of buckets, of which the users are all in one.
    """

    name: str
    users: int
    interactions_per_user: int
    buckets: int = 16

    @property
    def interactions(self) -> int:
        """Number of added rows."""
        return self.users * self.interactions_per_user


def add_whales(log: GeneratedLog, whales: Whales, folder: Path, seed: int = 0) -> GeneratedLog:
    """Write a log with whales into a new folder.

    The whales' interactions are in random order, so that each batch contains interactions of every whale.
    """
    interactions = folder / "interactions"
    interactions.mkdir(parents=True)
    for file in sorted(log.interactions.iterdir()):
        shutil.copyfile(file, interactions / file.name)
    rng = np.random.default_rng(seed)
    users = _users_of_one_bucket(whales)
    items = pq.read_table(log.items, columns=["item_id"])["item_id"].combine_chunks()
    for number, owners in enumerate(_windows(whales, rng)):
        rows = pa.Table.from_arrays(
            [
                users.take(pa.array(owners)),
                items.take(pa.array(rng.integers(0, len(items), len(owners)))),
                pa.array(_FIRST_TIME + rng.integers(0, _YEAR, len(owners))),
            ],
            names=INTERACTIONS_SCHEMA.names,
        ).cast(INTERACTIONS_SCHEMA)
        path = interactions / f"whales-{number:05d}.parquet"
        pq.write_table(rows, path, row_group_size=ROWS_PER_ROW_GROUP, compression="zstd", compression_level=1)
    return GeneratedLog(interactions, log.items, log.truth)


def _users_of_one_bucket(whales: Whales) -> pa.StringArray:
    candidates = pa.array([f"w{number:08d}" for number in range(2 * whales.buckets * whales.users + 100)])
    inside = candidates.filter(pc.equal(pa.array(bucket_ids(candidates, whales.buckets)), 0))
    return inside[: whales.users]


def _windows(whales: Whales, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    owners = rng.permutation(np.repeat(np.arange(whales.users), whales.interactions_per_user))
    for start in range(0, len(owners), ROWS_PER_WINDOW):
        yield owners[start : start + ROWS_PER_WINDOW]
