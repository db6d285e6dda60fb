import subprocess
import sys
from pathlib import Path

import pytest

from tests.transforms.encoders.test_layout import make_layout
from transforms.encoders.spec import EncoderSpec, parse_encoder


def test_names_of_encoders() -> None:
    assert parse_encoder("minilm") == EncoderSpec("minilm")
    assert parse_encoder("static", max_tokens=32) == EncoderSpec("static", max_tokens=32)
    assert parse_encoder("BAAI/bge-small-en-v1.5") == EncoderSpec("hub", "BAAI/bge-small-en-v1.5")


def test_a_folder_is_known_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_layout(tmp_path / "models" / "mine")
    expected = EncoderSpec("folder", str(tmp_path / "models" / "mine"), 16)
    monkeypatch.chdir(tmp_path)
    for text in (str(tmp_path / "models" / "mine"), "./models/mine", "models/mine", "models/../models/mine/"):
        assert parse_encoder(text, 16) == expected
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_encoder("~/models/mine", 16) == expected


@pytest.mark.parametrize("text", ["", "MiniLM", "minilm ", "owner/", "owner/name/more", "../../etc", "a b/c", "-x/y"])
def test_other_names_are_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="no encoder") as refused:
        parse_encoder(text)
    for part in (repr(text), "'minilm'", "'static'", "sentence-transformers", "owner/name"):
        assert part in str(refused.value)


def test_a_folder_that_holds_no_encoder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"modules\.json is missing; allowed are"):
        parse_encoder(str(tmp_path))
    with pytest.raises(ValueError, match=r"modules\.json is missing; allowed are"):
        parse_encoder("./nowhere")


@pytest.mark.parametrize("max_tokens", [2, 0, -1])
def test_a_text_keeps_at_least_one_token_besides_special_ones(max_tokens: int) -> None:
    with pytest.raises(ValueError, match=f"max_tokens must be at least 3, got {max_tokens}"):
        parse_encoder("minilm", max_tokens)
    assert parse_encoder("minilm", 3).max_tokens == 3


def test_the_data_type_is_part_of_the_fingerprint() -> None:
    specs = [EncoderSpec("static"), EncoderSpec("static", dtype="auto"), EncoderSpec("static", dtype="int8")]
    assert len({each.fingerprint() for each in specs}) == 3
    assert EncoderSpec("static", dtype="float").fingerprint() == specs[0].fingerprint()


def test_parsing_imports_nothing_slow() -> None:
    code = (
        "import sys; from transforms.encoders.spec import parse_encoder; parse_encoder('minilm');"
        "print({'apache_beam', 'pyarrow', 'torch', 'transformers', 'tokenizers'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_the_graph_can_be_built_where_no_model_library_is_installed() -> None:
    code = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'tokenizers', 'safetensors', 'huggingface_hub'])\n"
        "import transforms.encoders.encode, transforms.encoders.spec"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
