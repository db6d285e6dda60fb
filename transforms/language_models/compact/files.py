"""A taught network as two files of a folder: what it is, and its weights in 16 bits."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

from transforms.language_models.compact.config import NetworkConfig
from transforms.weights import WeightsError, sha256_of

DESCRIPTION = "compact.json"
WEIGHTS = "compact.safetensors"
_LAYOUT = 1
"""Goes up when files that were written before can no longer be read."""


class Description(NamedTuple):
    """All of a network but its weights.

    Attributes:
        shape: of the network.
        known: ids of the pieces that it can choose without copying, the end of a name first.
        forms: how words are written that have capitals within, or accents.
        sha256: of the file of weights.
    """

    shape: NetworkConfig
    known: list[int]
    forms: dict[str, str]
    sha256: str


def is_compact(folder: Path) -> bool:
    """Whether a folder holds such a network."""
    return (folder / DESCRIPTION).is_file()


def deciding_files(folder: Path) -> list[Path]:
    """The files on which answers depend, by name."""
    return [folder / DESCRIPTION, folder / WEIGHTS]


def save(folder: Path, shape: NetworkConfig, known: list[int], forms: dict[str, str], weights: dict[str, Any]) -> None:
    """Writes a network; the folder is made where it is not there.

    Args:
        folder: where to.
        shape: of the network.
        known: as in `Description`.
        forms: as in `Description`.
        weights: tensors by name; they are rounded to 16 bits.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.to(torch.float16).contiguous() for name, tensor in weights.items()}, folder / WEIGHTS)
    described = {
        "layout": _LAYOUT,
        "shape": dataclasses.asdict(shape),
        "sha256": sha256_of(folder / WEIGHTS),
        "known": known,
        "forms": dict(sorted(forms.items())),
    }
    text = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def read_description(folder: Path) -> Description:
    """Reads what a folder's network is; loads no weights, but checks their sum.

    Raises:
        WeightsError: when files are missing, or are not what was written.
    """
    path = folder / DESCRIPTION
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
        shape, known, forms = NetworkConfig(**described["shape"]), described["known"], described["forms"]
        layout, expected = described["layout"], described["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} does not describe a compact network ({type(error).__name__}: {error})") from error
    if layout != _LAYOUT:
        raise WeightsError(f"{path} is of layout {layout}; {_LAYOUT} is what can be read")
    if not (folder / WEIGHTS).is_file():
        raise WeightsError(f"{folder / WEIGHTS} is missing")
    found = sha256_of(folder / WEIGHTS)
    if found != expected:
        raise WeightsError(f"{folder / WEIGHTS} is damaged: SHA-256 {found}, not {expected}")
    return Description(shape, known, forms, expected)


def read_weights(folder: Path) -> dict[str, Any]:
    """The tensors by name, in 32 bits.

    Raises:
        WeightsError: when the file is none of safetensors.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
    except SafetensorError as error:
        raise WeightsError(f"{folder / WEIGHTS} cannot be read: {error}") from error
