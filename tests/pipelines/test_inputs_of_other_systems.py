"""Logs and catalogues as other systems export them: read as they are meant, or refused with what to do."""

import json
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipelines.common.run import run_job
from pipelines.interest.job import InterestJob
from schemas import ERRORS, HISTORIES, JOURNEYS
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

EVENTS = LOG.append_column("event", pa.array(["Purchase", "view", "view"] * (LOG.num_rows // 3)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log and the catalogue as the schemas have them, and what they give."""
    folder = write(
        tmp_path_factory.mktemp("plain"), {"log.parquet": LOG, "events.parquet": EVENTS, "items.parquet": ITEMS}
    )
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet") == 0
    return folder


class TestNothingLeft:
    def test_a_filter_that_matches_nothing_keeps_the_previous_result(
        self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        workspace = write(tmp_path / "workspace", snapshot(plain / "out"))
        before = snapshot(workspace)
        paths = (workspace, plain / "events.parquet", plain / "items.parquet")
        assert extract(*paths, "--keep_events=purchase") == 1
        reported = capfd.readouterr().err
        assert "480 x event_not_kept" in reported
        assert "the most frequent: 'view' (320), 'Purchase' (160); did you mean --keep_events=Purchase?" in reported
        assert snapshot(workspace) == before
        assert extract(*paths, "--keep_events=purchase", "--allow_empty") == 0
        assert manifest(workspace, JOURNEYS).rows == 0

    def test_a_threshold_is_shown_with_what_the_column_holds(
        self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        write(tmp_path, {"log.parquet": LOG.append_column("value", pa.array([1.0, 5.0] * 240))})
        assert extract(tmp_path / "out", tmp_path / "log.parquet", plain / "items.parquet", "--min_value=50") == 1
        assert "`value` lies in [1, 5], with median 3" in capfd.readouterr().err

    def test_a_vocabulary_without_terms(self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]) -> None:
        paths = (tmp_path / "out", plain / "log.parquet", plain / "items.parquet")
        assert extract(*paths, "--min_term_items=1000") == 1
        reported = capfd.readouterr().err
        assert "no terms would be left" in reported
        assert "given: --min_term_items=1000)" in reported

    def test_terms_of_too_few_users(self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]) -> None:
        paths = (tmp_path / "out", plain / "log.parquet", plain / "items.parquet")
        assert extract(*paths, "--min_term_users=1000") == 1
        assert "no terms with enough users would be left" in capfd.readouterr().err
        assert not [path for path in (tmp_path / "out").rglob("*.parquet") if path.parent.name == "journeys"]


class TestPartitions:
    def test_their_columns_can_be_filtered_and_be_the_time(self, tmp_path: Path, plain: Path) -> None:
        for day in range(3):
            for event in ("buy", "view"):
                chosen = LOG.slice(160 * day, 160).select(["user_id", "item_id"])
                half = chosen.slice(0, 100) if event == "buy" else chosen.slice(100)
                write(tmp_path / "log" / f"day=2024-01-0{day + 1}" / f"event={event}", {"part-0.parquet": half})
        options = ("--columns=timestamp=day", "--keep_events=buy")
        assert extract(tmp_path / "out", tmp_path / "log", plain / "items.parquet", *options) == 0
        assert metric_values(tmp_path / "out")["interactions_dropped", "event_not_kept"] == 180
        times = {str(time.date()) for row in rows(tmp_path / "out", HISTORIES) for time in row["timestamps"]}
        assert times == {"2024-01-01", "2024-01-02", "2024-01-03"}


class TestColumns:
    def test_all_that_is_missing_is_named_at_once(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        write(
            tmp_path,
            {
                "log.parquet": LOG.rename_columns(["visitor", "content_id", "ts"]),
                "items.parquet": ITEMS.rename_columns(["asin", "title"]),
            },
        )
        assert extract(tmp_path / "out", tmp_path / "log.parquet", tmp_path / "items.parquet") == 2
        reported = capfd.readouterr().err
        assert "no column 'user_id', 'item_id', 'timestamp'; the file has visitor, content_id, ts" in reported
        assert "--columns=user_id=visitor,item_id=content_id,timestamp=ts\n" in reported
        assert "--item_columns=item_id=asin\n" in reported

    def test_lists_structs_and_separated_tags(
        self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        number = ITEMS.num_rows
        items = (
            ITEMS.append_column("genres", pa.array(["Quiet|Loud"] * number))
            .append_column("description", pa.array([["gardening", "pottery"], *[[]] * 10, None] * (number // 12)))
            .append_column("creator", pa.array([{"a": "x", "b": "y"}] * number))
        )
        write(tmp_path, {"items.parquet": items})
        options = ("--item_columns=tags=genres", "--tag_separator=|", "--min_term_items=1", "--cluster_by=terms")
        paths = (plain / "log.parquet", tmp_path / "items.parquet")
        assert extract(tmp_path / "out", *paths, *options) == 0
        assert (
            "items: column creator: struct<a: string, b: string> in 1 files has no certain meaning"
            in capfd.readouterr().out
        )
        assert metric_values(tmp_path / "out")["items_column_left_out", "creator: struct<a: string, b: string>"] == 1
        assert extract(tmp_path / "less", *paths, f"{options[0]},description=", *options[1:]) == 0
        terms, fewer = (metric_values(tmp_path / name)["terms", ""] for name in ("out", "less"))
        assert terms == fewer + 2  # gardening, pottery

    def test_long_texts_are_counted(self, tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]) -> None:
        long = [None, "plain words " * 83, "plain words " * 84]
        number = ITEMS.num_rows
        items = ITEMS.append_column("description", pa.array(long * (number // 3))).append_column(
            "tags", pa.array([["word", "w" * 1001], None, []] * (number // 3))
        )
        write(tmp_path, {"items.parquet": items})
        assert extract(tmp_path / "out", plain / "log.parquet", tmp_path / "items.parquet") == 0
        printed = capfd.readouterr().out
        for column in ("description", "tags"):
            expected = f"items: {number // 3} texts of {column} have more than 1,000 characters"
            assert f"{expected}; the others were not read\n" in printed
            assert metric_values(tmp_path / "out")["items_texts_cut", column] == number // 3

    def test_a_required_column_cannot_be_left_out(self, capfd: pytest.CaptureFixture[str]) -> None:
        assert extract(Path("out"), "log", "items", "--columns=user_id=") == 2
        assert "user_id is required, so it must have a name" in capfd.readouterr().err


class TestIds:
    def test_padded_ids_are_those_of_the_catalogue(self, tmp_path: Path, plain: Path) -> None:
        padded = pc.utf8_rpad(LOG["item_id"], 12)
        users = pc.binary_join_element_wise(LOG["user_id"], pa.array(["", "  "] * (LOG.num_rows // 2)), "")
        write(tmp_path, {"log.parquet": LOG.set_column(0, "user_id", users).set_column(1, "item_id", padded)})
        assert extract(tmp_path / "out", tmp_path / "log.parquet", plain / "items.parquet") == 0
        assert content(tmp_path / "out", HISTORIES) == content(plain / "out", HISTORIES)

    def test_placeholders_and_numbers(self, tmp_path: Path, plain: Path) -> None:
        users = pa.array(["nan", "None", " ", "null", *LOG["user_id"].to_pylist()[4:]])
        floats = pc.if_else(
            pa.array([row == 9 for row in range(LOG.num_rows)]), None, LOG["user_id"].cast(pa.float64())
        )
        write(
            tmp_path / "log",
            {
                "text.parquet": LOG.set_column(0, "user_id", users),
                "float.parquet": LOG.set_column(0, "user_id", floats),
            },
        )
        assert extract(tmp_path / "out", tmp_path / "log", plain / "items.parquet") == 0
        assert errors(tmp_path / "out") == {
            ("text.parquet", 0): "placeholder_user_id",
            ("text.parquet", 1): "placeholder_user_id",
            ("text.parquet", 2): "empty_user_id",
            ("text.parquet", 3): "placeholder_user_id",
            ("float.parquet", 9): "null_user_id",
        }
        assert {row["user_id"] for row in rows(tmp_path / "out", HISTORIES)} == set(LOG["user_id"].to_pylist())


def test_int96_is_read_as_microseconds_are(tmp_path: Path, plain: Path) -> None:
    far = pa.array([250_000_000_000_000_000, -62_000_000_000_000_000], pa.timestamp("us"))  # the years 9892 and 5
    times = pa.concat_arrays([far, LOG["timestamp"].cast(pa.timestamp("us")).combine_chunks()[2:]])
    log = LOG.set_column(2, "timestamp", times)
    write(tmp_path, {"int96.parquet": parquet(log, use_deprecated_int96_timestamps=True), "us.parquet": log})
    for name in ("int96", "us"):
        assert extract(tmp_path / name, tmp_path / f"{name}.parquet", plain / "items.parquet") == 0
        assert set(errors(tmp_path / name).values()) == {"timestamp_out_of_range"}
        assert len(errors(tmp_path / name)) == 2
    assert content(tmp_path / "int96", HISTORIES) == content(tmp_path / "us", HISTORIES)


@pytest.mark.parametrize("unit", ["yyyymmdd", "days"])
def test_dates_as_numbers_need_their_unit(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str], unit: str
) -> None:
    days = LOG["timestamp"].cast(pa.date32())
    late = LOG.num_rows // 2  # the other half is before 1970, which is no guess but a negative number
    numbers = days.cast(pa.int32()) if unit == "days" else pc.strftime(LOG["timestamp"], "%Y%m%d").cast(pa.int64())
    log = LOG.set_column(2, "timestamp", numbers).slice(late)
    write(tmp_path, {"log.parquet": log, "dates.parquet": LOG.set_column(2, "timestamp", days).slice(late)})
    items = plain / "items.parquet"
    assert extract(tmp_path / "out", tmp_path / "log.parquet", items) == 2
    assert f"--timestamp_unit={unit}" in capfd.readouterr().err
    assert extract(tmp_path / "out", tmp_path / "log.parquet", items, f"--timestamp_unit={unit}") == 0
    assert extract(tmp_path / "dates", tmp_path / "dates.parquet", items) == 0
    assert content(tmp_path / "out", HISTORIES) == content(tmp_path / "dates", HISTORIES)


def test_dates_as_numbers_among_seconds_are_invalid_rows(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A row group of another unit is not in the sample that is checked before a job starts."""
    late = LOG.slice(LOG.num_rows // 2)
    seconds = late.set_column(2, "timestamp", pc.divide(late["timestamp"].cast(pa.int64()), 10**6))
    days = late.set_column(2, "timestamp", pc.strftime(late["timestamp"], "%Y%m%d").cast(pa.int64()))
    write(tmp_path, {"log.parquet": parquet(pa.concat_tables([seconds, days]), row_group_size=late.num_rows)})
    paths = (tmp_path / "out", tmp_path / "log.parquet", plain / "items.parquet")
    assert extract(*paths) == 1
    assert "240 of 480 rows of interactions are invalid (240 x timestamp_probably_yyyymmdd)" in capfd.readouterr().err
    assert extract(*paths, "--max_error_rate=0.5") == 0
    assert set(errors(tmp_path / "out").values()) == {"timestamp_probably_yyyymmdd"}


def test_every_job_that_reads_a_log_refuses_a_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log", {"part-0.parquet": LOG, "_delta_log/0.json": json.dumps({"add": {}}).encode()})
    assert run_job(InterestJob, [f"--interactions={log}", f"--workspace={tmp_path / 'out'}"]) == 2
    assert f"--interactions: '{log}' is a table of Delta Lake" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_tables_are_refused_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, table in (("log", LOG), ("items", ITEMS)):
        write(tmp_path / name, {"part-0.parquet": table, "_delta_log/0.json": json.dumps({"add": {}}).encode()})
    assert extract(tmp_path / "out", tmp_path / "log", tmp_path / "items") == 2
    reported = capfd.readouterr().err
    assert f"--interactions: '{tmp_path / 'log'}' is a table of Delta Lake" in reported
    assert f"--items: '{tmp_path / 'items'}' is a table of Delta Lake" in reported


def test_a_refused_catalogue_is_what_both_lines_are_about(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    titles = pa.array([None if row % 4 else "climbing" for row in range(ITEMS.num_rows)], pa.string())
    write(tmp_path, {"items.parquet": ITEMS.set_column(1, "title", titles)})
    assert extract(tmp_path / "out", plain / "log.parquet", tmp_path / "items.parquet") == 1
    reported = capfd.readouterr().err
    assert "45 of 60 rows of items are invalid (45 x null_title)" in reported
    assert f"null_title: {tmp_path / 'items.parquet'}, row 1" in reported
    assert "item_not_in_catalogue" not in reported
    assert "interactions are invalid" not in reported


def test_a_dataset_opens_in_other_tools_as_the_documentation_says(plain: Path) -> None:
    folder, number = plain / "out" / "journeys", manifest(plain / "out", JOURNEYS).rows
    assert number > 0
    assert pl.read_parquet(f"{folder}/*.parquet").height == number
    assert pl.scan_parquet(folder, hidden_file_prefix="_").collect().height == number
    assert duckdb.sql(f"from '{folder}/*.parquet'").fetchall().__len__() == number
    assert pq.read_table(folder).num_rows == number  # what pandas calls
    assert manifest(plain / "out", ERRORS).rows == 0
    assert pl.read_parquet(f"{plain / 'out' / 'errors'}/*.parquet").height == 0


def test_ids_of_another_form_are_shown_on_both_sides(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    padded = pa.array([f"00{item}" for item in LOG["item_id"].to_pylist()])
    write(tmp_path, {"log.parquet": LOG.set_column(1, "item_id", padded)})
    assert extract(tmp_path / "out", tmp_path / "log.parquet", plain / "items.parquet") == 1
    reported = capfd.readouterr().err
    assert f"ids of items in the log: {padded[0].as_py()!r}, " in reported
    assert "; in the catalogue: '2000', '2001', '2002'" in reported


def test_columns_in_capitals_are_all_in_the_option_to_type(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    items = ITEMS.append_column("creator", pa.array(["someone"] * ITEMS.num_rows))
    items = items.append_column("genres", pa.array(["a|b"] * ITEMS.num_rows))
    write(tmp_path, {"items.parquet": items.rename_columns(["ITEM_ID", "TITLE", "CREATOR", "GENRES"])})
    paths = (plain / "log.parquet", tmp_path / "items.parquet")
    assert extract(tmp_path / "out", *paths) == 2
    assert "--item_columns=item_id=ITEM_ID,title=TITLE,creator=CREATOR\n" in capfd.readouterr().err
    assert extract(tmp_path / "out", *paths, "--item_columns=item_id=ITEM_ID,title=TITLE,tags=GENRES") == 2
    assert "is read by --tag_separator='|'" in capfd.readouterr().err
    given = ("--item_columns=item_id=ITEM_ID,title=TITLE,tags=GENRES", "--tag_separator=;")
    assert extract(tmp_path / "out", *paths, *given) == 2
    assert "no text in column 'GENRES' has the separator ';': give --tag_separator='|'" in capfd.readouterr().err
    write(tmp_path, {"tags.parquet": items.rename_columns(["item_id", "title", "creator", "tags"]), "log/readme": b"x"})
    write(tmp_path, {"log/a.parquet": LOG})
    assert extract(tmp_path / "out", tmp_path / "log", tmp_path / "tags.parquet") == 0
    printed = capfd.readouterr().out
    assert "no certain meaning, and was not read; a text such as 'A|B' is read by --tag_separator='|'" in printed
    assert f"interactions: 1 files in {tmp_path / 'log'} are not parquet, and were not read: readme" in printed


def test_optional_columns_under_other_names_are_in_the_option_to_type(
    tmp_path: Path, plain: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    number = ITEMS.num_rows
    items = (
        ITEMS.append_column("Genres", pa.array(["Quiet|Loud"] * number))
        .append_column("brand", pa.array(["x"] * number))
        .append_column("price", pa.array([1.5] * number))
    )
    write(tmp_path, {"items.parquet": items})
    paths = (tmp_path / "out", plain / "log.parquet", tmp_path / "items.parquet")
    assert extract(*paths) == 0
    option = "--item_columns=tags=Genres,creator=brand"
    expected = f"items: columns Genres, brand were not read; {option} reads them; a text such as 'A|B' is read by"
    assert expected in capfd.readouterr().out
    assert extract(*paths, option, "--tag_separator=|") == 0
    assert "were not read" not in capfd.readouterr().out
    assert extract(*paths, "--item_columns=tags=,creator=") == 0
    assert "were not read" not in capfd.readouterr().out
