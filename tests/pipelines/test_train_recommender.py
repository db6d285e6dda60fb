"""`train_recommender` on a small log: the folder that it writes, and command lines and inputs that it refuses."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

from pipelines.cluster.job import ClusterJob
from pipelines.common.run import run_job
from pipelines.explore.job import ExploreJob
from pipelines.recommend.job import RecommendJob
from pipelines.train_recommender import job as module
from pipelines.train_recommender import training
from pipelines.train_recommender.job import TrainRecommenderJob
from pipelines.transitions.job import TransitionsJob
from schemas import CLUSTERS, ITEM_CLUSTERS, RECOMMENDATIONS
from tests.pipelines.logs import manifest, rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, USERS, log, run
from tests.transforms.recommendation.sequence.logs import histories
from transforms.recommendation.sequence.folder import DESCRIPTION, OtherCatalogueError, check_tree, read_folder
from transforms.recommendation.sequence.sequence_ranker import SequenceRankerSource

pytestmark = pytest.mark.models

SMALL = ("--dimensions=8", "--blocks=1", "--max_epochs=3", "--patience=3", "--length=6", "--batch_size=16")
IDS = ITEMS["item_id"].combine_chunks()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log, the catalogue, and the tree of the catalogue, of whose items the log has no more than some."""
    folder = write(tmp_path_factory.mktemp("train"), {"log.parquet": log(), "items.parquet": ITEMS})
    given = [
        f"--{name}={folder / path}" for name, path in (("interactions", "log.parquet"), ("items", "items.parquet"))
    ]
    run(ClusterJob, *given, f"--workspace={folder / 'tree'}", "--levels=2,6")
    return folder


