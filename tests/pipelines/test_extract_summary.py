"""The screen at the end of a run: correct values, and hints that work as they are printed."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipelines.common.titles import titles_of
from schemas import JOURNEYS
from tests.pipelines.logs import ITEMS, LOG, extract, metric_values, rows, write
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import resolve_source


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a folder whose name is far too long for a line of eighty characters")


@pytest.fixture(scope="module")
def screen(workspace: Path) -> str:
    """What a run prints, of users whose names look like the markup of the library that prints it."""
    log = LOG.set_column(0, "user_id", pa.array([f"[/red]{user}" for user in LOG["user_id"].to_pylist()]))
    log = pa.concat_tables([log, log.slice(0, 5)])
    folder = write(workspace / "in", {"log.parquet": log, "items.parquet": ITEMS})
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert extract(workspace / "out", folder / "log.parquet", folder / "items.parquet") == 0
    return printed.getvalue()


def test_metrics(screen: str, workspace: Path) -> None:
    reported = dict(re.findall(r"^│ +(.*?) +│ +([\d,]+) │$", screen, re.MULTILINE))
    assert reported["interactions read"] == "485"
    assert reported["interactions kept"] == "480"
    assert reported["dropped: duplicate"] == "5"
    assert reported["users"] == "8"
    assert (
        int(reported["journeys"])
        == metric_values(workspace / "out")["journeys", ""]
        == len(rows(workspace / "out", JOURNEYS))
    )


def test_a_user_of_many_interactions_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    users = pa.array([f"u{row % 20}" if row % 3 else "guest" for row in range(LOG.num_rows)])
    folder = write(tmp_path, {"log.parquet": LOG.set_column(0, "user_id", users), "items.parquet": ITEMS})
    assert extract(tmp_path / "out", folder / "log.parquet", folder / "items.parquet") == 0
    note = "interactions: user 'guest' has 33% of the interactions; if this id stands for everyone without one, remove"
    assert note in capsys.readouterr().out


def test_journeys_of_one_user(screen: str, workspace: Path) -> None:
    (user,) = re.findall(r"^journeys of user (.*)$", screen, re.MULTILINE)
    largest = next(row for row in rows(workspace / "out", JOURNEYS) if row["user_id"] == user and row["rank"] == 1)
    # All titles of a journey are one topic with a number.
    topic = largest["terms"][0].capitalize()
    assert f"  1. {topic}  ({largest['size']} items)  {', '.join(largest['terms'][:6])}\n" in screen


def test_titles_are_read_only_of_catalogues_that_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, {"items/a.parquet": ITEMS.slice(0, 3), "items/b.parquet": ITEMS.slice(3)})
    source = resolve_source(str(folder / "items"))
    wanted = pa.array([*ITEMS["item_id"].to_pylist()[2:5], "unknown"])
    assert titles_of(wanted, source, ColumnOptions()) == dict(
        zip(ITEMS["item_id"].to_pylist()[2:5], ITEMS["title"].to_pylist()[2:5], strict=True)
    )
    monkeypatch.setattr("pipelines.common.titles._MAX_FILES", 1)
    assert titles_of(wanted, source, ColumnOptions()) == {}


def test_the_command_to_read_the_journeys_works(screen: str, workspace: Path) -> None:
    (query,) = re.findall(r'duckdb -c "(.*)"$', screen, re.MULTILINE)
    found = duckdb.sql(query)
    assert found.columns == JOURNEYS.arrow.names
    assert len(found.fetchall()) == 5


def test_the_command_to_continue_names_the_workspace(screen: str, workspace: Path) -> None:
    command = next(line for line in screen.splitlines() if "--previous=" in line)
    flags = [f"--previous={workspace / 'out'}", "--workspace=NEW", "--interactions=NEW_LOG"]
    assert shlex.split(command)[1:6] == ["-m", "pipelines.extract", *flags]


def test_no_threshold_is_reported_where_none_was_tried(screen: str) -> None:
    assert "--threshold=" not in screen


@pytest.mark.parametrize(
    ("options", "reported", "far"),
    [
        (
            ["--sweep", "--cluster_by=terms", "--threshold=0.05"],
            "--threshold=0.05 yields 6.00 journeys per user, with 100% of",
            False,
        ),
        (["--target_journeys_per_user=6"], "this one comes closest to 6 journeys per user", False),
        (["--target_journeys_per_user=400"], "this one comes closest to 400 journeys per user", True),
    ],
)
def test_the_threshold_that_was_found_is_reported(tmp_path: Path, options: list[str], reported: str, far: bool) -> None:
    folder = write(tmp_path / "in", {"log.parquet": LOG, "items.parquet": ITEMS})
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert extract(tmp_path / "out", folder / "log.parquet", folder / "items.parquet", *options) == 0
    screen = printed.getvalue()
    assert reported in screen
    assert "of the interactions, in a sample of 8 users\n" in screen
    assert bool(re.search(r"^None comes close: they yield .* at --min_size=3$", screen, re.MULTILINE)) == far
    assert f"python -m pipelines.evaluate --suites=granularity --journeys={tmp_path / 'out'}\n" in screen
