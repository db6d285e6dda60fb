"""The command `name` with a model behind an endpoint: its options, and a run against a real server."""

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.common.command_line import UsageError, parse_command_line
from pipelines.common.models import resolve_language_model
from pipelines.common.run import run_job
from pipelines.name.job import NameJob
from schemas import ERRORS, GENERATIONS, JOURNEY_NAMES, JOURNEYS
from tests.pipelines.logs import ITEMS, rows, write
from tests.transforms.language_models.endpoint_server import Reply, prompt_of, said, serving
from transforms.datasets.commit import commit
from transforms.datasets.manifest import Manifest
from transforms.datasets.writing import PartWriter
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.endpoint_name import KEY_VARIABLE
from transforms.language_models.spec import ModelSpec

KEY = "sk-secret-0123456789"
ENDPOINT = "http://host:8000/v1#owner/toy-7b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue, and the workspace `out` with journeys through it."""
    folder = write(tmp_path_factory.mktemp("name"), {"items.parquet": ITEMS})
    ids = ITEMS["item_id"].to_pylist()
    journeys = [
        {
            "user_id": f"user {user}",
            "journey_id": f"{user:016x}",
            "rank": 1,
            "size": 3,
            "item_ids": ids[user : user + 3],
            "timestamps": [0, 1, 2],
            "terms": ["old", f"topic{user}"],
            "weights": [0.8, 0.6],
            "first_timestamp": 0,
            "last_timestamp": 2,
        }
        for user in range(8)
    ]
    batch = pa.RecordBatch.from_pylist(journeys, JOURNEYS.arrow)
    _, part = PartWriter(str(folder / "out"), 1).write(JOURNEYS, 0, [batch])
    manifest = Manifest(JOURNEYS.name, JOURNEYS.fingerprint, (part,), {}, "1", {})
    commit(str(folder / "out"), [manifest], {JOURNEYS.name: None})
    return folder


def given(folder: Path, workspace: Path, *options: str) -> list[str]:
    paths = (f"--journeys={folder / 'out'}", f"--items={folder / 'items.parquet'}", f"--workspace={workspace}")
    return [*paths, "--method=few_shot", *options]


def refusal(*options: str) -> str:
    with pytest.raises(UsageError) as refused:
        NameJob.from_options(parse_command_line(NameJob, options)[0])
    return str(refused.value)


