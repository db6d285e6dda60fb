"""What is known of the items of an experiment, on Beam: salient terms, and vectors where an encoder makes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter, TaggedOutput

from transforms.columnar import split_by_size
from transforms.datasets.deduplicate import Deduplicate
from transforms.encoders.encode import EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.algorithms import STATISTICAL
from transforms.evaluation.corpus import build_corpus, items_with_provenance
from transforms.evaluation.methods import Corpus
from transforms.salience.config import SalienceConfig
from transforms.salience.salient_terms import SalientTerms

CATALOGUE_TAG = "catalogue"
ITEMS_TAG = "items"
_BUCKETS = 16


class CorpusResult(NamedTuple):
    """What `BuildCorpus` gives, each a collection.

    Attributes:
        corpus: the one `Corpus`.
        counts: counts.
        embeddings: record batches of `embeddings`, those that were stored among them; None without an encoder.
        errors: record batches of `errors`.
    """

    corpus: beam.PCollection
    counts: beam.PCollection
    embeddings: beam.PCollection | None
    errors: beam.PCollection


def emit_items(catalogue: pa.RecordBatch, items: pa.RecordBatch) -> Iterator[TaggedOutput]:
    """What `BuildCorpus` reads, in pieces, for a step that gives it beside something else.

    Args:
        catalogue: rows of `items`: all items of the collections.
        items: those of them that were mixed.
    """
    for piece in split_by_size(items_with_provenance(catalogue, "collections")):
        yield TaggedOutput(CATALOGUE_TAG, piece)
    for piece in split_by_size(items):
        yield TaggedOutput(ITEMS_TAG, piece)


def _make_corpus(
    _: bytes,
    items: Iterable[pa.RecordBatch],
    salient: Iterable[pa.RecordBatch],
    encoder: str | None,
    vectors: Iterable[pa.RecordBatch],
) -> Corpus:
    return build_corpus(items, {STATISTICAL: salient}, {} if encoder is None else {encoder: vectors})


@dataclasses.dataclass
class BuildCorpus(beam.PTransform):
    """A catalogue and the items that were mixed, as `emit_items` gives them -> what is known of the latter.

    Terms are weighed against the whole catalogue; only items that were mixed are encoded.

    Attributes:
        salience: how salient terms are found.
        encoder: where vectors come from; None: there are none.
        encoder_name: their name in the corpus.
        stored: record batches of `embeddings` of an earlier run, perhaps with further columns; None: none.
    """

    salience: SalienceConfig
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None

    def expand(self, tagged: tuple[beam.PCollection, beam.PCollection]) -> CorpusResult:
        catalogue, items = tagged
        unique, errors, unique_counts = catalogue | "Deduplicate" >> Deduplicate(_BUCKETS)
        salient, term_counts = unique | "SalientTerms" >> SalientTerms(self.salience, _BUCKETS)
        counts = [unique_counts, term_counts]
        name: str | None = None
        vectors: Any = ()
        embeddings = None
        if self.encoder is not None:
            encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored)
            name, vectors, embeddings = self.encoder_name, AsIter(encoded.vectors), encoded.embeddings
            counts.append(encoded.counts)
        corpus = (
            items.pipeline
            | "Once" >> beam.Impulse()
            | "MakeCorpus" >> beam.Map(_make_corpus, AsIter(items), AsIter(salient), name, vectors)
        )
        return CorpusResult(corpus, counts | "Counts" >> beam.Flatten(), embeddings, errors)
