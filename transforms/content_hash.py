"""The cache key of a model's output for a text."""

from __future__ import annotations

import hashlib

import pyarrow as pa


def content_hashes(texts: pa.StringArray, fingerprint: str) -> pa.StringArray:
    """Compute `content_hash` of each text.

    Args:
        texts: texts without null.
        fingerprint: identifies everything that determines the model's output for a text.
    """
    return pa.array([content_hash(text, fingerprint) for text in texts.to_pylist()], pa.string())


def content_hash(text: str, fingerprint: str) -> str:
    """Compute the SHA-256 of a fingerprint and a text, truncated to 32 hexadecimal digits."""
    return hashlib.sha256(f"{fingerprint}{text}".encode()).hexdigest()[:32]
