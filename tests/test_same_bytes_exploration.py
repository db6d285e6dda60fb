"""The same log gives the same clusters, table and recommendations, however it is cut into files, on any runner."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.common.run import run_job
from pipelines.explore.job import ExploreJob
from pipelines.intents.job import IntentsJob
from pipelines.recommend.job import RecommendJob
from pipelines.transitions.job import TransitionsJob
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    INTENTS,
    ITEM_CLUSTERS,
    LOOKUP,
    METRICS,
    RECOMMENDATIONS,
    TRANSITIONS,
    TUNING_PAIRS,
    DatasetSchema,
)
from tests.small_log import small_log, write_files
from transforms.datasets.manifest import read_manifest

WRITTEN = {
    ClusterJob: (CLUSTERS, ITEM_CLUSTERS, METRICS),
    TransitionsJob: (CLUSTER_HISTORIES, TRANSITIONS, TUNING_PAIRS, METRICS),
    ExploreJob: (LOOKUP, METRICS),
    IntentsJob: (INTENTS, METRICS),
    RecommendJob: (RECOMMENDATIONS, METRICS),
}

Found = dict[tuple[str, str], list[tuple[str, bytes]]]
"""Names and bytes of parts, by job and dataset."""


def parts(workspace: Path, schema: DatasetSchema) -> list[tuple[str, bytes]]:
    manifest = read_manifest(str(workspace / schema.name))
    assert manifest is not None
    return [(part.name, (workspace / schema.name / part.name).read_bytes()) for part in manifest.parts]


def run_all(folder: Path, files: int, seed: int | None, options: Sequence[str]) -> Found:
    """Runs all jobs on the log and the catalogue, written as some files, then assigns the catalogue to its own tree."""
    interactions, items = small_log()
    given = f"--interactions={write_files(folder / 'interactions', interactions, files, seed)}"
    catalogue = f"--items={write_files(folder / 'items', items, files, seed)}"
    inputs = {ClusterJob: (given, catalogue, "--levels=4,16"), TransitionsJob: (given,), ExploreJob: ()}
    inputs |= {IntentsJob: (), RecommendJob: ("--dimensions=16", f"--intents={folder / 'out'}")}
    found: Found = {}
    for job, schemas in WRITTEN.items():
        assert run_job(job, [*inputs[job], f"--workspace={folder / 'out'}", *options]) == 0
        found |= {(job.name, schema.name): parts(folder / "out", schema) for schema in schemas}
    assigned = [given, catalogue, f"--tree={folder / 'out'}", f"--workspace={folder / 'assigned'}"]
    assert run_job(ClusterJob, [*assigned, *options]) == 0
    for schema in (CLUSTERS, ITEM_CLUSTERS):
        assert parts(folder / "assigned", schema) == found[ClusterJob.name, schema.name]
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return run_all(tmp_path_factory.mktemp("expected"), 1, None, ["--runner=FnApiRunner"])


def test_the_log_is_worth_comparing(expected: Found) -> None:
    def rows(job: str, dataset: str) -> int:
        return sum(pl.read_parquet(part).height for _, part in expected[job, dataset])

    assert rows("cluster", "clusters") == 4 + 16
    assert rows("transitions", "transitions") > 1000
    assert rows("explore", "lookup") > 1000
    assert rows("recommend", "recommendations") > 500


@pytest.mark.parametrize(
    ("files", "seed", "options"),
    [
        pytest.param(4, 7, ["--runner=FnApiRunner"], id="shuffled rows in four files"),
        pytest.param(2, 8, ["--runner=DirectRunner"], id="DirectRunner, one worker"),
        pytest.param(
            3,
            9,
            ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"],
            id="DirectRunner, two processes",
        ),
    ],
)
def test_same_bytes(tmp_path: Path, expected: Found, files: int, seed: int, options: list[str]) -> None:
    found = run_all(tmp_path, files, seed, options)
    assert {key for key in expected if found[key] != expected[key]} == set()
