"""`cluster --describe_by`: descriptions by a language model behind an endpoint."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cluster.job import ClusterJob
from schemas import CLUSTERS, ITEM_CLUSTERS, METRICS
from tests.pipelines.logs import content, manifest, rows, write
from tests.pipelines.topics import ITEMS, WORDS, log, run
from tests.transforms.language_models.endpoint_server import Reply, said, serving

NAMES = ("Climbing mountains", "Baking at home", "Electronic music", "Growing flowers", "Board games", "Old machines")


def name_of_first_title(body: dict[str, Any]) -> Reply:
    """The name of the topic of the first title; a refusal for one topic."""
    prompt = body["messages"][-1]["content"]
    topics = [number for number, words in enumerate(WORDS) if words in prompt]
    first = min(topics, key=lambda number: prompt.index(WORDS[number]))
    return said("I'm sorry, but I can't help with that." if first == 5 else NAMES[first])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("describe"), {"log.parquet": log(), "items.parquet": ITEMS})


def test_descriptions_by_a_model(folder: Path, tmp_path: Path) -> None:
    items, given = f"--items={folder / 'items.parquet'}", f"--workspace={tmp_path / 'described'}"
    run(ClusterJob, items, f"--workspace={tmp_path / 'keywords'}", "--levels=6")
    with serving() as server:
        server.default = name_of_first_title
        model = f"--describe_by={server.url}#some"
        printed = run(ClusterJob, items, given, "--levels=6", model, "--max_error_rate=0.9")
    plain, described = rows(tmp_path / "keywords", CLUSTERS), rows(tmp_path / "described", CLUSTERS)
    for before, after in zip(plain, described, strict=True):
        (topic,) = (number for number, words in enumerate(WORDS) if words.split()[0] in str(before["description"]))
        assert after["description"] == (before["description"] if topic == 5 else NAMES[topic])
        assert after | {"description": None} == before | {"description": None}
    assert content(tmp_path / "keywords", ITEM_CLUSTERS) == content(tmp_path / "described", ITEM_CLUSTERS)
    assert "Growing flowers" in printed
    assert manifest(tmp_path / "described", CLUSTERS).configuration["described_by"].startswith("some@")
    words = {
        row["slice"]: row["value"]
        for row in rows(tmp_path / "described", METRICS)
        if row["metric"] == "description_words"
    }
    assert words["level=1"] == pytest.approx(
        sum(len(str(row["description"]).split()) for row in described) / 6, abs=1e-4
    )

    run(ClusterJob, items, f"--workspace={tmp_path / 'again'}", f"--tree={tmp_path / 'described'}")
    assert content(tmp_path / "again", CLUSTERS) == content(tmp_path / "described", CLUSTERS)


def test_a_given_tree_keeps_its_descriptions(folder: Path, tmp_path: Path) -> None:
    given = (f"--items={folder / 'items.parquet'}", f"--tree={tmp_path}", f"--workspace={tmp_path / 'out'}")
    printed = run(ClusterJob, *given, "--describe_by=http://127.0.0.1:9/v1#some", code=2)
    assert "--tree: " in printed or "--describe_by is for fitting a tree, but --tree gives one" in printed
