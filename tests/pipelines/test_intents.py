"""`intents` from end to end, and what it refuses."""

import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.intents.job import IntentsJob
from schemas import INTENTS, METRICS
from tests.pipelines.logs import content, metric_values, rows, write
from tests.pipelines.topics import ITEMS, START, USERS, log, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    creators = pa.array([None if item % 4 == 0 else f"maker {item % 7}" for item in range(ITEMS.num_rows)])
    found = write(
        tmp_path_factory.mktemp("topics"),
        {"log.parquet": log(), "items.parquet": ITEMS.append_column("creator", creators)},
    )
    given = (f"--interactions={found / 'log.parquet'}", f"--items={found / 'items.parquet'}")
    run(ClusterJob, *given, f"--workspace={found / 'out'}", "--levels=2,6")
    return found


def intents(folder: Path, output: Path, *options: str, code: int = 0) -> str:
    return run(IntentsJob, f"--clusters={folder / 'out'}", f"--workspace={output}", *options, code=code)


def test_a_row_for_each_user(folder: Path, tmp_path: Path) -> None:
    printed = intents(folder, tmp_path, "--intent_model=logistic_regression")
    found = rows(tmp_path, INTENTS)
    assert sorted(str(row["user_id"]) for row in found) == [f"u{user:02}" for user in range(USERS)]
    assert {row["model"] for row in found} == {"logistic_regression"}
    assert all(0 < float(str(row["creator_probability"])) < 1 for row in found)
    assert len({row["cluster_probability"] for row in found}) > 10
    metrics = {(row["metric"], row["slice"]): row["value"] for row in rows(tmp_path, METRICS)}
    assert metrics["examples", ""] == USERS * 7
    assert 0 < float(str(metrics["intent_auc", "intent=cluster"])) <= 1
    assert f"--intents={tmp_path}" in printed


def test_a_catalogue_without_creators(folder: Path, tmp_path: Path) -> None:
    given = write(tmp_path, {"items.parquet": ITEMS})
    intents(folder, tmp_path / "out", f"--items={given / 'items.parquet'}", "--intent_model=base_rate")
    assert {row["creator_probability"] for row in rows(tmp_path / "out", INTENTS)} == {None}


def test_a_coarser_level_has_fewer_new_clusters(folder: Path, tmp_path: Path) -> None:
    means = []
    for level in (1, 2):
        intents(folder, tmp_path, f"--level={level}", "--intent_model=base_rate")
        means.append(float(str(rows(tmp_path, INTENTS)[0]["cluster_probability"])))
    assert means[0] < means[1]


def test_the_order_of_the_log_changes_nothing(folder: Path, tmp_path: Path) -> None:
    given = ("--intent_model=boosted_trees", f"--items={folder / 'items.parquet'}")
    intents(folder, tmp_path / "first", f"--interactions={folder / 'log.parquet'}", *given)
    order = list(range(log().num_rows))[::-1]
    other = write(tmp_path / "log", {"a.parquet": log(order[:100]), "b.parquet": log(order[100:])})
    intents(folder, tmp_path / "second", f"--interactions={other}", *given)
    assert content(tmp_path / "first", INTENTS) == content(tmp_path / "second", INTENTS)
    assert metric_values(tmp_path / "first") == metric_values(tmp_path / "second")


def test_a_log_of_single_interactions_has_no_examples(folder: Path, tmp_path: Path) -> None:
    single = log().slice(0, 1).set_column(2, "timestamp", pa.array([START + datetime.timedelta(days=1)]))
    given = write(tmp_path, {"log.parquet": single.cast(log().schema)})
    printed = intents(folder, tmp_path / "out", f"--interactions={given / 'log.parquet'}", code=1)
    assert "no examples of exploration" in printed
    assert not (tmp_path / "out" / "intents" / "_manifest.json").exists()


def test_what_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "in [0, 1)" in intents(folder, tmp_path, "--intent_test_fraction=1", code=2)
    assert "--level" in intents(folder, tmp_path, "--level=-1", code=2)
    assert "--level must be at most 2" in intents(folder, tmp_path, "--level=3", code=2)
    printed = run(IntentsJob, f"--workspace={tmp_path / 'empty'}", code=2)
    assert "--clusters" in printed
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    assert "needs the package torch" in intents(folder, tmp_path, "--intent_model=cross_network", code=2)
