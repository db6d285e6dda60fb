"""Examples of naming, and the dataset that `tune` would make of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from schemas import NAMING_EXAMPLES
from transforms.datasets.manifest import Manifest
from transforms.datasets.writing import PartWriter

TOPICS = ("tea pot", "red car", "blue garden", "jazz piano", "chess opening", "alpine climbing")


def example(name: str, titles: Sequence[str], part: str = "test", terms: Sequence[str] = ()) -> dict[str, object]:
    """A row of `naming_examples`; its terms are as heavy as each other."""
    return {
        "example_id": hashlib.sha256("\n".join([name, *titles]).encode()).hexdigest()[:32],
        "source": f"source of {part}",
        "split": part,
        "name": name,
        "titles": list(titles),
        "terms": list(terms),
        "weights": [0.5] * len(terms),
        "continuity": 1.0,
        "relevance": 1.0,
    }


def examples(rows: Sequence[dict[str, object]]) -> pa.RecordBatch:
    """Rows of `naming_examples`, by id."""
    return pa.RecordBatch.from_pylist(sorted(rows, key=lambda row: str(row["example_id"])), NAMING_EXAMPLES.arrow)


def made_examples(count: int = 12) -> list[dict[str, object]]:
    """Examples of the test split, each on a topic and a number, and two for training."""
    described = [(f"All about {TOPICS[number % 6]} {number}", TOPICS[number % 6], number) for number in range(count)]
    held_out = [
        example(name, [f"{topic} {number} and {letter}" for letter in "abcdefghij"], terms=topic.split())
        for name, topic, number in described
    ]
    return [*held_out, *(example(f"Learnt {number}", ["x", "y"], "train") for number in range(2))]


def write_examples(workspace: Path, rows: Sequence[dict[str, object]]) -> Path:
    """Writes the dataset `naming_examples`; gives the workspace."""
    name, part = PartWriter(str(workspace), 1).write(NAMING_EXAMPLES, 0, [examples(rows)])
    manifest = Manifest(name, NAMING_EXAMPLES.fingerprint, (part,), {}, "1", {})
    (workspace / name / "_manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    return workspace
