"""A Flink cluster for all tests, on free ports. What is missing on this machine is a failure, not a skipped test."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.commands import ROOT, log_of, parts, run_direct
from tools.flink.cluster import LocalCluster, Ports

Parts = dict[str, dict[str, bytes]]
Expected = Callable[[str], Parts]
Workspaces = Callable[[str], Path]
SAMPLES = ("arxiv_authors", "github_stars", "online_retail")

# Short jobs on Java that has just started: half of its time would go into compiling well what ends soon.
JAVA = {"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
# Where no slot is left, Flink tries several times, and each time waits this long.
SETTINGS = {"slot.request.timeout": "10000"}


def free_ports() -> Ports:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
    numbers = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return Ports(*numbers)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    cluster = LocalCluster(tmp_path_factory.mktemp("flink"), free_ports(), SETTINGS, JAVA)
    cluster.up(task_managers=2)
    yield cluster
    cluster.down()


@pytest.fixture
def on_flink(cluster: LocalCluster) -> list[str]:
    """Options that run a job on the cluster, which is made whole where the test before has killed some of it."""
    while len(cluster.task_managers) < 2:
        cluster.add_task_manager()
    return [f"--runner_config={ROOT / 'runner_configs' / 'flink.yaml'}", *cluster.flags]


@pytest.fixture(scope="session")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Workspaces:
    """The result of the FnApiRunner for a sample on a local disk, computed once."""
    results: dict[str, Path] = {}

    def of(sample: str) -> Path:
        if sample not in results:
            workspace = tmp_path_factory.mktemp(sample)
            seconds = run_direct("extract", f"--workspace={workspace}", *log_of(sample))
            print(f"FnApiRunner, {sample}: {seconds:.1f} s")
            results[sample] = workspace
        return results[sample]

    return of


@pytest.fixture(scope="session")
def expected(workspaces: Workspaces) -> Expected:
    """The parts of a sample as the FnApiRunner writes them."""
    return lambda sample: parts(workspaces(sample))
