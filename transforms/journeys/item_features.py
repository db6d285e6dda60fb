"""Features of the items of a catalogue, from which journeys are formed: salient terms and, optionally, vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from schemas import SALIENT_TERMS
from transforms.columnar import concatenate, without_null_lists
from transforms.encoders.centering import SubtractMean
from transforms.encoders.quantized_vectors import ITEM_VECTORS, VECTOR
from transforms.shuffle import CoGroupByBucket

ITEM_IDS = pa.schema([pa.field("item_id", pa.string(), nullable=False)])
"""Items without features."""

_ITEMS, _TERMS, _VECTORS = "items", "terms", "vectors"


def item_features_schema(*, with_vectors: bool) -> pa.Schema:
    """Return the schema of item features: the columns of `salient_terms` and, with vectors, `vector`."""
    return SALIENT_TERMS.arrow.append(VECTOR) if with_vectors else SALIENT_TERMS.arrow


def build_item_features(
    item_ids: pa.StringArray, salient: pa.RecordBatch, vectors: pa.RecordBatch | None
) -> pa.RecordBatch:
    """Join items with their salient terms and vectors: one row per item; without a match, no terms and a null vector.

    Args:
        item_ids: distinct items.
        salient: rows of `salient_terms`, at most one per item; other items are ignored.
        vectors: rows of `ITEM_VECTORS`, at most one per item; None: the features have no vectors.
    """
    rows = salient.take(pc.index_in(item_ids, salient["item_id"]))
    columns = [item_ids, without_null_lists(rows["terms"]), without_null_lists(rows["saliences"])]
    if vectors is not None:
        columns.append(vectors["vector"].take(pc.index_in(item_ids, vectors["item_id"])))
    return pa.RecordBatch.from_arrays(columns, schema=item_features_schema(with_vectors=vectors is not None))


class _JoinFeatures(beam.DoFn):
    """Items, salient terms and vectors of a bucket -> the features of its items."""

    def __init__(self, *, with_vectors: bool) -> None:
        self.with_vectors = with_vectors

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[pa.RecordBatch]:
        batches = bucket[1]
        items = concatenate((rows.select(ITEM_IDS.names) for rows in batches[_ITEMS]), ITEM_IDS)
        salient = concatenate(
            (rows.select(SALIENT_TERMS.arrow.names).cast(SALIENT_TERMS.arrow) for rows in batches[_TERMS]),
            SALIENT_TERMS.arrow,
        )
        vectors = concatenate(batches[_VECTORS], ITEM_VECTORS) if self.with_vectors else None
        yield build_item_features(items["item_id"], salient, vectors)


@dataclasses.dataclass
class BuildItemFeatures(beam.PTransform):
    """Record batches with the column `item_id`, each item once -> the features of these items.

    Attributes:
        salient: record batches of `salient_terms`, at most one row per item; further columns are ignored.
        vectors: record batches of `ITEM_VECTORS`, at most one row per item; None: features without vectors. The mean of
            all vectors is subtracted.
        buckets: number of groups into which items are hashed; the result is the same.

    Returns:
        Record batches with the schema `item_features_schema`.
    """

    salient: beam.PCollection
    vectors: beam.PCollection | None
    buckets: int = 16

    def expand(self, items: beam.PCollection) -> beam.PCollection:
        given = {_ITEMS: items | "Ids" >> beam.Map(select_ids), _TERMS: self.salient}
        if self.vectors is not None:
            given[_VECTORS] = self.vectors | "Centre" >> SubtractMean()
        describe = beam.ParDo(_JoinFeatures(with_vectors=self.vectors is not None)).with_output_types(pa.RecordBatch)
        return given | "GroupItems" >> CoGroupByBucket("item_id", self.buckets) | "Describe" >> describe


def select_ids(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Select the column `item_id`, as rows of `ITEM_IDS`."""
    return rows.select(ITEM_IDS.names).cast(ITEM_IDS)
