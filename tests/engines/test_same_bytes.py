"""Direct, Prism and Flink write the same bytes, and on Flink the workers of both TaskManagers take part."""

import os
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engines.commands import ROOT, extract, log_of, parts, run_direct
from tests.engines.conftest import SAMPLES, Expected
from tests.engines.logs import extracting_workers, log_from, size_of_log
from tests.transforms.encoders.fake_encoder import word_vector
from tools.flink import toolchain
from tools.flink.cluster import LocalCluster

pytestmark = pytest.mark.engines


@pytest.mark.parametrize("sample", SAMPLES)
def test_prism(sample: str, expected: Expected, tmp_path: Path) -> None:
    toolchain.check_installed()
    options = [f"--runner_config={ROOT / 'runner_configs' / 'prism.yaml'}", f"--prism_location={toolchain.PRISM}"]
    ended = extract(*options, f"--workspace={tmp_path}", *log_of(sample))
    assert ended.code == 0, ended.said
    print(f"Prism, {sample}: {ended.seconds:.1f} s")
    assert parts(tmp_path) == expected(sample)


@pytest.mark.flink
def test_flink_with_two_task_managers(
    cluster: LocalCluster, on_flink: list[str], expected: Expected, tmp_path: Path
) -> None:
    sample = "arxiv_authors"
    managers = cluster.task_managers
    starts = [size_of_log(manager) for manager in managers]
    ended = extract(*on_flink, f"--workspace={tmp_path}", *log_of(sample))
    assert ended.code == 0, ended.said
    workers = [extracting_workers(log_from(each, start)) for each, start in zip(managers, starts, strict=True)]
    print(f"Flink, {sample}: {ended.seconds:.1f} s, workers {workers}")
    for manager, pids in zip(managers, workers, strict=True):
        assert len(pids) == 1
        assert {os.getsid(pid) for pid in pids} == {manager.pid}
        assert all("sdk_worker_main" in " ".join(psutil.Process(pid).cmdline()) for pid in pids)
    assert parts(tmp_path) == expected(sample)


@pytest.mark.flink
@pytest.mark.parametrize(
    ("sample", "options"),
    [
        pytest.param(
            "online_retail", ["--catalogue_join=shuffle", "--parallelism=3"], id="shuffled catalogue, three slots"
        ),
        pytest.param("github_stars", ["--buckets=1", "--parallelism=2"], id="one bucket"),
    ],
)
def test_flink_however_the_work_is_divided(
    sample: str, options: list[str], on_flink: list[str], expected: Expected, tmp_path: Path
) -> None:
    ended = extract(*on_flink, *options, f"--workspace={tmp_path}", *log_of(sample))
    assert ended.code == 0, ended.said
    assert parts(tmp_path) == expected(sample)


@pytest.fixture(scope="module")
def by_vectors(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The options of `extract` by vectors of the titles' words, with a threshold that it finds itself."""
    folder = tmp_path_factory.mktemp("vectors")
    items = pq.read_table(ROOT / "samples" / "github_stars" / "items.parquet", columns=["item_id", "title"])
    vectors = pa.array([word_vector(title).tolist() for title in items["title"].to_pylist()], pa.list_(pa.float32()))
    pq.write_table(pa.table({"item_id": items["item_id"], "embedding": vectors}), folder / "vectors.parquet")
    return [
        f"--item_embeddings={folder / 'vectors.parquet'}",
        "--target_journeys_per_user=8",
        *log_of("github_stars"),
    ]


@pytest.mark.flink
def test_by_vectors_too(by_vectors: list[str], on_flink: list[str], tmp_path: Path) -> None:
    toolchain.check_installed()
    run_direct("extract", *by_vectors, f"--workspace={tmp_path / 'direct'}")
    direct = parts(tmp_path / "direct")
    prism = [f"--runner_config={ROOT / 'runner_configs' / 'prism.yaml'}", f"--prism_location={toolchain.PRISM}"]
    for name, options in (("Prism", prism), ("Flink", on_flink)):
        ended = extract(*options, *by_vectors, f"--workspace={tmp_path / name}")
        assert ended.code == 0, ended.said
        print(f"{name}, by vectors: {ended.seconds:.1f} s")
        assert parts(tmp_path / name) == direct
