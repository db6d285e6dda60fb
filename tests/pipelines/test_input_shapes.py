"""The same log and catalogue, written as other tools would write them, give the same journeys, to the byte."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas import HISTORIES, INTERACTIONS, JOURNEYS
from schemas import ITEMS as CATALOGUE
from tests.pipelines.logs import ITEMS, LOG, content, extract, metric_values, write
from transforms.datasets.coercion import coerce
from transforms.datasets.files import resolve_source
from transforms.datasets.manifest import Manifest, Part
from transforms.datasets.reading import read_dataset

SECONDS = LOG["timestamp"].cast(pa.int64()).to_numpy() // 10**6
NAIVE = LOG["timestamp"].cast(pa.timestamp("us"))


def times(values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return LOG.set_column(2, "timestamp", values)


def ids(change: Callable[[pa.ChunkedArray], pa.ChunkedArray]) -> pa.Table:
    return LOG.set_column(0, "user_id", change(LOG["user_id"])).set_column(1, "item_id", change(LOG["item_id"]))


def cast(type_: pa.DataType) -> Callable[[pa.ChunkedArray], pa.ChunkedArray]:
    return lambda column: column.cast(type_)


LOGS = {
    "further columns": LOG.append_column("session", pa.array([{"device": "phone"}] * LOG.num_rows)).append_column(
        "file", pa.array(["mine"] * LOG.num_rows)
    ),
    "another order of columns": LOG.select(["timestamp", "item_id", "user_id"]),
    "large_string": ids(cast(pa.large_string())),
    "string_view": ids(cast(pa.string_view())),
    "dictionary": ids(cast(pa.dictionary(pa.int32(), pa.string()))),
    "dictionary of large_string": ids(cast(pa.dictionary(pa.int8(), pa.large_string()))),
    "dictionary of integers": ids(lambda column: column.cast(pa.int64()).dictionary_encode()),
    **{str(type_): ids(cast(type_)) for type_ in (pa.int32(), pa.int64(), pa.uint16(), pa.uint64())},
    **{f"timestamp[{unit}]": times(NAIVE.cast(pa.timestamp(unit))) for unit in ("s", "ms", "us", "ns")},
    **{f"timestamp[{unit}, UTC]": times(NAIVE.cast(pa.timestamp(unit, "UTC"))) for unit in ("s", "ms", "us", "ns")},
    **{
        f"timestamp[{unit}, Seoul]": times(LOG["timestamp"].cast(pa.timestamp(unit, "Asia/Seoul")))
        for unit in ("s", "ms", "us", "ns")
    },
    "date32": times(NAIVE.cast(pa.date32())),
    "date64": times(NAIVE.cast(pa.date64())),
    **{f"integers, {unit}": times(pa.array(SECONDS * size)) for unit, size in (("s", 1), ("ms", 10**3), ("us", 10**6))},
    "integers, ns": times(pa.array(SECONDS * 10**9)),
    "int32, s": times(pa.array(SECONDS.astype(np.int32))),
    "float64, s": times(pa.array(SECONDS.astype(np.float64))),
    "float64, ms": times(pa.array(SECONDS * 1e3)),
    "float64, ns": times(pa.array(SECONDS * 1e9)),
}
TAGS = pa.array([[f"theme {item % 4}"] if item % 5 else None for item in range(ITEMS.num_rows)])
TAGGED = ITEMS.append_column("tags", TAGS)
CATALOGUES = {
    "large_list": TAGGED.set_column(2, "tags", pa.array(TAGS.to_pylist(), pa.large_list(pa.string()))),
    "large_list of large_string": TAGGED.set_column(
        2, "tags", pa.array(TAGS.to_pylist(), pa.large_list(pa.large_string()))
    ),
    "list of dictionary": TAGGED.set_column(
        2, "tags", pa.array(TAGS.to_pylist(), pa.list_(pa.dictionary(pa.int32(), pa.string())))
    ),
    "list of string_view": TAGGED.set_column(2, "tags", pa.array(TAGS.to_pylist(), pa.list_(pa.string_view()))),
    "integer ids": TAGGED.set_column(0, "item_id", ITEMS["item_id"].cast(pa.int64())),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log and the catalogue as the schemas have them, and what they give."""
    folder = write(tmp_path_factory.mktemp("plain"), {"log.parquet": LOG, "items.parquet": TAGGED})
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet") == 0
    assert metric_values(folder / "out")["journeys", ""] > 20
    return folder


