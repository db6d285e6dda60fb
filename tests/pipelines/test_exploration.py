"""`cluster`, `transitions` and `explore` on small logs, one after another, and on logs that are hardly any."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.evaluate.job import EvaluateJob
from pipelines.explore.job import ExploreJob
from pipelines.recommend.job import RecommendJob
from pipelines.transitions.job import TransitionsJob
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    ERRORS,
    ITEM_CLUSTERS,
    LOOKUP,
    METRICS,
    RECOMMENDATIONS,
    TIMESTAMP,
    TRANSITIONS,
    TUNING_PAIRS,
)
from schemas.context import parse_context
from tests.pipelines.logs import content, manifest, rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, START, USERS, log, run, run_all
from tests.transforms.language_models.endpoint_server import Reply, said, serving
from transforms.datasets.error_rate import DataError
from transforms.exploration.count_models import top_clusters
from transforms.exploration.open_table import open_source, open_table
from transforms.language_models.endpoint_ranking import FIELD

DATASETS = (ITEM_CLUSTERS, CLUSTERS, CLUSTER_HISTORIES, TRANSITIONS, TUNING_PAIRS, LOOKUP, ERRORS, METRICS)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("exploration"), {"log.parquet": log(), "items.parquet": ITEMS})
    return run_all(folder, "--levels=2,6")


def test_interactions_with_other_items_are_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS.slice(0, 45)})
    printed = run(
        ClusterJob,
        f"--interactions={folder / 'log.parquet'}",
        f"--items={folder / 'items.parquet'}",
        f"--workspace={folder / 'out'}",
        "--levels=3",
    )
    other = sum(item not in ITEMS["item_id"].to_pylist()[:45] for item in log()["item_id"].to_pylist())
    assert f"not in the catalogue: {other}" in printed
    assert f"-m pipelines.transitions --workspace={folder / 'out'}\n" in printed  # the log is that of the tree


def test_the_tree(workspace: Path) -> None:
    clusters = rows(workspace, CLUSTERS)
    assert sorted(row["level"] for row in clusters) == [1] * 2 + [2] * 6
    assert len({str(row["description"]).casefold() for row in clusters}) == 8
    item_clusters = {row["item_id"]: row["cluster_ids"] for row in rows(workspace, ITEM_CLUSTERS)}
    assert len(item_clusters) == ITEM_COUNT
    by_topic = [{item_clusters[f"i{item:02}"][1] for item in range(topic, ITEM_COUNT, 6)} for topic in range(6)]
    assert sum(len(found) == 1 for found in by_topic) >= 5  # balance may move a few items
    ids = {row["cluster_id"]: row for row in clusters}
    for path in item_clusters.values():
        assert [ids[cluster]["level"] for cluster in path] == [1, 2]
        assert ids[path[1]]["parent_id"] == path[0]
    for level in (1, 2):
        assert sum(row["traffic"] for row in clusters if row["level"] == level) == USERS * 8
        assert sum(row["items"] for row in clusters if row["level"] == level) == ITEM_COUNT


def test_transitions_are_those_of_the_histories(workspace: Path) -> None:
    histories = rows(workspace, CLUSTER_HISTORIES)
    assert len(histories) == USERS
    counted: dict[tuple[str, str], int] = {}
    for row in histories:
        found = row["cluster_ids"]
        assert len(set(found)) == len(found)
        for size in range(3):
            for place in range(size, len(found)):
                key = (" ".join(found[place - size : place]), found[place])
                counted[key] = counted.get(key, 0) + 1
    written: dict[tuple[str, str], int] = {}
    for row in rows(workspace, TRANSITIONS):
        key = (row["context"], row["next"])
        written[key] = written.get(key, 0) + row["users"]
    assert written == counted


def test_pairs_have_descriptions_alone(workspace: Path) -> None:
    descriptions = {row["description"] for row in rows(workspace, CLUSTERS) if row["level"] == 2}
    pairs = rows(workspace, TUNING_PAIRS)
    assert pairs
    assert {row["completion"] for row in pairs} <= descriptions
    for row in pairs:
        assert str(row["prompt"]).split("\n") == row["excluded"]
        assert len(row["excluded"]) == 2
        assert set(row["excluded"]) <= descriptions - {row["completion"]}
    counted = {
        (row["split"], row["context"], row["next"]): row["users"]
        for row in rows(workspace, TRANSITIONS)
        if len(parse_context(str(row["context"]))) == 2
    }
    names = {row["description"]: row["cluster_id"] for row in rows(workspace, CLUSTERS) if row["level"] == 2}
    for row in pairs:
        context = " ".join(str(names[text]) for text in row["excluded"])
        users = counted[row["split"], context, names[row["completion"]]]
        assert row["weight"] == (1 if row["split"] == "train" else users)


def test_every_context_is_in_the_table(workspace: Path) -> None:
    lookup = rows(workspace, LOOKUP)
    contexts = {row["context"] for row in lookup}
    assert len(contexts) == 1 + 6 + 6 * 5
    for row in lookup:
        assert row["next"] not in parse_context(str(row["context"]))
        assert row["source"] == "blend"
    ids = sorted(str(row["cluster_id"]) for row in rows(workspace, CLUSTERS) if row["level"] == 2)
    table = open_table(str(workspace))
    assert table.cluster_ids.to_pylist() == ids
    first = {row["context"]: row["next"] for row in lookup if row["rank"] == 1}
    assert ids[table.next_clusters([0, 1])[0]] == first[f"{ids[0]} {ids[1]}"]


def test_the_table_is_a_source_too(workspace: Path) -> None:
    table, source = open_table(str(workspace)), open_source(str(workspace))
    contexts = np.array([[0, 1], [-1, 4], [-1, -1]], np.int32)
    found, _ = top_clusters(source, contexts, 3)
    for context, own in zip(contexts.tolist(), found.tolist(), strict=True):
        assert own == table.next_clusters([cluster for cluster in context if cluster >= 0], 3)


def test_a_table_of_the_network(workspace: Path, tmp_path: Path) -> None:
    inputs = (f"--clusters={workspace}", f"--transitions={workspace}")
    run(ExploreJob, *inputs, f"--workspace={tmp_path}", "--source=network")
    lookup = rows(tmp_path, LOOKUP)
    assert {row["source"] for row in lookup} == {"network"}
    assert len({row["context"] for row in lookup}) == 1 + 6 + 6 * 5


def test_sources_are_compared(workspace: Path, tmp_path: Path) -> None:
    inputs = (f"--clusters={workspace}", f"--transitions={workspace}")
    run(ExploreJob, *inputs, f"--workspace={tmp_path / 'popular'}", "--source=popularity")
    options = ("--suites=exploration", f"--exploration={workspace}", f"--tables={tmp_path / 'popular'}")
    printed = run(EvaluateJob, *options, f"--workspace={tmp_path / 'out'}", f"--report={tmp_path / 'page.md'}")
    assert "table popular" in printed
    values = {(row["metric"], row["slice"]): row["value"] for row in rows(tmp_path / "out", METRICS)}
    for k in (1, 5, 10):
        recall = [
            values["exploration_recall", f"source={name}/contexts=all/k={k}"]
            for name in ("table popular", "popularity")
        ]
        assert recall[0] == recall[1]
    stored = {(row["metric"], row["slice"]): row["value"] for row in rows(workspace, METRICS)}
    for name in ("blend", "network", "markov"):
        assert values["exploration_recall", f"source={name}/contexts=all/k=5"] == stored["recall", f"source={name}/k=5"]
    assert "never seen" in (tmp_path / "page.md").read_text(encoding="utf-8")
    assert (tmp_path / "page.svg").exists()
    first = content(tmp_path / "out", METRICS)
    run(EvaluateJob, *options, f"--workspace={tmp_path / 'again'}")
    assert content(tmp_path / "again", METRICS) == first


def test_a_table_of_another_tree_is_not_compared(workspace: Path, tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    other = run_all(folder, "--levels=3")
    options = ("--suites=exploration", f"--exploration={workspace}", f"--workspace={tmp_path / 'evaluation'}")
    assert "another tree" in run(EvaluateJob, *options, f"--tables={other}", code=2)
    assert "--tables: no such file" in run(EvaluateJob, *options, f"--tables={tmp_path / 'none'}", code=2)
    assert "different names" in run(EvaluateJob, *options, f"--tables={workspace},{workspace}/", code=2)


def test_a_table_of_another_tree_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    workspace = run_all(folder, "--levels=3")
    assert open_table(str(workspace)).next_clusters([0])
    run(ClusterJob, f"--items={folder / 'items.parquet'}", f"--workspace={workspace}", "--levels=6")
    with pytest.raises(DataError, match="another tree"):
        open_table(str(workspace))


def test_the_table_has_learned_the_order_of_topics(workspace: Path) -> None:
    values = {(row["metric"], row["slice"]): row["value"] for row in rows(workspace, METRICS)}
    assert values["recall", "source=markov/k=1"] > values["recall", "source=popularity/k=1"]
    assert values["contexts", ""] == 37


def test_the_order_of_the_log_does_not_matter(workspace: Path, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(log().num_rows).tolist()
    folder = write(tmp_path, {"log.parquet": log(order), "items.parquet": ITEMS.take(pa.array(range(89, -1, -1)))})
    other = run_all(folder, "--levels=2,6")
    for dataset in DATASETS[:-2]:
        assert content(other, dataset) == content(workspace, dataset), dataset.name


def test_histories_of_another_tree_are_refused(workspace: Path, tmp_path: Path) -> None:
    folder = write(tmp_path, {"items.parquet": ITEMS})
    run(ClusterJob, f"--items={folder / 'items.parquet'}", f"--workspace={folder / 'out'}", "--levels=6")
    printed = run(
        ExploreJob, f"--clusters={folder / 'out'}", f"--transitions={workspace}", f"--workspace={folder / 'x'}", code=2
    )
    assert "another tree" in printed


def test_the_printed_command_recommends_by_a_table_outside_the_workspace_of_the_tree(
    workspace: Path, tmp_path: Path
) -> None:
    table = tmp_path / "a table"
    printed = run(ExploreJob, f"--clusters={workspace}", f"--transitions={workspace}", f"--workspace={table}")
    (command,) = (line for line in printed.splitlines() if "pipelines.recommend" in line)
    run(RecommendJob, *shlex.split(command)[3:])
    assert rows(table, RECOMMENDATIONS)
    without_tree = run(RecommendJob, f"--table={table}", f"--workspace={tmp_path / 'new'}", code=2)
    assert "give the workspace that has `clusters`: --clusters=WORKSPACE" in without_tree


def test_a_level_that_the_tree_lacks_is_refused(workspace: Path, tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log()})
    printed = run(
        TransitionsJob,
        f"--interactions={folder / 'log.parquet'}",
        f"--clusters={workspace}",
        f"--workspace={folder / 'x'}",
        "--level=3",
        code=2,
    )
    assert "--level must be at most 2" in printed


def test_rare_transitions_are_not_in_the_table(tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    interactions, given = f"--interactions={folder / 'log.parquet'}", f"--workspace={folder / 'out'}"
    run(ClusterJob, interactions, f"--items={folder / 'items.parquet'}", given, "--levels=6")
    rare = (interactions, given, "--min_users=1000", "--test_fraction=0.3")
    assert "no transitions would be left" in run(TransitionsJob, *rare, code=1)
    run(TransitionsJob, *rare, "--allow_empty")
    assert rows(folder / "out", TRANSITIONS) == []
    run(ExploreJob, given, "--source=markov")
    # Without any count all candidates are equal, so they are ranked by their ids.
    for row in rows(folder / "out", LOOKUP):
        others = [f"{cluster:02}" for cluster in range(6) if f"{cluster:02}" not in str(row["context"]).split()]
        assert row["next"] == others[int(str(row["rank"])) - 1]
    configuration = manifest(folder / "out", LOOKUP).configuration["transitions"]
    assert (configuration["min_users"], configuration["test_fraction"]) == (1000, 0.3)


def test_a_log_of_which_nothing_is_kept_is_refused(workspace: Path, tmp_path: Path) -> None:
    table = log()
    folder = write(tmp_path, {"log.parquet": table.append_column("value", pa.array([1.0] * table.num_rows))})
    given = (f"--clusters={workspace}", f"--workspace={folder / 'out'}")
    few = (f"--interactions={folder / 'log.parquet'}", *given, "--min_value=5")
    assert "no transitions would be left" in run(TransitionsJob, *few, code=1)
    printed = run(TransitionsJob, *few, "--allow_empty")
    assert f"explore --workspace={folder / 'out'} --clusters={workspace}" in printed
    assert "no cluster histories" in run(ExploreJob, *given, code=1)


def test_options_without_an_effect_and_other_languages_are_refused(tmp_path: Path) -> None:
    titles = pa.table({"item_id": ["a", "b"], "title": ["登山の基本", "天然酵母のパン"]})
    folder = write(tmp_path, {"items.parquet": ITEMS, "japanese.parquet": titles})
    items, given = f"--items={folder / 'items.parquet'}", f"--workspace={folder / 'out'}"
    assert "--keep_events is for --interactions" in run(ClusterJob, items, given, "--keep_events=play", code=2)
    assert "--embedding_columns is for" in run(ClusterJob, items, given, "--embedding_columns=embedding=v", code=2)
    assert "made for English" in run(ClusterJob, f"--items={folder / 'japanese.parquet'}", given, code=2)
    run(ClusterJob, f"--items={folder / 'japanese.parquet'}", given, "--encoder=static")


ONE_ITEM = ITEMS.slice(0, 1)
EQUAL_ITEMS = pa.table({"item_id": [f"i{item:02}" for item in range(90)], "title": ["the same title"] * 90})
ONCE = pa.table(
    {
        "user_id": [f"u{number}" for number in range(20)],
        "item_id": [f"i{number:02}" for number in range(20)],
        "timestamp": pa.array([START] * 20, TIMESTAMP),
    }
)


@pytest.mark.parametrize(
    ("items", "interactions", "leaves"),
    [(ONE_ITEM, ONCE, 1), (EQUAL_ITEMS, log(), 1), (ITEMS, ONCE, 64), (ITEMS.slice(0, 5), log(), 5)],
    ids=["one item", "equal items", "no repeated users, equal times", "more clusters than items"],
)
def test_logs_that_are_hardly_any(items: pa.Table, interactions: pa.Table, leaves: int, tmp_path: Path) -> None:
    kept = interactions.filter(pc.is_in(interactions["item_id"], items["item_id"].combine_chunks()))
    folder = write(tmp_path, {"log.parquet": kept, "items.parquet": items})
    workspace = run_all(folder)
    clusters = rows(workspace, CLUSTERS)
    assert len([row for row in clusters if row["level"] == 2]) == leaves
    assert len({str(row["description"]).casefold() for row in clusters}) == len(clusters)
    # Without a cluster outside of it, a context is not in the table.
    with_candidates = 1 + (leaves if leaves > 1 else 0) + (leaves * (leaves - 1) if leaves > 2 else 0)
    assert len({row["context"] for row in rows(workspace, LOOKUP)}) == with_candidates


def test_a_table_by_an_endpoint(workspace: Path, tmp_path: Path) -> None:
    def length(text: str) -> tuple[int, str]:
        return len(text), text

    def longest(body: dict[str, Any]) -> Reply:
        allowed = body["response_format"]["json_schema"]["schema"]["properties"][FIELD]["enum"]
        return said(json.dumps({FIELD: max(allowed, key=length)}))

    given = (f"--clusters={workspace}", f"--transitions={workspace}", "--source=language_model", "--top=2")
    with serving() as server:
        server.default = longest
        model = f"--model={server.url}#some"
        run(ExploreJob, *given, model, f"--workspace={tmp_path / 'table'}")
        requests = len(server.bodies)
    names = {row["cluster_id"]: str(row["description"]) for row in rows(workspace, CLUSTERS) if row["level"] == 2}
    lookup = [row for row in rows(tmp_path / "table", LOOKUP) if row["context"]]
    assert requests == len(lookup) == 2 * (6 + 6 * 5)
    assert {row["source"] for row in lookup} == {"language_model"}
    for row in lookup:
        others = [name for cluster, name in names.items() if cluster not in parse_context(str(row["context"]))]
        assert names[row["next"]] in sorted(others, key=length)[-2:]
    printed = run(ExploreJob, *given, model, "--dry_run", f"--workspace={tmp_path / 'table'}", code=2)
    assert "--score, --dtype and --dry_run need a --model that is loaded here" in " ".join(printed.split())

    stored = f"--blend_table={tmp_path / 'table'}"
    printed = run(ExploreJob, *given[:2], stored, f"--workspace={tmp_path / 'blend'}")
    assert "blend_with_language_mo" in printed
    assert {row["source"] for row in rows(tmp_path / "blend", LOOKUP)} == {"blend_with_language_model"}
    assert len({row["context"] for row in rows(tmp_path / "blend", LOOKUP)}) == 1 + 6 + 6 * 5
    values = {(row["metric"], row["slice"]) for row in rows(tmp_path / "blend", METRICS)}
    assert ("blend_weight", "source=language_model") in values


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--blend_table=WORKSPACE",),
            "--blend_table has the source 'blend', which was fitted to the validation period",
        ),
        (("--blend_table=WORKSPACE", "--source=markov"), "--blend_table has an effect with --source=blend only"),
        (("--blend_table=OUT",), "whose table is replaced"),
        (("--dtype=float32",), "--dtype has an effect with --source=language_model only"),
        (("--endpoint_retries=2",), "--endpoint_retries has an effect with --source=language_model only"),
        (("--dry_run",), "--dry_run has an effect with --source=language_model only"),
    ],
)
def test_options_without_an_effect_are_refused(
    workspace: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    given = (f"--clusters={workspace}", f"--transitions={workspace}", f"--workspace={tmp_path}")
    replaced = [each.replace("WORKSPACE", str(workspace)).replace("OUT", str(tmp_path)) for each in options]
    assert message in " ".join(run(ExploreJob, *given, *replaced, code=2).split())
