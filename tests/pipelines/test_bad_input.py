"""Input that is broken or extreme: rows of `errors`, or a failure that says why and changes nothing."""

import datetime
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from schemas import ERRORS, HISTORIES, JOURNEYS, SALIENT_TERMS, TIMESTAMP
from tests.pipelines.logs import (
    ITEMS,
    LOG,
    content,
    errors,
    extract,
    manifest,
    metric_values,
    parquet,
    rows,
    snapshot,
    write,
)
from transforms.datasets.manifest import Manifest, Part

ROOT = Path(__file__).parents[2]


def replaced(table: pa.Table, name: str, values: dict[int, object]) -> pa.Table:
    """The table with some values of a column replaced."""
    cells = table[name].to_pylist()
    for row, value in values.items():
        cells[row] = value
    return with_column(table, name, pa.array(cells, table.schema.field(name).type))


def with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def lost(count: int) -> pa.Table:
    """Interactions of a user who must not appear anywhere."""
    return with_column(LOG.slice(0, count), "user_id", pa.array(["lost"] * count))


def with_damage(sound: bytes, place: int) -> bytes:
    """The file with eight bytes overwritten."""
    return sound[:place] + b"\xff\x00" * 4 + sound[place + 8 :]


def damaged_second_group(first: pa.Table, second: pa.Table) -> bytes:
    """Two row groups; the header of the second one's first page is broken, the footer sound."""
    sound = parquet(pa.concat_tables([first, second]), row_group_size=first.num_rows)
    column = pq.ParquetFile(pa.BufferReader(sound)).metadata.row_group(1).column(0)
    return with_damage(sound, column.dictionary_page_offset)


def damaged_value(table: pa.Table) -> bytes:
    """A file that still decodes, but not to what was written: only its checksums differ."""
    sound = parquet(table, compression="none", use_dictionary=False, write_page_checksum=True)
    column = pq.ParquetFile(pa.BufferReader(sound)).metadata.row_group(0).column(2)
    return with_damage(sound, column.data_page_offset + column.total_compressed_size // 2)


TRUNCATED = parquet(lost(50))[:-300]
BROKEN = {
    "truncated.parquet": (TRUNCATED, "not_parquet", "magic bytes"),
    "text.parquet": (b"user_id,item_id,timestamp\n1000,2000,5\n" * 20, "not_parquet", "this is CSV, not parquet"),
    "nothing.parquet": (b"", "not_parquet", "size is 0 bytes"),
    "no_user.parquet": (
        lost(5).rename_columns(["who", "item_id", "timestamp"]),
        "missing_column",
        "no column 'user_id'",
    ),
    "two_users.parquet": (
        pa.table([lost(5)["user_id"], *lost(5).columns], names=["user_id", "user_id", "item_id", "timestamp"]),
        "ambiguous_column",
        "2 columns 'user_id'",
    ),
    "text_time.parquet": (
        with_column(lost(5), "timestamp", pa.array(["01/15/2020"] * 5)),
        "implausible_timestamp",
        "such as '01/15/2020', are no times",
    ),
    "list_user.parquet": (
        with_column(lost(5), "user_id", pa.array([["x"]] * 5)),
        "wrong_type",
        "'user_id' is list<element: string>, which cannot be read as string",
    ),
    "checksum.parquet": (damaged_value(lost(50)), "unreadable_row_group", "CRC"),
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("catalogue"), {"items.parquet": ITEMS}) / "items.parquet"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, catalogue: Path) -> Path:
    """The workspace of a run over the sound log."""
    folder = write(tmp_path_factory.mktemp("expected"), {"log.parquet": LOG})
    assert extract(folder / "out", folder / "log.parquet", catalogue) == 0
    return folder / "out"


@pytest.fixture
def workspace(tmp_path: Path, expected: Path) -> Path:
    """A workspace with a version of every dataset, to be replaced or left alone."""
    return write(tmp_path / "workspace", snapshot(expected))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory, catalogue: Path) -> Path:
    """A run over good files with every kind of broken one among them."""
    folder = tmp_path_factory.mktemp("broken")
    good = {
        "a_good.parquet": LOG.slice(0, 200),
        "z_good.parquet": LOG.slice(300),
        "second_group.parquet": damaged_second_group(LOG.slice(200, 100), lost(100)),
        "empty.parquet": LOG.slice(0, 0),
    }
    write(folder / "log", good | {name: file for name, (file, _, _) in BROKEN.items()})
    assert extract(folder / "out", folder / "log", catalogue, "--max_error_rate=0.5") == 0
    return folder / "out"


