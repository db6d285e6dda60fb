"""Features of the items of an experiment, on Beam: salient terms, and vectors of an encoder."""

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
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig
from transforms.salience.salient_terms import SalientTerms

CATALOGUE_TAG = "catalogue"
ITEMS_TAG = "items"
_BUCKETS = 16


class CorpusResult(NamedTuple):
    """The output of `BuildCorpus`, each a collection.

    Attributes:
        corpus: the one `Corpus`.
        counts: counts.
        embeddings: record batches of `embeddings`, stored ones among them; None without an encoder.
        errors: record batches of `errors`.
    """

    corpus: beam.PCollection
    counts: beam.PCollection
    embeddings: beam.PCollection | None
    errors: beam.PCollection


def emit_items(catalogue: pa.RecordBatch, items: pa.RecordBatch) -> Iterator[TaggedOutput]:
    """Yield the input of `BuildCorpus` as tagged outputs of a step, in slices of bounded size.

    Args:
        catalogue: rows of `items`: all items of the collections.
        items: those of the mixtures.
    """
    for part in split_by_size(items_with_provenance(catalogue, "collections")):
        yield TaggedOutput(CATALOGUE_TAG, part)
    for part in split_by_size(items):
        yield TaggedOutput(ITEMS_TAG, part)


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
    """Build the features of the items of mixtures: a catalogue and these items, as of `emit_items` -> one `Corpus`.

    Terms are weighed against the whole catalogue; only items of mixtures are encoded.

    Attributes:
        salience: configuration of salient terms.
        encoder: where vectors come from; None: there are none.
        encoder_name: their name in the corpus.
        stored: record batches of `embeddings` of an earlier run, perhaps with further columns; None: none.
        progress: counts the texts that have a vector.
    """

    salience: SalienceConfig
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, tagged: tuple[beam.PCollection, beam.PCollection]) -> CorpusResult:
        catalogue, items = tagged
        unique, errors, unique_counts = catalogue | "Deduplicate" >> Deduplicate(_BUCKETS)
        salient, term_counts = unique | "SalientTerms" >> SalientTerms(self.salience, _BUCKETS)
        counts = [unique_counts, term_counts]
        name: str | None = None
        vectors: Any = ()
        embeddings = None
        if self.encoder is not None:
            encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored, self.progress)
            name, vectors, embeddings = self.encoder_name, AsIter(encoded.vectors), encoded.embeddings
            counts.append(encoded.counts)
        corpus = (
            items.pipeline
            | "Once" >> beam.Impulse()
            | "MakeCorpus" >> beam.Map(_make_corpus, AsIter(items), AsIter(salient), name, vectors)
        )
        return CorpusResult(corpus, counts | "Counts" >> beam.Flatten(), embeddings, errors)
