"""The catalogue -> `salient_terms`, on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.columnar import ApplyToAll, SplitByBucket, concatenate, split_by_bucket
from transforms.datasets.coercion import FILE, ROW, error_rows, located_schema
from transforms.datasets.metrics import count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.salience.candidates import candidate_terms
from transforms.salience.config import SalienceConfig
from transforms.salience.scoring import Scorer, statistical_salience
from transforms.salience.vocabulary import (
    CatalogueSize,
    catalogue_size,
    frequent,
    sum_sizes,
    sum_statistics,
    term_statistics,
    vocabulary,
)


class UniqueItems(NamedTuple):
    """Items once each, and rows of `errors` for those that came again."""

    items: pa.RecordBatch
    errors: pa.RecordBatch


def unique_items(located: pa.RecordBatch) -> UniqueItems:
    """Of several rows with one `item_id` the first by title, description, tags, creator and queries is kept.

    Args:
        located: rows of `items` with `file` and `row`; all rows of an item are among them.
    """
    names = [column.name for column in ITEMS.columns]
    order = pc.sort_indices(located["item_id"])
    if pc.count_distinct(located["item_id"]).as_py() < located.num_rows:
        keys = {name: _sortable(located[name]) for name in [*names, FILE.name, ROW.name]}
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    rows = located.take(order)
    ids = rows["item_id"].dictionary_encode().indices.to_numpy()
    again = np.concatenate([[False], ids[1:] == ids[:-1]]) if rows.num_rows else np.zeros(0, bool)
    repeated = rows.filter(pa.array(again))
    return UniqueItems(
        rows.filter(pa.array(~again)).select(names),
        error_rows(ITEMS.name, repeated[FILE.name], repeated[ROW.name], "duplicate_item", repeated.select(names)),
    )


def _sortable(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


class _UniqueItems(beam.DoFn):
    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        items, errors = unique_items(concatenate(bucket[1], located_schema(ITEMS)))
        yield beam.pvalue.TaggedOutput(COUNTS_TAG, count("items", items.num_rows))
        if errors.num_rows:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, errors)
        yield items


@dataclasses.dataclass
class SalientTerms(beam.PTransform):
    """Rows of `items` with their place -> rows of `salient_terms`.

    Attributes:
        config: limits.
        buckets: how many pieces the catalogue is cut into; decides memory and parallelism, not the result.
        scorer: how candidates are scored.

    Returns:
        A tuple of three collections: record batches of `salient_terms`, record batches of `errors`, counts.
    """

    config: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    buckets: int = 16
    scorer: Scorer = statistical_salience

    def expand(self, located: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        unique = (
            located
            | "ByItem"
            >> beam.ParDo(SplitByBucket("item_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupItems" >> beam.GroupByKey()
            | "UniqueItems" >> beam.ParDo(_UniqueItems()).with_outputs(ERRORS_TAG, COUNTS_TAG, main="items")
        )
        candidates = unique.items | "Candidates" >> beam.Map(candidate_terms, self.config.stop_words).with_output_types(
            pa.RecordBatch
        )
        chosen = self._vocabulary(candidates)
        salient = candidates | "Score" >> beam.Map(
            self.scorer, beam.pvalue.AsSingleton(chosen), self.config.max_terms
        ).with_output_types(pa.RecordBatch)
        described = salient | "CountTerms" >> beam.FlatMap(_count_terms)
        sizes = chosen | "CountVocabulary" >> beam.Map(lambda terms: count("terms", terms.num_rows))
        counts = (unique[COUNTS_TAG], described, sizes) | "Counts" >> beam.Flatten()
        return salient, unique[ERRORS_TAG], counts

    def _vocabulary(self, candidates: beam.PCollection) -> beam.PCollection:
        limits = self.config.vocabulary
        size = (
            candidates
            | "Size" >> beam.Map(catalogue_size).with_output_types(CatalogueSize)
            | "SumSizes" >> beam.CombineGlobally(sum_sizes)
        )
        statistics = (
            candidates
            | "Statistics" >> beam.Map(term_statistics)
            | "ByTerm"
            >> beam.FlatMap(split_by_bucket, "term", self.buckets).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupTerms" >> beam.GroupByKey()
            | "Frequent"
            >> beam.MapTuple(lambda _, pieces: frequent(sum_statistics(pieces), limits)).with_output_types(
                pa.RecordBatch
            )
        )
        return statistics | "Vocabulary" >> ApplyToAll(vocabulary, (beam.pvalue.AsSingleton(size), limits))


def _count_terms(salient: pa.RecordBatch) -> Iterator[Any]:
    lengths = pc.list_value_length(salient["terms"])
    yield count("items_without_terms", pc.sum(pc.equal(lengths, 0)).as_py() or 0)
