"""Assigning a catalogue that has grown to the tree of an earlier run."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.explore.job import ExploreJob
from pipelines.transitions.job import TransitionsJob
from schemas import CLUSTERS, ITEM_CLUSTERS, LOOKUP, METRICS
from tests.pipelines.logs import content, manifest, rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, WORDS, log, run
from transforms.exploration.open_table import open_table

NEW_ITEMS = pa.table(
    {
        "item_id": [f"a{item:02}" for item in range(12)],  # sorted before the others
        "title": [f"{WORDS[item % 6]} sequel {item // 6}" for item in range(12)],
    }
)
OLD, NEW, BOTH = "old.parquet", "new.parquet", "both.parquet"


def clusters_of(workspace: Path) -> dict[object, object]:
    return {row["item_id"]: row["cluster_ids"] for row in rows(workspace, ITEM_CLUSTERS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log, two catalogues, and the tree of the first one."""
    both = pa.concat_tables([NEW_ITEMS, ITEMS.take(pa.array(range(ITEM_COUNT - 1, -1, -1)))])
    files = {"log.parquet": log(), OLD: ITEMS, NEW: NEW_ITEMS, BOTH: both}
    folder = write(tmp_path_factory.mktemp("given"), files)
    run(
        ClusterJob,
        f"--interactions={folder / 'log.parquet'}",
        f"--items={folder / OLD}",
        f"--workspace={folder / 'tree'}",
        "--levels=2,6",
        "--keywords=2",
    )
    return folder


def assign(folder: Path, items: str, workspace: Path, *options: str, code: int = 0) -> str:
    given = (f"--items={folder / items}", f"--workspace={workspace}", f"--tree={folder / 'tree'}")
    return run(ClusterJob, *given, *options, code=code)


def test_old_items_keep_their_clusters_and_the_tree_its_rows(folder: Path, tmp_path: Path) -> None:
    printed = assign(folder, BOTH, tmp_path)
    assert content(tmp_path, CLUSTERS) == content(folder / "tree", CLUSTERS)
    before, after = clusters_of(folder / "tree"), clusters_of(tmp_path)
    assert {item: after[item] for item in before} == before
    assert len(after) == ITEM_COUNT + 12
    for item in range(12):
        same_topic = [before[f"i{each:02}"] for each in range(item % 6, ITEM_COUNT, 6)]
        assert after[f"a{item:02}"] in same_topic
    assert f"items in clusters: {ITEM_COUNT + 12}" in printed
    assert (
        manifest(tmp_path, CLUSTERS).configuration["tree"] == manifest(folder / "tree", CLUSTERS).configuration["tree"]
    )


def test_an_item_has_the_same_cluster_in_any_catalogue(folder: Path, tmp_path: Path) -> None:
    assign(folder, BOTH, tmp_path / "both")
    assign(folder, NEW, tmp_path / "new", f"--interactions={folder / 'log.parquet'}")
    both, new = clusters_of(tmp_path / "both"), clusters_of(tmp_path / "new")
    assert new == {item: both[item] for item in NEW_ITEMS["item_id"].to_pylist()}
    assert content(tmp_path / "new", CLUSTERS) == content(folder / "tree", CLUSTERS)


def test_quality_is_that_of_the_given_items(folder: Path, tmp_path: Path) -> None:
    assign(folder, BOTH, tmp_path, f"--interactions={folder / 'log.parquet'}")
    values = {(row["metric"], row["slice"]): row["value"] for row in rows(tmp_path, METRICS)}
    before = {(row["metric"], row["slice"]): row["value"] for row in rows(folder / "tree", METRICS)}
    assert values["items_clustered", ""] == ITEM_COUNT + 12
    for same in ("imbalance", "description_words"):  # the new items have no interactions
        assert values[same, "level=2"] == before[same, "level=2"]
    coherence = ("coherence", "level=2/method=tree")
    assert values[coherence] != before[coherence]


def test_the_table_of_the_grown_catalogue(folder: Path, tmp_path: Path) -> None:
    assign(folder, BOTH, tmp_path)
    run(TransitionsJob, f"--interactions={folder / 'log.parquet'}", f"--workspace={tmp_path}")
    run(ExploreJob, f"--workspace={tmp_path}", "--source=markov")
    run(TransitionsJob, f"--interactions={folder / 'log.parquet'}", f"--workspace={folder / 'tree'}")
    run(ExploreJob, f"--workspace={folder / 'tree'}", "--source=markov")
    assert content(tmp_path, LOOKUP) == content(folder / "tree", LOOKUP)
    assert open_table(str(tmp_path)).next_clusters([0])