class TestBrokenFiles:
    def test_good_rows_are_used(self, broken: Path, expected: Path) -> None:
        assert content(broken, JOURNEYS) == content(expected, JOURNEYS)
        assert content(broken, HISTORIES) == content(expected, HISTORIES)
        assert metric_values(broken)["interactions_read", ""] == LOG.num_rows

    @pytest.mark.parametrize("name", BROKEN)
    def test_each_is_one_row_of_errors(self, broken: Path, name: str) -> None:
        _, reason, clue = BROKEN[name]
        (error,) = [row for row in rows(broken, ERRORS) if str(row["file"]).endswith(f"/{name}")]
        assert (error["dataset"], error["reason"]) == ("interactions", reason)
        assert clue in str(error["payload"])

    def test_a_damaged_row_group_is_named_by_its_first_row(self, broken: Path) -> None:
        assert errors(broken)["second_group.parquet", 100] == "unreadable_row_group"

    def test_nothing_else_is_an_error(self, broken: Path) -> None:
        assert len(errors(broken)) == len(BROKEN) + 1
        assert (
            sum(n for (metric, _), n in metric_values(broken).items() if metric == "interactions_invalid")
            == len(BROKEN) + 1
        )

    @pytest.mark.parametrize("name", ["truncated.parquet", "nothing.parquet", "no_user.parquet", "text_time.parquet"])
    def test_alone_it_fails_the_job(
        self, tmp_path: Path, workspace: Path, catalogue: Path, name: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        file, _, clue = BROKEN[name]
        before = snapshot(workspace)
        write(tmp_path, {name: file})
        assert extract(workspace, tmp_path / name, catalogue) == 2
        reported = capfd.readouterr().err
        assert f"extract: --interactions: {tmp_path / name}: " in reported
        assert clue in reported
        assert snapshot(workspace) == before

    @pytest.mark.parametrize("name", ["no_user", "text_time", "truncated"])
    def test_half_of_a_log_is_not_left_out(
        self, tmp_path: Path, workspace: Path, catalogue: Path, name: str, capfd: pytest.CaptureFixture[str]
    ) -> None:
        half = LOG.slice(240)
        log = {
            "no_user": half.rename_columns(["userId", "item_id", "ts"]),
            "text_time": with_column(half, "timestamp", pa.array(["15/01/2024"] * 240)),
            "truncated": parquet(half)[:-300],
        }
        write(tmp_path / "log", {"a.parquet": LOG.slice(0, 240), "b.parquet": log[name]})
        before = snapshot(workspace)
        assert extract(workspace, tmp_path / "log", catalogue) == 2
        reported = capfd.readouterr().err
        assert "rows are in files that cannot be read, more than --max_error_rate=0.05 allows: " in reported
        assert f"allows: {tmp_path / 'log' / 'b.parquet'}: " in reported
        assert ("--columns=user_id=userId,timestamp=ts\n" in reported) == (name == "no_user")
        assert snapshot(workspace) == before
        assert extract(workspace, tmp_path / "log", catalogue, "--max_error_rate=0.7") == 0
        printed = capfd.readouterr().out
        assert f"interactions: {tmp_path / 'log' / 'b.parquet'}: " in printed
        assert ("interactions: 240 rows were not read" in printed) == (name != "truncated")

    def test_an_empty_file_alone_fails_the_job(
        self, tmp_path: Path, workspace: Path, catalogue: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        before = snapshot(workspace)
        write(tmp_path, {"empty.parquet": LOG.slice(0, 0)})
        assert extract(workspace, tmp_path / "empty.parquet", catalogue) == 1
        assert "no row of interactions was read (its files have no rows)" in capfd.readouterr().err
        assert snapshot(workspace) == before

    def test_a_broken_catalogue_is_what_the_message_is_about(
        self, tmp_path: Path, workspace: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        before = snapshot(workspace)
        write(tmp_path, {"log.parquet": LOG, "items.parquet": TRUNCATED})
        assert extract(workspace, tmp_path / "log.parquet", tmp_path / "items.parquet") == 2
        reported = capfd.readouterr().err
        assert f"extract: --items: {tmp_path / 'items.parquet'}: " in reported
        assert "interactions" not in reported
        assert snapshot(workspace) == before


def not_utf8(values: list[bytes | None]) -> pa.StringArray:
    """Bytes that a file calls text."""
    octets = pa.array(values, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(octets), octets.buffers(), octets.null_count)


def microseconds(year: int) -> int:
    return (datetime.date(year, 6, 1) - datetime.date(1970, 1, 1)).days * 86_400_000_000


VALUED = LOG.append_column("value", pa.array([3.0] * LOG.num_rows))
LATIN = not_utf8([b"caf\xe9", *(user.encode() for user in LOG["user_id"][1:60].to_pylist())])
NUMBERED = with_column(VALUED, "timestamp", LOG["timestamp"].cast(pa.int64()))
SECONDS = with_column(VALUED, "timestamp", pc.divide(NUMBERED["timestamp"].cast(pa.float64()), 1e6))
TIMES = {0: microseconds(9999), 1: microseconds(1919), 2: microseconds(1), 3: -(2**63), 4: 2**63 - 1, 5: None}
BAD_ROWS = {
    "latin.parquet": with_column(VALUED.slice(0, 60), "user_id", LATIN),
    "users.parquet": replaced(VALUED.slice(60, 30), "user_id", {0: None, 1: "", 2: None}),
    "items.parquet": replaced(
        VALUED.slice(90, 30), "item_id", {0: None, 1: "", 2: "unknown", 3: "untitled", 4: "mute"}
    ),
    "times.parquet": replaced(replaced(NUMBERED.slice(120, 60), "user_id", {1: "pioneer"}), "timestamp", TIMES).cast(
        pa.schema(
            [
                ("user_id", "string"),
                ("item_id", "string"),
                ("timestamp", pa.timestamp("us", "Nowhere/Unheard_of")),
                ("value", "double"),
            ]
        )
    ),
    "floats.parquet": replaced(
        SECONDS.slice(180, 60), "timestamp", {0: float("nan"), 1: float("inf"), 2: float("-inf"), 3: None}
    ),
    "values.parquet": replaced(VALUED.slice(240, 60), "value", {0: float("nan"), 1: float("inf"), 2: None, 3: 0.5}),
    "repeated.parquet": pa.concat_tables([VALUED.slice(250, 10), VALUED.slice(250, 10)]),
}
BAD_ITEMS = pa.table(
    {
        "item_id": [None, "", "untitled", "mute", *ITEMS["item_id"].to_pylist(), "2000", "2001"],
        "title": ["x", "x", None, "!?", *ITEMS["title"].to_pylist(), "another title", ITEMS["title"][1].as_py()],
    }
)
REASONS = {
    ("latin.parquet", 0): "user_id_not_utf8",
    ("users.parquet", 0): "null_user_id",
    ("users.parquet", 1): "empty_user_id",
    ("users.parquet", 2): "null_user_id",
    ("items.parquet", 0): "null_item_id",
    ("items.parquet", 1): "empty_item_id",
    ("items.parquet", 2): "item_not_in_catalogue",
    ("items.parquet", 3): "item_not_in_catalogue",
    ("times.parquet", 0): "timestamp_out_of_range",
    ("times.parquet", 2): "timestamp_out_of_range",
    ("times.parquet", 3): "timestamp_out_of_range",
    ("times.parquet", 4): "timestamp_out_of_range",
    ("times.parquet", 5): "null_timestamp",
    ("floats.parquet", 0): "null_timestamp",
    ("floats.parquet", 1): "timestamp_out_of_range",
    ("floats.parquet", 2): "timestamp_out_of_range",
    ("floats.parquet", 3): "null_timestamp",
    ("values.parquet", 0): "value_not_finite",
    ("values.parquet", 1): "value_not_finite",
}
MESSY_OPTIONS = ("--min_value=1", "--max_history=30", "--max_error_rate=0.2")
CATALOGUE_REASONS = {
    ("catalogue.parquet", 0): "null_item_id",
    ("catalogue.parquet", 1): "empty_item_id",
    ("catalogue.parquet", 2): "null_title",
    ("catalogue.parquet", 64): "duplicate_item",
}


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("messy")
    write(folder / "log", BAD_ROWS)
    write(folder, {"catalogue.parquet": BAD_ITEMS})
    assert extract(folder / "out", folder / "log", folder / "catalogue.parquet", *MESSY_OPTIONS) == 0
    return folder / "out"


class TestBadRows:
    """Every way in which a row can be wrong, in one log."""

    def test_each_has_its_reason(self, messy: Path) -> None:
        assert errors(messy) == REASONS | CATALOGUE_REASONS

    def test_errors_do_not_depend_on_the_join(self, messy: Path, tmp_path: Path) -> None:
        paths = (messy.parent / "log", messy.parent / "catalogue.parquet")
        assert extract(tmp_path, *paths, *MESSY_OPTIONS, "--catalogue_join=shuffle") == 0
        assert content(tmp_path, ERRORS) == content(messy, ERRORS)

    def test_payloads_show_the_row(self, messy: Path) -> None:
        payloads = {(Path(str(row["file"])).name, row["row"]): str(row["payload"]) for row in rows(messy, ERRORS)}
        assert payloads["latin.parquet", 0].startswith("user_id=caf\N{REPLACEMENT CHARACTER} item_id=2")
        assert payloads["users.parquet", 0].startswith("user_id=null item_id=2")
        assert " timestamp=9999-06-01 00:00:00" in payloads["times.parquet", 0]
        assert payloads["values.parquet", 1].endswith(" value=inf")
        assert payloads["catalogue.parquet", 2] == "item_id=untitled title=null"

    def test_every_interaction_read_is_accounted_for(self, messy: Path) -> None:
        value = metric_values(messy)
        kept, dropped, invalid = (
            sum(number for (metric, _), number in value.items() if metric == f"interactions_{end}")
            for end in ("kept", "dropped", "invalid")
        )
        assert value["interactions_read", ""] == sum(table.num_rows for table in BAD_ROWS.values())
        assert value["interactions_read", ""] == kept + dropped + invalid
        assert invalid == len(REASONS)
        assert value["interactions_dropped", "below_min_value"] == 2
        assert value["interactions_dropped", "beyond_max_history"] > 0
        assert value["interactions_dropped", "duplicate"] > 0
        histories = rows(messy, HISTORIES)
        assert kept == sum(len(row["item_ids"]) for row in histories)
        assert value["users_truncated", ""] == sum(row["truncated"] for row in histories) > 0
        assert max(len(row["item_ids"]) for row in histories) == 30

    def test_a_time_in_1919_is_kept(self, messy: Path) -> None:
        (times,) = [row["timestamps"] for row in rows(messy, HISTORIES) if row["user_id"] == "pioneer"]
        assert [str(time.date()) for time in times] == ["1919-06-01"]

    def test_items_without_terms_are_known_and_counted(self, messy: Path) -> None:
        terms = {row["item_id"]: row["terms"] for row in rows(messy, SALIENT_TERMS)}
        assert sorted(terms) == sorted({"mute", *ITEMS["item_id"].to_pylist()})
        assert [item for item, found in terms.items() if not found] == ["mute"]
        assert metric_values(messy)["items_without_terms", ""] == 1
        assert metric_values(messy)["items_repeated", ""] == 1
        assert metric_values(messy)["interactions_without_terms", ""] == 1


class TestPrevious:
    """A messy workspace, continued."""

    NEW = pa.concat_tables([BAD_ROWS["items.parquet"], BAD_ROWS["values.parquet"], VALUED.slice(300, 100)])

    def test_every_interaction_stored_or_read_is_accounted_for(self, tmp_path: Path, messy: Path) -> None:
        write(tmp_path, {"log.parquet": self.NEW, "catalogue.parquet": BAD_ITEMS.slice(0, 40)})
        paths = (tmp_path / "log.parquet", tmp_path / "catalogue.parquet")
        assert extract(tmp_path / "out", *paths, f"--previous={messy}", *MESSY_OPTIONS, "--max_error_rate=1") == 0
        value = metric_values(tmp_path / "out")
        ends = ("interactions_kept", "interactions_dropped", "interactions_invalid")
        assert value["interactions_stored", ""] == metric_values(messy)["interactions_kept", ""]
        assert value["interactions_read", ""] == self.NEW.num_rows
        assert value["interactions_stored", ""] + value["interactions_read", ""] == sum(
            number for (metric, _), number in value.items() if metric in ends
        )

    def test_damage_to_what_is_stored_fails_the_job(
        self, tmp_path: Path, messy: Path, catalogue: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        previous = write(tmp_path / "previous", snapshot(messy))
        part = max((previous / "histories").glob("*.parquet"), key=lambda path: path.stat().st_size)
        part.write_bytes(with_damage(part.read_bytes(), 4))
        write(tmp_path, {"log.parquet": self.NEW})
        options = (f"--previous={previous}", *MESSY_OPTIONS, "--max_error_rate=1")
        assert extract(tmp_path / "out", tmp_path / "log.parquet", catalogue, *options) == 1
        reported = capfd.readouterr().err
        assert "extract failed: the stored histories are damaged (1 x unreadable_row_group)" in reported
        assert f"unreadable_row_group: {part}, row 0: " in reported


def test_which_of_two_items_is_kept_does_not_depend_on_files(tmp_path: Path, workspace: Path) -> None:
    other = with_column(ITEMS, "title", pa.array([f"{title} again" for title in reversed(ITEMS["title"].to_pylist())]))
    write(tmp_path, {"log.parquet": LOG, "one/a.parquet": ITEMS, "one/b.parquet": other})
    write(tmp_path, {"two/a.parquet": other.take(pc.sort_indices(other["title"])), "two/b.parquet": ITEMS})
    for name in ("one", "two"):
        assert extract(tmp_path / name, tmp_path / "log.parquet", tmp_path / name, "--max_error_rate=1") == 0
        assert list(errors(tmp_path / name).values()) == ["duplicate_item"] * ITEMS.num_rows
    for dataset in (SALIENT_TERMS, JOURNEYS):
        assert content(tmp_path / "one", dataset) == content(tmp_path / "two", dataset)
        assert content(tmp_path / "one", dataset) != content(workspace, dataset)


def test_a_user_with_a_million_interactions(tmp_path: Path, catalogue: Path) -> None:
    count, kept = 1_000_000, 500
    whole = pa.table(
        {
            "user_id": pa.repeat("crawler", count),
            "item_id": LOG["item_id"].take(pa.array(np.random.default_rng(1).integers(0, LOG.num_rows, count))),
            "timestamp": pa.array((1_700_000_000 + np.random.default_rng(2).permutation(count)) * 10**6).cast(
                TIMESTAMP
            ),
        }
    )
    cut = whole.take(pc.sort_indices(whole["timestamp"])).slice(count - kept)
    for name, log in (("whole", whole), ("cut", cut)):
        write(tmp_path, {f"{name}.parquet": pa.concat_tables([log, LOG])})
        assert extract(tmp_path / name, tmp_path / f"{name}.parquet", catalogue, f"--max_history={kept}") == 0
    assert content(tmp_path / "whole", JOURNEYS) == content(tmp_path / "cut", JOURNEYS)
    assert metric_values(tmp_path / "whole")["interactions_dropped", "beyond_max_history"] == count - kept
    assert metric_values(tmp_path / "whole")["users_truncated", ""] == 1
    assert metric_values(tmp_path / "cut")["users_truncated", ""] == 0
    truncated = {
        row["user_id"]: len(row["item_ids"]) for row in rows(tmp_path / "whole", HISTORIES) if row["truncated"]
    }
    assert truncated == {"crawler": kept}


class TestErrorRate:
    LOG = replaced(LOG, "user_id", dict.fromkeys(range(20), None) | dict.fromkeys(range(20, 30), ""))

    def test_past_it_nothing_is_committed(
        self,
        tmp_path: Path,
        workspace: Path,
        catalogue: Path,
        capfd: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        before = snapshot(workspace)
        parts = sorted(path.name for path in workspace.rglob("part-*"))
        write(tmp_path, {"log.parquet": self.LOG})
        assert extract(workspace, tmp_path / "log.parquet", catalogue, "--max_error_rate=0.06") == 1
        reported = capfd.readouterr().err
        assert "30 of 480 rows of interactions are invalid (10 x empty_user_id, 20 x null_user_id)" in reported
        assert "more than --max_error_rate=0.06 allows; nothing was committed" in reported
        assert f"empty_user_id: {tmp_path / 'log.parquet'}, row 20: user_id= item_id=" in reported
        assert f"The previous content of {workspace} is unchanged." in reported
        assert not [record for record in caplog.records if record.exc_info]
        assert snapshot(workspace) == before
        assert sorted(path.name for path in workspace.rglob("part-*")) == parts

    def test_up_to_it_the_rest_is_committed(self, tmp_path: Path, catalogue: Path) -> None:
        write(tmp_path, {"log.parquet": self.LOG})
        assert extract(tmp_path / "out", tmp_path / "log.parquet", catalogue, "--max_error_rate=0.0625") == 0
        assert len(errors(tmp_path / "out")) == 30
        assert metric_values(tmp_path / "out")["interactions_kept", ""] == 450


def test_a_missing_part_of_an_input_is_a_failure_not_an_error_row(
    tmp_path: Path, workspace: Path, catalogue: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Storage that fails may work the next time, so its failure must not become a row of `errors`."""
    write(tmp_path / "log", {"part.parquet": LOG})
    listed = Manifest("interactions", "", (Part("part.parquet", 1, 1, ""), Part("gone.parquet", 1, 1, "")), {}, "", {})
    write(tmp_path / "log", {"_manifest.json": listed.to_json().encode()})
    before = snapshot(workspace)
    assert extract(workspace, tmp_path / "log", catalogue, "--max_error_rate=1") == 1
    assert "gone.parquet" in capfd.readouterr().err
    assert snapshot(workspace) == before


class TestFullDisk:
    """The file system refuses to let a file grow, as a full one does."""

    PROGRAM = (
        "import resource, sys\n"
        "from pipelines.common.run import run_job\n"
        "from pipelines.extract.job import ExtractJob\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)\n"
        "sys.exit(run_job(ExtractJob, sys.argv[2:]))\n"
    )

    def test_leaves_the_version_before(self, tmp_path: Path, workspace: Path, catalogue: Path) -> None:
        before = snapshot(workspace)
        write(tmp_path, {"log.parquet": LOG.slice(0, 400)})
        paths = (f"--interactions={tmp_path / 'log.parquet'}", f"--items={catalogue}", f"--workspace={workspace}")
        command = [sys.executable, "-c", self.PROGRAM, "2500", *paths, "--runner=FnApiRunner"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 1, ended.stderr
        assert f"extract failed: cannot write '{workspace}" in ended.stderr
        assert "File too large" in ended.stderr
        assert snapshot(workspace) == before
        assert not list(workspace.rglob(".*"))
        assert manifest(workspace, JOURNEYS).rows == len(rows(workspace, JOURNEYS)) > 0


class TestUsage:
    """Errors that are found before anything runs end with exit code 2, and nothing is written."""

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("nowhere/log.parquet", "no such file or folder: '{folder}/nowhere/log.parquet'"),
            ("empty", "no parquet file in folder '{folder}/empty', which contains 0 files"),
            ("notes", "no parquet file in folder '{folder}/notes', which contains 1 files"),
            ("notes/*.parquet", "no file matches '{folder}/notes/*.parquet'"),
            ("broken", "not a manifest"),
        ],
    )
    @pytest.mark.parametrize("option", ["--interactions", "--items"])
    def test_nothing_to_read(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, path: str, message: str
    ) -> None:
        (tmp_path / "empty").mkdir()
        write(tmp_path, {"good.parquet": LOG, "notes/readme.txt": b"hello", "broken/_manifest.json": b"{}"})
        paths = {"--interactions": "good.parquet", "--items": "good.parquet", option: path}
        assert extract(tmp_path / "out", *(tmp_path / name for name in paths.values())) == 2
        reported = capsys.readouterr().err
        assert reported.startswith(f"extract: {option}: ")
        assert message.format(folder=tmp_path) in reported
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("place", ["file", "file/below", "/proc/journeys", "star*", "group[ab]"])
    def test_workspace_that_cannot_be_written(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
    ) -> None:
        write(tmp_path, {"good.parquet": LOG, "file": b"in the way"})
        before = sorted(tmp_path.rglob("*"))
        good = tmp_path / "good.parquet"
        assert extract(tmp_path / place, good, good) == 2
        assert f"extract: --workspace: cannot write in '{tmp_path / place}'" in capsys.readouterr().err
        assert sorted(tmp_path.rglob("*")) == before
