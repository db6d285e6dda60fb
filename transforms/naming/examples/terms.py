"""Salient terms of examples, aggregated from the terms of their items like those of journeys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import NAMING_EXAMPLES, SALIENT_TERMS
from transforms.columnar import concatenate, list_array, list_offsets, match_rows, run_offsets, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.naming.examples.quality import SCORED
from transforms.shuffle import CoGroupByBucket

MAX_TERMS = 10
"""Maximum number of terms of a collection: the heaviest."""

MEMBERS = pa.schema([pa.field("example_id", pa.string(), False), pa.field("item_id", pa.string(), False)])
"""The items of each example."""

MEMBER_TERMS = pa.schema(
    [MEMBERS.field("example_id"), *(SALIENT_TERMS.arrow.field(name) for name in ("terms", "saliences"))]
)
"""The salient terms of one item of an example."""


def members_of(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `MEMBERS` for rows of `SCORED`."""
    owners = pc.list_parent_indices(rows["item_ids"])
    return pa.RecordBatch.from_arrays([rows["example_id"].take(owners), rows["item_ids"].flatten()], schema=MEMBERS)


def terms_of_members(members: Iterable[pa.RecordBatch], salient: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `MEMBER_TERMS` for `MEMBERS` of one bucket of items, and `salient_terms`, each item once, of the same."""
    wanted = concatenate(members, MEMBERS)
    existing = concatenate(
        (rows.select(SALIENT_TERMS.arrow.names).cast(SALIENT_TERMS.arrow) for rows in salient), SALIENT_TERMS.arrow
    )
    matched = match_rows(wanted, existing, "item_id")
    columns = [matched.left["example_id"], matched.right["terms"], matched.right["saliences"]]
    return pa.RecordBatch.from_arrays(columns, schema=MEMBER_TERMS)


def with_terms(score: Iterable[pa.RecordBatch], terms: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `naming_examples`, sorted by id: the heaviest terms of each, weights as means over all items.

    Args:
        score: rows of `SCORED` of one bucket of ids.
        terms: all rows of `MEMBER_TERMS` of the same bucket.
    """
    rows = concatenate(score, SCORED)
    rows = rows.take(pc.sort_indices(rows["example_id"]))
    owners, words, sums = _sums(rows["example_id"], concatenate(terms, MEMBER_TERMS))
    sizes = pc.list_value_length(rows["item_ids"]).to_numpy()
    weights = sums / sizes[owners]
    order = np.lexsort((-weights, owners))  # stable, and terms are sorted before
    starts = run_offsets(owners)
    places = np.arange(len(owners)) - np.repeat(starts[:-1], np.diff(starts))
    kept = order[places < MAX_TERMS]
    ends = list_offsets(np.bincount(owners[kept], minlength=rows.num_rows))
    columns = {
        "terms": list_array(ends, words.take(pa.array(kept))),
        "weights": list_array(ends, pa.array(weights[kept])),
    }
    schema = NAMING_EXAMPLES.arrow
    return pa.RecordBatch.from_arrays(
        [columns[name] if name in columns else rows[name] for name in schema.names], schema=schema
    )


class _Sums(NamedTuple):
    """Terms of examples, by the place of the example, then the term; each column of shape (terms,)."""

    owners: npt.NDArray[np.int32]
    terms: pa.StringArray
    saliences: npt.NDArray[np.float64]


def _sums(ids: pa.StringArray, terms: pa.RecordBatch) -> _Sums:
    """The sum of the saliences of each term of each example."""
    places = pc.index_in(terms["example_id"], ids).to_numpy()
    flat = pa.table(
        {
            "owner": pa.array(places[pc.list_parent_indices(terms["terms"]).to_numpy()], pa.int32()),
            "term": terms["terms"].flatten(),
            "salience": terms["saliences"].flatten(),
        }
    )
    # Sorted by salience too, so that sums of floats do not depend on the order in which items came.
    flat = flat.sort_by([(name, "ascending") for name in flat.column_names]).combine_chunks()
    owners = flat["owner"].to_numpy()
    codes = flat["term"].combine_chunks().dictionary_encode().indices.to_numpy()
    starts = run_offsets(owners.astype(np.int64) * (codes.max(initial=0) + 1) + codes)[:-1]
    saliences = flat["salience"].to_numpy().astype(np.float64)
    sums = np.add.reduceat(saliences, starts) if len(starts) else np.zeros(0)
    return _Sums(owners[starts], flat["term"].combine_chunks().take(pa.array(starts)), sums)


@with_output_types(pa.RecordBatch, counts=Count)
class JoinTermsFn(beam.DoFn):
    """All rows of one bucket of ids -> rows of `naming_examples`; beside, how many each part has."""

    def process(self, bucket: tuple[int, Any]) -> Iterator[Any]:
        rows = with_terms(bucket[1]["examples"], bucket[1]["terms"])
        for each in rows["split"].value_counts().to_pylist():
            yield TaggedOutput(COUNTS_TAG, count("examples", each["counts"], each["values"]))
        yield from split_by_size(rows)


@dataclasses.dataclass
class JoinTerms(beam.PTransform):
    """{`examples`: record batches of `SCORED`, `salient`: of `salient_terms`} -> record batches of `naming_examples`.

    Attributes:
        buckets: number of buckets of items and examples; affects memory and parallelism, not the result.

    Returns:
        A tuple of two collections: record batches of `naming_examples`, counts (`examples` by part).
    """

    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        members = given["examples"] | "Members" >> beam.Map(members_of).with_output_types(pa.RecordBatch)
        terms = (
            {"members": members, "salient": given["salient"]}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "Join" >> beam.FlatMap(_terms_of_bucket).with_output_types(pa.RecordBatch)
        )
        examples = (
            {"examples": given["examples"], "terms": terms}
            | "GroupExamples" >> CoGroupByBucket("example_id", self.buckets)
            | "Bring" >> beam.ParDo(JoinTermsFn()).with_outputs(COUNTS_TAG, main="examples")
        )
        return examples.examples, examples[COUNTS_TAG]


def _terms_of_bucket(bucket: tuple[int, Any]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(terms_of_members(bucket[1]["members"], bucket[1]["salient"]))
