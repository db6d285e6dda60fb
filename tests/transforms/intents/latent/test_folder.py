import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch")

from tests.transforms.intents.latent.worlds import ITEMS, hidden_intents, item_vectors
from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.folder import DESCRIPTION, check_catalogue, read_folder, write_folder
from transforms.intents.latent.model import LatentModel
from transforms.intents.latent.serving import prior_means, score_items
from transforms.intents.latent.training import train_latent
from transforms.recommendation.sequence.folder import OtherCatalogueError

pytestmark = pytest.mark.models

IDS = pa.array([f"item {code:02}" for code in range(ITEMS)])
CONFIG = LatentConfig(latent_dimensions=2, hidden=8, layers=1, max_epochs=1)


def model(**changed: int) -> LatentModel:
    rows, _ = hidden_intents(30, seed=0)
    return train_latent(rows, item_vectors(), dataclasses.replace(CONFIG, **changed)).model


@pytest.mark.parametrize("units", [0, 2])
def test_a_model_is_read_as_it_was_written(tmp_path: Path, units: int) -> None:
    written = model(latent_dimensions=units)
    write_folder(tmp_path / "latent", written, IDS, {"elbo": -1.5})
    found = read_folder(tmp_path / "latent", IDS)
    contexts = hidden_intents(5, seed=1)[0].contexts
    for each in (written, found.model):
        assert prior_means(each, contexts).shape == (5, units)
    latents = prior_means(written, contexts)
    assert prior_means(found.model, contexts).tobytes() == latents.tobytes()
    assert score_items(found.model, contexts, latents).tobytes() == score_items(written, contexts, latents).tobytes()
    assert (found.config, found.items, found.training) == (written.config, ITEMS, {"elbo": -1.5})
    assert not found.model.training


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_folder(tmp_path / name, model(), IDS, {})
    for path in (tmp_path / "first").iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert {path.name for path in (tmp_path / "first").iterdir()} == {DESCRIPTION, "weights.safetensors"}


def test_another_catalogue_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, model(), IDS, {})
    check_catalogue(tmp_path, IDS)
    for others in (IDS[:-1], IDS[::-1], pa.array([f"other {code}" for code in range(ITEMS)])):
        with pytest.raises(OtherCatalogueError, match="trained for a catalogue of 20 items"):
            read_folder(tmp_path, others)


def test_ids_and_descriptions_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the model has 20 items, but 19 ids are given"):
        write_folder(tmp_path, model(), IDS[:-1], {})
    with pytest.raises(ValueError, match="JSON"):
        write_folder(tmp_path, model(), IDS, {"elbo": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_missing_or_damaged_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"there is no {DESCRIPTION}"):
        read_folder(tmp_path, IDS)
    write_folder(tmp_path, model(), IDS, {})
    path = tmp_path / DESCRIPTION
    described = json.loads(path.read_text())
    path.write_text(json.dumps(described | {"config": described["config"] | {"hidden": 9}}))
    with pytest.raises(ValueError, match="is damaged"):
        read_folder(tmp_path, IDS)
    path.write_text(json.dumps({"config": described["config"]}))
    with pytest.raises(ValueError, match="it lacks"):
        read_folder(tmp_path, IDS)
    path.write_text("{")
    with pytest.raises(ValueError, match="is not the description"):
        read_folder(tmp_path, IDS)


def test_item_vectors_are_stored_with_the_model(tmp_path: Path) -> None:
    written = model()
    write_folder(tmp_path, written, IDS, {})
    stored = read_folder(tmp_path, IDS).model.item_vectors.numpy()
    assert np.array_equal(stored, written.item_vectors.numpy())
