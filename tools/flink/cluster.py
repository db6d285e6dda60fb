"""A local JobManager, TaskManagers and Beam's job server, each a process with a log."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import grpc
import yaml

from tools.flink import toolchain
from tools.flink.processes import ManagedProcess, NotReadyError, load_state, save_state, start, stop, wait_until

HOST = "127.0.0.1"
_CLASSES = {
    "jobmanager": "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    "taskmanager": "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
    "jobserver": "org.apache.beam.runners.flink.FlinkJobServerDriver",
    "memory": "org.apache.flink.runtime.util.bash.BashJavaUtils",
}
_SECONDS_TO_START = 60.0
_CONFIGURATION = toolchain.SOURCE / "config.yaml"


@dataclasses.dataclass(frozen=True)
class Ports:
    """The ports of the cluster; the defaults are those of Flink and of `runner_configs/flink.yaml`."""

    rest: int = 8081
    rpc: int = 6123
    job: int = 8099
    artifact: int = 8098
    expansion: int = 8097


def is_taken(port: int) -> bool:
    """Return whether a process listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def takes_calls(port: int) -> bool:
    """Return whether a gRPC server listens on a port of this machine."""
    with grpc.insecure_channel(f"{HOST}:{port}") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
    return True


class LocalCluster:
    """A cluster whose logs and list of processes are in one folder.

    Workers are started by Beam's boot program as children of the TaskManagers (environment `PROCESS`), in the Python
    environment that this code runs in.

    Args:
        folder: folder for logs and state; it is created if it does not exist.
        ports: ports of its servers.
        settings: settings of Flink that override `config.yaml`.
        environment: environment variables of the TaskManagers and their workers.
    """

    def __init__(
        self,
        folder: Path,
        ports: Ports = Ports(),
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.ports = ports
        self._settings = {
            "jobmanager.rpc.address": HOST,
            "jobmanager.bind-host": HOST,
            "jobmanager.rpc.port": str(ports.rpc),
            "taskmanager.host": HOST,
            "taskmanager.bind-host": HOST,
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.port": str(ports.rest),
            "io.tmp.dirs": str(folder / "temporary"),
        } | dict(settings or {})
        search = [str(toolchain.BINARIES), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        self._environment = {"PATH": os.pathsep.join(search)} | dict(environment or {})
        self._state = folder / "processes.json"
        self.started: list[ManagedProcess] = load_state(self._state)

    @property
    def flags(self) -> list[str]:
        """Options of Beam that submit to this cluster, in addition to those of `runner_configs/flink.yaml`."""
        return [
            f"--job_endpoint={HOST}:{self.ports.job}",
            f"--artifact_endpoint={HOST}:{self.ports.artifact}",
            f"--flink_master={HOST}:{self.ports.rest}",
        ]

    @property
    def task_managers(self) -> list[ManagedProcess]:
        """The TaskManagers that are running."""
        return [each for each in self.started if each.name.startswith("taskmanager") and each.is_running]

    def process(self, name: str) -> ManagedProcess:
        """Return one of its processes: `jobmanager`, `jobserver`, `taskmanager-1`."""
        (found,) = (each for each in self.started if each.name == name)
        return found

    def up(self, task_managers: int = 2) -> None:
        """Start all processes and wait until jobs can be submitted; stop all processes if this fails.

        Raises:
            MissingProgramError: if a program is not installed.
            NotReadyError: if a process does not become ready; the message contains the end of its log.
        """
        toolchain.check_installed()
        if any(each.is_running for each in self.started):
            raise NotReadyError(f"the cluster in {self.folder} is already running; stop it first")
        for name, port in dataclasses.asdict(self.ports).items():
            if is_taken(port):
                raise NotReadyError(f"the {name} port, {port}, is in use by another process, possibly another cluster")
        (self.folder / "temporary").mkdir(parents=True, exist_ok=True)
        self.started = []
        try:
            manager = self._start("jobmanager", self._flink("jobmanager", "GET_JM_RESOURCE_PARAMS"))
            wait_until(self._responds, "the JobManager", [manager], _SECONDS_TO_START)
            workers = [self._start_task_manager() for _ in range(task_managers)]
            server = self._start("jobserver", self._job_server())
            self._wait_for(task_managers, [manager, *workers])
            wait_until(lambda: takes_calls(self.ports.job), "the job server", [server], _SECONDS_TO_START)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Stop the processes of this cluster, including workers that outlived their TaskManager."""
        stop(self.started)
        self.started = []
        self._state.unlink(missing_ok=True)

    def add_task_manager(self) -> ManagedProcess:
        """Start another TaskManager and wait until it is registered with the JobManager."""
        added = self._start_task_manager()
        self._wait_for(len(self.task_managers), [added])
        return added

    def get(self, path: str) -> Any:
        """Return the response of Flink's REST interface; see its documentation for the paths."""
        with urllib.request.urlopen(f"http://{HOST}:{self.ports.rest}/{path}", timeout=10) as response:
            return json.load(response)

    def _wait_for(self, task_managers: int, needed: list[ManagedProcess]) -> None:
        what = f"a cluster of {task_managers} TaskManagers"
        wait_until(lambda: self.get("overview")["taskmanagers"] >= task_managers, what, needed, _SECONDS_TO_START)

    def _start_task_manager(self) -> ManagedProcess:
        number = sum(each.name.startswith("taskmanager") for each in self.started) + 1
        name = f"taskmanager-{number}"
        named = {"taskmanager.resource-id": name}
        return self._start(name, self._flink("taskmanager", "GET_TM_RESOURCE_PARAMS", named))

    def _start(self, name: str, command: list[str]) -> ManagedProcess:
        self.started.append(start(name, command, self.folder, self._environment))
        save_state(self._state, self.started)
        return self.started[-1]

    def _responds(self) -> bool:
        try:
            self.get("overview")
        except (URLError, OSError):
            return False
        return True

    def _flink(self, program: str, memory_of: str, own: Mapping[str, str] | None = None) -> list[str]:
        """Return the command of a process of Flink, with the memory sizes computed from its configuration."""
        settings = [f"-D{name}={value}" for name, value in (self._settings | dict(own or {})).items()]
        configuration = ["--configDir", str(_CONFIGURATION.parent), *settings]
        command = self._java("memory", [memory_of, *configuration])
        completed = subprocess.run(command, check=False, capture_output=True, text=True)
        sizes = [line.partition(":")[2] for line in completed.stdout.splitlines() if line.startswith("BASH_JAVA_UTILS")]
        if completed.returncode or len(sizes) != 2:
            raise NotReadyError(f"Flink rejects {_CONFIGURATION}:\n{completed.stderr[-2000:]}")
        virtual_machine, dynamic = map(shlex.split, sizes)
        return self._java(program, [*configuration, *dynamic], virtual_machine)

    def _job_server(self) -> list[str]:
        staged = self.folder / "staged"
        return self._java(
            "jobserver",
            [
                f"--flink-master={HOST}:{self.ports.rest}",
                # Flink's client decides here, not on the cluster, whether a step may handle large records.
                f"--flink-conf-dir={_CONFIGURATION.parent}",
                f"--job-host={HOST}",
                f"--job-port={self.ports.job}",
                f"--artifact-port={self.ports.artifact}",
                f"--expansion-port={self.ports.expansion}",
                f"--artifacts-dir={staged}",
            ],
            ["-Xmx512m"],
        )

    def _java(self, program: str, arguments: list[str], virtual_machine: list[str] | None = None) -> list[str]:
        opened = yaml.safe_load(_CONFIGURATION.read_text(encoding="utf-8"))["env.java.opts.all"].split()
        log = ["-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
        return [
            "java",
            *(virtual_machine or []),
            *opened,
            *log,
            "-cp",
            f"{toolchain.JARS}/*",
            _CLASSES[program],
            *arguments,
        ]
