"""An encoder that needs no model, and records its calls."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DIMENSION = 4


def toy_vector(text: str) -> np.ndarray:
    vector = np.frombuffer(hashlib.sha256(text.encode()).digest()[:DIMENSION], np.uint8).astype(np.float32) + 1
    return vector / np.linalg.norm(vector)


@dataclasses.dataclass(frozen=True)
class ToyEncoder:
    log: Path
    dimension: int = DIMENSION

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{len(texts)}\n")
        return np.stack([toy_vector(text) for text in texts])


@dataclasses.dataclass(frozen=True)
class ToySource:
    folder: Path
    is_packaged: bool = False

    def fingerprint(self) -> str:
        return "toy"

    def load(self) -> ToyEncoder:
        with (self.folder / "loads").open("a") as file:
            file.write("load\n")
        return ToyEncoder(self.folder / "calls")

    def loads(self) -> int:
        path = self.folder / "loads"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def calls(self) -> list[int]:
        """Number of texts of each call."""
        path = self.folder / "calls"
        return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def word_vector(text: str) -> np.ndarray:
    """The sum of a direction for each word, and of one that all texts share; of length 1."""
    seeds = [np.frombuffer(hashlib.sha256(word.encode()).digest(), np.uint8) for word in ("", *text.split())]
    vector = np.sum([np.random.default_rng(seed).normal(size=256) for seed in seeds], axis=0)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


class WordEncoder(ToyEncoder):
    """As the toy, with similar vectors for texts with common words."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        super().encode(texts)
        return np.stack([word_vector(text) for text in texts])


class WordSource(ToySource):
    def load(self) -> WordEncoder:
        return WordEncoder(super().load().log, dimension=256)
