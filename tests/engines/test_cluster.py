"""Starting and stopping the local cluster, and what a real one says to mistakes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.engines.commands import ROOT, extract, log_of, parts
from tests.engines.conftest import Expected, free_ports
from tools.flink import toolchain
from tools.flink.cluster import HOST, LocalCluster
from tools.flink.processes import NotReadyError

pytestmark = [pytest.mark.engines, pytest.mark.flink]


def test_a_cluster_stops_what_it_started_and_nothing_else(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "600"])
    cluster = LocalCluster(tmp_path, free_ports())
    cluster.up(task_managers=1)
    overview = cluster.get("overview")
    assert (overview["taskmanagers"], overview["slots-total"]) == (1, 2)
    started = [each.pid for each in cluster.started]
    assert len(started) == 3
    with pytest.raises(NotReadyError, match="is already running"):
        LocalCluster(tmp_path, cluster.ports).up()
    LocalCluster(tmp_path, cluster.ports).down()  # by what is written down alone, as `make flink-down` does
    assert not any(psutil.pid_exists(pid) and os.getsid(pid) in started for pid in started)
    assert bystander.poll() is None
    bystander.kill()


def test_a_port_in_use_is_reported(cluster: LocalCluster, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=f"the rest port, {cluster.ports.rest}, is in use"):
        LocalCluster(tmp_path, cluster.ports).up()
    assert len(cluster.task_managers) == cluster.get("overview")["taskmanagers"]


def test_a_process_that_ends_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    second = LocalCluster(tmp_path, free_ports(), {"blob.storage.directory": "/proc/nowhere"})
    with pytest.raises(NotReadyError, match=r"(?s)jobmanager ended; the end of .*/jobmanager\.log:.*/proc/nowhere"):
        second.up()
    assert not second.started


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"taskmanager.memory.process.size": "100m"}, "Flink rejects", id="too little memory"),
        pytest.param({"taskmanager.cpu.cores": "many"}, "Flink rejects", id="no number"),
    ],
)
def test_settings_that_flink_rejects_are_reported(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=message):
        LocalCluster(tmp_path, free_ports(), settings).up()


@pytest.mark.parametrize("missing", ["java", "mvn", "go"])
def test_a_missing_tool_is_named(missing: str, tmp_path: Path) -> None:
    for name in {"java", "mvn", "go"} - {missing}:
        (tmp_path / name).symlink_to(Path(str(shutil.which(name))))
    done = subprocess.run(
        [sys.executable, "-m", "tools.flink", "install"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"'{missing}': " in done.stderr
    assert done.stderr.count("\n") == 2


def test_jars_that_are_not_those_checked_in_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jars = tmp_path / "jars"
    jars.mkdir()
    for jar in toolchain.JARS.iterdir():
        (jars / jar.name).symlink_to(jar)
    monkeypatch.setattr(toolchain, "JARS", jars)
    assert toolchain.different_jars() == []
    changed, gone = sorted(jars.iterdir())[:2]
    changed.unlink()
    changed.write_bytes(b"other")
    gone.unlink()
    (jars / "more.jar").write_bytes(b"")
    assert toolchain.different_jars() == sorted([changed.name, gone.name, "more.jar"])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--job_endpoint={host}:{rest}", "no working job server of Beam listens at"),
        ("--flink_master={host}:{job}", "is not the REST interface of Flink"),
        ("--parallelism=99", "--parallelism=99 needs as many slots, but the cluster at"),
    ],
)
def test_mistakes_are_reported(
    option: str, message: str, cluster: LocalCluster, on_flink: list[str], tmp_path: Path
) -> None:
    given = option.format(host=HOST, rest=cluster.ports.rest, job=cluster.ports.job)
    ended = extract(*on_flink, given, f"--workspace={tmp_path}")
    assert ended.code == 2
    assert message in ended.said
    assert "Traceback" not in ended.said


def test_relative_paths_mean_the_folder_of_the_command(on_flink: list[str], expected: Expected, tmp_path: Path) -> None:
    for option in log_of("online_retail"):
        shutil.copy(option.partition("=")[2], tmp_path)
    ended = extract(
        *on_flink,
        "--interactions=interactions.parquet",
        "--items=items.parquet",
        "--workspace=out",
        folder=tmp_path,
        environment={"PYTHONPATH": str(ROOT)},
    )
    assert ended.code == 0, ended.said
    assert parts(tmp_path / "out") == expected("online_retail")