def test_a_server_that_is_not_there_can_be_planned_with(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("safetensors", "tokenizers", "torch", "transformers"):
        monkeypatch.setitem(sys.modules, package, None)
    options = (
        "--endpoint_timeout=7.5",
        "--endpoint_concurrency=3",
        "--endpoint_requests_per_second=.5",
        "--endpoint_retries=0",
    )
    jobs = [
        NameJob.from_options(
            parse_command_line(NameJob, given(folder, tmp_path / "names", f"--model={model}", *more))[0]
        )
        for model, more in ((ENDPOINT, options), ("https://elsewhere/v1/#owner/toy-7b", ()))
    ]
    assert [job.generation.limits for job in jobs if job.generation] == [ClientLimits(7.5, 3, 0.5, 0), ClientLimits()]
    assert jobs[0].model == jobs[1].model
    assert jobs[0].model.startswith("toy-7b@")
    assert jobs[0].configuration == jobs[1].configuration


@pytest.mark.parametrize("option", ["timeout=1", "concurrency=1", "requests_per_second=1", "retries=1"])
@pytest.mark.parametrize("model", [("--method=few_shot", "--model=smollm2"), ()], ids=["smollm2", "salient"])
def test_its_options_are_for_endpoints_alone(option: str, model: tuple[str, ...]) -> None:
    message = refusal(*model, f"--endpoint_{option}")
    assert message.startswith(f"--endpoint_{option.partition('=')[0]} needs a --model behind an endpoint")


@pytest.mark.parametrize(
    ("option", "allowed"),
    [
        ("timeout=0", "a number in (0, 86400], got '0'"),
        ("concurrency=0", "a whole number in [1, 1000], got '0'"),
        ("requests_per_second=0", "a number in (0, 100000], got '0'"),
        ("retries=-1", "a whole number in [0, 100], got '-1'"),
    ],
)
def test_wrong_values_are_refused(option: str, allowed: str) -> None:
    message = refusal("--method=few_shot", f"--model={ENDPOINT}", f"--endpoint_{option}")
    assert allowed in message
    assert f"--endpoint_{option.partition('=')[0]}" in message


def test_an_adapter_goes_with_no_endpoint() -> None:
    assert "--adapter, which an endpoint does not support" in refusal("--method=prompt_tuned", f"--model={ENDPOINT}")
    with pytest.raises(UsageError, match=r"^--model: no adapter 'mine': it cannot be applied to the model of"):
        resolve_language_model("--model", ENDPOINT, "mine")
    assert resolve_language_model("--model", ENDPOINT) == ModelSpec(
        "endpoint", "owner/toy-7b", url="http://host:8000/v1"
    )


def contents(workspace: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(workspace.rglob("*")) if path.is_file())


def named(text: str) -> Callable[[dict[str, object]], Reply]:
    return lambda body: said(f"{text} {len(max(prompt_of(body).split(), key=len))}\nand more")


def test_journeys_are_named_and_what_is_known_needs_no_server(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    workspace = tmp_path / "names"

    def name(url: str, *options: str) -> int:
        return run_job(NameJob, given(folder, workspace, f"--model={url}#owner/toy", "--runner=FnApiRunner", *options))

    with serving() as server:
        server.default = named("Long words")
        assert name(server.url) == 0
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        assert max(server.tries.values()) == 1
        assert len(server.bodies) == len(rows(workspace, GENERATIONS)) > 0
        host = f":{server.server_port}"
    by_model = [row for row in rows(workspace, JOURNEY_NAMES) if row["method"] == "few_shot"]
    assert by_model
    assert all(str(row["name"]).startswith("Long words ") for row in by_model)
    assert all(str(row["model"]).startswith("toy@") for row in by_model)
    before = rows(workspace, JOURNEY_NAMES)
    assert name("http://127.0.0.1:9/elsewhere", "--endpoint_retries=0") == 0
    assert rows(workspace, JOURNEY_NAMES) == before
    message = "".join(capfd.readouterr())
    assert KEY not in message
    assert KEY.encode() not in contents(workspace)
    assert host.encode() not in contents(workspace)


def test_a_server_that_is_not_there_fails_the_job_at_once(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        gone = f"--model={server.url}#toy"
    assert (
        run_job(NameJob, given(folder, tmp_path / "names", gone, "--endpoint_retries=0", "--runner=FnApiRunner")) == 1
    )
    message = " ".join(capfd.readouterr().err.split())
    assert "name failed: language model toy at http://127.0.0.1:" in message
    assert "no reply: Connection refused" in message
    assert not (tmp_path / "names" / JOURNEY_NAMES.name).exists()


def test_bad_replies_fall_back_by_reason_and_a_mended_server_is_requested_again(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace = tmp_path / "names"

    def name(url: str) -> int:
        return run_job(NameJob, given(folder, workspace, f"--model={url}#owner/toy", "--runner=FnApiRunner"))

    bad = [
        said("I'm sorry, but I can't help with that."),
        said("<think>\nLet me see"),
        Reply({"choices": [{"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}]}),
        Reply({"choices": [{"message": {"content": "Old"}, "finish_reason": "content_filter"}]}),
        Reply({"choices": [{"message": {"content": "Old topics and"}, "finish_reason": "length"}]}),
    ]
    with serving() as server:
        order: dict[str, Reply] = {}
        server.default = lambda body: order.setdefault(prompt_of(body), bad[len(order) % len(bad)])
        assert name(server.url) == 0
        names = rows(workspace, JOURNEY_NAMES)
        assert {row["method"] for row in names} == {"salient"}
        assert {row["fallback_reason"] for row in names} == {"refused", "reasoning", "filtered", "cut"}
        assert rows(workspace, GENERATIONS) == []
        errors = rows(workspace, ERRORS)
        assert {row["dataset"] for row in errors} == {"replies"}
        assert {row["reason"] for row in errors} == {"refused", "reasoning", "filtered", "cut"}
        assert "rejected names of the model: " in " ".join(capfd.readouterr().out.split())
        server.default = named("Long words")
        assert name(server.url) == 0
        assert {row["method"] for row in rows(workspace, JOURNEY_NAMES)} == {"few_shot"}


def test_a_used_up_quota_ends_the_job_in_the_words_of_the_provider(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    message = "You exceeded your current quota, please check your plan and billing details."
    with serving() as server:
        server.default = lambda _: Reply({"error": {"message": message, "code": "insufficient_quota"}}, 429)
        model = f"--model={server.url}#toy"
        assert run_job(NameJob, given(folder, tmp_path / "names", model, "--runner=FnApiRunner")) == 1
        assert max(server.tries.values()) == 1
    assert message in " ".join(capfd.readouterr().err.split())
    assert not (tmp_path / "names" / JOURNEY_NAMES.name).exists()
