"""Specification of an encoder: parsing its name, its fingerprint, and loading it.

Kept import-light, so that errors of options are reported quickly: the libraries of models are imported when an encoder
is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
from pathlib import Path

from transforms.encoders.interface import Encoder, EncoderKind
from transforms.encoders.layout import LayoutError, read_layout
from transforms.encoders.locate import layout_fingerprint, locate_encoder
from transforms.encoders.quantized_static import QuantizedStaticEncoder
from transforms.encoders.static import StaticEncoder
from transforms.encoders.transformer import TransformerEncoder
from transforms.model_files import is_hub_id, looks_like_path

MIN_TOKENS = 3
ALLOWED = (
    "'static' (the packaged encoder, which needs no model), 'minilm' (all-MiniLM-L6-v2, slower and more accurate), "
    "a folder in the layout of sentence-transformers, or a hub id as owner/name"
)

_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """Specification of an encoder.

    Attributes:
        kind: where the encoder comes from.
        name: the path of a `folder`, or the id on the `hub`; empty for the other kinds.
        max_tokens: texts are truncated to this number of tokens, special tokens included; at least `MIN_TOKENS`.

    Raises:
        ValueError: when `max_tokens` is too small.
    """

    kind: EncoderKind
    name: str = ""
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if self.max_tokens < MIN_TOKENS:
            raise ValueError(f"max_tokens must be at least {MIN_TOKENS}, got {self.max_tokens}")

    def __str__(self) -> str:
        return self.name or self.kind

    @property
    def is_packaged(self) -> bool:
        """Whether this is the encoder of this package, which is faster than reading stored vectors."""
        return self.kind == "static"

    def fingerprint(self) -> str:
        """Compute the SHA-256, in hexadecimal, of everything that determines the vectors; needs no torch.

        The device is excluded: vectors of a GPU differ a little from those of a CPU.

        Raises:
            ModelUnavailableError: when the weights cannot be found.
        """
        parts = [layout_fingerprint(locate_encoder(self.kind, self.name)), str(self.max_tokens)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def load(self) -> Encoder:
        """Load the encoder on the best device of this machine.

        Raises:
            ModelUnavailableError: when the weights, or packages that loading needs, are missing.
        """
        return load_encoder(self)


def parse_encoder(text: str, max_tokens: int = 64) -> EncoderSpec:
    """Parse the name of an encoder.

    Text that looks like a path, or names an existing folder, is a folder, whose layout is checked here. Other text of
    the form `owner/name` is a hub id.

    Raises:
        ValueError: with the given name and the allowed ones.
    """
    if text == "minilm":
        return EncoderSpec("minilm", max_tokens=max_tokens)
    if text == "static":
        return EncoderSpec("static", max_tokens=max_tokens)
    if looks_like_path(text):
        return EncoderSpec("folder", str(_checked_folder(text)), max_tokens)
    if is_hub_id(text):
        return EncoderSpec("hub", text, max_tokens)
    raise ValueError(f"no encoder {text!r}; allowed are {ALLOWED}")


def _checked_folder(text: str) -> Path:
    folder = Path(text).expanduser().resolve()
    try:
        read_layout(folder)
    except LayoutError as error:
        raise ValueError(f"no encoder {text!r}: {error}; allowed are {ALLOWED}") from error
    return folder


def load_encoder(spec: EncoderSpec, device: str | None = None) -> Encoder:
    """Load an encoder.

    Args:
        spec: the encoder.
        device: a device of torch, which static encoders ignore. Default: the GPU if there is one, else the CPU.

    Raises:
        ModelUnavailableError: when the weights, or packages that loading needs, are missing.
    """
    layout = locate_encoder(spec.kind, spec.name)
    _LOGGER.info("process %d loads the encoder %s", os.getpid(), spec)
    if layout.kind == "quantized":
        return QuantizedStaticEncoder(layout, spec.max_tokens)
    if layout.kind == "static":
        return StaticEncoder(layout, spec.max_tokens)
    return TransformerEncoder(layout, device, spec.max_tokens)
