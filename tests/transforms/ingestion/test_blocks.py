"""Blocks of files: their rows and positions for any size of block, compressed or not, and the rows that are bad."""

import bz2
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.datasets.reading import UnreadableFileError
from transforms.ingestion.blocks import (
    NOT_JSON,
    WRONG_FIELD_COUNT,
    WRONG_JSON_TYPE,
    column_names,
    infer_json_types,
    read_blocks,
)
from transforms.ingestion.layout import Delimited, FileFormat, JsonLines, Parquet

ROWS = 500
TYPES = JsonLines({"a": pa.int64(), "b": pa.list_(pa.string())})


def gather(path: Path, format_: FileFormat, columns: tuple[str, ...], block: int) -> tuple[list[int], list[dict], list]:
    """The positions, rows and bad rows of a file."""
    positions: list[int] = []
    rows: list[dict[str, object]] = []
    bad: list[tuple[int, str]] = []
    for each in read_blocks(str(path), format_, columns, block):
        positions += each.positions.to_pylist()
        rows += each.rows.to_pylist()
        bad += [(row.position, row.reason) for row in each.bad]
    return positions, rows, bad


@pytest.mark.parametrize("block", [100, 1 << 20])
@pytest.mark.parametrize(("suffix", "compress"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
def test_csv_with_rows_of_too_few_fields(tmp_path: Path, block: int, suffix: str, compress: type[bytes]) -> None:
    lines = ["a,b,c"] + [f'{row},"x, ""{row}""\ny",' if row % 7 else f"{row},short" for row in range(ROWS)]
    path = tmp_path / f"log.csv{suffix}"
    path.write_bytes(compress(("\n".join(lines) + "\n").encode()))
    positions, rows, bad = gather(path, Delimited(), ("a", "b", "c"), block)
    assert positions == [row for row in range(ROWS) if row % 7]
    assert rows == [{"a": str(row), "b": f'x, "{row}"\ny', "c": None} for row in range(ROWS) if row % 7]
    assert sorted(bad) == [(row, WRONG_FIELD_COUNT) for row in range(0, ROWS, 7)]


def test_bad_rows_at_the_end_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n3\n4,5,6\n")
    assert gather(path, Delimited(), ("b",), 1 << 20) == (
        [0],
        [{"b": "2"}],
        [(1, WRONG_FIELD_COUNT), (2, WRONG_FIELD_COUNT)],
    )
    path.write_text("1,2\n3\n")
    assert gather(path, Delimited(names=("a", "b")), ("a",), 1 << 20) == ([0], [{"a": "1"}], [(1, WRONG_FIELD_COUNT)])


@given(st.lists(st.text("ab:", min_size=1, max_size=6).filter(lambda text: "::" not in f"x{text}x"), min_size=2))
def test_a_delimiter_of_two_characters_is_found_across_reads(tmp_path_factory: pytest.TempPathFactory, fields) -> None:
    fields = [field.strip(":") or "a" for field in fields]
    path = tmp_path_factory.mktemp("dat") / "log.dat"
    path.write_text("\n".join("::".join([*fields, str(row)]) for row in range(40)) + "\n")
    names = tuple(f"f{index}" for index in range(len(fields) + 1))
    for block in (64, 1 << 20):
        _, rows, bad = gather(path, Delimited("::", is_quoted=False, names=names), names, max(block, 8 * len(fields)))
        assert bad == []
        assert [list(row.values()) for row in rows] == [[*fields, str(row)] for row in range(40)]


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_json_lines_that_cannot_be_parsed_are_alone(tmp_path: Path, block: int) -> None:
    lines = [json.dumps({"a": row, "b": ["x"], "other": {"deep": row}}) for row in range(100)]
    lines[3], lines[50], lines[99] = '{"a": 1,', '{"a": "text"}', "[1]"
    lines[60] = '{"b": null}'
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines))
    positions, rows, bad = gather(path, TYPES, (), block)
    assert positions == [row for row in range(100) if row not in (3, 50, 99)]
    assert rows[positions.index(60)] == {"a": None, "b": None}
    assert rows[positions.index(7)] == {"a": 7, "b": ["x"]}
    assert sorted(bad) == [(3, NOT_JSON), (50, WRONG_JSON_TYPE), (99, WRONG_JSON_TYPE)]


def test_a_file_that_is_no_json_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("text\n" * 5000)
    with pytest.raises(UnreadableFileError, match="more than 1000 lines"):
        gather(path, TYPES, (), 1 << 20)


def test_a_line_longer_than_a_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps({"a": 1, "b": ["x" * 500]}) + "\n")
    with pytest.raises(UnreadableFileError, match="longer than 100 bytes"):
        gather(path, TYPES, (), 100)


def test_a_file_that_was_cut_off_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    whole = gzip.compress("\n".join(f"{row},{row * 7919 % 1000}" for row in range(100_000)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFileError):
        gather(path, Delimited(names=("a", "b")), ("a",), 1 << 16)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"a": range(10), "b": ["x"] * 10}), path, row_group_size=4)
    positions, rows, bad = gather(path, Parquet(), ("a",), 1)
    assert (positions, [row["a"] for row in rows], bad) == (list(range(10)), list(range(10)), [])


def test_types_of_json_last_for_later_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"t": "2024-01-01 10:00:00", "n": null, "i": 3, "l": [null]}\n{"t": "2024-01-01 10:00:00"}\n')
    assert infer_json_types(str(path)) == {
        "t": pa.string(),
        "n": pa.string(),
        "i": pa.int64(),
        "l": pa.list_(pa.string()),
    }
    path.write_text("")
    with pytest.raises(UnreadableFileError, match="empty"):
        infer_json_types(str(path))
    path.write_text("no json\n")
    with pytest.raises(UnreadableFileError, match="no JSON object"):
        infer_json_types(str(path))


def test_names_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b'\xef\xbb\xbfuser,"item, id",5\r\n1,2,3\r\n')
    assert column_names(str(path), Delimited()) == ("user", "item, id", "5")
    with pytest.raises(UnreadableFileError, match="first row has 1 fields, not 2 fields"):
        column_names(str(path), Delimited("::", names=("a", "b")))
