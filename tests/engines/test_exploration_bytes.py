"""`cluster`, `transitions`, `explore`, `intents` and `recommend` write the same bytes on Direct, Prism and Flink."""

from pathlib import Path

import pytest

from tests.engines.commands import ROOT, parts, run_command, run_direct
from tests.engines.conftest import Parts
from tests.small_log import small_log, write_files
from tools.flink import toolchain

pytestmark = pytest.mark.engines

WRITTEN = {
    "cluster": ("clusters", "item_clusters", "metrics", "errors"),
    "transitions": ("cluster_histories", "transitions", "tuning_pairs", "metrics", "errors"),
    "explore": ("lookup", "metrics", "errors"),
    "intents": ("intents", "metrics", "errors"),
    "recommend": ("recommendations", "metrics", "errors"),
}
"""Compared datasets by job, in the order in which the jobs run."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """The options with the inputs of each job."""
    folder = tmp_path_factory.mktemp("log")
    interactions, items = small_log()
    given = f"--interactions={write_files(folder / 'interactions', interactions, files=2)}"
    catalogue = f"--items={write_files(folder / 'items', items, files=2)}"
    return {
        "cluster": (given, catalogue, "--levels=4,16"),
        "transitions": (given,),
        "explore": (),
        "intents": (),
        "recommend": (),
    }


def run_all(name: str, workspace: Path, log: dict[str, tuple[str, ...]], *options: str) -> dict[str, Parts]:
    """Runs all jobs, one after another in one workspace; gives what each has written."""
    found = {}
    for job, datasets in WRITTEN.items():
        ended = run_command(job, *options, *log[job], f"--workspace={workspace}")
        assert ended.code == 0, ended.said
        print(f"{name}, {job}: {ended.seconds:.1f} s")
        found[job] = parts(workspace, datasets)
    return found


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory, log: dict[str, tuple[str, ...]]) -> dict[str, Parts]:
    workspace = tmp_path_factory.mktemp("direct")
    found = {}
    for job, datasets in WRITTEN.items():
        run_direct(job, *log[job], f"--workspace={workspace}")
        found[job] = parts(workspace, datasets)
    return found


def test_the_log_is_worth_comparing(direct: dict[str, Parts]) -> None:
    sizes = {dataset: sum(map(len, found[dataset].values())) for found in direct.values() for dataset in found}
    assert all(
        sizes[dataset] > 5_000 for dataset in ("clusters", "item_clusters", "transitions", "lookup", "recommendations")
    ), sizes


def test_prism(log: dict[str, tuple[str, ...]], direct: dict[str, Parts], tmp_path: Path) -> None:
    toolchain.check_installed()
    options = [f"--runner_config={ROOT / 'runner_configs' / 'prism.yaml'}", f"--prism_location={toolchain.PRISM}"]
    assert run_all("Prism", tmp_path, log, *options) == direct


@pytest.mark.flink
@pytest.mark.slow
@pytest.mark.timeout(600)  # five jobs, each with the start of its workers
def test_flink(log: dict[str, tuple[str, ...]], direct: dict[str, Parts], on_flink: list[str], tmp_path: Path) -> None:
    assert run_all("Flink", tmp_path, log, *on_flink) == direct
