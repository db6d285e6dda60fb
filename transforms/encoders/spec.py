"""Which encoder is meant. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

from transforms.batching import Vectors
from transforms.encoders.layout import LayoutError, read_layout
from transforms.model_files import is_hub_id, looks_like_path

FEWEST_TOKENS = 3
ALLOWED = (
    "'minilm' (all-MiniLM-L6-v2), 'static' (its static distillation, faster and less exact), "
    "a folder in the layout of sentence-transformers, or a hub id as owner/name"
)


class Encoder(Protocol):
    """A loaded encoder."""

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of unit length for each text, shape (texts, dimension), dtype float32."""


class EncoderSource(Protocol):
    """Where workers get an encoder from; small, and travels to them."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ when the vectors differ; the same on every machine."""

    def load(self) -> Encoder:
        """The encoder, on the best device of this machine."""


@dataclasses.dataclass(frozen=True)
class EncoderSpec:
    """An encoder by name.

    Attributes:
        kind: how `name` is to be read.
        name: the path of a folder, or a hub id; empty for the encoders that have a name of their own.
        max_tokens: a text is cut after so many tokens, special ones among them; at least `FEWEST_TOKENS`.

    Raises:
        ValueError: when `max_tokens` is too small.
    """

    kind: Literal["minilm", "static", "folder", "hub"]
    name: str = ""
    max_tokens: int = 64

    def __post_init__(self) -> None:
        if self.max_tokens < FEWEST_TOKENS:
            raise ValueError(f"max_tokens must be at least {FEWEST_TOKENS}, got {self.max_tokens}")

    def __str__(self) -> str:
        return self.name or self.kind

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over weights, tokenizer, configuration and `max_tokens`; needs no torch.

        The device is not part of it: on a GPU the vectors differ a little from those of a CPU.

        Raises:
            ModelUnavailableError: when the weights are not to be had.
        """
        from transforms.encoders.loading import fingerprint

        return fingerprint(self)

    def load(self) -> Encoder:
        """The encoder, on the best device of this machine.

        Raises:
            ModelUnavailableError: when the weights, or the packages to load them, are not to be had.
        """
        from transforms.encoders.loading import load_encoder

        return load_encoder(self)


def parse_encoder(text: str, max_tokens: int = 64) -> EncoderSpec:
    """Reads an encoder's name.

    A folder is what begins like a path or is there; it is looked at here already. `owner/name` that is no folder is a
    hub id.

    Raises:
        ValueError: naming what was given and what is allowed.
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
