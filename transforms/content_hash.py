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
    start = hashlib.sha256(fingerprint.encode())
    hashes = []
    for text in texts.to_pylist():
        whole = start.copy()
        whole.update(text.encode())
        hashes.append(whole.hexdigest()[:32])
    return pa.array(hashes, pa.string())
