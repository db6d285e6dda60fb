"""Beam stages: items -> `salient_terms` by a statistical scorer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import ApplyGlobally, split_by_bucket
from transforms.datasets.counts import count
from transforms.salience.candidates import candidate_terms
from transforms.salience.config import SalienceConfig, VocabularyConfig
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


@dataclasses.dataclass
class ChooseVocabulary(beam.PTransform):
    """Rows of `CANDIDATES` -> the vocabulary; further columns are ignored.

    Attributes:
        limits: the configuration of the vocabulary.
        buckets: number of groups into which the terms are hashed; the result is the same.

    Returns:
        A tuple of two collections of one element each: rows of `VOCABULARY`, the size of the catalogue.
    """

    limits: VocabularyConfig
    buckets: int = 16

    def expand(self, candidates: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        limits = self.limits
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
            >> beam.MapTuple(lambda _, batches: frequent(sum_statistics(batches), limits)).with_output_types(
                pa.RecordBatch
            )
        )
        return statistics | "Vocabulary" >> ApplyGlobally(vocabulary, (beam.pvalue.AsSingleton(size), limits)), size


@dataclasses.dataclass
class SalientTerms(beam.PTransform):
    """Rows of `items`, each once -> rows of `salient_terms`.

    Attributes:
        config: limits of the vocabulary and of the terms of an item.
        buckets: number of groups into which the terms are hashed; the result is the same.
        scorer: scorer of the candidate terms.

    Returns:
        A tuple of two collections: record batches of `salient_terms`, counts.
    """

    config: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    buckets: int = 16
    scorer: Scorer = statistical_salience

    def expand(self, items: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        candidates = items | "Candidates" >> beam.Map(candidate_terms, self.config.stop_words).with_output_types(
            pa.RecordBatch
        )
        chosen, _ = candidates | "ChooseVocabulary" >> ChooseVocabulary(self.config.vocabulary, self.buckets)
        salient = candidates | "Score" >> beam.Map(
            self.scorer, beam.pvalue.AsSingleton(chosen), self.config.max_terms
        ).with_output_types(pa.RecordBatch)
        without = salient | "CountTerms" >> beam.FlatMap(count_terms)
        sizes = chosen | "CountVocabulary" >> beam.Map(lambda terms: count("terms", terms.num_rows))
        return salient, (without, sizes) | "Counts" >> beam.Flatten()


def count_terms(salient: pa.RecordBatch) -> Iterator[Any]:
    """Count the rows of `salient_terms` without terms."""
    lengths = pc.list_value_length(salient["terms"])
    yield count("items_without_terms", pc.sum(pc.equal(lengths, 0)).as_py() or 0)