def same(workspace: Path, plain: Path) -> bool:
    return all(content(workspace, dataset) == content(plain / "out", dataset) for dataset in (JOURNEYS, HISTORIES))


@pytest.mark.parametrize("shape", LOGS)
def test_a_shape_of_the_log_is_read_as_the_plain_one(tmp_path: Path, shape: str) -> None:
    source = resolve_source(str(write(tmp_path, {"log.parquet": LOGS[shape]})))
    read = read_dataset(INTERACTIONS, source)
    assert read.select(LOG.column_names).equals(LOG)
    assert read.schema.types == INTERACTIONS.arrow.types


@pytest.mark.parametrize("shape", LOGS)
def test_a_bad_row_of_any_shape_of_the_log_is_an_error(shape: str) -> None:
    columns = LOGS[shape].slice(0, 3).to_pydict() | {"user_id": [None, None, None]}
    raw = pa.RecordBatch.from_pydict(columns, LOGS[shape].schema).slice(1)
    good, bad, *_ = coerce(raw, INTERACTIONS, {name: name for name in LOG.column_names}, "f", 7)
    assert good.num_rows == 0
    assert bad["reason"].to_pylist() == ["null_user_id"] * 2
    assert bad["row"].to_pylist() == [7, 8]
    for item, payload in zip(columns["item_id"][1:], bad["payload"].to_pylist(), strict=True):
        assert payload.startswith(f"user_id=null item_id={item} timestamp=")


@pytest.mark.parametrize("shape", CATALOGUES)
def test_a_bad_row_of_any_shape_of_the_catalogue_is_an_error(shape: str) -> None:
    columns = CATALOGUES[shape].slice(0, 3).to_pydict() | {"title": [None, None, None]}
    raw = pa.RecordBatch.from_pydict(columns, CATALOGUES[shape].schema).slice(1)
    _, bad, *_ = coerce(raw, CATALOGUE, {name: name for name in TAGGED.column_names}, "f", 0)
    assert bad["reason"].to_pylist() == ["null_title"] * 2
    assert bad["payload"].to_pylist() == [f'item_id=200{item} title=null tags=["theme {item}"]' for item in (1, 2)]


@pytest.mark.parametrize("shape", CATALOGUES)
def test_a_shape_of_the_catalogue_is_read_as_the_plain_one(tmp_path: Path, shape: str) -> None:
    source = resolve_source(str(write(tmp_path, {"items.parquet": CATALOGUES[shape]})))
    assert read_dataset(CATALOGUE, source).select(TAGGED.column_names).equals(TAGGED)


def test_files_of_all_shapes_together_give_the_same_journeys(tmp_path: Path, plain: Path) -> None:
    for name, shapes in (("log", LOGS), ("items", CATALOGUES)):
        rows = next(iter(shapes.values())).num_rows
        cuts = np.linspace(0, rows, len(shapes) + 1).astype(int)
        for number, table in enumerate(shapes.values()):
            chunk = table.slice(cuts[number], cuts[number + 1] - cuts[number])
            write(tmp_path / name, {f"{number}.parquet": chunk})
    assert extract(tmp_path / "out", tmp_path / "log", tmp_path / "items") == 0
    assert same(tmp_path / "out", plain)


def test_columns_of_other_names(tmp_path: Path, plain: Path) -> None:
    log = LOG.rename_columns(["visitor", "timestamp", "when"])  # `timestamp` here is a trap: it holds items
    items = TAGGED.rename_columns(["content.id", "name", "tags"])
    write(tmp_path, {"log.parquet": log, "items.parquet": items})
    names = (
        "--columns=user_id=visitor,item_id=timestamp,timestamp=when",
        "--item_columns=item_id=content.id,title=name",
    )
    assert extract(tmp_path / "out", tmp_path / "log.parquet", tmp_path / "items.parquet", *names) == 0
    assert same(tmp_path / "out", plain)


