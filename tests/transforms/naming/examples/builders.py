"""Collections and examples made by hand."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas import COLLECTIONS
from transforms.naming.examples.candidates import Item, distinct_items
from transforms.naming.examples.quality import SCORED
from transforms.naming.text import normalize

JAZZ = ("Bebop lines for guitar", "Coltrane changes explained", "Swing feel drills for drummers")

TOPICS = {
    "Alpine climbing": (
        "alpine ridge climbing",
        "climbing alpine ice",
        "alpine climbing ropes",
        "alpine climbing maps",
    ),
    "Sourdough baking": (
        "sourdough starter baking",
        "baking sourdough rye",
        "sourdough baking loaf",
        "sourdough crust",
    ),
    "Orchid growing": ("orchid roots growing", "growing orchid bark", "orchid growing lamps", "orchid growing mist"),
    "Chess openings": ("chess openings black", "queen chess openings", "chess openings traps", "rook chess openings"),
}


def items(titles: Sequence[str] = JAZZ) -> list[Item]:
    """Items without descriptions."""
    return distinct_items(titles, [""] * len(titles))


def collections(rows: Sequence[tuple[str, str, Sequence[str]]]) -> pa.RecordBatch:
    """Rows of `collections`: (source, name, titles)."""
    found = [
        {"source": source, "name": name, "item_titles": list(titles), "item_descriptions": None}
        for source, name, titles in rows
    ]
    return pa.RecordBatch.from_pylist(found, COLLECTIONS.arrow)


def score(example_id: str, **existing: Any) -> dict[str, Any]:
    """A row of `SCORED`."""
    row = {
        "example_id": example_id.rjust(32, "0"),
        "source": "s",
        "split": "train",
        "name": "Tea",
        "titles": ["a", "b", "c"],
        "continuity": 0.5,
        "relevance": 0.5,
    } | existing
    row.setdefault("normalized_name", normalize(row["name"]))
    row.setdefault("item_ids", [f"i{title}" for title in row["titles"]])
    return row


def scored_batch(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), SCORED)


def chunks(rows: pa.RecordBatch, count: int) -> list[pa.RecordBatch]:
    """Rows cut into `count` batches, the last first."""
    step = max(-(-rows.num_rows // count), 1)
    return [rows.slice(start, step) for start in range(0, rows.num_rows, step)][::-1]
