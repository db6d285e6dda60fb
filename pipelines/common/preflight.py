"""Preflight checks of a Flink or portable runner, and explanations of its failures."""

from __future__ import annotations

import difflib
import http.client
import json
import re
import socket
import urllib.request
from importlib.metadata import version
from typing import Any

import grpc
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipelines.common.command_line import UsageError

_TIMEOUT_SECONDS = 5.0
_RUNNERS = ("FlinkRunner", "PortableRunner", "SparkRunner")
_RUNNER_NAMES = tuple(StandardOptions.KNOWN_RUNNER_NAMES)
_STARTED_BY_BEAM = ("[local]", "[auto]")

_EXPLANATIONS = (
    (
        r"Unable to fetch remote prism binary at (?P<url>\S+?):? ",
        "Beam cannot download {url}: `make engines` builds it; give --prism_location=build/engines/bin/prism",
    ),
    (
        r"No module named '(?:schemas|transforms|pipelines)\b",
        "the workers do not have this package: install interest-journeys {version} in the Python that they run",
    ),
    (
        r"IOException: error=(?:2|13), ",
        "a TaskManager cannot start its worker: the program of --environment_config, or Docker, is not on its PATH",
    ),
    (
        r"Process died with exit code (?P<status>\d+)",
        "a worker ended with exit code {status}: maybe its python lacks apache-beam or pip; see its TaskManager's log",
    ),
    (
        r"NoResourceAvailableException|TimeoutException: Timeout has occurred: \d+ ms",
        "the cluster did not give the job its slots in time: others hold them, or a TaskManager is gone",
    ),
    (
        r"Record too large|exceeds the maximum size of a sort buffer",
        "an element did not fit into Flink's memory for sorting: raise taskmanager.memory.managed.size or --parts",
    ),
)
"""Patterns of the text of a failure, and what to do about it."""


def check_runner(options: PipelineOptions) -> None:
    """Check that Beam has the runner, that the job server and Flink are reachable, and that the cluster has the slots.

    Raises:
        UsageError: naming the option, what is wrong at its address and what to do.
    """
    runner = options.view_as(StandardOptions).runner
    _check_name(runner)
    if runner not in _RUNNERS:
        return
    portable = options.view_as(PortableOptions)
    if not portable.job_endpoint or portable.job_endpoint == "embed":
        return  # Beam starts a job server by itself
    if portable.environment_type == "PROCESS":
        _check_command(portable.environment_config)
    _check_job_server(portable.job_endpoint)
    if portable.artifact_endpoint:
        _connect("--artifact_endpoint", portable.artifact_endpoint, "Beam's job server")
    flink = options.view_as(FlinkRunnerOptions)
    if flink.flink_master not in _STARTED_BY_BEAM:
        _check_slots(flink.flink_master, flink.parallelism)


def _check_name(runner: str | None) -> None:
    """Reject a name that Beam does not know; a name with a dot is that of a class, which Beam imports."""
    by_name = {name.lower(): name for name in _RUNNER_NAMES}
    short = {name.removesuffix("runner"): name for name in by_name}
    if runner is None or "." in runner or {runner.lower(), f"{runner.lower()}runner"} & set(by_name):
        return
    close = difflib.get_close_matches(runner.lower().removesuffix("runner"), short, 1)
    runners = ", ".join(sorted(_RUNNER_NAMES))
    hint = f"did you mean {by_name[short[close[0]]]}?" if close else f"the runners are {runners}"
    raise UsageError(f"--runner: Beam has no runner {runner!r}; {hint}")


def _check_command(config: str | None) -> None:
    """Reject a relative command, which each TaskManager would resolve in its own working directory."""
    if config is None:
        return  # given as --environment_options instead
    try:
        command = str(json.loads(config)["command"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f'--environment_config must be JSON such as {{"command": "boot"}} for PROCESS, got {config!r}'
        ) from error
    if "/" in command and not command.startswith("/"):
        raise UsageError(
            f"--environment_config: the command {command!r} is relative; name a program on the TaskManagers' PATH or "
            "an absolute path"
        )


def _connect(option: str, endpoint: str, what: str) -> None:
    host, separator, port = endpoint.rpartition(":")
    if not separator or not host or not port.isdecimal():
        raise UsageError(f"{option} must be host:port, got {endpoint!r}")
    try:
        socket.create_connection((host, int(port)), _TIMEOUT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"{option}: cannot reach {what} at {endpoint} ({error}); start it, on this machine with `make flink-up`"
        ) from error


def _check_job_server(endpoint: str) -> None:
    _connect("--job_endpoint", endpoint, "Beam's job server")
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            service.DescribePipelineOptions(beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            raise UsageError(
                f"--job_endpoint: no working job server of Beam listens at {endpoint}: DescribePipelineOptions failed "
                f"with {error.code().name}"
            ) from error


def _check_slots(master: str, parallelism: int) -> None:
    address = master.removeprefix("http://").removeprefix("https://").rstrip("/")
    _connect("--flink_master", address, "Flink")
    url = f"{'https' if master.startswith('https://') else 'http'}://{address}/overview"
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
            overview: dict[str, Any] = json.load(response)
            slots, task_managers = overview["slots-total"], overview["taskmanagers"]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--flink_master: {address} is not the REST interface of Flink") from error
    if slots < max(parallelism, 1):
        raise UsageError(
            f"--parallelism={parallelism} needs as many slots, but the cluster at {address} has {slots} on "
            f"{task_managers} TaskManagers: start more of them, or lower --parallelism"
        )


def explain_runner_failure(text: str) -> str | None:
    """Return what to do about a failure of a cluster; None when its text matches no pattern."""
    for pattern, explanation in _EXPLANATIONS:
        if found := re.search(pattern, text):
            message = explanation.format(version=version("interest-journeys"), **found.groupdict())
            return f"{message}. docs/runners.md lists the requirements of a cluster and its workers"
    return None
