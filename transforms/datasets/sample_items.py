"""A sample of the items of a catalogue that fits into the memory of one worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import split_by_size
from transforms.hashing import stable_hash

SAMPLE_ITEMS = 10_000
"""Number of items of a sample, about; all items of a smaller catalogue."""

TEXT_CHARACTERS = 400
SAMPLED_TEXTS = pa.schema(
    [
        pa.field("item_id", pa.string(), False),
        pa.field("title", pa.string(), False),
        pa.field("description", pa.string()),
    ]
)
"""The texts of sampled items, the description truncated to `TEXT_CHARACTERS`."""


def sample_texts(items: pa.RecordBatch, item_count: int, size: int = SAMPLE_ITEMS) -> Iterator[pa.RecordBatch]:
    """Select the texts of about `size` items of a catalogue, by a stable hash of their ids.

    Args:
        items: rows of `items`.
        item_count: number of items of the whole catalogue.
        size: number of items to select.
    """
    salted = pc.binary_join_element_wise(items["item_id"], pa.scalar("texts"), "\x1f")
    position = np.asarray(stable_hash(salted) >> np.uint64(11)) * 2.0**-53
    chosen = items.filter(pa.array(position * max(item_count, 1) < size))
    columns = [
        chosen["item_id"],
        chosen["title"],
        pc.utf8_slice_codeunits(chosen["description"], 0, TEXT_CHARACTERS),
    ]
    if chosen.num_rows:
        yield from split_by_size(pa.RecordBatch.from_arrays(columns, schema=SAMPLED_TEXTS))


@dataclasses.dataclass
class SampleTexts(beam.PTransform):
    """Record batches of `items`, each item once -> record batches of `SAMPLED_TEXTS` of a sample."""

    def expand(self, items: beam.PCollection) -> beam.PCollection:
        total = items | "CountItems" >> beam.Map(_count_rows) | "SumItems" >> beam.CombineGlobally(sum)
        return items | "Sample" >> beam.FlatMap(sample_texts, beam.pvalue.AsSingleton(total)).with_output_types(
            pa.RecordBatch
        )


def _count_rows(rows: pa.RecordBatch) -> int:
    return int(rows.num_rows)
