"""`lifecycle` from end to end: what it writes about the journeys of a log, and what it says when it cannot run."""

import contextlib
import datetime
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.common.run import run_job
from pipelines.lifecycle.job import LifecycleJob
from schemas import JOURNEYS, LIFECYCLES, SALIENT_TERMS
from tests.pipelines.logs import content, extract, manifest, metric_values, rows, write

START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
TITLES = {
    "yarn": ["alpine yarn", "alpine yarn wool", "wool yarn knitting", "knitting yarn pattern", "yarn pattern wool"],
    "chess": [
        "chess opening",
        "chess opening theory",
        "chess endgame theory",
        "chess endgame book",
        "opening book chess",
    ],
    "orchid": ["orchid pot", "orchid pot soil", "orchid soil light", "orchid light lamp", "tropical orchid lamp"],
}
ITEMS = pa.table(
    {
        "item_id": [f"{topic}{number}" for topic, titles in TITLES.items() for number in range(len(titles))],
        "title": [title for titles in TITLES.values() for title in titles],
    }
)
BY_TERMS = ("--cluster_by=terms", "--max_term_fraction=1", "--threshold=0.05")


def consumed(user: str, topic: str, days: list[int]) -> list[dict[str, Any]]:
    """The items of a topic one after another, on these days."""
    times = [START + datetime.timedelta(days=day) for day in days]
    return [
        {"user_id": user, "item_id": f"{topic}{number % 5}", "timestamp": time} for number, time in enumerate(times)
    ]


LOG = pa.Table.from_pylist(
    [
        # Monthly for half a year, the last time 25 days before the end; daily for a week, long ago.
        *consumed("a", "yarn", [0, 31, 60, 91, 121, 152]),
        *consumed("a", "chess", [1, 2, 3, 4, 5, 6]),
        *consumed("b", "orchid", [170, 172, 174, 175, 177]),
    ]
)


def lifecycle(*options: str) -> str:
    """Runs the command, which must succeed; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(LifecycleJob, ["--runner=FnApiRunner", *options]) == 0
    return printed.getvalue()


def failure(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Runs the command, which must fail; gives what it says."""
    assert run_job(LifecycleJob, ["--runner=FnApiRunner", *options]) != 0
    return " ".join(capsys.readouterr().err.split())


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("extracted"), {"log.parquet": LOG, "items.parquet": ITEMS})
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet", *BY_TERMS) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def done(extracted: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The workspace of a run, and what it printed."""
    workspace = tmp_path_factory.mktemp("lifecycle") / "out"
    return workspace, lifecycle(f"--journeys={extracted}", f"--workspace={workspace}")


@pytest.fixture
def workspace(tmp_path: Path, extracted: Path) -> Path:
    """A copy of what `extract` wrote, to be changed."""
    shutil.copytree(extracted, tmp_path / "workspace")
    return tmp_path / "workspace"


def by_topic(workspace: Path, extracted: Path) -> dict[str, dict[str, Any]]:
    """The rows of `lifecycles` by the topic of the journey."""
    topics = {row["journey_id"]: str(row["item_ids"][0])[:-1] for row in rows(extracted, JOURNEYS)}  # type: ignore[index]
    return {topics[row["journey_id"]]: row for row in rows(workspace, LIFECYCLES)}


def test_every_journey_has_a_row(done: tuple[Path, str], extracted: Path) -> None:
    found = [(row["user_id"], row["journey_id"]) for row in rows(done[0], LIFECYCLES)]
    assert sorted(found) == sorted((row["user_id"], row["journey_id"]) for row in rows(extracted, JOURNEYS))
    assert len(found) == 3


def test_stage_recurrence_and_months(done: tuple[Path, str], extracted: Path) -> None:
    found = by_topic(done[0], extracted)
    assert {topic: row["stage"] for topic, row in found.items()} == {
        "yarn": "ongoing",
        "chess": "ended",
        "orchid": "ongoing",
    }
    assert {topic: row["recurrence"] for topic, row in found.items()} == {
        "yarn": "evergreen",
        "chess": "situational",
        "orchid": "situational",
    }
    assert (found["yarn"]["silent_days"], found["chess"]["silent_days"]) == (25.0, 171.0)
    assert [each["month"] for each in found["yarn"]["periods"]] == [f"2024-0{month}" for month in range(1, 7)]
    (month,) = found["chess"]["periods"]
    assert (month["interactions"], month["similarity"]) == (6, None)
    assert "chess" in " ".join(month["terms"])
    assert [row["active_days"] for row in found.values()] == [
        {"yarn": 6, "chess": 6, "orchid": 5}[topic] for topic in found
    ]


def test_the_recent_journey_is_first(done: tuple[Path, str], extracted: Path) -> None:
    found = by_topic(done[0], extracted)
    assert (found["yarn"]["rank"], found["chess"]["rank"], found["orchid"]["rank"]) == (1, 2, 1)
    assert found["yarn"]["score"] > found["chess"]["score"]


def test_what_is_recorded_and_printed(done: tuple[Path, str]) -> None:
    workspace, printed = done
    configuration = manifest(workspace, LIFECYCLES).configuration
    assert configuration["features"] == "terms"
    assert set(configuration["confidence"]) == {"constant", "coherence", "log_size", "coherence_log_size"}
    values = metric_values(workspace)
    assert values["journeys", ""] == values["journeys_by_stage", "ongoing"] + values["journeys_by_stage", "ended"] == 3
    assert values["users", ""] == 2
    assert "stages: ended 1, ongoing 2" in printed
    assert "pipelines.report" in printed


