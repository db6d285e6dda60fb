"""A tiny checkpoint in the layout of the published ports, scored pair by pair as transformers alone would."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transforms.evaluation.experiments.naming.bleurt import BleurtSource  # noqa: E402
from transforms.language_models import sequence_classifier  # noqa: E402
from transforms.model_files import ModelUnavailableError  # noqa: E402

pytestmark = pytest.mark.models

REFERENCES = ["tea pots", "red cars", "a garden of red pots", "tea", "blue"]
NAMES = ["pots of tea", "", "a garden of red pots and blue cars and tea and pots and pots of red tea", "tea", "cars"]


def make_bleurt(folder: Path, labels: int = 1, layers: int = 2) -> Path:
    """A BERT that judges pairs, of random weights."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for name in NAMES for word in name.split()})]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt"), model_max_length=24)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=24,
        num_labels=labels,
        initializer_range=0.5,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bleurt(tmp_path_factory.mktemp("bleurt"))


def alone(folder: Path, reference: str, name: str) -> float:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = tokenizer(reference, name, return_tensors="pt", truncation=True, max_length=24)
    with torch.inference_mode():
        return float(model(**inputs).logits[0, 0])


def test_scores_are_those_of_each_pair_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pickle.loads(pickle.dumps(BleurtSource(str(folder))))
    expected = [alone(folder, *pair) for pair in zip(REFERENCES, NAMES, strict=True)]
    assert np.ptp(expected) > 0.1
    together = source.load().score(REFERENCES, NAMES)
    assert together == pytest.approx(expected, abs=1e-5)
    monkeypatch.setattr(sequence_classifier, "_MAX_BATCH_TOKENS", 1)
    assert source.load().score(REFERENCES, NAMES) == pytest.approx(together, abs=1e-5)


def test_the_reference_comes_first(folder: Path) -> None:
    model = BleurtSource(str(folder)).load()
    one, other = model.score(["tea pots", "red"], ["red", "tea pots"])
    assert abs(one - other) > 0.01


def test_fingerprints_of_checkpoints_differ(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "same")
    (tmp_path / "other").mkdir()
    make_bleurt(tmp_path / "other", layers=1)
    prints = [BleurtSource(str(path)).fingerprint() for path in (folder, tmp_path / "same", tmp_path / "other")]
    assert prints[0] == prints[1] != prints[2]


def test_invalid_checkpoints_are_reported(folder: Path, tmp_path: Path) -> None:
    BleurtSource(str(folder)).check()
    with pytest.raises(ValueError, match=r"no config.json that can be read"):
        BleurtSource(str(tmp_path)).check()
    (tmp_path / "two").mkdir()
    make_bleurt(tmp_path / "two", labels=2)
    with pytest.raises(ValueError, match="with one label, the score; it has 2"):
        BleurtSource(str(tmp_path / "two")).check()
    (tmp_path / "two" / "model.safetensors").rename(tmp_path / "two" / "pytorch_model.bin")
    with pytest.raises(ValueError, match="no weights as safetensors"):
        BleurtSource(str(tmp_path / "two")).check()


def test_missing_weights_are_not_random(folder: Path, tmp_path: Path) -> None:
    """An encoder without its head: transformers would make one up."""
    shutil.copytree(folder, tmp_path / "headless")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    model.bert.save_pretrained(tmp_path / "headless")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "headless" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelUnavailableError, match=r"lacks weights: \['classifier"):
        BleurtSource(str(tmp_path / "headless")).load()


def test_a_folder_that_cannot_be_loaded_is_named(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelUnavailableError, match="broken cannot be loaded"):
        BleurtSource(str(tmp_path / "broken")).load()
