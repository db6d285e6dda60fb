"""Samples of ids that depend on neither the order nor the number of the files that they are read from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.hashing import stable_hash


def seeded_hash(texts: pa.StringArray, seed: int) -> npt.NDArray[np.uint64]:
    """Compute a hash of each text that depends on a seed, shape (texts,), dtype uint64."""
    return stable_hash(pc.binary_join_element_wise(texts, pa.scalar(str(seed)), "\x1f"))


class HashSample:
    """The texts with the smallest seeded hashes among those that were added, each once.

    Args:
        size: number of texts to keep.
        seed: seed of the hash.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._kept: dict[str, int] = {}

    def add(self, texts: pa.StringArray) -> None:
        """Add texts without null."""
        distinct = pc.unique(texts)
        hashes = seeded_hash(distinct, self._seed)
        order = np.argsort(hashes, kind="stable")[: self._size]
        for position in order.tolist():
            self._kept[distinct[position].as_py()] = int(hashes[position])
        if len(self._kept) > self._size:
            self._kept = {text: self._kept[text] for text in self.texts()}

    def texts(self) -> list[str]:
        """Return the sample, by ascending hash."""
        return sorted(self._kept, key=lambda text: (self._kept[text], text))[: self._size]
