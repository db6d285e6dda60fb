import json
from pathlib import Path

import pytest

from transforms.language_models.compact.config import NetworkConfig
from transforms.language_models.compact.files import (
    DESCRIPTION,
    WEIGHTS,
    is_compact,
    read_description,
    read_weights,
    save,
)
from transforms.weights import WeightsError

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch

SHAPE = NetworkConfig(width=8)
KNOWN = [3, 4, 9]
FORMS = {"github": "GitHub", "cafe": "café"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "new", SHAPE, KNOWN, FORMS, {"a": torch.tensor([[1.0, 0.1]]), "b": torch.arange(3.0)})
    return tmp_path / "new"


def test_what_was_saved_is_read(folder: Path) -> None:
    assert is_compact(folder)
    assert not is_compact(folder.parent)
    described = read_description(folder)
    assert described[:3] == (SHAPE, KNOWN, FORMS)
    weights = read_weights(folder)
    assert weights["a"].dtype == torch.float32
    assert weights["a"].tolist() == [[1.0, pytest.approx(0.1, abs=1e-4)]]
    assert weights["b"].tolist() == [0.0, 1.0, 2.0]


def test_the_same_is_saved_as_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    forms = dict(reversed(FORMS.items()))
    save(tmp_path, SHAPE, KNOWN, forms, {"b": torch.arange(3.0), "a": torch.tensor([[1.0, 0.1]])})
    for name in (DESCRIPTION, WEIGHTS):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_damaged_weights_are_refused(folder: Path) -> None:
    damaged = bytearray((folder / WEIGHTS).read_bytes())
    damaged[-1] ^= 1
    (folder / WEIGHTS).write_bytes(damaged)
    with pytest.raises(WeightsError, match=rf"{WEIGHTS} is damaged: SHA-256 [0-9a-f]+, not [0-9a-f]+"):
        read_description(folder)


def test_missing_files_are_told(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(WeightsError, match=f"{WEIGHTS} is missing"):
        read_description(folder)
    (folder / DESCRIPTION).unlink()
    with pytest.raises(WeightsError, match=rf"{DESCRIPTION} does not describe a compact network \(FileNotFoundError"):
        read_description(folder)


@pytest.mark.parametrize("change", [{"shape": {"width": 0}}, {"shape": {"depth": 1}}, {"shape": None}, {"layout": 2}])
def test_other_descriptions_are_refused(folder: Path, change: dict) -> None:
    path = folder / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(
        WeightsError, match=r"does not describe a compact network|is of layout 2; 1 is what can be read"
    ):
        read_description(folder)
