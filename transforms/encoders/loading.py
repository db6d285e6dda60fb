"""An encoder's name -> its fingerprint, and the encoder itself."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from transforms.encoders.layout import Layout, read_layout
from transforms.encoders.locate import layout_fingerprint, locate_encoder
from transforms.encoders.spec import Encoder, EncoderSpec
from transforms.encoders.static import DISTILLATION_VERSION, StaticEncoder, distill
from transforms.encoders.transformer import TransformerEncoder
from transforms.model_files import build_once, cache_dir

_LOGGER = logging.getLogger(__name__)


def fingerprint(spec: EncoderSpec) -> str:
    """SHA-256 in hexadecimal over all that decides the vectors, except the device.

    `static` is told by what it is distilled from and how, so that its fingerprint is the same on every machine.

    Raises:
        ModelUnavailableError: when the weights are not to be had.
    """
    parts = [
        layout_fingerprint(locate_encoder(spec)),
        DISTILLATION_VERSION if spec.kind == "static" else "",
        str(spec.max_tokens),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_encoder(spec: EncoderSpec, device: str | None = None) -> Encoder:
    """Loads an encoder; `static` is distilled first, once a machine and user.

    Args:
        spec: which.
        device: as torch names it; None: the GPU where there is one. Nothing to an encoder that is a table.

    Raises:
        ModelUnavailableError: when the weights, or the packages to load them, are not to be had.
    """
    layout = locate_encoder(spec)
    if spec.kind == "static":
        layout = load_or_distill(layout)
    _LOGGER.info("process %d loads the encoder %s", os.getpid(), spec)
    if layout.kind == "static":
        return StaticEncoder(layout, spec.max_tokens)
    return TransformerEncoder(layout, device, spec.max_tokens)


def load_or_distill(source: Layout) -> Layout:
    """The static encoder of a transformer, from the cache or made now."""
    key = hashlib.sha256(f"{layout_fingerprint(source)}\n{DISTILLATION_VERSION}".encode()).hexdigest()[:16]
    folder = cache_dir("encoders") / f"static-{key}"

    def make(hidden: Path) -> None:
        _LOGGER.info("distilling %s into %s", source.folder, folder)
        distill(source, hidden)

    return read_layout(build_once(folder, make))
