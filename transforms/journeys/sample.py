"""A sample of users that does not depend on how the log is cut: those whose hashes are the smallest.

The smallest k hashes of a union are the smallest k of the unions of smallest ks (a bottom-k sketch), so each batch
sends no more than k numbers. Buckets are ranges of the users' stable hash, whose smallest values would all lie in the
first bucket; the sample goes by another mix of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import stable_hash

NO_LIMIT = np.uint64(np.iinfo(np.uint64).max)
"""The limit below or at which all hashes lie."""


def sample_hashes(user_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """A hash of each user that says nothing about their bucket: SplitMix64's mixer over the stable hash.

    Returns:
        Array of shape (len(user_ids),), dtype uint64.
    """
    mixed = stable_hash(user_ids) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def smallest_hashes(user_ids: pa.StringArray, most: int) -> npt.NDArray[np.uint64]:
    """The smallest distinct hashes of users, ascending, `most` of them or all. Users may repeat."""
    return np.unique(sample_hashes(user_ids))[:most]


def merge_smallest(sketches: Iterable[npt.NDArray[np.uint64]], most: int) -> npt.NDArray[np.uint64]:
    """What `smallest_hashes` gives for the users of several sketches together."""
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *sketches]))[:most]


def hash_cutoff(sketch: npt.NDArray[np.uint64], most: int) -> np.uint64:
    """The hash up to which users are in the sample; `NO_LIMIT` where there are no more than are wanted."""
    return np.uint64(sketch[most - 1]) if len(sketch) >= most else NO_LIMIT


def sampled_rows(rows: pa.RecordBatch, limit: np.uint64) -> pa.RecordBatch:
    """The rows, with a column `user_id`, of users in the sample."""
    if limit == NO_LIMIT:
        return rows
    return rows.filter(pa.array(sample_hashes(rows["user_id"]) <= limit))


@dataclasses.dataclass
class SampleUsers(beam.PTransform):
    """Record batches with the column `user_id` -> the one limit of the sample, as `hash_cutoff` gives it.

    Attributes:
        users: how many users are wanted, at least 1.
    """

    users: int

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return (
            rows
            | "Smallest" >> beam.Map(_smallest_of_rows, self.users)
            | "Merge" >> beam.CombineGlobally(merge_smallest, self.users)
            | "Limit" >> beam.Map(hash_cutoff, self.users)
        )


def _smallest_of_rows(rows: pa.RecordBatch, most: int) -> npt.NDArray[np.uint64]:
    return smallest_hashes(rows["user_id"], most)
