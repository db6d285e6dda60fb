"""`recommend` from end to end, and what it does with logs and workspaces that are hardly any."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.extract.job import ExtractJob
from pipelines.intents.job import IntentsJob
from pipelines.recommend.job import RecommendJob
from schemas import INTENTS, ITEM_CLUSTERS, JOURNEYS, LOOKUP, METRICS, RECOMMENDATIONS
from schemas.context import parse_context
from tests.pipelines.logs import metric_values, rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, START, USERS, log, run, run_all

Row = dict[str, object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log, the catalogue, and a workspace with the tree and its table."""
    found = write(tmp_path_factory.mktemp("topics"), {"log.parquet": log(), "items.parquet": ITEMS})
    run_all(found, "--levels=6")
    return found


def recommend(folder: Path, output: Path, *options: str, code: int = 0) -> str:
    given = (f"--clusters={folder / 'out'}", f"--workspace={output}", "--dimensions=8")
    return run(RecommendJob, *given, *options, code=code)


def by_user(found: Iterable[Row]) -> dict[str, list[Row]]:
    lists: dict[str, list[Row]] = {}
    for row in found:
        lists.setdefault(str(row["user_id"]), []).append(row)
    return {user: sorted(own, key=lambda row: int(str(row["rank"]))) for user, own in lists.items()}


def clusters_of_items(folder: Path) -> dict[str, str]:
    return {str(row["item_id"]): row["cluster_ids"][-1] for row in rows(folder / "out", ITEM_CLUSTERS)}  # type: ignore[index]


