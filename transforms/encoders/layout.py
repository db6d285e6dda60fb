"""A folder with an encoder, as sentence-transformers lays it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

Pooling: TypeAlias = Literal["mean", "cls"]

_POOLING_FLAGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class LayoutError(ValueError):
    """A folder is not laid out like an encoder that can be loaded."""


class Layout(NamedTuple):
    """What a folder holds.

    Attributes:
        kind: a transformer, or a table with one vector for each token.
        folder: where tokenizer, weights and, for a transformer, the configuration lie.
        pooling: how the vectors of a text's tokens become one.
        lower_case: whether texts are put in lower case before the tokenizer sees them.
    """

    kind: Literal["transformer", "static"]
    folder: Path
    pooling: Pooling
    lower_case: bool = False

    @property
    def tokenizer(self) -> Path:
        """The tokenizer's file."""
        return self.folder / "tokenizer.json"

    @property
    def weights(self) -> list[Path]:
        """The files with weights, by name."""
        return sorted(self.folder.glob("model*.safetensors"))

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files on which vectors depend."""
        configuration = [self.folder / "config.json"] if self.kind == "transformer" else []
        return [*configuration, self.tokenizer, *self.weights]


def read_layout(folder: Path) -> Layout:
    """Reads `modules.json` and what it points to; loads no weights.

    A module that normalises is allowed and changes nothing: our encoders always give unit length.

    Raises:
        LayoutError: naming the file, what it says and what is allowed.
    """
    kinds, paths = _modules(folder)
    _refuse_prompts(folder)
    rest = [kind for kind in kinds[1:] if kind != "Normalize"]
    if kinds[:1] == ["StaticEmbedding"] and not rest:
        return _whole(Layout("static", paths[0], "mean"))
    if kinds[:1] == ["Transformer"] and rest == ["Pooling"]:
        pooling = _pooling(paths[kinds.index("Pooling")] / "config.json")
        lower_case = bool(_read_or(paths[0] / "sentence_bert_config.json", {}).get("do_lower_case"))
        return _whole(Layout("transformer", paths[0], pooling, lower_case))
    raise LayoutError(
        f"{folder / 'modules.json'} lists {', '.join(kinds) or 'nothing'}; "
        "allowed are Transformer and Pooling, or StaticEmbedding, then perhaps Normalize"
    )


def _modules(folder: Path) -> tuple[list[str], list[Path]]:
    """The name of each module's class, and its folder."""
    path = folder / "modules.json"
    try:
        modules = [(str(module["type"]).rpartition(".")[2], folder / module["path"]) for module in _read(path)]
    except (KeyError, TypeError) as error:
        raise LayoutError(f"{path} is no list of modules with a type and a path") from error
    return [kind for kind, _ in modules], [place for _, place in modules]


def _whole(layout: Layout) -> Layout:
    missing = [path.name for path in layout.fingerprinted_files if not path.is_file()]
    if missing:
        raise LayoutError(f"{layout.folder} lacks {', '.join(missing)}")
    if not layout.weights:
        raise LayoutError(f"{layout.folder} has no weights as safetensors, and no other format is read")
    return layout


def _pooling(path: Path) -> Pooling:
    config = _read(path)
    if config.get("include_prompt") is False:
        raise LayoutError(f"{path} leaves prompts out of the pooling; that is not supported")
    flags = [_POOLING_FLAGS.get(key, key) for key, on in config.items() if key.startswith("pooling_mode_") and on]
    mode = config.get("pooling_mode") or "+".join(flags)
    if mode not in ("mean", "cls"):
        raise LayoutError(f"{path} asks for the pooling {mode!r}; allowed are 'mean' and 'cls'")
    return "mean" if mode == "mean" else "cls"


def _refuse_prompts(folder: Path) -> None:
    path = folder / "config_sentence_transformers.json"
    prompt = _read_or(path, {}).get("default_prompt_name")
    if prompt is not None:
        raise LayoutError(f"{path} puts the prompt {prompt!r} before each text; that is not supported")


def _read_or(path: Path, otherwise: Any) -> Any:
    return _read(path) if path.is_file() else otherwise


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LayoutError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise LayoutError(f"{path} cannot be read: {error}") from error