def test_a_unit_that_is_given_is_not_guessed(tmp_path: Path, plain: Path) -> None:
    """Milliseconds of the first months of 1970 have the size of seconds of 1973 and later."""
    days = LOG["timestamp"].cast(pa.timestamp("us")).cast(pa.date32()).cast(pa.int32())
    shifted = pc.subtract(days, pc.min(days)).cast(pa.int64())
    milliseconds = pc.multiply(shifted, 86_400)  # the log of 30 years within 10 days
    write(
        tmp_path,
        {"numbers.parquet": times(milliseconds), "known.parquet": times(milliseconds.cast(pa.timestamp("ms")))},
    )
    write(tmp_path, {"guessed.parquet": times(milliseconds)})
    items = plain / "items.parquet"
    assert extract(tmp_path / "a", tmp_path / "numbers.parquet", items, "--timestamp_unit=ms") == 0
    assert extract(tmp_path / "b", tmp_path / "known.parquet", items, "--timestamp_unit=ms") == 0
    assert content(tmp_path / "a", JOURNEYS) == content(tmp_path / "b", JOURNEYS)
    assert content(tmp_path / "a", JOURNEYS) != content(plain / "out", JOURNEYS)


def test_folders_as_other_tools_leave_them(tmp_path: Path, plain: Path) -> None:
    """Folders of partitions are read; what begins with `_` or `.` is not, also under a parent that does."""
    lost = times(LOG["timestamp"]).slice(0, 9).set_column(0, "user_id", pa.array(["lost"] * 9))
    hidden = (
        "_temporary/0/part.parquet",
        ".stage/part.parquet",
        "year=1957/_part.parquet",
        "year=1957/.part.parquet.crc",
    )
    log = write(
        tmp_path / "_exports" / ".today",
        {
            "year=1956/month=1/part-0.parquet": LOG.slice(0, 100),
            "year=1957/part-0.pq": LOG.slice(100, 200),
            "part-1.parquet": LOG.slice(300),
            "_SUCCESS": b"",
            "readme.txt": b"hello",
            **dict.fromkeys(hidden, lost),
        },
    )
    assert extract(tmp_path / "out", log, plain / "items.parquet") == 0
    assert same(tmp_path / "out", plain)


def test_a_folder_with_a_manifest_is_what_the_manifest_lists(tmp_path: Path, plain: Path) -> None:
    log = write(
        tmp_path / "log", {"a.parquet": LOG.slice(0, 99), "b.parquet": LOG.slice(99), "stray.parquet": b"broken"}
    )
    parts = tuple(Part(name, 1, (log / name).stat().st_size, "") for name in ("a.parquet", "b.parquet"))
    written = Manifest("interactions", INTERACTIONS.fingerprint, parts, {}, "0.1.0", {}).to_json()
    write(log, {"_manifest.json": written.encode()})
    assert extract(tmp_path / "out", log, plain / "items.parquet", "--max_error_rate=0") == 0
    assert same(tmp_path / "out", plain)


def test_paths_may_be_relative_and_globs(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path, {"day-1/log.parquet": LOG.slice(0, 99), "day-2/log.parquet": LOG.slice(99), "items.parquet": TAGGED}
    )
    monkeypatch.chdir(tmp_path / "day-1")
    assert extract(Path("../out"), "../day-?/*.parquet", "../items.parquet") == 0
    assert same(tmp_path / "out", plain)


def test_a_folder_may_be_called_like_a_file(tmp_path: Path) -> None:
    write(tmp_path, {"log.parquet/part-0.parquet": LOG})
    assert [file.path for file in resolve_source(str(tmp_path / "log.parquet")).files] == [
        str(tmp_path / "log.parquet" / "part-0.parquet")
    ]