@pytest.fixture(scope="module")
def lists(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    output = tmp_path_factory.mktemp("recommended") / "out"
    recommend(folder, output)
    return by_user(rows(output, RECOMMENDATIONS))


def test_each_user_has_a_full_list_of_items_that_are_new(lists: dict[str, list[Row]]) -> None:
    consumed: dict[str, set[str]] = {}
    for user, item in zip(log()["user_id"].to_pylist(), log()["item_id"].to_pylist(), strict=True):
        consumed.setdefault(user, set()).add(item)
    assert set(lists) == set(consumed)
    for user, own in lists.items():
        items = [row["item_id"] for row in own]
        assert [row["rank"] for row in own] == list(range(1, 11))
        assert len(set(items)) == 10
        assert not set(items) & consumed[user]


def test_every_row_states_its_reason(folder: Path, lists: dict[str, list[Row]]) -> None:
    clusters = clusters_of_items(folder)
    table = {(row["context"], row["rank"]): row["next"] for row in rows(folder / "out", LOOKUP)}
    consumed: dict[str, set[str]] = {}
    for user, item in zip(log()["user_id"].to_pylist(), log()["item_id"].to_pylist(), strict=True):
        consumed.setdefault(user, set()).add(clusters[item])
    for user, own in lists.items():
        for row in own:
            assert row["cluster_id"] == clusters[str(row["item_id"])]
            if row["policy"] == "novel":
                assert row["cluster_id"] not in consumed[user]
                context = str(row["context"])
                shorter = [" ".join(parse_context(context)[start:]) for start in range(3)]
                assert row["cluster_id"] in {table.get((each, row["table_rank"])) for each in shorter}
            else:
                assert row["table_rank"] is None
            if row["policy"] == "familiar":
                assert row["cluster_id"] in consumed[user]


def test_the_allocation_of_novel_places_is_an_option(folder: Path, tmp_path: Path) -> None:
    def novel_clusters(name: str, *options: str) -> dict[str, list[str]]:
        printed = recommend(folder, tmp_path / name, *options, "--novel_fraction=1", "--slots=4")
        found = [row for row in rows(tmp_path / name, RECOMMENDATIONS) if row["policy"] == "novel"]
        clusters = {user: [str(row["cluster_id"]) for row in own] for user, own in by_user(found).items()}
        pairs = sum(len(set(own)) for own in clusters.values())
        assert metric(tmp_path / name, "recommended_novel_clusters") == pairs
        assert f"novel clusters in a list, on average: {pairs / USERS:.2f}" in printed
        return clusters

    in_turn = novel_clusters("turn", "--allocation=in_turn", "--next_clusters=3")
    assert any(len(set(own)) > 1 for own in in_turn.values())
    for own in in_turn.values():
        assert own == (list(dict.fromkeys(own)) * 4)[:4]
    powers = [novel_clusters(f"power{power}", f"--cluster_power={power}") for power in (0.25, 1000)]
    # With a high power all items are of the cluster that the table ranks first.
    assert {user: own[:1] * 4 for user, own in in_turn.items()} == powers[1]
    assert powers[0] != powers[1]


def test_the_fraction_of_novel_items_is_an_option(folder: Path, lists: dict[str, list[Row]], tmp_path: Path) -> None:
    recommend(folder, tmp_path / "none", "--novel_fraction=0", "--slots=4")
    assert {row["policy"] for row in rows(tmp_path / "none", RECOMMENDATIONS)} == {"familiar"}
    novel = [sum(row["policy"] == "novel" for row in own) for own in lists.values()]
    assert max(novel) == 5  # half of ten


@pytest.fixture(scope="module")
def extracted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace with the journeys of the log."""
    found = tmp_path_factory.mktemp("journeys")
    given = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    run(ExtractJob, *given, f"--workspace={found}")
    return found


def check_journeys(folder: Path, extracted: Path, found: Iterable[Row]) -> None:
    """Check that items are of the main cluster of the journey that they continue."""
    journeys = {(row["user_id"], row["journey_id"]): row for row in rows(extracted, JOURNEYS)}
    clusters = clusters_of_items(folder)
    continued = [row for row in found if row["journey_id"]]
    assert continued
    for row in continued:
        items = [clusters[item] for item in journeys[row["user_id"], row["journey_id"]]["item_ids"]]  # type: ignore[attr-defined]
        assert items.count(str(row["cluster_id"])) == max(map(items.count, items))


def test_contexts_are_those_of_journeys_on_request(
    folder: Path, extracted: Path, lists: dict[str, list[Row]], tmp_path: Path
) -> None:
    recommend(folder, tmp_path / "out", f"--journeys={extracted}", "--context=journeys")
    found = rows(tmp_path / "out", RECOMMENDATIONS)
    check_journeys(folder, extracted, found)
    contexts = {user: own[0]["context"] for user, own in lists.items()}
    assert any(row["context"] != contexts[str(row["user_id"])] for row in found)
    assert "needs --journeys" in recommend(folder, tmp_path / "out2", "--context=journeys", code=2)


def test_journeys_alone_change_no_list(
    folder: Path, extracted: Path, lists: dict[str, list[Row]], tmp_path: Path
) -> None:
    recommend(folder, tmp_path / "out", f"--journeys={extracted}")
    found = by_user(rows(tmp_path / "out", RECOMMENDATIONS))
    check_journeys(folder, extracted, (row for own in found.values() for row in own))
    ignored = {"journey_id": None, "history_hash": None}
    assert {user: [row | ignored for row in own] for user, own in found.items()} == {
        user: [row | ignored for row in own] for user, own in lists.items()
    }


def test_only_given_users_are_recommended_to(folder: Path, lists: dict[str, list[Row]], tmp_path: Path) -> None:
    write(tmp_path, {"users.parquet": pa.table({"user_id": ["u03", "u03", "u41", "nobody"]})})
    recommend(folder, tmp_path / "out", f"--users={tmp_path / 'users.parquet'}")
    assert by_user(rows(tmp_path / "out", RECOMMENDATIONS)) == {user: lists[user] for user in ("u03", "u41")}


def with_users(folder: Path, described: list[tuple[str, str]], output: Path) -> Path:
    """Write the log with further interactions, and recommend; return the workspace."""
    table = pa.Table.from_pylist(
        [{"user_id": user, "item_id": item, "timestamp": START} for user, item in described], log().schema
    )
    write(output, {"log.parquet": pa.concat_tables([log(), table])})
    recommend(folder, output / "out", f"--interactions={output / 'log.parquet'}")
    return output / "out"


def metric(workspace: Path, name: str) -> float:
    return sum(float(str(row["value"])) for row in rows(workspace, METRICS) if row["metric"] == name)


def test_users_with_hardly_any_history(folder: Path, tmp_path: Path) -> None:
    clusters = clusters_of_items(folder)
    first = clusters["i00"]
    all_of_one = [("finished", item) for item, cluster in clusters.items() if cluster == first]
    found = with_users(folder, [("one", "i00"), ("strange", "no such item"), *all_of_one], tmp_path)
    lists = by_user(rows(found, RECOMMENDATIONS))
    assert len(lists["one"]) == 10
    assert {row["context"] for row in lists["one"]} == {first}
    assert {row["policy"] for row in lists["one"]} == {"novel", "familiar"}
    assert {row["policy"] for row in lists["strange"]} == {"novel"}  # of the empty context: popular clusters
    assert {row["context"] for row in lists["strange"]} == {""}
    assert first not in {row["cluster_id"] for row in lists["finished"]}
    assert len(lists["finished"]) == 10
    assert metric(found, "users_without_items_of_clusters") == 1


def test_items_without_vectors_are_ranked_by_their_users(folder: Path, tmp_path: Path) -> None:
    few = pa.table({"item_id": ITEMS["item_id"].slice(0, 9), "embedding": [[1.0, float(item)] for item in range(9)]})
    write(tmp_path, {"vectors.parquet": few})
    recommend(folder, tmp_path / "few", f"--item_embeddings={tmp_path / 'vectors.parquet'}")
    lists = by_user(rows(tmp_path / "few", RECOMMENDATIONS))
    assert {len(own) for own in lists.values()} == {10}
    assert len({row["item_id"] for own in lists.values() for row in own}) > ITEM_COUNT / 2


def test_a_table_of_another_tree_is_refused(folder: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "out"
    shutil.copytree(folder / "out", workspace)
    given = (f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}")
    run(ClusterJob, *given, f"--workspace={workspace}", "--levels=5")
    printed = run(RecommendJob, f"--workspace={workspace}", code=2)
    assert "--table was computed from another tree" in printed
    assert not (workspace / RECOMMENDATIONS.name).exists()


def test_users_who_explore_have_more_novel_items(folder: Path, tmp_path: Path) -> None:
    intents = tmp_path / "intents"
    run(IntentsJob, f"--clusters={folder / 'out'}", f"--workspace={intents}", "--intent_model=logistic_regression")
    recommend(folder, tmp_path / "out", f"--intents={intents}", "--novel_fraction=0.3")
    probabilities = {str(row["user_id"]): float(str(row["cluster_probability"])) for row in rows(intents, INTENTS)}
    mean = sum(probabilities.values()) / len(probabilities)
    policies = {
        user: [row["policy"] for row in own] for user, own in by_user(rows(tmp_path / "out", RECOMMENDATIONS)).items()
    }
    compared = {user: own for user, own in policies.items() if "popular" not in own and "familiar" in own}
    assert len(compared) > 10
    for user, own in compared.items():
        assert own.count("novel") <= round(min(3 * float(np.float32(probabilities[user])) / mean, 10))
    assert len({own.count("novel") for own in policies.values()}) > 2


def test_intents_of_another_tree_are_refused(folder: Path, tmp_path: Path) -> None:
    found = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    given = (f"--interactions={found / 'log.parquet'}", f"--items={found / 'items.parquet'}")
    run(ClusterJob, *given, f"--workspace={tmp_path / 'other'}", "--levels=3")
    run(IntentsJob, f"--workspace={tmp_path / 'other'}", "--intent_model=base_rate")
    printed = recommend(folder, tmp_path / "out", f"--intents={tmp_path / 'other'}", code=2)
    assert "--intents was computed from another tree" in printed


def test_intents_of_another_level_are_refused(tmp_path: Path) -> None:
    found = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    tree = run_all(found, "--levels=2,6")
    run(IntentsJob, f"--clusters={tree}", f"--workspace={tmp_path / 'coarse'}", "--level=1")
    given = (f"--clusters={tree}", f"--workspace={tmp_path / 'lists'}", "--dimensions=8")
    printed = run(RecommendJob, *given, f"--intents={tmp_path / 'coarse'}", code=2)
    assert "new clusters of level 1, but --table has clusters of level 2" in printed


def test_users_without_intents_are_counted(folder: Path, tmp_path: Path) -> None:
    few = log().filter(pc.less(log()["user_id"], "u50"))
    given = write(tmp_path, {"log.parquet": few})
    intents = (f"--interactions={given / 'log.parquet'}", "--intent_model=base_rate")
    run(IntentsJob, f"--clusters={folder / 'out'}", f"--workspace={tmp_path / 'intents'}", *intents)
    printed = recommend(folder, tmp_path / "lists", f"--intents={tmp_path / 'intents'}")
    assert metric_values(tmp_path / "lists")["users_without_intents", ""] == 10
    assert "users without intents" in printed
