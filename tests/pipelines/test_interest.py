"""The real command on a small log; what `extract` makes of what it wrote; and what it says when it cannot run."""

import contextlib
import datetime
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.common.run import run_job
from pipelines.interest.job import InterestJob
from schemas import ERRORS, METRICS, SCORED_INTERACTIONS, TIMESTAMP
from tests.pipelines.logs import content, extract, manifest, rows, write
from tests.transforms.interest.synthetic import ITEMS, POPULAR, world

START = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
QUICK = ("--dimensions=8", "--epochs=20", "--max_error_rate=0.1")


def log() -> pa.Table:
    """A row for each pair, one of them twice and one without a user."""
    pairs = world()
    users, items = pairs.users.tolist(), pairs.items.tolist()
    described = [
        {"user_id": f"u{user:03}", "item_id": f"i{item:03}", "timestamp": START + datetime.timedelta(minutes=row)}
        for row, (user, item) in enumerate(zip(users, items, strict=True))
    ]
    described += [described[0], described[1] | {"user_id": ""}]
    columns = {"user_id": pa.string(), "item_id": pa.string(), "timestamp": TIMESTAMP, "event": pa.string()}
    return pa.Table.from_pylist([row | {"event": "play"} for row in described], pa.schema(columns))


def interest(*options: str) -> str:
    """Runs the command, which must succeed; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(InterestJob, [*QUICK, *options]) == 0
    return printed.getvalue()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The workspace of a run, and what it printed."""
    folder = write(tmp_path_factory.mktemp("interest"), {"log.parquet": log()})
    workspace = folder / "out"
    return workspace, interest(
        f"--interactions={folder / 'log.parquet'}", f"--workspace={workspace}", "--runner=FnApiRunner"
    )


def test_the_log_comes_back_with_one_more_column(done: tuple[Path, str]) -> None:
    found = rows(done[0], SCORED_INTERACTIONS)
    names = ["user_id", "item_id", "timestamp", "event"]
    expected = log().slice(0, log().num_rows - 1).to_pylist()
    assert sorted(tuple(row[name] for name in names) for row in found) == sorted(
        tuple(row[name] for name in names) for row in expected
    )
    assert [row["reason"] for row in rows(done[0], ERRORS)] == ["empty_user_id"]
    popular = {f"i{item:03}" for item in range(ITEMS, ITEMS + POPULAR)}
    fractions = [float(str(row["interest"])) for row in found if row["item_id"] in popular]
    others = [float(str(row["interest"])) for row in found if row["item_id"] not in popular]
    assert np.mean(fractions) < np.mean(others) - 0.1
    configuration = manifest(done[0], SCORED_INTERACTIONS).configuration
    assert configuration["training"]["dimensions"] == 8


def test_metrics_and_the_screen(done: tuple[Path, str]) -> None:
    metric_values = {(row["metric"], row["slice"]): row["value"] for row in rows(done[0], METRICS)}
    pairs = world()
    assert metric_values["pairs", ""] == len(pairs.items)
    assert metric_values["users", ""] == len(pairs.offsets) - 1
    assert metric_values["items", ""] == pairs.item_count
    assert (
        sum(float(str(v)) for (m, _), v in metric_values.items() if m == "interactions_by_interest")
        == len(pairs.items) + 1
    )
    assert "interactions by interest" in done[1]
    assert "--min_interest" in done[1]


def test_extract_takes_out_what_is_below(done: tuple[Path, str], tmp_path: Path) -> None:
    ids = [f"i{item:03}" for item in range(ITEMS + POPULAR)]
    items = pa.table({"item_id": ids, "title": [f"title {number % 4}" for number in range(len(ids))]})
    folder = write(tmp_path, {"items.parquet": items})
    threshold = 0.45
    log_folder = done[0] / SCORED_INTERACTIONS.name
    options = (f"--min_interest={threshold}", "--allow_empty")  # these titles have no salient terms
    assert extract(tmp_path / "out", log_folder, folder / "items.parquet", *options) == 0
    metric_values = {(row["metric"], row["slice"]): row["value"] for row in rows(tmp_path / "out", METRICS)}
    below = sum(float(str(row["interest"])) < threshold for row in rows(done[0], SCORED_INTERACTIONS))
    assert metric_values["interactions_dropped", "below_min_interest"] == below > 0


def test_extract_needs_the_column_for_the_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = pa.table({"item_id": ["i"], "title": ["x"]})
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": items})
    assert extract(tmp_path / "out", folder / "log.parquet", folder / "items.parquet", "--min_interest=.5") == 2
    assert "no column 'interest'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [("--runner=DirectRunner",), ("--direct_num_workers=2", "--direct_running_mode=multi_processing")],
    ids=["DirectRunner", "two processes"],
)
def test_same_bytes_whoever_computes_and_in_whatever_order(
    tmp_path: Path, done: tuple[Path, str], options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # of workers that are processes of their own
    whole = log()
    shuffled = whole.take(np.random.default_rng(1).permutation(whole.num_rows))
    folder = write(tmp_path / "in", {"a.parquet": shuffled.slice(0, 700), "b.parquet": shuffled.slice(700)})
    interest(f"--interactions={folder}", f"--workspace={tmp_path / 'out'}", *options)
    for schema in (SCORED_INTERACTIONS, METRICS):
        assert content(tmp_path / "out", schema) == content(done[0], schema), schema.name


def test_a_log_with_too_many_pairs_commits_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, {"log.parquet": log()})
    workspace = tmp_path / "out"
    options = (f"--interactions={folder / 'log.parquet'}", f"--workspace={workspace}", "--max_pairs=100")
    assert run_job(InterestJob, [*QUICK, *options, "--runner=FnApiRunner"]) == 1
    assert "more than --max_pairs=100 allows" in capsys.readouterr().err.replace("\n", " ")
    assert not (workspace / SCORED_INTERACTIONS.name / "_manifest.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "--interactions is required"),
        (("--interactions=nowhere",), "--interactions: no such file or folder"),
        (("--interactions=in.parquet", "--margin=-1"), "argument --margin: must be a number, at least 0"),
        (("--interactions=in.parquet", "--discrepancy=l3"), "argument --discrepancy: invalid choice"),
        (("--interactions=in.parquet", "--columns=colour=x"), "interactions have no column 'colour'"),
        (("--interactions=in.parquet", "--epoch=1"), "unknown option --epoch; did you mean --epochs?"),
    ],
)
def test_what_is_not_allowed_is_reported(
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(log(), "in.parquet")
    assert run_job(InterestJob, options) == 2
    assert message in capsys.readouterr().err.replace("\n", " ")