def test_a_tree_may_be_given_to_its_own_workspace(folder: Path, tmp_path: Path) -> None:
    assign(folder, OLD, tmp_path)
    run(ClusterJob, f"--items={folder / BOTH}", f"--workspace={tmp_path}", f"--tree={tmp_path}")
    assert content(tmp_path, CLUSTERS) == content(folder / "tree", CLUSTERS)
    assert len(clusters_of(tmp_path)) == ITEM_COUNT + 12


@pytest.mark.parametrize(
    "option", ["--levels=8,64", "--max_imbalance=1.3", "--sample_items=100000", "--keywords=3", "--seed=0"]
)
def test_options_of_fitting_are_refused(folder: Path, option: str, tmp_path: Path) -> None:
    printed = assign(folder, OLD, tmp_path, option, code=2)
    assert f"{option.partition('=')[0]} is for fitting a tree, but --tree gives one" in printed
    assert not list(tmp_path.iterdir())


def test_a_workspace_without_a_tree_is_refused(folder: Path, tmp_path: Path) -> None:
    items, given = f"--items={folder / OLD}", f"--workspace={tmp_path / 'out'}"
    assert "--tree: " in run(ClusterJob, items, given, f"--tree={tmp_path / 'nothing'}", code=2)


def given_vectors(items: pa.Table, dimensions: int) -> pa.Table:
    """A vector for each item, in a direction of its topic."""
    random = np.random.default_rng(dimensions)
    topics = random.normal(size=(6, dimensions))
    own = np.array([topics[int(item[1:]) % 6] for item in items["item_id"].to_pylist()])
    vectors = own + 0.1 * random.normal(size=own.shape)
    return pa.table({"item_id": items["item_id"], "embedding": vectors.tolist()})


def test_vectors_of_another_encoder_are_refused(folder: Path, tmp_path: Path) -> None:
    files = {"narrow.parquet": given_vectors(ITEMS, 8), "wide.parquet": given_vectors(ITEMS, 16)}
    vectors = write(tmp_path / "vectors", files)
    items, out = f"--items={folder / OLD}", f"--workspace={tmp_path / 'out'}"
    narrow, wide = (f"--item_embeddings={vectors / name}" for name in files)
    printed = assign(folder, OLD, tmp_path / "out", narrow, code=2)
    assert "--item_embeddings: --tree was fitted to the vectors of an encoder" in printed
    printed = run(ClusterJob, items, f"--workspace={tmp_path / 'own'}", narrow, "--levels=6")
    assert "nearest to the description" not in printed
    assert "words of a description" in printed
    own = f"--tree={tmp_path / 'own'}"
    assert "give those of the items as --item_embeddings" in run(ClusterJob, items, out, own, code=2)
    printed = run(ClusterJob, items, out, own, wide, code=1)
    assert "the vectors of the items have 16 dimensions, but those of the tree 8" in printed
    assert not (tmp_path / "out" / ITEM_CLUSTERS.name / "_manifest.json").exists()
    run(ClusterJob, items, out, own, narrow)
    assert content(tmp_path / "out", ITEM_CLUSTERS) == content(tmp_path / "own", ITEM_CLUSTERS)


def test_a_tree_of_another_encoder_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transforms.encoders.spec.EncoderSpec.fingerprint", lambda self: "another")
    printed = assign(folder, OLD, tmp_path, code=2)
    assert "--encoder: --tree was fitted to the vectors of another encoder than 'static'" in printed


def test_a_catalogue_without_items_is_refused(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, {"items.parquet": ITEMS.slice(0, 0)})
    given = (f"--items={tmp_path / 'items.parquet'}", f"--workspace={tmp_path / 'out'}", "--encoder=static")
    for options in ([], [f"--tree={folder / 'tree'}"]):
        assert "no items" in run(ClusterJob, *given, *options, code=1)
        assert not (tmp_path / "out" / CLUSTERS.name / "_manifest.json").exists()