def train(folder: Path, output: Path, *options: str, code: int = 0) -> str:
    """Run the job on the tree of a folder; return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        given = [f"--clusters={folder / 'tree'}", f"--output={output}", *SMALL, *options]
        assert run_job(TrainRecommenderJob, given) == code, printed.getvalue()
    return printed.getvalue()


def test_the_recommender_of_a_log(folder: Path, tmp_path: Path) -> None:
    printed = train(folder, tmp_path / "out")
    assert f"trained on {USERS * 8:,} interactions of {USERS} users with {ITEM_COUNT} items" in printed
    assert "nDCG@10 on the validation period:" in printed
    assert "popularity of 7 days" in printed
    stored = read_folder(tmp_path / "out")
    assert stored.item_ids.to_pylist() == sorted(IDS.to_pylist())
    assert (stored.trained_for.level, stored.trained_for.clusters) == (2, 6)
    described = stored.description["training"]
    assert [metrics["epoch"] for metrics in described["epochs"]] == [1, 2, 3]
    assert described["interactions"] == USERS * 8
    assert described["inputs"]["clusters"] == manifest(folder / "tree", CLUSTERS).digest
    assert not (tmp_path / "out" / "checkpoints").exists()
    ranker = SequenceRankerSource(str(tmp_path / "out")).load(stored.item_ids)
    past = histories([0, 1], [3])
    plain, conditioned = ranker.user_vectors(past), ranker.user_vectors(past, np.array([5, -1], np.int32))
    assert (plain[0] != conditioned[0]).any()
    assert (plain[1] == conditioned[1]).all()


def test_its_items_are_recommended(folder: Path, tmp_path: Path) -> None:
    tree = f"--workspace={folder / 'tree'}"
    run(TransitionsJob, tree)
    run(ExploreJob, tree)
    train(folder, tmp_path / "model", "--ids_only")
    given = (f"--clusters={folder / 'tree'}", f"--workspace={tmp_path / 'lists'}")
    run(RecommendJob, *given, f"--model={tmp_path / 'model'}")
    by_model = {(row["user_id"], row["rank"]): row["item_id"] for row in rows(tmp_path / "lists", RECOMMENDATIONS)}
    assert len(by_model) == USERS * 10
    run(RecommendJob, *given, "--dimensions=8")
    by_counts = {(row["user_id"], row["rank"]): row["item_id"] for row in rows(tmp_path / "lists", RECOMMENDATIONS)}
    assert by_model != by_counts
    train(folder, tmp_path / "coarse", "--ids_only", "--level=1")
    printed = run(RecommendJob, *given, f"--model={tmp_path / 'coarse'}", code=2)
    assert "was trained for level 1" in printed
    assert "this is level 2" in printed


def test_a_tree_and_a_catalogue_of_others_are_refused(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "out", "--ids_only")
    digest = manifest(folder / "tree", CLUSTERS).digest
    check_tree(tmp_path / "out", digest, 2)
    with pytest.raises(OtherCatalogueError, match=f"tree {digest[:12]}, but this is level 2 of the tree 000"):
        check_tree(tmp_path / "out", "0" * 64, 2)
    with pytest.raises(OtherCatalogueError, match=f"{ITEM_COUNT} items .*, but this one has 5 items"):
        SequenceRankerSource(str(tmp_path / "out")).load(IDS.slice(0, 5))


def test_the_latest_interactions_can_be_left_for_a_test(folder: Path, tmp_path: Path) -> None:
    train(folder, tmp_path / "out", "--ids_only", "--test_fraction=0.25", "--level=1")
    stored = read_folder(tmp_path / "out")
    assert stored.trained_for.clusters == 2
    assert stored.description["training"]["interactions"] == USERS * 8 * 3 // 4


def test_a_stopped_training_resumes(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train(folder, tmp_path / "whole", "--ids_only")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training, "train_epochs", stop)
        assert "the same command resumes after the last epoch" in train(
            folder, tmp_path / "out", "--ids_only", code=130
        )
    assert not (tmp_path / "out" / DESCRIPTION).exists()
    train(folder, tmp_path / "out", "--ids_only")
    written = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("whole", "out")]
    assert written[0] == written[1]
    epochs = [
        json.loads((tmp_path / name / DESCRIPTION).read_text())["training"]["epochs"] for name in ("whole", "out")
    ]
    assert epochs[0] == epochs[1]


def test_vectors_of_the_user_place_items_that_the_log_does_not_have(folder: Path, tmp_path: Path) -> None:
    topics = np.eye(6, dtype=np.float32)[np.arange(ITEM_COUNT) % 6]
    vectors = pa.table({"item_id": IDS, "embedding": pa.array(topics.tolist(), pa.list_(pa.float32()))})
    is_new = np.arange(ITEM_COUNT) >= ITEM_COUNT - 12  # two of each topic
    old = log().filter(pc.is_in(log()["item_id"], IDS.filter(pa.array(~is_new))))
    given = write(tmp_path, {"vectors.parquet": vectors, "log.parquet": old})
    options = [f"--item_embeddings={given / 'vectors.parquet'}", f"--interactions={given / 'log.parquet'}"]
    printed = train(folder, tmp_path / "out", *options, "--id_dropout=0.5")
    missing = ITEM_COUNT - len(pc.unique(old["item_id"]))
    assert missing >= 12
    assert f"items that the log does not have: {missing}; their vectors are of their content" in printed
    placed = read_folder(tmp_path / "out").item_vectors[torch.from_numpy(is_new)]
    assert torch.equal(placed[:6], placed[6:])
    assert len({tuple(vector) for vector in placed[:6].tolist()}) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--heads=3"], "--heads must divide dimensions"),
        (["--level=3"], "--level must be at most 2"),
        (["--test_fraction=1"], "--test_fraction must be below 1"),
        (["--output=gs://bucket/model"], "--output must be a local folder"),
        (["--clusters=nowhere"], "--clusters"),
    ],
)
def test_command_lines_that_cannot_be_carried_out(
    folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    assert message in train(folder, tmp_path / "out", *options, code=2)


def test_without_its_packages_the_command_that_installs_them_is_printed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PACKAGES", ("torch", "a_missing_package"))
    printed = train(folder, tmp_path / "out", code=2)
    assert "the sequence recommender needs a_missing_package: " in printed
    assert "[recommender]" in printed


def test_a_log_of_other_items_is_refused_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    other = log().set_column(1, "item_id", pa.array([f"x{row}" for row in range(log().num_rows)]))
    path = write(tmp_path, {"other.parquet": other}) / "other.parquet"
    printed = train(folder, tmp_path / "out", f"--interactions={path}", "--ids_only", code=1)
    assert "no interaction with an item of --clusters is left for training" in printed
    assert not (tmp_path / "out" / DESCRIPTION).exists()


def test_too_many_invalid_rows_are_refused(folder: Path, tmp_path: Path) -> None:
    users = pa.array([None if row % 4 == 0 else f"u{row}" for row in range(log().num_rows)])
    path = write(tmp_path, {"broken.parquet": log().set_column(0, "user_id", users)}) / "broken.parquet"
    printed = train(folder, tmp_path / "out", f"--interactions={path}", "--ids_only", code=1)
    assert "120 of 480 rows of interactions are invalid, more than --max_error_rate=0.05" in printed


def test_the_items_of_the_tree_are_the_catalogue(folder: Path) -> None:
    assert manifest(folder / "tree", ITEM_CLUSTERS).rows == ITEM_COUNT
