"""The experiments `best_of_n` and `freshness` on a workspace that `cluster` and `transitions` wrote."""

from pathlib import Path

import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.common.run import run_job
from pipelines.evaluate.job import EvaluateJob
from pipelines.transitions.job import TransitionsJob
from schemas import CLUSTER_HISTORIES, METRICS
from tests.pipelines.logs import rows, write
from tests.pipelines.test_exploration import ITEMS, log, run

BOTH = ("--suites=best_of_n,freshness", "--min_feedback_users=1", "--min_context_users=2", "--candidate_numbers=1,3")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("experiments"), {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--interactions={folder / 'log.parquet'}", f"--workspace={folder / 'out'}")
    run(ClusterJob, f"--items={folder / 'items.parquet'}", "--levels=6", *given)
    run(TransitionsJob, "--context_size=1", *given)
    return folder / "out"


def test_histories_have_second_interactions(workspace: Path) -> None:
    found = 0
    for row in rows(workspace, CLUSTER_HISTORIES):
        for first, second in zip(row["timestamps"], row["second_timestamps"], strict=True):
            assert second is None or second > first
            found += second is not None
    assert found > 50


def test_metrics_and_a_page_of_both(workspace: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for name in ("first", "second"):
        given = (f"--exploration={workspace}", f"--workspace={tmp_path / name}", f"--report={page}")
        printed = run(EvaluateJob, *BOTH, *given)
    assert "Best-of-n: novelty and satisfaction" in printed
    text = page.read_text(encoding="utf-8")
    assert all(title in text for title in ("## Best-of-n", "## Freshness", "### A refreshed table", "| pairwise | 3 |"))
    assert (tmp_path / "page.svg").exists()
    metrics = rows(tmp_path / "first", METRICS)
    assert metrics == rows(tmp_path / "second", METRICS)
    assert {row["metric"].split("_")[0] for row in metrics} >= {"best", "freshness"}


def test_other_workspaces_are_refused(workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "in", {"items.parquet": ITEMS})
    for options, message in (
        ([f"--exploration={tmp_path / 'in'}"], "--exploration: no such file or folder"),
        ([], "best_of_n needs --exploration: Workspace with `clusters` and `cluster_histories`"),
        ([f"--exploration={workspace}", "--candidate_numbers=5,2"], "must be distinct and ascending"),
    ):
        assert run_job(EvaluateJob, ["--suites=best_of_n", *options]) == 2
        assert message in capsys.readouterr().err


def test_another_tree_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--items={folder / 'items.parquet'}", f"--workspace={folder / 'out'}")
    run(ClusterJob, "--levels=3", *given)
    run(TransitionsJob, f"--interactions={folder / 'log.parquet'}", f"--workspace={folder / 'out'}")
    run(ClusterJob, "--levels=6", *given)
    capsys.readouterr()
    assert run_job(EvaluateJob, ["--suites=freshness", f"--exploration={folder / 'out'}"]) == 2
    assert "were computed from another tree than it holds now" in capsys.readouterr().err
