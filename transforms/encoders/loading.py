"""An encoder's name -> its fingerprint, and the encoder itself."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from transforms.encoders.layout import Layout, read_layout
from transforms.encoders.spec import Encoder, EncoderSpec
from transforms.encoders.static import RECIPE, StaticEncoder, distil
from transforms.encoders.transformer import TransformerEncoder
from transforms.encoders.weights import find_layout, sum_of
from transforms.weights import cache_folder, made_once

_LOGGER = logging.getLogger(__name__)


def fingerprint(spec: EncoderSpec) -> str:
    """SHA-256 in hexadecimal over all that decides the vectors, except the device.

    `static` is told by what it is distilled from and how, so that its fingerprint is the same on every machine.

    Raises:
        WeightsError: when the weights are not to be had.
    """
    parts = [sum_of(find_layout(spec)), RECIPE if spec.kind == "static" else "", str(spec.max_tokens)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load_encoder(spec: EncoderSpec, device: str | None = None) -> Encoder:
    """Loads an encoder; `static` is distilled first, once a machine and user.

    Args:
        spec: which.
        device: as torch names it; None: the GPU where there is one. Nothing to an encoder that is a table.

    Raises:
        WeightsError: when the weights, or the packages to load them, are not to be had.
    """
    layout = find_layout(spec)
    if spec.kind == "static":
        layout = distilled(layout)
    _LOGGER.info("process %d loads the encoder %s", os.getpid(), spec)
    if layout.kind == "static":
        return StaticEncoder(layout, spec.max_tokens)
    return TransformerEncoder(layout, device, spec.max_tokens)


def distilled(source: Layout) -> Layout:
    """The static encoder of a transformer, from the cache or made now."""
    key = hashlib.sha256(f"{sum_of(source)}\n{RECIPE}".encode()).hexdigest()[:16]
    folder = cache_folder("encoders") / f"static-{key}"

    def make(hidden: Path) -> None:
        _LOGGER.info("distilling %s into %s", source.folder, folder)
        distil(source, hidden)

    return read_layout(made_once(folder, make))
