"""Removal of leakage: examples with the name, or most titles, of an example in a split of higher priority."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas.splits import SPLITS
from transforms.columnar import concatenate, run_offsets, split_by_size
from transforms.datasets.counts import Count
from transforms.datasets.reading import COUNTS_TAG
from transforms.naming.examples.candidates import counts_of_dropped
from transforms.naming.examples.quality import SCORED
from transforms.naming.text import normalize
from transforms.shuffle import CoGroupByBucket

NAMES = pa.schema([field for field in SCORED if field.name in ("example_id", "split", "normalized_name")])
"""Normalized names of examples."""

TITLES = pa.schema(
    [*(field for field in NAMES if field.name != "normalized_name"), pa.field("title", pa.string(), False)]
)
"""The titles of examples in the same form, each once for an example."""

OVERLAPS = pa.schema([pa.field("example_id", pa.string(), False), pa.field("other", pa.string(), False)])
"""Pairs of an example and one of higher priority with a common title (a row per title), or name (`other` is empty)."""

MAX_EXAMPLES_PER_TITLE = 500
"""Titles of more examples, such as `Introduction`, are ignored."""


def names_to_compare(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Select the columns of `NAMES`."""
    return rows.select(NAMES.names)


def titles_to_compare(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return the normalized titles of rows of `SCORED`, as `TITLES`."""
    found = [
        {"example_id": row["example_id"], "split": row["split"], "title": title}
        for row in rows.select(["example_id", "split", "titles"]).to_pylist()
        for title in normalize_titles(row["titles"])
    ]
    return pa.RecordBatch.from_pylist(found, TITLES)


def normalize_titles(titles: Iterable[str]) -> list[str]:
    """Normalize titles, each once."""
    return list(dict.fromkeys(map(normalize, titles)))


def same_names(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `OVERLAPS` for rows of `NAMES` of one bucket whose name is in a split of higher priority as well."""
    rows = concatenate(batches, NAMES)
    ranks, codes = _ranks(rows), rows["normalized_name"].dictionary_encode().indices.to_numpy()
    highest = np.zeros(max(codes, default=-1) + 1, np.int64)
    np.maximum.at(highest, codes, ranks)
    ids = rows["example_id"].filter(pa.array(ranks < highest[codes]))
    return pa.RecordBatch.from_arrays([ids, pa.array([""] * len(ids), pa.string())], schema=OVERLAPS)


def same_titles(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `OVERLAPS` for `TITLES` of one bucket of `title`: an example of a part with each of the parts above."""
    rows = concatenate(batches, TITLES)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("title", "ascending"), ("example_id", "ascending")]))
    ranks = _ranks(rows)
    ends = run_offsets(rows["title"].dictionary_encode().indices.to_numpy())
    below, above = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        found = ranks[start:end]
        if end - start <= MAX_EXAMPLES_PER_TITLE and found.min() < found.max():
            pairs = np.argwhere(found[:, None] < found[None, :]) + start
            below.append(pairs[:, 0])
            above.append(pairs[:, 1])
    ids = rows["example_id"]
    columns = [ids.take(pa.array(np.concatenate(side))) for side in (below, above)]
    return pa.RecordBatch.from_arrays(columns, schema=OVERLAPS)


def _ranks(rows: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the priority of each row's split."""
    ranks: npt.NDArray[np.int64] = pc.index_in(rows["split"], pa.array(SPLITS, pa.string())).to_numpy().astype(np.int64)
    return ranks


def is_leaking(rows: pa.RecordBatch, shared: Iterable[pa.RecordBatch]) -> list[bool]:
    """For rows of `SCORED` whether each has its name, or more than half of its titles, with one of a part above.

    Args:
        rows: of one bucket of `example_id`.
        shared: all of `OVERLAPS` of the same bucket.
    """
    common: dict[str, Counter[str]] = {}
    for row in concatenate(shared, OVERLAPS).to_pylist():
        common.setdefault(row["example_id"], Counter())[row["other"]] += 1
    found = []
    for row in rows.select(["example_id", "titles"]).to_pylist():
        others = common.get(row["example_id"], Counter())
        largest_overlap = max((number for other, number in others.items() if other), default=0)
        found.append("" in others or 2 * largest_overlap > len(normalize_titles(row["titles"])))
    return found


@with_output_types(pa.RecordBatch, counts=Count)
class RemoveLeakageFn(beam.DoFn):
    """All examples of one bucket of ids and what they share -> those that do not leak; beside, how many do."""

    def process(self, bucket: tuple[int, Any]) -> Iterator[Any]:
        rows = concatenate(bucket[1]["examples"], SCORED)
        leaks = is_leaking(rows, [*bucket[1]["names"], *bucket[1]["titles"]])
        for each in counts_of_dropped(Counter({"leak": sum(leaks)})):
            yield TaggedOutput(COUNTS_TAG, each)
        yield from split_by_size(rows.filter(pc.invert(pa.array(leaks, pa.bool_()))))


@dataclasses.dataclass
class RemoveLeakage(beam.PTransform):
    """Record batches of `SCORED` -> the same, without those that stand in a part above as well.

    What is held out stays, and goes from validation and training; what is for validation goes from training.

    Attributes:
        buckets: how many pieces names, titles and examples are cut into; decides memory and parallelism, not the
            result.

    Returns:
        A tuple of two collections: record batches of `SCORED`, counts (`collections_dropped` with `leak`).
    """

    buckets: int = 16

    def expand(self, examples: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        names = (
            {"names": examples | "Names" >> beam.Map(names_to_compare).with_output_types(pa.RecordBatch)}
            | "GroupNames" >> CoGroupByBucket("normalized_name", self.buckets)
            | "SameNames" >> beam.FlatMap(_same_names_of_bucket).with_output_types(pa.RecordBatch)
        )
        titles = (
            {"titles": examples | "Titles" >> beam.Map(titles_to_compare).with_output_types(pa.RecordBatch)}
            | "GroupTitles" >> CoGroupByBucket("title", self.buckets)
            | "SameTitles" >> beam.FlatMap(_same_titles_of_bucket).with_output_types(pa.RecordBatch)
        )
        separated = (
            {"examples": examples, "names": names, "titles": titles}
            | "GroupExamples" >> CoGroupByBucket("example_id", self.buckets)
            | "LeaveOut" >> beam.ParDo(RemoveLeakageFn()).with_outputs(COUNTS_TAG, main="examples")
        )
        return separated.examples, separated[COUNTS_TAG]


def _same_names_of_bucket(bucket: tuple[int, Any]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(same_names(bucket[1]["names"]))


def _same_titles_of_bucket(bucket: tuple[int, Any]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(same_titles(bucket[1]["titles"]))
