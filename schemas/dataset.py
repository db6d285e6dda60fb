"""Definition of a dataset: its columns, its key, the order of its rows, and the invariants of a row."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

BooleanArray: TypeAlias = pa.BooleanArray
Rows: TypeAlias = pa.RecordBatch

TIMESTAMP = pa.timestamp("us", tz="UTC")
"""The type of time in every dataset: microseconds since 1970-01-01 UTC, negative before."""


class SchemaError(ValueError):
    """Rows violate the schema of their dataset: columns, types or invariants."""


MAX_CHARACTERS = 1000
"""Number of characters of a text that people wrote that are read; it bounds what a text can cost."""


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name: the column's name.
        type: its Arrow type.
        doc: its description, with units; one sentence.
        nullable: whether values may be null.
        optional: whether the column may be missing in input tables. Datasets that the project writes always have all
            columns.
        list_separator: for a column of text: what joins the elements if an input has lists of texts; empty: an input
            may not have lists.
        is_id: whether the values are ids of a user's own input, from which spaces at both ends are removed.
        is_seconds: whether the values are seconds, so that an input may have durations.
        written_as: for texts that people wrote: what they are. When input tables are read, they are cut to their first
            `MAX_CHARACTERS` and cleaned.
    """

    name: str
    type: pa.DataType
    doc: str
    nullable: bool = False
    optional: bool = False
    list_separator: str = ""
    is_seconds: bool = False
    is_id: bool = False
    written_as: Literal["title", "text"] | None = None


@dataclasses.dataclass(frozen=True)
class Invariant:
    """A condition on every row of a dataset.

    Attributes:
        reason: the reason in `errors` of a row that violates it, one word.
        doc: its description.
        check: maps rows to one boolean per row, never null.
    """

    reason: str
    doc: str
    check: Callable[[Rows], BooleanArray]


