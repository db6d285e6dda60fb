"""Beam stages: items -> `salient_terms` by a statistical scorer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import concatenate
from transforms.datasets.counts import count
from transforms.datasets.sample_items import SAMPLED_TEXTS
from transforms.function_words import function_words_of
from transforms.salience.candidates import catalogue_terms
from transforms.salience.config import SalienceConfig, VocabularyConfig
from transforms.salience.scoring import Scorer, statistical_salience
from transforms.salience.vocabulary import CatalogueSize, catalogue_size, frequent_terms, sum_sizes, vocabulary
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

STOP_WORDS = pa.schema(
    [pa.field("word", pa.string(), nullable=False), pa.field("language", pa.string(), nullable=False)]
)
"""Words to ignore, normalised, and the language of each; a word may have several."""

_TEXTS_FOR_LANGUAGES = 4000
_CHARACTERS_FOR_LANGUAGES = 120

COUNTED = ("sizes", "statistics", "spellings")
"""The side outputs of `CountTerms`, in the order in which `ChooseVocabulary` takes them."""


@with_output_types(pa.RecordBatch, sizes=CatalogueSize, statistics=pa.RecordBatch, spellings=pa.RecordBatch)
class CountTerms(beam.DoFn):
    """Rows of `items` -> rows of `CANDIDATES`; as side outputs, what `ChooseVocabulary` reads.

    A side input with rows of `STOP_WORDS` adds words to ignore.

    Attributes:
        stop_words: words to ignore.
    """

    def __init__(self, stop_words: frozenset[str]) -> None:
        self.stop_words = stop_words

    def process(self, items: pa.RecordBatch, detected: pa.RecordBatch | None = None) -> Iterator[Any]:
        more = detected["word"].to_pylist() if detected is not None else ()
        found = catalogue_terms(items, self.stop_words.union(more))
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
        sample: record batches of `SAMPLED_TEXTS`, by whose languages function words are ignored, in addition to those
            of `config`; None: no further words are ignored.

    Returns:
        A tuple of two collections: record batches of `salient_terms`, counts.
    """

    config: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    buckets: int = 16
    scorer: Scorer = statistical_salience
    sample: beam.PCollection | None = None

    def expand(self, items: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        detected, languages = self._detect_languages()
        counted = items | "Candidates" >> beam.ParDo(CountTerms(self.config.stop_words), *detected).with_outputs(
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
        return salient, (without, sizes, *languages) | "Counts" >> beam.Flatten()

    def _detect_languages(self) -> tuple[tuple[beam.pvalue.AsSingleton, ...], tuple[beam.PCollection, ...]]:
        """Return the side inputs of `CountTerms`, and counts of the languages."""
        if self.sample is None:
            return (), ()
        found = self.sample | "DetectLanguages" >> ApplyGlobally(stop_words_of)
        languages = found | "CountLanguages" >> beam.FlatMap(count_languages)
        return (beam.pvalue.AsSingleton(found),), (languages,)


def stop_words_of(sample: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Find the languages of a catalogue other than English, and their function words: rows of `STOP_WORDS`, sorted.

    Args:
        sample: rows of `SAMPLED_TEXTS`, in any order.
    """
    rows = concatenate(sample, SAMPLED_TEXTS)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    rows = rows.take(pa.array(range(0, rows.num_rows, max(-(-rows.num_rows // _TEXTS_FOR_LANGUAGES), 1)), pa.int64()))
    beginnings = pc.utf8_slice_codeunits(pc.fill_null(rows["description"], ""), 0, _CHARACTERS_FOR_LANGUAGES)
    texts = pc.binary_join_element_wise(rows["title"], beginnings, " ").to_pylist()
    words = [(word, language) for language, found in function_words_of(texts).items() for word in found]
    return pa.RecordBatch.from_pylist(
        [{"word": word, "language": language} for word, language in sorted(words)], STOP_WORDS
    )


def count_languages(stop_words: pa.RecordBatch) -> Iterator[Any]:
    """Count each language of rows of `STOP_WORDS` once."""
    for language in sorted(set(stop_words["language"].to_pylist())):
        yield count("languages", 1, language)


def count_terms(salient: pa.RecordBatch) -> Iterator[Any]:
    """Count the rows of `salient_terms` without terms."""
    lengths = pc.list_value_length(salient["terms"])
    yield count("items_without_terms", pc.sum(pc.equal(lengths, 0)).as_py() or 0)
