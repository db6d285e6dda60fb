import http.server
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from pipelines.common.command_line import UsageError
from pipelines.common.preflight import check_runner, explain_runner_failure
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob


class JobService(beam_job_api_pb2_grpc.JobServiceServicer):
    def DescribePipelineOptions(self, request: Any, context: Any) -> Any:  # noqa: N802, the protocol's name
        return beam_job_api_pb2.DescribePipelineOptionsResponse()


@pytest.fixture(scope="module")
def job_server() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(JobService(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0)


@contextmanager
def web_server(completion: bytes) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(completion)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def overview(task_managers: int, slots: int) -> bytes:
    return json.dumps({"taskmanagers": task_managers, "slots-total": slots}).encode()


def no_one_listens() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def check(*flags: str) -> None:
    check_runner(PipelineOptions(["--runner=FlinkRunner", *flags]))


def refusal(*flags: str) -> str:
    with pytest.raises(UsageError) as refused:
        check(*flags)
    return str(refused.value)


@pytest.mark.parametrize("flags", [["--runner=DirectRunner"], ["--runner=FlinkRunner"], []])
def test_runners_that_start_their_servers_are_not_checked(flags: list[str]) -> None:
    check_runner(PipelineOptions(flags))


def test_a_cluster_that_has_everything_is_accepted(job_server: str) -> None:
    with web_server(overview(2, 4)) as flink:
        check(f"--job_endpoint={job_server}", f"--flink_master={flink}", "--parallelism=4")
        check(f"--job_endpoint={job_server}", f"--flink_master=http://{flink}/", "--parallelism=4")
        check(f"--job_endpoint={job_server}", f"--artifact_endpoint={job_server}", "--flink_master=[auto]")


def test_a_missing_job_server_is_reported() -> None:
    no_one = no_one_listens()
    reported = refusal(f"--job_endpoint={no_one}")
    assert reported.startswith(f"--job_endpoint: cannot reach Beam's job server at {no_one}")
    assert "make flink-up" in reported


def test_a_missing_artifact_endpoint_is_reported(job_server: str) -> None:
    no_one = no_one_listens()
    reported = refusal(f"--job_endpoint={job_server}", f"--artifact_endpoint={no_one}")
    assert reported.startswith(f"--artifact_endpoint: cannot reach Beam's job server at {no_one}")


def test_a_port_of_something_else_is_reported() -> None:
    with web_server(b"{}") as other:
        assert refusal(f"--job_endpoint={other}").startswith(
            f"--job_endpoint: no working job server of Beam listens at {other}"
        )


def test_another_grpc_server_is_reported() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    assert refusal(f"--job_endpoint=127.0.0.1:{port}").endswith("DescribePipelineOptions failed with UNIMPLEMENTED")
    server.stop(0)


@pytest.mark.parametrize("endpoint", ["8099", "localhost:", ":8099", "localhost:http", "http://localhost"])
def test_an_address_that_is_none_is_reported(endpoint: str) -> None:
    assert refusal(f"--job_endpoint={endpoint}") == f"--job_endpoint must be host:port, got {endpoint!r}"


@pytest.mark.parametrize("completion", [b"{}", b"[]", b"no JSON", b""])
def test_a_flink_master_that_is_not_flink_is_reported(job_server: str, completion: bytes) -> None:
    with web_server(completion) as other:
        reported = refusal(f"--job_endpoint={job_server}", f"--flink_master={other}")
    assert reported == f"--flink_master: {other} is not the REST interface of Flink"
    refused = refusal(f"--job_endpoint={job_server}", f"--flink_master={job_server}")
    assert refused == f"--flink_master: {job_server} is not the REST interface of Flink"


@pytest.mark.parametrize(("slots", "parallelism"), [(4, 5), (0, 1), (0, -1)])
def test_too_few_slots_are_reported(job_server: str, slots: int, parallelism: int) -> None:
    with web_server(overview(slots // 2, slots)) as flink:
        reported = refusal(f"--job_endpoint={job_server}", f"--flink_master={flink}", f"--parallelism={parallelism}")
    assert reported.startswith(
        f"--parallelism={parallelism} needs as many slots, but the cluster at {flink} has {slots} on"
    )


@pytest.mark.parametrize("config", ["boot", "{}", "[1]", "1"])
def test_an_environment_that_is_none_is_reported(config: str) -> None:
    reported = refusal("--job_endpoint=x:1", "--environment_type=PROCESS", f"--environment_config={config}")
    assert reported == f'--environment_config must be JSON such as {{"command": "boot"}} for PROCESS, got {config!r}'


def test_a_relative_command_is_reported() -> None:
    reported = refusal("--job_endpoint=x:1", "--environment_type=PROCESS", '--environment_config={"command": "./boot"}')
    assert "'./boot' is relative" in reported


def test_the_command_line_ends_before_anything_is_submitted(capfd: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    no_one = no_one_listens()
    assert run_job(ExtractJob, ["--runner=FlinkRunner", f"--job_endpoint={no_one}", f"--workspace={tmp_path}"]) == 2
    assert f"extract: --job_endpoint: cannot reach Beam's job server at {no_one}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("failure", "reported"),
    [
        ("ModuleNotFoundError: No module named 'transforms'", "the workers do not have this package"),
        ("ModuleNotFoundError: No module named 'schemas.items'", "the workers do not have this package"),
        ("java.io.IOException: error=2, No such file or directory", "a TaskManager cannot start its worker"),
        ("java.lang.IllegalStateException: Process died with exit code 3", "exit code 3"),
        ("java.util.concurrent.TimeoutException: Timeout has occurred: 20000 ms", "slots"),
        ("java.io.IOException: Cannot write record to fresh sort buffer. Record too large.", "managed.size"),
        (
            "Unable to fetch remote prism binary at https://host/prism.zip: <urlopen error>",
            "https://host/prism.zip: `make engines` builds it",
        ),
    ],
)
def test_known_failures_are_explained(failure: str, reported: str) -> None:
    explained = explain_runner_failure(f"Pipeline job failed in state FAILED: {failure}")
    assert explained is not None
    assert reported in explained
    assert "docs/runners.md" in explained


@pytest.mark.parametrize("failure", ["ModuleNotFoundError: No module named 'transformsx'", "ValueError: bad", ""])
def test_unknown_failures_are_not(failure: str) -> None:
    assert explain_runner_failure(failure) is None


@pytest.mark.parametrize(
    ("runner", "reported"),
    [
        ("Flnk", "Beam has no runner 'Flnk'; did you mean FlinkRunner?"),
        ("DirectRuner", "Beam has no runner 'DirectRuner'; did you mean DirectRunner?"),
        ("qqq", "Beam has no runner 'qqq'; the runners are "),
    ],
)
def test_an_unknown_runner_is_an_error_with_a_suggestion(runner: str, reported: str) -> None:
    with pytest.raises(UsageError, match=f"^--runner: {reported}"):
        check_runner(PipelineOptions([f"--runner={runner}"]))


@pytest.mark.parametrize("runner", ["DirectRunner", "direct", "prism", "some.module.Runner"])
def test_names_that_beam_resolves_are_accepted(runner: str) -> None:
    check_runner(PipelineOptions([f"--runner={runner}"]))
