"""Beam stages: items -> items without boilerplate in their titles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.boilerplate.finding import find_boilerplate
from transforms.boilerplate.removal import remove_from_items
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.shuffle import ApplyGlobally

BOILERPLATE = pa.schema([pa.field("pattern", pa.string(), nullable=False)])
"""Patterns of boilerplate, sorted."""


def boilerplate_of(sample: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Find the boilerplate of sampled titles: rows of `BOILERPLATE`.

    Args:
        sample: rows with `title`.
    """
    titles = [title for rows in sample for title in rows["title"].to_pylist() if title]
    return pa.RecordBatch.from_arrays([pa.array(find_boilerplate(titles), pa.string())], schema=BOILERPLATE)


@with_output_types(pa.RecordBatch, counts=Count)
class RemoveFromTitles(beam.DoFn):
    """Rows of `items`, and rows of `BOILERPLATE` as a side input -> rows of `items`."""

    def process(self, items: pa.RecordBatch, boilerplate: pa.RecordBatch) -> Iterator[Any]:
        removed = remove_from_items(items, boilerplate["pattern"].to_pylist())
        yield TaggedOutput(COUNTS_TAG, count("titles_with_boilerplate", removed.titles))
        yield removed.items


@dataclasses.dataclass
class RemoveBoilerplate(beam.PTransform):
    """Remove boilerplate from the titles of record batches of `items`.

    Attributes:
        sample: record batches of `SAMPLED_TEXTS` of the same catalogue.

    Returns:
        A tuple of two collections: record batches of `items`, counts.
    """

    sample: beam.PCollection

    def expand(self, items: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        found = self.sample | "FindBoilerplate" >> ApplyGlobally(boilerplate_of)
        removed = items | "Remove" >> beam.ParDo(RemoveFromTitles(), beam.pvalue.AsSingleton(found)).with_outputs(
            COUNTS_TAG, main="items"
        )
        sizes = found | "CountBoilerplate" >> beam.Map(lambda rows: count("boilerplate_phrases", rows.num_rows))
        return removed.items, (removed[COUNTS_TAG], sizes) | "Counts" >> beam.Flatten()
