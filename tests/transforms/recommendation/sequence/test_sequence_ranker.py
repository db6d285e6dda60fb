"""The folder of a trained recommender, and the ranker that is read from it."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

from tests.transforms.recommendation.sequence.logs import cycles, histories
from transforms.recommendation.protocol import take_users
from transforms.recommendation.sequence.config import SequenceConfig
from transforms.recommendation.sequence.folder import (
    DESCRIPTION,
    OtherCatalogueError,
    TrainedFor,
    check_tree,
    digest_of_items,
    read_folder,
    write_folder,
)
from transforms.recommendation.sequence.sequence_ranker import SequenceRanker, SequenceRankerSource
from transforms.recommendation.sequence.training import Catalogue, Trained, train_epochs

pytestmark = pytest.mark.models

IDS = pa.array([f"i{number:02}" for number in range(12)])
CONFIG = SequenceConfig(dimensions=16, blocks=1, length=5, batch_size=8, learning_rate=0.01, conditioned=0.5)
CLUSTERS = (np.arange(12) % 3).astype(np.int32)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_epochs(cycles(80, 12, 6), Catalogue(CLUSTERS, 3), CONFIG, epochs=6)


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    trained_for = TrainedFor(12, digest_of_items(IDS), "tree" * 16, 2, 3)
    write_folder(tmp_path / "out", trained, CONFIG, IDS, trained_for, {"epochs": [{"ndcg": float("nan")}]})
    return tmp_path / "out"


def test_whole_numbers_rank_as_the_model_does(trained: Trained, folder: Path) -> None:
    ranker = SequenceRankerSource(str(folder)).load(IDS)
    past = histories([0, 1, 2], [5], [], [7, 8, 9, 10, 11, 0, 1])
    for conditions in (None, np.array([0, 1, 2, -1], np.int32)):
        users = ranker.user_vectors(past, conditions)
        assert users.dtype == ranker.item_vectors.dtype == np.int16
        assert users.shape == (4, 17)
        scores = users.astype(np.int64) @ ranker.item_vectors.astype(np.int64).T
        with torch.no_grad():
            model = trained.model
            given = None if conditions is None else torch.from_numpy(conditions).long()
            for user in range(4):
                items = torch.from_numpy(past.items[past.offsets[user] : past.offsets[user + 1]][-5:]).long()
                vectors = model.items(items)[None]
                state = model.users.states(vectors, torch.tensor([len(items)]))[0, -1]
                own = model.users(state, None if given is None else given[user])
                weight = model.users.popularity_weights(own)
                assert weight is not None
                popularity = torch.from_numpy(trained.popularity)
                expected = (model.items.all_items() @ own + weight * popularity).numpy()
                found = scores[user] / (ranker.item_scale * ranker.user_scale)
                assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()
    assert scores[0].argmax() % 3 == 0


def test_which_users_are_computed_together_changes_nothing(folder: Path) -> None:
    ranker = SequenceRanker.from_folder(read_folder(folder))
    log = cycles(40, 12, 4, seed=1)
    together = ranker.user_vectors(log)
    for user in range(40):
        assert (ranker.user_vectors(take_users(log, np.array([user]))) == together[user]).all()


def test_vectors_use_the_whole_range(folder: Path) -> None:
    assert np.abs(SequenceRankerSource(str(folder)).load(IDS).item_vectors).max() == np.iinfo(np.int16).max


def test_another_catalogue_is_refused(folder: Path) -> None:
    with pytest.raises(OtherCatalogueError) as refused:
        SequenceRankerSource(str(folder)).load(IDS.slice(1))
    message = str(refused.value)
    assert digest_of_items(IDS)[:12] in message
    assert digest_of_items(IDS.slice(1))[:12] in message
    assert "12 items" in message
    assert "11 items" in message


def test_another_tree_or_level_is_refused(folder: Path) -> None:
    check_tree(folder, "tree" * 16, 2)
    with pytest.raises(
        OtherCatalogueError, match="level 2 of the tree treetreetree, but this is level 2 of the tree oth"
    ):
        check_tree(folder, "other" * 8, 2)
    with pytest.raises(OtherCatalogueError, match="level 1"):
        check_tree(folder, "tree" * 16, 1)


def test_a_folder_without_a_description_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"holds no trained sequence recommender: there is no {DESCRIPTION}"):
        read_folder(tmp_path)
    (folder / DESCRIPTION).write_text(json.dumps({"config": {}}))
    with pytest.raises(ValueError, match="is not the description of a sequence recommender"):
        read_folder(folder)


def test_digests_distinguish_ids_that_are_joined_differently() -> None:
    assert digest_of_items(pa.array(["ab", "c"])) != digest_of_items(pa.array(["a", "bc"]))
    assert digest_of_items(pa.array(["x", "ab", "c"]).slice(1)) == digest_of_items(pa.array(["ab", "c"]))
