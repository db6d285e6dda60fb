import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transforms.language_models.test_folder import make_adapter, make_folder
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.spec import ModelSpec, parse_model_spec


def test_names_of_models() -> None:
    assert parse_model_spec("smollm2") == ModelSpec("smollm2")
    assert parse_model_spec("HuggingFaceTB/SmolLM2-360M-Instruct") == ModelSpec(
        "hub", "HuggingFaceTB/SmolLM2-360M-Instruct"
    )


def test_a_folder_is_known_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "models" / "mine")
    make_adapter(tmp_path / "adapter")
    expected = ModelSpec("folder", str(tmp_path / "models" / "mine"), str(tmp_path / "adapter"))
    monkeypatch.chdir(tmp_path)
    for text in (str(tmp_path / "models" / "mine"), "./models/mine", "models/mine", "models/../models/mine/"):
        assert parse_model_spec(text, "adapter") == expected
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_model_spec("~/models/mine", "~/adapter") == expected


def test_the_description_of_a_model() -> None:
    assert str(ModelSpec("smollm2")) == "smollm2"
    assert str(ModelSpec("hub", "owner/name", "/adapter")) == "owner/name with /adapter"


@pytest.mark.parametrize("text", ["", "SmolLM2", "smollm2 ", "owner/", "owner/name/more", "../../etc", "a b/c", "-x/y"])
def test_other_names_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="no language model") as refused:
        parse_model_spec(text, packaged={"mine": ModelSpec("smollm2", label="mine")})
    for part in (repr(text), "'mine'", "'smollm2'", "a folder", "owner/name"):
        assert part in str(refused.value)


def test_a_folder_that_holds_no_model_is_refused_at_once(tmp_path: Path) -> None:
    for text in (str(tmp_path), "./nowhere"):
        with pytest.raises(ValueError, match=r"config\.json is missing; allowed are"):
            parse_model_spec(text)


def test_an_adapter_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no adapter '.*': .*adapter_config\.json is missing"):
        parse_model_spec("smollm2", str(tmp_path))
    make_adapter(tmp_path, "IA3")
    with pytest.raises(ValueError, match=r"no adapter '.*': .*'IA3'; allowed are LORA, PROMPT_TUNING"):
        parse_model_spec("smollm2", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("max_new_tokens", 0, "at least 1"),
        ("temperature", -0.1, r"in \[0, 10\]"),
        ("temperature", 11.0, r"in \[0, 10\]"),
        ("temperature", float("nan"), r"in \[0, 10\]"),
        ("top_p", 0.0, r"in \(0, 1\]"),
        ("top_p", 1.1, r"in \(0, 1\]"),
        ("seed", -1, "at least 0"),
    ],
)
def test_wrong_decoding_is_refused(name: str, value: float, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be {allowed}, got {value}"):
        DecodingConfig(**{name: value})


def test_a_model_travels_to_workers() -> None:
    spec = ModelSpec("hub", "owner/name", "/adapter")
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert len(pickle.dumps(spec)) < 1000


def test_parsing_imports_nothing_slow() -> None:
    code = (
        "import sys; from transforms.language_models.spec import parse_model_spec; parse_model_spec('smollm2');"
        "print({'apache_beam', 'pyarrow', 'torch', 'transformers', 'tokenizers', 'peft'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_what_loads_models_can_be_imported_where_no_model_library_is_installed() -> None:
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'tokenizers', 'safetensors', 'peft', 'gguf'])\n"
        "sys.modules['huggingface_hub'] = None\n"
        "import transforms.language_models.spec, transforms.language_models.transformers_model"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