def test_a_later_last_day_ends_journeys(extracted: Path, tmp_path: Path) -> None:
    lifecycle(f"--journeys={extracted}", f"--workspace={tmp_path / 'late'}", "--last_day=2030-01-01")
    assert {row["stage"] for row in rows(tmp_path / "late", LIFECYCLES)} == {"ended"}
    lifecycle(f"--journeys={extracted}", f"--workspace={tmp_path / 'fixed'}", "--ongoing_days=171")
    assert {row["stage"] for row in rows(tmp_path / "fixed", LIFECYCLES)} == {"ongoing"}


def test_the_workspace_of_the_journeys_is_the_default(workspace: Path, done: tuple[Path, str]) -> None:
    lifecycle(f"--workspace={workspace}")
    assert content(workspace, LIFECYCLES) == content(done[0], LIFECYCLES)


def test_a_workspace_without_journeys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--journeys" in failure(capsys, f"--journeys={tmp_path / 'nothing'}", f"--workspace={tmp_path}")


def test_journeys_of_another_version(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = workspace / JOURNEYS.name / "_manifest.json"
    described = json.loads(path.read_text())
    described["schema_fingerprint"] = "0" * 64
    path.write_text(json.dumps(described))
    assert "holds no journeys that this version wrote" in failure(capsys, f"--workspace={workspace}")


def test_journeys_without_dates(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in manifest(workspace, JOURNEYS).parts:
        path = workspace / JOURNEYS.name / part.name
        table = pq.read_table(path)
        empty = pa.nulls(table.num_rows, table.schema.field("timestamps").type)
        pq.write_table(table.set_column(table.schema.get_field_index("timestamps"), "timestamps", empty), path)
    assert "null_timestamps" in failure(capsys, f"--workspace={workspace}")
    assert not (workspace / LIFECYCLES.name / "_manifest.json").exists()


def test_no_journeys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log whose users have no journey."""
    folder = write(tmp_path, {"log.parquet": LOG.slice(0, 2), "items.parquet": ITEMS})
    options = (*BY_TERMS, "--allow_empty")
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet", *options) == 0
    assert LIFECYCLES.name in failure(capsys, f"--workspace={folder / 'out'}")
    lifecycle(f"--workspace={folder / 'out'}", "--allow_empty")
    assert rows(folder / "out", LIFECYCLES) == []


def test_journeys_at_one_time(tmp_path: Path) -> None:
    """All interactions have the same time: no gaps, one month, no silence."""
    same = LOG.set_column(2, "timestamp", pa.array([START] * LOG.num_rows, LOG.schema.field("timestamp").type))
    folder = write(tmp_path, {"log.parquet": same, "items.parquet": ITEMS})
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet", *BY_TERMS) == 0
    lifecycle(f"--workspace={folder / 'out'}")
    found = rows(folder / "out", LIFECYCLES)
    assert {(row["stage"], row["recurrence"], row["active_days"], row["burstiness"]) for row in found} == {
        ("ongoing", "situational", 1, None)
    }
    assert [len(row["periods"]) for row in found] == [1] * len(found)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_packaged", [True, False])
def test_confidence_is_estimated_for_vectors_of_the_packaged_encoder_alone(tmp_path: Path, is_packaged: bool) -> None:
    folder = write(tmp_path, {"log.parquet": LOG, "items.parquet": ITEMS})
    topics = list(TITLES)
    own = [[float(item.startswith(topic)) for topic in topics] for item in ITEMS["item_id"].to_pylist()]
    vectors = pa.table({"item_id": ITEMS["item_id"], "embedding": pa.array(own, pa.list_(pa.float32()))})
    write(tmp_path, {"vectors.parquet": vectors})
    options = ["--encoder=static"] if is_packaged else [f"--item_embeddings={tmp_path / 'vectors.parquet'}"]
    inputs = (folder / "out", folder / "log.parquet", folder / "items.parquet")
    assert extract(*inputs, "--max_term_fraction=1", "--min_coherence=0", *options) == 0
    printed = lifecycle(f"--workspace={folder / 'out'}")
    found = [row["confidence"] for row in rows(folder / "out", LIFECYCLES)]
    assert found
    assert [confidence is not None for confidence in found] == [is_packaged] * len(found)
    assert ("confidence: none" in printed) != is_packaged


def test_items_without_terms(workspace: Path) -> None:
    """No item has a term: journeys keep their rows, without what terms say."""
    for part in manifest(workspace, SALIENT_TERMS).parts:
        path = workspace / SALIENT_TERMS.name / part.name
        table = pq.read_table(path)
        for name in ("terms", "saliences"):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, pa.array([[]] * table.num_rows, table.schema.field(name).type))
        pq.write_table(table, path)
    lifecycle(f"--workspace={workspace}")
    found = rows(workspace, LIFECYCLES)
    assert [row["drift"] for row in found] == [None] * 3
    assert {tuple(each["terms"]) for row in found for each in row["periods"]} == {()}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("--last_day=yesterday", "last_day"),
        ("--penalty=0", "(0, 1]"),
        ("--min_similarity=1.5", "(0, 1]"),
        ("--evergreen_months=0", "[1, 1e+06]"),
    ],
)
def test_options_that_are_not_allowed(
    extracted: Path, capsys: pytest.CaptureFixture[str], option: str, allowed: str
) -> None:
    assert allowed in failure(capsys, f"--workspace={extracted}", option)
