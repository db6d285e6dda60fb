"""The key under which what a model made of a text is kept."""

from __future__ import annotations

import hashlib

import pyarrow as pa


def content_hashes(texts: pa.StringArray, fingerprint: str) -> pa.StringArray:
    """32 hexadecimal digits of the SHA-256 of a model's fingerprint and each text.

    Args:
        texts: none is null.
        fingerprint: of all that decides what the model makes of a text.
    """
    return pa.array([content_hash(text, fingerprint) for text in texts.to_pylist()], pa.string())


def content_hash(text: str, fingerprint: str) -> str:
    """The same of one text."""
    return hashlib.sha256(f"{fingerprint}{text}".encode()).hexdigest()[:32]
