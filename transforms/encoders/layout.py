"""The folder layout of sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

Pooling: TypeAlias = Literal["mean", "cls"]

_WEIGHTS = {"quantized": "table.npz", "universal": "weights.npz"}
_POOLING_FLAGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class LayoutError(ValueError):
    """A folder does not have the layout of a supported encoder."""


class Layout(NamedTuple):
    """The content of an encoder's folder.

    Attributes:
        kind: a transformer, a table with one vector per token, such a table quantized to int8, or the multilingual
            Universal Sentence Encoder.
        folder: the folder of the tokenizer, the weights and, of a transformer, the configuration.
        pooling: the pooling of the token vectors into one vector.
        lower_case: whether texts are lower-cased before tokenization.
    """

    kind: Literal["transformer", "static", "quantized", "universal"]
    folder: Path
    pooling: Pooling
    lower_case: bool = False

    @property
    def tokenizer(self) -> Path:
        """The file of the tokenizer."""
        return self.folder / ("sp.model" if self.kind == "universal" else "tokenizer.json")

    @property
    def weights(self) -> list[Path]:
        """The files of the weights, sorted by name."""
        return sorted(self.folder.glob(_WEIGHTS.get(self.kind, "model*.safetensors")))

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files that determine the vectors."""
        configuration = [self.folder / "config.json"] if self.kind == "transformer" else []
        return [*configuration, self.tokenizer, *self.weights]


def read_layout(folder: Path) -> Layout:
    """Read `modules.json` and the files that it refers to, but not the weights.

    A module that normalizes is allowed and has no effect: vectors always have unit length.

    Raises:
        LayoutError: with the file, its content and the allowed content.
    """
    kinds, paths = _modules(folder)
    _refuse_prompts(folder)
    rest = [kind for kind in kinds[1:] if kind != "Normalize"]
    if kinds[:1] == ["StaticEmbedding"] and not rest:
        return _complete(Layout("static", paths[0], "mean"))
    if kinds[:1] == ["Transformer"] and rest == ["Pooling"]:
        pooling = _pooling(paths[kinds.index("Pooling")] / "config.json")
        lower_case = bool(_read_or(paths[0] / "sentence_bert_config.json", {}).get("do_lower_case"))
        return _complete(Layout("transformer", paths[0], pooling, lower_case))
    raise LayoutError(
        f"{folder / 'modules.json'} lists {', '.join(kinds) or 'nothing'}; "
        "allowed are Transformer and Pooling, or StaticEmbedding, optionally followed by Normalize"
    )


def _modules(folder: Path) -> tuple[list[str], list[Path]]:
    """Return the class name and the folder of each module."""
    path = folder / "modules.json"
    try:
        modules = [(str(module["type"]).rpartition(".")[2], folder / module["path"]) for module in _read(path)]
    except (KeyError, TypeError) as error:
        raise LayoutError(f"{path} is not a list of modules with a type and a path") from error
    return [kind for kind, _ in modules], [module_folder for _, module_folder in modules]


def _complete(layout: Layout) -> Layout:
    missing = [path.name for path in layout.fingerprinted_files if not path.is_file()]
    if missing:
        raise LayoutError(f"{layout.folder} lacks {', '.join(missing)}")
    if not layout.weights:
        raise LayoutError(f"{layout.folder} has no weights in safetensors, the only supported format")
    return layout


def _pooling(path: Path) -> Pooling:
    config = _read(path)
    if config.get("include_prompt") is False:
        raise LayoutError(f"{path} excludes prompts from the pooling, which is not supported")
    flags = [_POOLING_FLAGS.get(key, key) for key, on in config.items() if key.startswith("pooling_mode_") and on]
    mode = config.get("pooling_mode") or "+".join(flags)
    if mode not in ("mean", "cls"):
        raise LayoutError(f"{path} has the pooling {mode!r}; allowed are 'mean' and 'cls'")
    return "mean" if mode == "mean" else "cls"


def _refuse_prompts(folder: Path) -> None:
    path = folder / "config_sentence_transformers.json"
    prompt = _read_or(path, {}).get("default_prompt_name")
    if prompt is not None:
        raise LayoutError(f"{path} prepends the prompt {prompt!r} to each text, which is not supported")


def _read_or(path: Path, default: Any) -> Any:
    return _read(path) if path.is_file() else default


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise LayoutError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise LayoutError(f"{path} cannot be read: {error}") from error
