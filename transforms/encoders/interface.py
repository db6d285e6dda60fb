"""The interfaces of encoders, without any implementation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from transforms.batching import Vectors

EncoderKind: TypeAlias = Literal["minilm", "static", "use", "folder", "hub"]
"""The origin of an encoder: a named model, the packaged static encoder, a local folder or a model hub."""


class Encoder(Protocol):
    """A loaded encoder: texts to vectors of unit length."""

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""


class EncoderSource(Protocol):
    """A small, picklable description from which workers load an encoder."""

    @property
    def is_packaged(self) -> bool:
        """Whether this is the encoder of this package, which is faster than reading stored vectors."""

    def fingerprint(self) -> str:
        """Return hexadecimal digits that differ when the vectors differ; equal on every machine."""

    def load(self) -> Encoder:
        """Load the encoder on the best device of this machine."""
