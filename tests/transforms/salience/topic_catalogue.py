"""A catalogue about a few topics, with an encoder that knows what the topics are."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from schemas import ITEMS

TOPICS: dict[str, list[str]] = {
    "garden": ["rose", "tulip", "soil", "hedge", "compost", "lawn"],
    "kitchen": ["oven", "bread", "pastry", "dough", "knife", "soup"],
    "sailing": ["mast", "rudder", "harbour", "anchor", "tide", "rope"],
    "physics": ["quark", "photon", "laser", "magnet", "orbit", "neutron"],
    "opera": ["aria", "tenor", "chorus", "overture", "libretto", "stage"],
    "chess": ["rook", "bishop", "gambit", "endgame", "pawn", "castling"],
}
NOISE = ["today", "notes", "simple", "great", "introduction", "collection", "thoughts", "weekly"]
DIMENSION = 32


def topic_of(text: str) -> str | None:
    """The topic of which a text has most words."""
    counts = {topic: sum(word in text for word in (topic, *words)) for topic, words in TOPICS.items()}
    best = max(counts, key=lambda topic: (counts[topic], topic))
    return best if counts[best] else None


def vector_of(text: str) -> np.ndarray:
    """A vector near to that of the text's topic."""
    seeds = (topic_of(text) or "none", text)
    parts = [
        np.random.default_rng(list(hashlib.sha256(seed.encode()).digest()[:8])).standard_normal(DIMENSION)
        for seed in seeds
    ]
    vector = parts[0] + 0.6 * parts[1]
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class TopicSource:
    """An encoder that sees which topic a text is on."""

    dimension: int = DIMENSION
    kind: str = "topics"

    def __str__(self) -> str:
        return "topics"

    def fingerprint(self) -> str:
        return "topics"

    def load(self) -> "TopicSource":
        return self

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([vector_of(text) for text in texts])


def rows_of_items(count: int, tagged: float = 1.0, seed: int = 0, named: float = 0.0) -> list[dict[str, Any]]:
    """Items whose titles have two words of a topic and one of no topic; their tag is the topic's name.

    Some of the titles contain that name, too.
    """
    random = np.random.default_rng(seed)
    names = list(TOPICS)
    rows = []
    for number in range(count):
        topic = names[number % len(names)]
        said = [*random.choice(TOPICS[topic], 2, replace=False), *random.choice(NOISE, 1)]
        said += [topic] * (number % 100 < 100 * named)
        tags = [topic] if random.random() < tagged else None
        rows.append({"item_id": f"i{number:04}", "title": ", ".join(random.permutation(said)), "tags": tags})
    return rows


def items(count: int, tagged: float = 1.0, seed: int = 0) -> pa.RecordBatch:
    """The same as rows of `items`."""
    return pa.RecordBatch.from_pylist(rows_of_items(count, tagged, seed), ITEMS.arrow)


def vectors(rows: pa.RecordBatch) -> np.ndarray:
    """The vectors of their titles."""
    return np.stack([vector_of(title) for title in rows["title"].to_pylist()])
