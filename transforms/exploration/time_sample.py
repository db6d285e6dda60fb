"""A sample of the times of a log, from which the boundaries of its splits are computed."""

from __future__ import annotations

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import stable_hash

MAX_TIMES = 1 << 16
"""Maximum number of sampled times; a quantile of so many is off by about 0.2 % of the interactions. A log with fewer
interactions is not sampled."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
Sample = tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]
"""Hashes and times of interactions, by ascending hash."""


def sample_of(rows: pa.RecordBatch) -> Sample:
    """Return the interactions with the smallest hashes of user, item and time; further columns are ignored."""
    times = rows["timestamp"].cast(pa.int64()).to_numpy()
    hashes = stable_hash(rows["user_id"]) * _MIX ^ stable_hash(rows["item_id"])
    hashes = (hashes ^ times.view(np.uint64)) * _MIX
    return _smallest(hashes, times)


def _smallest(hashes: npt.NDArray[np.uint64], times: npt.NDArray[np.int64]) -> Sample:
    order = np.lexsort((times, hashes))[:MAX_TIMES]
    return hashes[order], times[order]


class SampleTimes(beam.CombineFn):
    """Record batches of interactions -> the times of a sample, int64, ascending; equal for any order of the batches."""

    def create_accumulator(self) -> Sample:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)

    def add_input(self, accumulator: Sample, rows: pa.RecordBatch) -> Sample:
        return self.merge_accumulators([accumulator, sample_of(rows)])

    def merge_accumulators(self, accumulators: list[Sample]) -> Sample:
        hashes, times = zip(*accumulators, strict=True)
        return _smallest(np.concatenate(hashes), np.concatenate(times))

    def extract_output(self, accumulator: Sample) -> npt.NDArray[np.int64]:
        return np.sort(accumulator[1])
