"""Quality filter of examples: coherence of the titles, and relevance of the name, by vectors."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import concatenate, list_offsets, split_by_size
from transforms.datasets.counts import Count
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.encode import EncodeTexts
from transforms.encoders.interface import EncoderSource
from transforms.encoders.text import TEXTS
from transforms.naming.examples.candidates import CANDIDATES, counts_of_dropped
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.prompt_inputs import subsample_evenly
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket

SCORED = pa.schema(
    [
        *CANDIDATES,
        pa.field("continuity", pa.float64(), nullable=False),
        pa.field("relevance", pa.float64(), nullable=False),
    ]
)
"""Candidates with their scores."""

MAX_TITLES_SCORED = 20
"""Maximum number of titles encoded per collection, sampled evenly; more of them hardly change the mean."""

_DECIMALS = 4
_ID_LENGTH = 32


def texts_of(candidates: pa.RecordBatch) -> pa.RecordBatch:
    """Select names and titles to encode, as `TEXTS`.

    The id of a text consists of the id of its example, a colon and its position: 0 for the name, from 1 for titles.
    """
    ids, titles = candidates["example_id"], candidates["titles"]
    lengths = pc.list_value_length(titles).to_numpy().astype(np.int64)
    kept = np.flatnonzero(subsample_evenly(lengths, MAX_TITLES_SCORED))
    owners = pc.list_parent_indices(titles).to_numpy()[kept]
    starts = list_offsets(lengths)[:-1]
    places = pa.array(kept - starts[owners] + 1).cast(pa.string())
    keys = [
        pc.binary_join_element_wise(ids, "0", ":"),
        pc.binary_join_element_wise(ids.take(pa.array(owners)), places, ":"),
    ]
    texts = [candidates["name"], titles.flatten().take(pa.array(kept))]
    return pa.RecordBatch.from_arrays([pa.concat_arrays(keys), pa.concat_arrays(texts)], schema=TEXTS)


def unpack_vectors(vectors: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of (`item_id`, `vector`) of texts as `texts_of` calls them -> rows of (`example_id`, `place`, `vector`)."""
    ids = pc.utf8_slice_codeunits(vectors["item_id"], 0, _ID_LENGTH)
    places = pc.utf8_slice_codeunits(vectors["item_id"], _ID_LENGTH + 1).cast(pa.int32())
    return pa.RecordBatch.from_arrays([ids, places, vectors["vector"]], ["example_id", "place", "vector"])


class Quality(NamedTuple):
    """Scores of collections, each of shape (collections,), dtype float64, in [-1, 1].

    Attributes:
        continuity: mean cosine of two titles of a collection.
        relevance: cosine of its name with the mean of its titles.
    """

    continuity: npt.NDArray[np.float64]
    relevance: npt.NDArray[np.float64]


def quality(
    names: npt.NDArray[np.floating], titles: npt.NDArray[np.floating], starts: npt.NDArray[np.int64]
) -> Quality:
    """Score collections.

    Args:
        names: vectors of unit length, shape (collections, dimension).
        titles: those of the titles of one collection after another, shape (titles, dimension).
        starts: offset of the first title of each collection, shape (collections,); each has at least two.
    """
    sizes = np.diff(np.append(starts, len(titles)))
    sums = np.add.reduceat(titles.astype(np.float64), starts, axis=0)
    squares = np.einsum("ij,ij->i", sums, sums)
    along = np.einsum("ij,ij->i", names.astype(np.float64), sums)
    relevance = np.divide(along, np.sqrt(squares), out=np.zeros_like(along), where=squares > 0)
    # All pairs of n unit vectors have the sum of their products, |sum|^2 - n, in n (n - 1) ordered pairs.
    return Quality((squares - sizes) / (sizes * (sizes - 1)), relevance)


