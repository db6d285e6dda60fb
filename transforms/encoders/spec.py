"""Specification of an encoder: parsing its name, its fingerprint, and loading it.

Kept import-light, so that errors of options are reported quickly: the libraries of models are imported when an encoder
is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import math
import os
import re
from pathlib import Path

from transforms.encoders.combined import CombinedEncoder
from transforms.encoders.interface import Encoder, EncoderKind
from transforms.encoders.layout import LayoutError, read_layout
from transforms.encoders.locate import layout_fingerprint, locate_encoder
from transforms.encoders.quantized_static import QuantizedStaticEncoder
from transforms.encoders.static import StaticEncoder
from transforms.encoders.transformer import TransformerEncoder
from transforms.encoders.universal import UniversalEncoder
from transforms.model_files import is_hub_id, looks_like_path
from transforms.precision.dtype import EncoderDType

MIN_TOKENS = 3
ALLOWED = (
    "'static' (the packaged encoder, which needs no model), 'minilm' (all-MiniLM-L6-v2, slower and more accurate), "
    "'use' (multilingual Universal Sentence Encoder, without torch), a folder in the layout of sentence-transformers, "
    "a hub id as owner/name, or several of them, joined by '+' and optionally with weights: '0.8*static+use'"
)

_NAMED: tuple[EncoderKind, ...] = ("minilm", "static", "use")
_JOINED_BY = "+"
_WEIGHTED = re.compile(r"(\d+(?:\.\d+)?)\*(.*)")
_LOGGER = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """Specification of an encoder.

    Attributes:
        kind: where the encoder comes from.
        name: the path of a `folder`, or the id on the `hub`; empty for the other kinds.
        max_tokens: texts are truncated to this number of tokens, special tokens included; at least `MIN_TOKENS`.
        dtype: type of weights and activations of a transformer.

    Raises:
        ValueError: when `max_tokens` is too small.
    """

    kind: EncoderKind
    name: str = ""
    max_tokens: int = 64
    dtype: EncoderDType = "float"

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

        The device is excluded: vectors of a GPU differ a little from those of a CPU. So is the type that `auto` is on
        this machine.

        Raises:
            ModelUnavailableError: when the weights cannot be found.
        """
        parts = [layout_fingerprint(locate_encoder(self.kind, self.name)), str(self.max_tokens)]
        if self.dtype != "float":
            parts.append(self.dtype)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def load(self) -> Encoder:
        """Load the encoder on the best device of this machine.

        Raises:
            ModelUnavailableError: when the weights, or packages that loading needs, are missing.
        """
        return load_encoder(self)


@dataclasses.dataclass(frozen=True)
class CombinedSpec:
    """Specification of several encoders whose vectors are concatenated.

    Attributes:
        parts: the encoders.
        weights: the weight of each.

    Raises:
        ValueError: when a weight is not positive.
    """

    parts: tuple[EncoderSpec, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(0 < weight < math.inf for weight in self.weights):
            raise ValueError(f"the weight of an encoder must be above 0, got {', '.join(map(str, self.weights))}")

    def __str__(self) -> str:
        named = zip(self.parts, self.weights, strict=True)
        return "+".join(str(part) if weight == 1 else f"{weight:g}*{part}" for part, weight in named)

    @property
    def is_packaged(self) -> bool:
        """Whether this is the encoder of this package, which is faster than reading stored vectors."""
        return False

    def fingerprint(self) -> str:
        """Compute the SHA-256, in hexadecimal, of everything that determines the vectors.

        Raises:
            ModelUnavailableError: when the weights of a part cannot be found.
        """
        parts = [f"{part.fingerprint()} {weight!r}" for part, weight in zip(self.parts, self.weights, strict=True)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def load(self) -> Encoder:
        """Load the encoders on the best device of this machine.

        Raises:
            ModelUnavailableError: when weights, or packages that loading needs, are missing.
        """
        return CombinedEncoder([part.load() for part in self.parts], self.weights)


def parse_encoder(text: str, max_tokens: int = 64) -> EncoderSpec | CombinedSpec:
    """Parse the name of an encoder, or of several that are concatenated.

    Raises:
        ValueError: with the given name and the allowed ones.
    """
    names = text.split(_JOINED_BY)
    if len(names) == 1 or Path(text).expanduser().is_dir():
        return _parse_one(text, max_tokens)
    weights, parts = [], []
    for name in names:
        found = _WEIGHTED.fullmatch(name)
        weights.append(float(found[1]) if found else 1.0)
        parts.append(_parse_one(found[2] if found else name, max_tokens))
    if len(set(parts)) < len(parts):
        raise ValueError(f"an encoder is named twice in {text!r}")
    return CombinedSpec(tuple(parts), tuple(weights))


def _parse_one(text: str, max_tokens: int) -> EncoderSpec:
    """Parse the name of one encoder.

    Text that looks like a path, or names an existing folder, is a folder, whose layout is checked here. Other text of
    the form `owner/name` is a hub id.

    Raises:
        ValueError: with the given name and the allowed ones.
    """
    for kind in _NAMED:
        if text == kind:
            return EncoderSpec(kind, max_tokens=max_tokens)
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
    if layout.kind == "universal":
        return UniversalEncoder()
    if layout.kind == "quantized":
        return QuantizedStaticEncoder(layout, spec.max_tokens)
    if layout.kind == "static":
        return StaticEncoder(layout, spec.max_tokens)
    return TransformerEncoder(layout, device, spec.max_tokens, dtype=spec.dtype)
