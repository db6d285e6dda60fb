"""The generated parts of `docs/inputs.md`: accepted types, units, reasons of invalid rows, and refusals.

Refusals are what the code says about small examples, so the page shows the messages as they are.
"""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas import INTERACTIONS, ITEMS, DatasetSchema
from transforms.datasets.casting import fits
from transforms.datasets.coercion import ColumnError
from transforms.datasets.column_options import UNITS, ColumnOptions
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import ParquetReader, UnreadableFileError, check_file
from transforms.datasets.table_formats import TABLE_FORMATS

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(38, 0),
    "bool": pa.bool_(),
    "binary": pa.binary(),
    "fixed binary, UUID": pa.uuid(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "duration": pa.duration("us"),
    "list of texts": pa.list_(pa.string()),
    "list of structs with a name": pa.list_(pa.struct([("id", pa.int64()), ("name", pa.string())])),
    "struct with a name": pa.struct([("id", pa.int64()), ("name", pa.string())]),
}
_ROW = {"user_id": ["a"], "item_id": ["b"], "timestamp": [1_705_320_000]}
_EXAMPLES: dict[str, pa.Table] = {
    "a column is missing": pa.table({"visitor": ["a"], "item_id": ["b"], "timestamp": [1_705_320_000]}),
    "a required column has another type": pa.table(_ROW | {"user_id": [["a"]]}),
    "dates as digits": pa.table(_ROW | {"timestamp": [20240115]}),
    "days since 1970": pa.table(_ROW | {"timestamp": [19_737]}),
    "serial dates of a spreadsheet": pa.table(_ROW | {"timestamp": [45_306.5]}),
    "dates as other digits": pa.table(_ROW | {"timestamp": [15012024]}),
    "one time for 'unknown'": pa.table(_ROW | {"timestamp": pa.array([0]).cast(pa.timestamp("us"))}),
    "times as floats of 32 bits": pa.table(_ROW | {"timestamp": pa.array([1_705_320_064.0], pa.float32())}),
    "other texts": pa.table(_ROW | {"timestamp": ["01/15/2024"]}),
    "seconds that were converted as nanoseconds": pa.table(
        _ROW | {"timestamp": pa.array([1_705_320_000]).cast(pa.timestamp("ns"))}
    ),
}
_OTHER_FILES = {
    "log.csv": b"user_id,item_id,timestamp\n",
    "log.json": b'{"user_id": 1}\n',
    "log.csv.gz": gzip.compress(b"user_id,item_id,timestamp\n"),
    "log.orc": b"ORC",
    "log.xlsx": b"PK\x03\x04",
}
_PROBLEMS = (
    ("not_an_exact_integer", "a number as an id that is no whole number, or a float so large that ids may have merged"),
    (
        "not_a_time",
        "a text that is no time, or 0, -1 or another number within a day of 1970, which stands for 'unknown'",
    ),
    (
        "probably_<unit>",
        "a number that `auto` would read as a time of 1970, and that is a time of today in another unit",
    ),
    ("not_a_number", "a text that is no number, in a column that a filter uses"),
    ("not_utf8", "text that is not UTF-8"),
)


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in cells)


def accepted_types() -> str:
    """Return a table of the types that each column may have."""
    rows = []
    for schema in (INTERACTIONS, ITEMS):
        for column in schema.columns:
            accepted = [name for name, type_ in _TYPES.items() if fits(type_, column)]
            with_option = [name for name, type_ in _TYPES.items() if name not in accepted and fits(type_, column, "|")]
            by_option = [f"{name} with `--tag_separator`" for name in with_option]
            needed = "optional" if column.optional else "required"
            rows.append((schema.name, f"`{column.name}`", needed, ", ".join([*accepted, *by_option])))
    return _table(("dataset", "column", "", "types"), rows)


def timestamp_units() -> str:
    """Return a table of the units of numbers."""
    return _table(("`--timestamp_unit`", "a number is"), [(f"`{unit}`", text) for unit, text in UNITS.items()])


def table_formats() -> str:
    """Return a table of the table formats that are refused, with the export of each."""
    rows = []
    for each in TABLE_FORMATS:
        export = each.export.format(table="/data/log")
        is_command = not export.startswith(("INSERT", "COPY"))
        rows.append((each.name, f"`{export}`" if is_command else export))
    return _table(("format of `/data/log`", "export"), rows)


def row_reasons() -> str:
    """Return a table of the reasons for which a row is invalid."""
    rows = [
        (schema.name, f"`{invariant.reason}`", f"violated: {invariant.doc}")
        for schema in (INTERACTIONS, ITEMS)
        for invariant in schema.all_invariants()
    ]
    rows += [("both", f"`<column>_{reason}`", text) for reason, text in _PROBLEMS]
    rows += [
        (
            "items",
            "`duplicate_item`",
            "another row has the same `item_id`, but other values; of equal rows, one is kept",
        ),
        ("interactions", "`item_not_in_catalogue`", "the catalogue has no such item"),
    ]
    return _table(("dataset", "reason", "description"), rows)


def refusals() -> str:
    """Return a table of inputs that are refused, each with its message."""
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, table in _EXAMPLES.items():
            path = Path(folder) / "log.parquet"
            pq.write_table(table, path)
            rows.append((name, _message(path, INTERACTIONS)))
        for name, content in _OTHER_FILES.items():
            path = Path(folder) / name
            path.write_bytes(content)
            rows.append((f"`{name}`", _message(path, INTERACTIONS)))
        path = Path(folder) / "delta" / "_delta_log" / "00000000000000000000.json"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"{}")
        try:
            resolve_source(str(Path(folder) / "delta"))
        except ValueError as error:
            rows.append(("a table of Delta Lake", str(error)))
        return _table(("input", "message"), [(name, text.replace(folder, "/data")) for name, text in rows])


def _message(path: Path, schema: DatasetSchema) -> str:
    try:
        with ParquetReader(str(path)) as reader:
            check_file(reader, schema, ColumnOptions())
    except (UnreadableFileError, ColumnError) as error:
        return str(error)
    raise AssertionError(f"{path} is not refused")


SECTIONS: dict[str, Callable[[], str]] = {
    "accepted types": accepted_types,
    "timestamp units": timestamp_units,
    "table formats": table_formats,
    "row reasons": row_reasons,
    "refusals": refusals,
}
"""The generated parts, by the name in the mark before each."""
