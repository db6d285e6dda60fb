"""The experiment `intents` on a workspace that `cluster` and `transitions` wrote."""

from pathlib import Path

from pipelines.cluster.job import ClusterJob
from pipelines.common.run import run_job
from pipelines.evaluate.job import EvaluateJob
from pipelines.transitions.job import TransitionsJob
from schemas import METRICS
from tests.pipelines.logs import rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, USERS, log, run


def test_metrics_and_a_page(tmp_path: Path) -> None:
    found = write(tmp_path / "topics", {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--interactions={found / 'log.parquet'}", f"--workspace={found / 'out'}")
    run(ClusterJob, f"--items={found / 'items.parquet'}", "--levels=2,6", *given)
    run(TransitionsJob, *given)
    page = tmp_path / "page.md"
    options = (
        "--suites=intents",
        f"--exploration={found / 'out'}",
        f"--interactions={found / 'log.parquet'}",
        f"--items={found / 'items.parquet'}",
        f"--workspace={tmp_path / 'w'}",
        f"--report={page}",
    )
    printed = run(EvaluateJob, *options, "--encoder=static")
    assert "Features of exploration" in printed
    text = page.read_text(encoding="utf-8")
    assert f"{USERS} users, {8 * USERS} interactions with {ITEM_COUNT} items in 6 clusters" in text
    assert "### New cluster" in text
    assert "### Re-ranking" in text
    assert (tmp_path / "page.svg").exists()
    assert {row["metric"] for row in rows(tmp_path / "w", METRICS)} >= {"intents_auc", "intents_ndcg_difference"}
    assert run_job(EvaluateJob, [*options]) == 2
