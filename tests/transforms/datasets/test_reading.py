import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import TaggedOutput

from schemas import HISTORIES, INTERACTIONS, ITEMS
from tests.transforms.beam_testing import run_graph
from transforms.datasets import reading
from transforms.datasets.coercion import ColumnError, with_provenance
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import InputFile, Source, resolve_source
from transforms.datasets.reading import (
    ListRowGroups,
    ParquetReader,
    ReadRowGroups,
    ReadRows,
    RowGroup,
    UnreadableFileError,
    read_dataset,
    sample_rows,
)
from transforms.progress import Progress

LOG = pa.table(
    {
        "user_id": [f"u{row % 7}" for row in range(1000)],
        "item_id": [f"i{row % 11}" for row in range(1000)],
        "timestamp": pa.array(range(10**15, 10**15 + 1000), pa.timestamp("us", "UTC")),
        "remark": [f"remark {row}" for row in range(1000)],
    }
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A file of four row groups."""
    pq.write_table(LOG, tmp_path / "log.parquet", row_group_size=300)
    return str(tmp_path / "log.parquet")


class Connection:
    """Storage that counts its reads and fails at one of them."""

    def __init__(self, content: bytes, failure: Exception, at: int | None = None) -> None:
        self.content = content
        self.failure = failure
        self.at = at
        self.reads = 0

    def open(self) -> io.BytesIO:
        connection = self

        class Flaky(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                connection.reads += 1
                if connection.reads == connection.at:
                    raise connection.failure
                return super().read(size)

        return Flaky(self.content)


class Lost(io.BytesIO):
    """A file whose storage fails when it seeks."""

    def seek(self, position: int, whence: int = 0) -> int:
        raise ConnectionResetError("lost")


def opens(monkeypatch: pytest.MonkeyPatch, make: Callable[[], io.BytesIO]) -> None:
    monkeypatch.setattr(FileSystems, "open", lambda *_, **__: make())


def outputs(elements: Any) -> dict[str, list[Any]]:
    """Collect the outputs of a DoFn by tag."""
    tagged: dict[str, list[Any]] = {"main": [], "errors": [], "counts": []}
    for element in elements:
        if isinstance(element, TaggedOutput):
            tagged[element.tag].append(element.value)
        else:
            tagged["main"].append(element)
    return tagged


def read_groups() -> ReadRowGroups:
    return ReadRowGroups(INTERACTIONS, ColumnOptions(), Progress())


class TestStorageThatFails:
    """A connection may hold the next time: its failure is raised, for the runner to try again, never dead-lettered."""

    FAILURES = (ConnectionResetError("lost"), TimeoutError("late"), BeamIOError("503"), RuntimeError("no HTTP at all"))

    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
    def test_at_any_read_it_is_raised(self, path: str, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
        def read(at: int | None) -> tuple[Connection, list[int]]:
            connection = Connection(Path(path).read_bytes(), failure, at)
            opens(monkeypatch, connection.open)
            slices = outputs(ListRowGroups(INTERACTIONS, ColumnOptions()).process(path))["main"]
            groups = [outputs(read_groups().process(slice_))["main"] for slice_ in slices]
            return connection, [sum(rows.num_rows for rows in group) for group in groups]

        connection, rows = read(at=None)
        assert rows == [300, 300, 300, 100]
        assert connection.reads > 10
        for at in range(1, connection.reads + 1):
            with pytest.raises(type(failure)) as raised:
                read(at)
            assert raised.value is failure

    def test_also_when_seeking(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        opens(monkeypatch, lambda: Lost(Path(path).read_bytes()))
        with pytest.raises(ConnectionResetError, match="lost"):
            ParquetReader(path)

    def test_also_when_the_file_cannot_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="gone"):
            outputs(ListRowGroups(INTERACTIONS, ColumnOptions()).process(str(tmp_path / "gone.parquet")))

    def test_a_short_file_is_the_content_s_fault(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        opens(monkeypatch, lambda: io.BytesIO(Path(path).read_bytes()[:-100]))
        with pytest.raises(UnreadableFileError):
            ParquetReader(path)


class TestParquetReader:
    def test_only_the_wanted_columns_and_row_group(self, path: str) -> None:
        with ParquetReader(path) as reader:
            assert reader.row_group_sizes() == [300, 300, 300, 100]
            assert reader.schema.names == LOG.column_names
            (batch,) = reader.batches(3, ["item_id", "user_id"])
        assert sorted(batch.schema.names) == ["item_id", "user_id"]
        assert batch["user_id"].to_pylist() == LOG["user_id"][900:].to_pylist()

    def test_batches_are_bounded(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "ROWS_PER_BATCH", 128)
        with ParquetReader(path) as reader:
            assert [batch.num_rows for batch in reader.batches(0, ["user_id"])] == [128, 128, 44]

    @pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
    def test_codecs(self, tmp_path: Path, codec: str) -> None:
        pq.write_table(LOG, tmp_path / "log.parquet", compression=codec)
        with ParquetReader(str(tmp_path / "log.parquet")) as reader:
            assert sum(batch.num_rows for batch in reader.batches(0, ["user_id"])) == 1000

    def test_a_name_that_is_no_text_is_the_content_s_fault(self, tmp_path: Path) -> None:
        content = bytearray(Path(write(tmp_path, LOG.select(["user_id"]))).read_bytes())
        footer = content.rindex(b"PAR1") - 4 - int.from_bytes(content[-8:-4], "little")
        start = content.index(b"user_id", footer)
        content[start : start + 2] = b"\xff\xfe"
        (tmp_path / "broken.parquet").write_bytes(content)
        (error,) = outputs(ListRowGroups(INTERACTIONS, ColumnOptions()).process(str(tmp_path / "broken.parquet")))[
            "errors"
        ]
        assert error["reason"].to_pylist() == ["not_parquet"]

    def test_is_closed_after_use(self, path: str) -> None:
        with ParquetReader(path) as reader:
            pass
        assert reader._file.closed


def write(folder: Path, table: pa.Table) -> str:
    pq.write_table(table, folder / "table.parquet")
    return str(folder / "table.parquet")


def test_lists_of_a_fixed_size_that_are_null_can_be_left_out(tmp_path: Path) -> None:
    """Arrow writes them and cannot read them; the message says so, and the file is read without them."""
    tags = pa.array([["a", "b"], None], pa.list_(pa.string(), 2))
    path = write(tmp_path, pa.table({"item_id": ["1", "2"], "title": ["t", "u"], "tags": tags}))
    with ParquetReader(path) as reader:
        with pytest.raises(UnreadableFileError, match=r"in column 'tags', cannot be null .*: --item_columns=tags="):
            list(reader.batches(0, ["item_id", "title", "tags"]))
        assert [batch.num_rows for batch in reader.batches(0, ["item_id", "title"])] == [2]


class TestRowGroups:
    def test_slices_know_their_first_row(self, path: str) -> None:
        slices = outputs(ListRowGroups(INTERACTIONS, ColumnOptions()).process(path))["main"]
        assert slices == [RowGroup(path, group, 300 * group, rows) for group, rows in enumerate((300, 300, 300, 100))]

    def test_rows_know_their_place(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "ROWS_PER_BATCH", 100)
        found = outputs(read_groups().process(RowGroup(path, 2, 600, 300)))
        assert [rows.schema for rows in found["main"]] == [with_provenance(INTERACTIONS)] * 3
        assert [row for rows in found["main"] for row in rows["row"].to_pylist()] == list(range(600, 900))
        assert found["counts"] == [(("interactions_read", ""), 100)] * 3

    def test_what_was_read_before_the_damage_is_used(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "ROWS_PER_BATCH", 100)
        batches = ParquetReader.batches

        def damaged(self: ParquetReader, *arguments: Any) -> Any:
            yield next(batches(self, *arguments))
            raise UnreadableFileError("bad page")

        monkeypatch.setattr(ParquetReader, "batches", damaged)
        found = outputs(read_groups().process(RowGroup(path, 1, 300, 300)))
        assert [rows.num_rows for rows in found["main"]] == [100]
        assert found["counts"] == [
            (("interactions_read", ""), 100),
            (("interactions_unread", "unreadable_row_group"), 200),
        ]
        (error,) = found["errors"]
        assert error.to_pylist() == [
            {
                "dataset": "interactions",
                "file": path,
                "row": 400,
                "reason": "unreadable_row_group",
                "payload": "bad page",
            }
        ]


def test_read_rows(path: str, tmp_path: Path) -> None:
    """The transform: rows, errors and counts of all files."""
    bad = LOG.slice(0, 5).set_column(0, "user_id", pa.array(["a", None, "", "b", "c"]))
    pq.write_table(bad, tmp_path / "more.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no PAR1")
    source = resolve_source(str(tmp_path))

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        return dict(zip(("rows", "errors", "counts"), pipeline | ReadRows(INTERACTIONS, source), strict=True))

    found = run_graph(build)
    rows = pa.Table.from_batches(found["rows"])
    assert rows.num_rows == 1003
    assert rows.filter(pa.compute.equal(rows["file"].cast(pa.string()), path))["row"].to_pylist() == list(range(1000))
    reasons = [reason for errors in found["errors"] for reason in errors["reason"].to_pylist()]
    assert sorted(reasons) == ["empty_user_id", "not_parquet", "null_user_id"]
    assert sum(number for (metric, _), number in found["counts"] if metric == "interactions_read") == 1005
    assert (("interactions_unread_bytes", "not_parquet"), 12) in found["counts"]


class TestReadDataset:
    def test_all_files_in_order(self, path: str) -> None:
        source = Source("", (InputFile(path, 0), InputFile(path, 0)))
        table = read_dataset(INTERACTIONS, source, ["item_id"])
        assert table.equals(pa.concat_tables([LOG, LOG]).select(["item_id"]).combine_chunks())

    def test_no_file_is_no_row(self) -> None:
        assert read_dataset(HISTORIES, Source("", ())).schema.names == HISTORIES.arrow.names

    def test_a_file_that_is_something_else_is_an_error(self, path: str) -> None:
        with pytest.raises(ColumnError, match="no column 'item_ids'"):
            read_dataset(HISTORIES, Source("", (InputFile(path, 0),)))


def test_a_sample_skips_row_groups_without_valid_rows(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    schema = pa.schema([("item_id", pa.string()), ("title", pa.string()), ("genres", pa.string())])
    groups = [[], [("1", None, "a|b")] * 3, [("2", "Chess", "a|b")] * 4]
    with pq.ParquetWriter(path, schema) as writer:
        for group in groups:
            writer.write_table(pa.table(list(zip(*group, strict=True)) or [[], [], []], schema=schema), 10)
    source = Source("", (InputFile(str(path), 0),))
    found = sample_rows(ITEMS, source, ColumnOptions({"tags": "genres"}, tag_separator="|"))
    assert found["title"].to_pylist() == ["Chess"] * 4
    assert found["tags"].to_pylist() == [["a", "b"]] * 4
