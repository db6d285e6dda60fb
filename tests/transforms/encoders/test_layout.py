import json
from pathlib import Path
from typing import Any

import pytest

from transforms.encoders.layout import LayoutError, read_layout

MEAN = {"word_embedding_dimension": 8, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def make_layout(
    folder: Path,
    kinds: tuple[str, ...] = ("Transformer", "Pooling", "Normalize"),
    pooling: Any = MEAN,
    prefix: str = "sentence_transformers.models",
    first: str = "",
) -> Path:
    paths = [first, *(f"{number}_{kind}" for number, kind in enumerate(kinds[1:], start=1))]
    modules = [{"type": f"{prefix}.{kind}", "path": path} for kind, path in zip(kinds, paths, strict=True)]
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(folder / first / "config.json", {})
    for name in ("tokenizer.json", "model.safetensors"):
        (folder / first / name).write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        (MEAN, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"embedding_dimension": 8, "pooling_mode": "mean", "include_prompt": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
    ],
)
def test_pooling_is_read(tmp_path: Path, pooling: dict[str, Any], mode: str) -> None:
    assert read_layout(make_layout(tmp_path, pooling=pooling)).pooling == mode


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_mean_sqrt_len_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        {"pooling_mode": "lasttoken"},
        {},
    ],
)
def test_other_pooling_is_refused(tmp_path: Path, pooling: dict[str, Any]) -> None:
    with pytest.raises(LayoutError, match=r"1_Pooling/config\.json has the pooling .* allowed are 'mean' and 'cls'"):
        read_layout(make_layout(tmp_path, pooling=pooling))


@pytest.mark.parametrize(
    "kinds",
    [
        (),
        ("Pooling",),
        ("Transformer",),
        ("Transformer", "Pooling", "Dense"),
        ("StaticEmbedding", "Dense"),
        ("CLIPModel",),
    ],
)
def test_other_modules_are_refused(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    make_layout(tmp_path)
    write_json(tmp_path / "modules.json", [{"type": kind, "path": ""} for kind in kinds])
    with pytest.raises(LayoutError, match=", ".join(kinds) or "lists nothing"):
        read_layout(tmp_path)


def test_a_transformer_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    layout = read_layout(make_layout(tmp_path, first="0_Transformer", prefix="sentence_transformers.base.modules.new"))
    assert layout.kind == "transformer"
    assert layout.tokenizer == tmp_path / "0_Transformer" / "tokenizer.json"
    assert not layout.lower_case


def test_lower_case_is_read(tmp_path: Path) -> None:
    write_json(make_layout(tmp_path) / "sentence_bert_config.json", {"do_lower_case": True})
    assert read_layout(tmp_path).lower_case


def test_a_table_needs_no_configuration(tmp_path: Path) -> None:
    make_layout(tmp_path, ("StaticEmbedding", "Normalize"))
    (tmp_path / "config.json").unlink()
    assert read_layout(tmp_path).kind == "static"


@pytest.mark.parametrize("name", ["modules.json", "config.json", "tokenizer.json", "1_Pooling/config.json"])
def test_what_is_missing_is_named(tmp_path: Path, name: str) -> None:
    (make_layout(tmp_path) / name).unlink()
    with pytest.raises(LayoutError, match=name.replace(".", r"\.")):
        read_layout(tmp_path)


def test_weights_that_can_hold_code_are_not_read(tmp_path: Path) -> None:
    (make_layout(tmp_path) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(LayoutError, match="no weights in safetensors"):
        read_layout(tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]", '[{"path": ""}]', "5"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    (make_layout(tmp_path) / "modules.json").write_text(content)
    with pytest.raises(LayoutError, match=r"modules\.json"):
        read_layout(tmp_path)


def test_prompts_are_refused_rather_than_left_out(tmp_path: Path) -> None:
    write_json(make_layout(tmp_path) / "config_sentence_transformers.json", {"default_prompt_name": "query"})
    with pytest.raises(LayoutError, match="prompt 'query'"):
        read_layout(tmp_path)
    write_json(tmp_path / "config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None})
    assert read_layout(tmp_path)
    write_json(tmp_path / "1_Pooling" / "config.json", MEAN | {"include_prompt": False})
    with pytest.raises(LayoutError, match="excludes prompts"):
        read_layout(tmp_path)
