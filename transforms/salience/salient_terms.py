"""Beam stages: items -> `salient_terms` by a statistical scorer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import ApplyGlobally, CoGroupByBucket
from transforms.datasets.counts import count
from transforms.salience.candidates import catalogue_terms
from transforms.salience.config import SalienceConfig, VocabularyConfig
from transforms.salience.scoring import Scorer, statistical_salience
from transforms.salience.vocabulary import CatalogueSize, catalogue_size, frequent_terms, sum_sizes, vocabulary

COUNTED = ("sizes", "statistics", "spellings")
"""The side outputs of `CountTerms`, in the order in which `ChooseVocabulary` takes them."""


@with_output_types(pa.RecordBatch, sizes=CatalogueSize, statistics=pa.RecordBatch, spellings=pa.RecordBatch)
class CountTerms(beam.DoFn):
    """Rows of `items` -> rows of `CANDIDATES`; as side outputs, what `ChooseVocabulary` reads.

    Attributes:
        stop_words: words to ignore.
    """

    def __init__(self, stop_words: frozenset[str]) -> None:
        self.stop_words = stop_words

    def process(self, items: pa.RecordBatch) -> Iterator[Any]:
        found = catalogue_terms(items, self.stop_words)
        yield TaggedOutput("sizes", catalogue_size(found.candidates))
        yield TaggedOutput("statistics", found.statistics)
        yield TaggedOutput("spellings", found.spellings)
        yield found.candidates


@dataclasses.dataclass
class ChooseVocabulary(beam.PTransform):
    """The side outputs of `CountTerms`, `COUNTED` -> the vocabulary.

    Attributes:
        limits: the configuration of the vocabulary.
        buckets: number of groups into which the terms are hashed; the result is the same.

    Returns:
        A tuple of two collections of one element each: rows of `VOCABULARY`, the size of the catalogue.
    """

    limits: VocabularyConfig
    buckets: int = 16

    def expand(self, counted: Sequence[beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        limits = self.limits
        sizes, statistics, spellings = counted
        size = sizes | "SumSizes" >> beam.CombineGlobally(sum_sizes)
        frequent = (
            {"statistics": statistics, "spellings": spellings}
            | "GroupTerms" >> CoGroupByBucket("term", self.buckets)
            | "Frequent"
            >> beam.MapTuple(
                lambda _, batches: frequent_terms(batches["statistics"], batches["spellings"], limits)
            ).with_output_types(pa.RecordBatch)
        )
        return frequent | "Vocabulary" >> ApplyGlobally(vocabulary, (beam.pvalue.AsSingleton(size), limits)), size


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
        counted = items | "Candidates" >> beam.ParDo(CountTerms(self.config.stop_words)).with_outputs(
            *COUNTED, main="candidates"
        )
        chosen, _ = tuple(counted[tag] for tag in COUNTED) | "ChooseVocabulary" >> ChooseVocabulary(
            self.config.vocabulary, self.buckets
        )
        salient = counted.candidates | "Score" >> beam.Map(
            self.scorer, beam.pvalue.AsSingleton(chosen), self.config.max_terms
        ).with_output_types(pa.RecordBatch)
        without = salient | "CountTerms" >> beam.FlatMap(count_terms)
        sizes = chosen | "CountVocabulary" >> beam.Map(lambda terms: count("terms", terms.num_rows))
        return salient, (without, sizes) | "Counts" >> beam.Flatten()


def count_terms(salient: pa.RecordBatch) -> Iterator[Any]:
    """Count the rows of `salient_terms` without terms."""
    lengths = pc.list_value_length(salient["terms"])
    yield count("items_without_terms", pc.sum(pc.equal(lengths, 0)).as_py() or 0)