@dataclasses.dataclass(frozen=True)
class DatasetSchema:
    """The contract for one dataset.

    Attributes:
        name: the dataset's name, also the name of its folder in a workspace.
        doc: the meaning of one row.
        key: the columns that identify a row; empty if rows have no identity.
        sort_by: the columns by which the rows of a part are sorted, ascending.
        partition_by: the column whose hash determines the part of a row.
        columns: all columns, in order.
        invariants: conditions on each row, in addition to nullability.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    sort_by: tuple[str, ...]
    partition_by: str
    columns: tuple[Column, ...]
    invariants: tuple[Invariant, ...] = ()

    @functools.cached_property
    def arrow(self) -> pa.Schema:
        """The Arrow schema with all columns."""
        return pa.schema([pa.field(column.name, column.type, column.nullable) for column in self.columns])

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over names, types and nullability, in order."""
        described = [[column.name, str(column.type), column.nullable] for column in self.columns]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that input tables must have."""
        return tuple(column.name for column in self.columns if not column.optional)

    def column(self, name: str) -> Column:
        """Return the column `name`.

        Raises:
            KeyError: when there is no such column.
        """
        return {column.name: column for column in self.columns}[name]

    def all_invariants(self) -> tuple[Invariant, ...]:
        """Return one invariant for each column that is not nullable, then those of the dataset."""
        return tuple(_not_null(column.name) for column in self.columns if not column.nullable) + self.invariants

    def check(self, rows: Rows | pa.Table) -> None:
        """Check types and invariants of rows that the project itself computed.

        Raises:
            SchemaError: with the dataset, the first violated invariant, and the number of rows that violate it.
        """
        if not rows.schema.equals(self.arrow):
            raise SchemaError(f"{self.name}: expected the columns\n{self.arrow}\ngot\n{rows.schema}")
        for batch in rows.to_batches() if isinstance(rows, pa.Table) else [rows]:
            for invariant in self.all_invariants():
                broken = batch.num_rows - (pc.sum(invariant.check(batch)).as_py() or 0)
                if broken:
                    raise SchemaError(f"{self.name}: {invariant.reason} in {broken} of {batch.num_rows} rows")


def _not_null(name: str) -> Invariant:
    return Invariant(f"null_{name}", f"`{name}` is not null", lambda rows: pc.is_valid(rows[name]))


def not_empty(name: str) -> Invariant:
    """`name` is not the empty string."""
    return Invariant(
        f"empty_{name}",
        f"`{name}` is not empty",
        lambda rows: pc.fill_null(pc.not_equal(rows[name], ""), fill_value=True),
    )


_PLACEHOLDERS = pa.array(
    [
        *(
            "nan",
            "-nan",
            "none",
            "null",
            "nil",
            "na",
            "n/a",
            "<na>",
            "#n/a",
            "#na",
            "nat",
            "\\n",
            "(null)",
            "undefined",
            "(none)",
            "(not set)",
        ),
        "00000000-0000-0000-0000-000000000000",
    ]
)
"""The texts that programs write for a missing value, in lowercase."""


def identifies(name: str) -> tuple[Invariant, ...]:
    """`name` is neither blank nor the text that programs write for a missing value."""

    def trimmed(rows: Rows) -> pa.StringArray:
        return pc.utf8_trim_whitespace(rows[name])

    return (
        Invariant(
            f"empty_{name}",
            f"`{name}` is not blank",
            lambda rows: pc.fill_null(pc.not_equal(trimmed(rows), ""), fill_value=True),
        ),
        Invariant(
            f"placeholder_{name}",
            f"`{name}` is not the text for a missing value, such as `nan`, `None` or `null`",
            lambda rows: pc.invert(pc.is_in(pc.utf8_lower(trimmed(rows)), _PLACEHOLDERS)),
        ),
    )


def content_hash(name: str) -> Invariant:
    """`name` is a hash as computed by `transforms.content_hash`."""
    return Invariant(
        f"{name}_malformed",
        f"`{name}` is 32 hexadecimal digits",
        lambda rows: pc.fill_null(pc.match_substring_regex(rows[name], "^[0-9a-f]{32}$"), fill_value=True),
    )


def finite(name: str) -> Invariant:
    """`name` is neither NaN nor infinite (null is allowed)."""
    return Invariant(
        f"{name}_not_finite",
        f"`{name}` is a finite number or null",
        lambda rows: pc.fill_null(pc.is_finite(rows[name]), fill_value=True),
    )


def between(name: str, low: float, high: float) -> Invariant:
    """`name` lies in [low, high] (null is allowed)."""
    return Invariant(
        f"{name}_out_of_range",
        f"`{name}` lies in [{low:g}, {high:g}] or is null",
        lambda rows: pc.fill_null(
            pc.and_(pc.greater_equal(rows[name], low), pc.less_equal(rows[name], high)), fill_value=True
        ),
    )


def elements_finite(name: str) -> Invariant:
    """Every number in the list `name` of a row is finite, and none is null."""

    def holds(rows: Rows) -> BooleanArray:
        lists = rows[name]
        broken = pc.invert(pc.fill_null(pc.is_finite(lists.flatten()), fill_value=False))
        outside = pc.filter(pc.list_parent_indices(lists), broken)
        return pc.invert(pc.is_in(pa.array(range(rows.num_rows), pa.int64()), outside))

    return Invariant(f"{name}_not_finite", f"every number in `{name}` is finite, none is null", holds)


def same_length(first: str, second: str) -> Invariant:
    """The lists `first` and `second` of a row have the same length."""
    return Invariant(
        f"{first}_and_{second}_differ_in_length",
        f"`{first}` and `{second}` have equal lengths",
        lambda rows: pc.equal(pc.list_value_length(rows[first]), pc.list_value_length(rows[second])),
    )


def elements_between(name: str, low: float, high: float) -> Invariant:
    """Every number in the list `name` of a row lies in [low, high]."""

    def holds(rows: Rows) -> BooleanArray:
        lists = rows[name]
        values = lists.flatten()
        inside = pc.fill_null(pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high)), fill_value=False)
        outside = pc.filter(pc.list_parent_indices(lists), pc.invert(inside))
        return pc.invert(pc.is_in(pa.array(range(rows.num_rows), pa.int64()), outside))

    return Invariant(f"{name}_out_of_range", f"every number in `{name}` lies in [{low:g}, {high:g}]", holds)
