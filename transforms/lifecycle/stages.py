"""Beam stages: journeys and the salient terms of items -> the life of journeys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import JOURNEYS, SALIENT_TERMS
from transforms.columnar import concatenate, list_offsets, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.hashing import bucket_ids
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.lifecycle.confidence import ConfidenceModel
from transforms.lifecycle.config import LifecycleConfig
from transforms.lifecycle.rhythm import LogGaps, log_gaps, sum_gaps
from transforms.lifecycle.rows import JOURNEY_COLUMNS, lifecycle_rows
from transforms.shuffle import CoGroupByBucket, KeyByBucket

REQUESTS = pa.schema([pa.field("item_id", pa.string(), nullable=False), pa.field("bucket", pa.int64(), nullable=False)])
"""An item whose terms a bucket of users needs."""

_JOURNEYS = pa.schema([JOURNEYS.arrow.field(name) for name in JOURNEY_COLUMNS])

Keyed = tuple[int, pa.RecordBatch]


def gaps_of_rows(journeys: pa.RecordBatch) -> LogGaps:
    """Sum the gaps of rows of `journeys`."""
    offsets = list_offsets(pc.list_value_length(journeys["timestamps"]).to_numpy())
    return log_gaps(offsets, journeys["timestamps"].flatten().cast(pa.int64()).to_numpy())


def requests_of(journeys: pa.RecordBatch, buckets: int) -> pa.RecordBatch:
    """Return rows of `REQUESTS` for the items of rows of `journeys`, each once.

    Args:
        journeys: rows of `journeys`.
        buckets: number of buckets of users.
    """
    items = journeys["item_ids"].flatten().dictionary_encode()
    owners = pc.list_parent_indices(journeys["item_ids"]).to_numpy()
    of_rows = bucket_ids(journeys["user_id"], buckets).astype(np.int64)
    keys = np.unique(items.indices.to_numpy().astype(np.int64) * buckets + of_rows[owners])
    return pa.RecordBatch.from_arrays(
        [items.dictionary.take(pa.array(keys // buckets)), pa.array(keys % buckets)], schema=REQUESTS
    )


def join_terms(requests: Iterable[pa.RecordBatch], salient: Iterable[pa.RecordBatch]) -> Iterator[Keyed]:
    """Join requests and salient terms of one bucket of items: yield the terms that each bucket of users needs.

    Args:
        requests: rows of `REQUESTS`; a request may occur several times.
        salient: rows of `salient_terms`, perhaps with further columns, each item once.
    """
    wanted = concatenate(requests, REQUESTS)
    names = SALIENT_TERMS.arrow.names
    terms = concatenate((each.select(names).cast(SALIENT_TERMS.arrow) for each in salient), SALIENT_TERMS.arrow)
    places = pc.index_in(wanted["item_id"], terms["item_id"])
    has = places.is_valid().to_numpy(zero_copy_only=False)
    count = max(terms.num_rows, 1)
    buckets = wanted["bucket"].to_numpy()[has]
    keys = np.unique(buckets * count + places.drop_null().to_numpy())
    for bucket in np.unique(keys // count).tolist():
        own = keys[keys // count == bucket] % count
        for rows in split_by_size(terms.take(pa.array(own))):
            yield bucket, rows


@with_output_types(pa.RecordBatch, counts=Count)
class DescribeBucket(beam.DoFn):
    """Journeys of a bucket of users, and the terms of their items -> rows of `lifecycles`; counts as a side output."""

    def __init__(self, model: ConfidenceModel | None, config: LifecycleConfig) -> None:
        self.model = model
        self.config = config

    def process(self, group: tuple[int, Iterable[pa.RecordBatch]], gaps: LogGaps) -> Iterator[Any]:
        journeys: list[pa.RecordBatch] = []
        terms: list[pa.RecordBatch] = []
        for rows in group[1]:
            (terms if rows.schema.names == SALIENT_TERMS.arrow.names else journeys).append(rows)
        catalogue = unpack_catalogue(pack_catalogue(terms))
        found = lifecycle_rows(concatenate(journeys, _JOURNEYS), catalogue, gaps, self.model, self.config)
        for name in ("stage", "recurrence"):
            for each in pc.value_counts(found[name]).to_pylist():
                yield TaggedOutput(COUNTS_TAG, count(f"journeys_by_{name}", each["counts"], each["values"]))
        yield TaggedOutput(COUNTS_TAG, count("journeys", found.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("users", pc.count_distinct(found["user_id"]).as_py()))
        yield from split_by_size(found)


class Described(NamedTuple):
    """The results of `DescribeLifecycles`, each a collection.

    Attributes:
        rows: record batches of `lifecycles`.
        counts: counts.
    """

    rows: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class DescribeLifecycles(beam.PTransform):
    """Record batches of `journeys`, perhaps with further columns -> the life of each.

    Attributes:
        salient: record batches of `salient_terms`, perhaps with further columns, each item once.
        model: the model of the confidence; None: no confidence is estimated.
        config: the configuration.
        buckets: number of groups into which users, and items, are hashed; the result is the same.
    """

    salient: beam.PCollection
    model: ConfidenceModel | None
    config: LifecycleConfig
    buckets: int

    def expand(self, journeys: beam.PCollection) -> Described:
        kept = journeys | "SelectColumns" >> beam.Map(_select).with_output_types(pa.RecordBatch)
        gaps = (
            kept
            | "GapsOfRows" >> beam.Map(gaps_of_rows).with_output_types(LogGaps)
            | "SumGaps" >> beam.CombineGlobally(sum_gaps)
        )
        requests = kept | "Requests" >> beam.Map(requests_of, self.buckets).with_output_types(pa.RecordBatch)
        terms = (
            {"requests": requests, "salient": self.salient}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "JoinTerms"
            >> beam.FlatMapTuple(
                lambda _, batches: join_terms(batches["requests"], batches["salient"])
            ).with_output_types(Keyed)
        )
        by_user = beam.ParDo(KeyByBucket("user_id", self.buckets)).with_output_types(Keyed)
        found = (
            (kept | "ByUser" >> by_user, terms)
            | "JourneysAndTerms" >> beam.Flatten()
            | "GroupUsers" >> beam.GroupByKey()
            | "Describe"
            >> beam.ParDo(DescribeBucket(self.model, self.config), AsSingleton(gaps)).with_outputs(
                COUNTS_TAG, main="rows"
            )
        )
        return Described(found.rows, found[COUNTS_TAG])


def _select(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.select(list(JOURNEY_COLUMNS)).cast(_JOURNEYS)
