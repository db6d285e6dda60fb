"""Workers beside their TaskManager, workers that cannot work, and TaskManagers that die."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.generator import GeneratedLog, LogConfig, generate
from tests.engines.commands import ROOT, Ended, extract, extract_command, log_of, parts, run_direct
from tests.engines.conftest import Expected, Parts, Workspaces, free_ports
from tests.engines.logs import extracting_workers, log_from, size_of_log
from tools.flink import toolchain
from tools.flink.cluster import HOST, LocalCluster, takes_calls
from tools.flink.processes import ManagedProcess, start, stop, wait_until

pytestmark = [pytest.mark.engines, pytest.mark.flink, pytest.mark.timeout(900)]

_READS_GROUPS = re.compile(r"GroupReduce at ExtractJourneys/GroupByUser|\{.*ExtractJourneys.*CommitDatasets")
"""The names that Flink gives to the steps that group users and that extract their journeys."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GeneratedLog:
    return generate(LogConfig(interactions=1_000_000), tmp_path_factory.mktemp("generated") / "log")


@pytest.fixture(scope="module")
def expected_of_log(log: GeneratedLog, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    workspace = tmp_path_factory.mktemp("expected")
    run_direct("extract", f"--workspace={workspace}", *inputs(log))
    return parts(workspace)


def inputs(log: GeneratedLog) -> list[str]:
    return [f"--interactions={log.interactions}", f"--items={log.items}"]


@pytest.fixture
def worker_pool(tmp_path: Path) -> Iterator[tuple[ManagedProcess, str]]:
    """Workers in a process of their own that the TaskManager only talks to: the shape of a side-car."""
    port = free_ports().job
    module = "apache_beam.runners.worker.worker_pool_main"
    command = [sys.executable, "-m", module, f"--service_port={port}", f"--container_executable={toolchain.BOOT}"]
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # the pool starts `python`
    variables = {"PATH": search, "RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1"}
    pool = start("pool", command, tmp_path, variables)
    wait_until(lambda: takes_calls(port), "the worker pool", [pool], 30)
    yield pool, f"{HOST}:{port}"
    stop([pool])


def test_workers_of_a_pool_beside_the_task_manager(
    worker_pool: tuple[ManagedProcess, str],
    cluster: LocalCluster,
    on_flink: list[str],
    expected: Expected,
    tmp_path: Path,
) -> None:
    pool, address = worker_pool
    starts = {manager: size_of_log(manager) for manager in cluster.task_managers}
    # One slot: TaskManagers that share a pool wait for ever, because both call their worker by the same name.
    external = ["--environment_type=EXTERNAL", f"--environment_config={address}", "--parallelism=1"]
    ended = extract(*on_flink, *external, f"--workspace={tmp_path / 'out'}", *log_of("online_retail"))
    assert ended.code == 0, ended.said
    (worker,) = set().union(*(extracting_workers(log_from(manager, start)) for manager, start in starts.items()))
    assert os.getsid(worker) == pool.pid
    assert parts(tmp_path / "out") == expected("online_retail")


def test_a_worker_without_the_package_is_reported(on_flink: list[str], tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    venv.create(bare, with_pip=False, symlinks=True)
    (packages,) = bare.glob("lib/python*/site-packages")
    # Everything that is installed here but what is found through a path file of its own: this package.
    installed = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "installed.pth").write_text(installed)
    ended = extract(*on_flink, boot_with(bare / "bin"), f"--workspace={tmp_path / 'out'}", *log_of("online_retail"))
    assert ended.code == 1
    assert "extract failed: the workers do not have this package: install interest-journeys" in ended.said
    assert not list((tmp_path / "out").rglob("_manifest.json"))


def boot_with(folder: Path) -> str:
    """Workers whose `python` is that of a folder."""
    variables = {"RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT": "1", "PATH": f"{folder}:/usr/bin:/bin"}
    return f"--environment_config={json.dumps({'command': 'boot', 'env': variables})}"


def test_a_worker_whose_program_is_missing_is_reported(on_flink: list[str], tmp_path: Path) -> None:
    ended = extract(*on_flink, '--environment_config={"command": "no-such-program"}', f"--workspace={tmp_path}")
    assert ended.code == 1
    assert "extract failed: a TaskManager cannot start its worker" in ended.said


def run_and_kill_a_task_manager(cluster: LocalCluster, *options: str) -> Ended:
    """Runs a job and kills, without a word, a TaskManager that is reading the groups of users."""
    before = jobs(cluster)
    started = time.monotonic()
    job = subprocess.Popen(
        extract_command(*options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_until(lambda: job.poll() is not None or bool(shuffling(cluster, before)), "the shuffle", [], 120)
    assert job.poll() is None, job.communicate()[0]
    victim = cluster.process(min(shuffling(cluster, before)))
    os.kill(victim.pid, signal.SIGKILL)
    print(f"{victim.name} killed {time.monotonic() - started:.1f} s after the start")
    said, _ = job.communicate(timeout=400)
    return Ended(job.returncode, said, time.monotonic() - started)


def jobs(cluster: LocalCluster) -> set[str]:
    return {each["jid"] for each in cluster.get("jobs/overview")["jobs"]}


def shuffling(cluster: LocalCluster, before: set[str]) -> set[str]:
    """The TaskManagers that read groups of users, for a job that was not there before."""
    return {
        subtask["taskmanager-id"]
        for job in jobs(cluster) - before
        for vertex in cluster.get(f"jobs/{job}")["vertices"]
        if _READS_GROUPS.search(vertex["name"]) and vertex["status"] == "RUNNING"
        for subtask in cluster.get(f"jobs/{job}/vertices/{vertex['id']}")["subtasks"]
        if subtask["status"] == "RUNNING"
    }


def restarts(log: str) -> list[str]:
    """The lines of the JobManager's log about failures and restarts."""
    events = ("to RESTARTING", "to FAILED", "no longer reachable")
    return [line for line in log.splitlines() if any(each in line for each in events)]


def test_a_killed_task_manager_costs_time_alone_where_there_are_slots_left(
    cluster: LocalCluster,
    on_flink: list[str],
    log: GeneratedLog,
    expected_of_log: Parts,
    tmp_path: Path,
) -> None:
    manager = cluster.process("jobmanager")
    start_of_log = size_of_log(manager)
    ended = run_and_kill_a_task_manager(cluster, *on_flink, "--parallelism=2", f"--workspace={tmp_path}", *inputs(log))
    lines = restarts(log_from(manager, start_of_log))
    print(f"ended with {ended.code} after {ended.seconds:.1f} s", *lines[:6], sep="\n")
    assert ended.code == 0, ended.said
    assert any("to RESTARTING" in line for line in lines)
    assert parts(tmp_path) == expected_of_log


def test_a_killed_task_manager_ends_the_job_cleanly_where_there_are_none(
    cluster: LocalCluster,
    on_flink: list[str],
    log: GeneratedLog,
    expected_of_log: Parts,
    workspaces: Workspaces,
    tmp_path: Path,
) -> None:
    shutil.copytree(workspaces("online_retail"), tmp_path, dirs_exist_ok=True)  # a version before, of another log
    previous = parts(tmp_path)
    ended = run_and_kill_a_task_manager(cluster, *on_flink, f"--workspace={tmp_path}", *inputs(log))
    print(f"ended with {ended.code} after {ended.seconds:.1f} s")
    assert ended.code == 1
    assert "extract failed: the cluster did not give the job its slots in time" in ended.said
    assert parts(tmp_path) == previous
    cluster.add_task_manager()
    again = extract(*on_flink, f"--workspace={tmp_path}", *inputs(log))
    assert again.code == 0, again.said
    assert parts(tmp_path) == expected_of_log
    left = {path.name for path in tmp_path.rglob("part-*")}
    assert left == {name for names in expected_of_log.values() for name in names}