def score(candidates: pa.RecordBatch, vectors: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `SCORED`, sorted by id, to four decimals.

    Args:
        candidates: rows of `CANDIDATES`.
        vectors: of their texts, as `unpack_vectors` gives them.

    Raises:
        ValueError: when vectors are missing, or others there.
    """
    rows = candidates.take(pc.sort_indices(candidates["example_id"]))
    if not rows.num_rows:
        return pa.RecordBatch.from_pylist([], SCORED)
    found = pa.Table.from_batches(list(vectors)).combine_chunks()
    owners = pc.index_in(found["example_id"].combine_chunks(), rows["example_id"])
    places = found["place"].to_numpy()
    if owners.null_count or np.count_nonzero(places == 0) != rows.num_rows:
        raise ValueError(f"{found.num_rows} vectors do not belong to {rows.num_rows} examples")
    order = np.lexsort((places, owners.to_numpy()))
    flat = found["vector"].combine_chunks().flatten().to_numpy()
    matrix = flat.reshape(found.num_rows, -1)[order]
    is_title = places[order] != 0
    of_titles = owners.to_numpy()[order][is_title]
    starts = np.searchsorted(of_titles, np.arange(rows.num_rows))
    found_quality = quality(matrix[~is_title], matrix[is_title], starts)
    cosines = [pa.array(np.round(each, _DECIMALS) + 0.0) for each in found_quality]
    return pa.RecordBatch.from_arrays([*rows.columns, *cosines], schema=SCORED)


class Kept(NamedTuple):
    """Accepted rows, and counts of the others."""

    rows: pa.RecordBatch
    counts: list[Count]


def filter_by_quality(rows: pa.RecordBatch, config: ExampleConfig) -> Kept:
    """Drop rows of `SCORED` that are `incoherent`, or whose name is `irrelevant`."""
    coherent = pc.greater_equal(rows["continuity"], config.min_continuity)
    relevant = pc.greater_equal(rows["relevance"], config.min_relevance)
    good = rows.filter(pc.and_(coherent, relevant))
    incoherent = rows.num_rows - (pc.sum(coherent).as_py() or 0)
    dropped = {"incoherent": incoherent, "irrelevant": rows.num_rows - good.num_rows - incoherent}
    return Kept(good, counts_of_dropped(Counter(dropped)))


@with_output_types(pa.RecordBatch, counts=Count)
class ScoreCandidates(beam.DoFn):
    """Candidates and vectors of one bucket of ids -> accepted rows of `SCORED`; counts as a side output."""

    def __init__(self, config: ExampleConfig) -> None:
        self.config = config

    def process(self, bucket: tuple[int, Any]) -> Iterator[Any]:
        rows = concatenate(bucket[1]["candidates"], CANDIDATES)
        kept = filter_by_quality(score(rows, bucket[1]["vectors"]), self.config)
        for each in kept.counts:
            yield TaggedOutput(COUNTS_TAG, each)
        yield from split_by_size(kept.rows)


class QualityResult(NamedTuple):
    """Outputs of `FilterByQuality`, each a collection.

    Attributes:
        examples: record batches of `SCORED`.
        embeddings: record batches of `embeddings`, those that were stored among them.
        counts: counts (`collections_dropped` by reason, `texts_encoded`, `texts_reused`).
    """

    examples: beam.PCollection
    embeddings: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class FilterByQuality(beam.PTransform):
    """Record batches of `CANDIDATES` -> those with coherent titles and a relevant name.

    Attributes:
        config: the thresholds.
        encoder: encoder of names and titles.
        stored: record batches of `embeddings` of an earlier run, perhaps with further columns; None: none.
        buckets: number of buckets of candidates; affects memory and parallelism, not the result.
        progress: counts the texts that have a vector.
    """

    config: ExampleConfig
    encoder: EncoderSource
    stored: beam.PCollection | None = None
    buckets: int = 16
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, candidates: beam.PCollection) -> QualityResult:
        texts = candidates | "Texts" >> beam.Map(texts_of).with_output_types(pa.RecordBatch)
        encoded = texts | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.stored, progress=self.progress)
        vectors = encoded.vectors | "Place" >> beam.Map(unpack_vectors).with_output_types(pa.RecordBatch)
        kept = (
            {"candidates": candidates, "vectors": vectors}
            | "GroupExamples" >> CoGroupByBucket("example_id", self.buckets)
            | "Judge" >> beam.ParDo(ScoreCandidates(self.config)).with_outputs(COUNTS_TAG, main="examples")
        )
        counts = (encoded.counts, kept[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return QualityResult(kept.examples, encoded.embeddings, counts)
