"""A sample of users that does not depend on how the log is split: those with the smallest hashes.

The smallest k hashes of a union are the smallest k of the union of the smallest ks (a bottom-k sketch), so each batch
emits no more than k numbers. Buckets are ranges of the users' stable hash, whose smallest values are all in the first
bucket, so the sample uses another mix of the hash.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.hashing import mix_bits, stable_hash

NO_LIMIT = np.uint64(np.iinfo(np.uint64).max)
"""The cutoff that no hash exceeds."""


def sample_hashes(user_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Compute a hash of each user that is independent of the bucket: SplitMix64's mixer over the stable hash.

    Returns:
        Array of shape (len(user_ids),), dtype uint64.
    """
    return mix_bits(stable_hash(user_ids))


def smallest_hashes(user_ids: pa.StringArray, count: int) -> npt.NDArray[np.uint64]:
    """Return the `count` smallest distinct hashes of users, ascending; all if there are fewer. Users may repeat."""
    return np.unique(sample_hashes(user_ids))[:count]


def merge_smallest(sketches: Iterable[npt.NDArray[np.uint64]], count: int) -> npt.NDArray[np.uint64]:
    """Merge sketches of `smallest_hashes` into the sketch of all their users."""
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *sketches]))[:count]


def hash_cutoff(sketch: npt.NDArray[np.uint64], count: int) -> np.uint64:
    """Return the hash up to which users are in the sample; `NO_LIMIT` if there are at count `count` users."""
    return np.uint64(sketch[count - 1]) if len(sketch) >= count else NO_LIMIT


def sampled_rows(rows: pa.RecordBatch, limit: np.uint64) -> pa.RecordBatch:
    """Select the rows of users in the sample, by the column `user_id`."""
    if limit == NO_LIMIT:
        return rows
    return rows.filter(pa.array(sample_hashes(rows["user_id"]) <= limit))


@dataclasses.dataclass
class SampleUsers(beam.PTransform):
    """Record batches with the column `user_id` -> the hash cutoff of the sample, one element.

    Attributes:
        users: number of users in the sample, at least 1.
    """

    users: int

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return (
            rows
            | "Smallest" >> beam.Map(_smallest_of_rows, self.users)
            | "Merge" >> beam.CombineGlobally(merge_smallest, self.users)
            | "Limit" >> beam.Map(hash_cutoff, self.users)
        )


def _smallest_of_rows(rows: pa.RecordBatch, count: int) -> npt.NDArray[np.uint64]:
    return smallest_hashes(rows["user_id"], count)
