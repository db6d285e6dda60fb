"""Bounded reading of committed datasets: batch by batch, only the columns and rows that the page shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.datasets.files import Source
from transforms.datasets.reading import ParquetReader
from transforms.page.sampling import seeded_hash

_MICROSECONDS = pa.int64()


def read_batches(source: Source | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read some columns of a dataset, batch by batch; nothing of a dataset that is missing."""
    for file in source.files if source else ():
        with ParquetReader(file.path) as reader:
            for row_group in range(len(reader.row_group_sizes())):
                for batch in reader.batches(row_group, list(columns)):
                    yield batch.select(list(columns))


def read_rows(
    source: Source | None, columns: Sequence[str], keep: Callable[[pa.RecordBatch], pa.BooleanArray]
) -> list[dict[str, Any]]:
    """Read the rows of a dataset that satisfy a condition; times become microseconds since 1970."""
    kept = [batch.filter(keep(batch)) for batch in read_batches(source, columns)]
    return [row for batch in kept if batch.num_rows for row in with_microseconds(batch).to_pylist()]


def rows_with(source: Source | None, columns: Sequence[str], name: str, values: Iterable[str]) -> list[dict[str, Any]]:
    """Read the rows of a dataset whose value in one column is among some values."""
    wanted = pa.array(sorted(values), pa.string())
    return read_rows(source, columns, lambda batch: pc.is_in(batch[name], wanted)) if len(wanted) else []


def with_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert times, and lists of times, to microseconds since 1970."""
    columns = [_converted(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _converted(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", "UTC")).cast(_MICROSECONDS)
    if pa.types.is_list(column.type) and pa.types.is_timestamp(column.type.value_type):
        return column.cast(pa.list_(pa.timestamp("us", "UTC"))).cast(pa.list_(_MICROSECONDS))
    return column


def sample_of_groups(
    batches: Iterable[pa.RecordBatch], group: str, member: str, size: int, seed: int
) -> dict[str, list[str]]:
    """Sample the members of each group: those with the smallest seeded hashes.

    Args:
        batches: batches with both columns, of text without null.
        group: the column of the group.
        member: the column of the member.
        size: number of members of a group.
        seed: seed of the hash.
    """
    kept = pa.table({"group": pa.array([], pa.string()), "member": pa.array([], pa.string()), "hash": _no_hashes()})
    for batch in batches:
        hashes = pa.array(seeded_hash(batch[member], seed))
        added = pa.table({"group": batch[group], "member": batch[member], "hash": hashes})
        kept = _first_of_groups(pa.concat_tables([kept, added]), size)
    result: dict[str, list[str]] = {}
    for name, item in zip(kept["group"].to_pylist(), kept["member"].to_pylist(), strict=True):
        result.setdefault(name, []).append(item)
    return result


def _no_hashes() -> pa.Array:
    return pa.array([], pa.uint64())


def _first_of_groups(table: pa.Table, size: int) -> pa.Table:
    """Sort by group, hash and member, and keep the first rows of each group."""
    table = table.sort_by([("group", "ascending"), ("hash", "ascending"), ("member", "ascending")]).combine_chunks()
    if not table.num_rows:
        return table
    codes = np.asarray(table["group"].combine_chunks().dictionary_encode().indices)
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    number = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    return table.filter(pa.array(number < size))
