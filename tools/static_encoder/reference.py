"""The vectors of the reference encoder, computed in chunks, so that a stopped run continues where it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from transforms.batching import Vectors
from transforms.encoders.transformer import TransformerEncoder

_TEXTS_PER_CHUNK = 16_384


def reference_vectors(reference: TransformerEncoder, texts: Sequence[str], folder: Path) -> Vectors:
    """Encode texts, shape (texts, dimension), dtype float32; finished chunks in `folder` are not computed again.

    The folder belongs to these texts in this order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(texts), _TEXTS_PER_CHUNK)
    for start in track(starts, description="encoding"):
        path = folder / f"{start:08d}.npy"
        if not path.exists():
            vectors = reference.encode(texts[start : start + _TEXTS_PER_CHUNK]).astype(np.float16)
            unfinished = path.with_suffix(".unfinished")
            with unfinished.open("wb") as file:
                np.save(file, vectors)
            unfinished.rename(path)
    chunks = [np.load(folder / f"{start:08d}.npy") for start in starts]
    return np.concatenate(chunks).astype(np.float32)


def project(vectors: Vectors, dimension: int) -> Vectors:
    """Remove the mean of vectors, and project their directions on the first right singular vectors.

    Args:
        vectors: shape (texts, components).
        dimension: number of components of the result.

    Returns:
        float32, shape (texts, dimension), rows of unit length.
    """
    centred = _unit(vectors - vectors.mean(axis=0))
    _, axes = np.linalg.eigh(centred.T.astype(np.float64) @ centred.astype(np.float64))
    return _unit(centred @ axes[:, ::-1][:, :dimension].astype(np.float32))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit
