"""The experiment `recommendation` on a workspace that `cluster` and `transitions` wrote."""

from pathlib import Path

import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.common.run import run_job
from pipelines.evaluate.job import EvaluateJob
from pipelines.transitions.job import TransitionsJob
from schemas import EMBEDDINGS, METRICS
from tests.pipelines.logs import rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, USERS, log, run
from transforms.extras import INSTALL_RIVALS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = write(tmp_path_factory.mktemp("recommendation"), {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--interactions={found / 'log.parquet'}", f"--workspace={found / 'out'}")
    run(ClusterJob, f"--items={found / 'items.parquet'}", "--levels=2,6", *given)
    run(TransitionsJob, *given)
    return found


def options(folder: Path) -> tuple[str, ...]:
    return (
        "--suites=recommendation",
        f"--exploration={folder / 'out'}",
        f"--interactions={folder / 'log.parquet'}",
        f"--items={folder / 'items.parquet'}",
        "--encoder=static",
    )


def test_metrics_and_a_page(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    printed = run(EvaluateJob, *options(folder), f"--workspace={tmp_path / 'w'}", f"--report={page}")
    assert "Hit rate on novel targets by fraction of novel items" in printed
    text = page.read_text(encoding="utf-8")
    assert f"{USERS} users, {ITEM_COUNT} items, 6 clusters" in text
    assert "### Lists of novel items alone" in text
    assert (tmp_path / "page.svg").exists()
    metrics = rows(tmp_path / "w", METRICS)
    assert {row["metric"] for row in metrics} >= {"recommendation_novelty_ratio", "recommendation_difference"}
    assert rows(tmp_path / "w", EMBEDDINGS)


def test_what_is_missing_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (*options(folder), f"--workspace={tmp_path / 'w'}")
    assert run_job(EvaluateJob, [*given[:-2], given[-1]]) == 2
    assert "recommendation needs --encoder" in capsys.readouterr().err
    assert run_job(EvaluateJob, [given[0], *given[2:]]) == 2
    assert "--exploration" in capsys.readouterr().err
    monkeypatch.setattr(
        "pipelines.evaluate.options._missing", lambda packages: [each for each in packages if each == "implicit"]
    )
    assert run_job(EvaluateJob, [*given]) == 2
    assert f"recommendation needs implicit: {INSTALL_RIVALS}" in capsys.readouterr().err


def test_item_clusters_of_another_run_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--interactions={found / 'log.parquet'}", f"--workspace={found / 'out'}")
    run(ClusterJob, f"--items={found / 'items.parquet'}", "--levels=2,6", *given)
    run(TransitionsJob, *given)
    items = write(tmp_path / "fewer", {"items.parquet": ITEMS.slice(0, 30)}) / "items.parquet"
    run(ClusterJob, f"--items={items}", f"--tree={found / 'out'}", *given)
    capsys.readouterr()
    assert run_job(EvaluateJob, [*options(found), f"--workspace={tmp_path / 'w'}"]) == 2
    assert "run `transitions` again" in capsys.readouterr().err
