from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")

from tests.transforms.language_models.compact.made import CONFIG, SHAPE, make_encoder, make_rows
from transforms.language_models.compact.files import DESCRIPTION, WEIGHTS, read_description
from transforms.language_models.compact.training import Epoch
from transforms.language_models.compact.tuning import tune_compact

SHORT = replace(CONFIG, epochs=3, dropout=0.1, forgotten=0.2, with_terms=0.3, terms_alone=0.2)


def teach(folder: Path, encoder_folder: Path, **changes: float) -> list[Epoch]:
    told: list[Epoch] = []
    encoder = make_encoder(encoder_folder)
    tune_compact(make_rows(), folder, SHAPE, replace(SHORT, **changes), told.append, encoder)
    return told


def test_the_same_examples_give_the_same_weights(tmp_path: Path) -> None:
    one, other = (teach(tmp_path / name, tmp_path / f"{name} encoder") for name in ("one", "other"))
    assert one == other
    assert [epoch.number for epoch in one] == [1, 2, 3]
    for name in (DESCRIPTION, WEIGHTS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    assert teach(tmp_path / "third", tmp_path / "third encoder", seed=1) != one


def test_training_ends_when_it_gets_no_better(tmp_path: Path) -> None:
    told = teach(tmp_path / "network", tmp_path / "encoder", epochs=40, patience=2, learning_rate=0.5, warm_up=1)
    losses = [epoch.validation for epoch in told]
    assert len(told) < 40
    assert losses.index(min(losses)) == len(losses) - 3


def test_rare_pieces_are_not_chosen(tmp_path: Path) -> None:
    teach(tmp_path / "all", tmp_path / "encoder")
    teach(tmp_path / "some", tmp_path / "another", least_uses=3)
    assert len(read_description(tmp_path / "some").known) < len(read_description(tmp_path / "all").known)
