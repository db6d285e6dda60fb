"""The quality of a topical tree as rows of `metrics`, measured on a bounded sample of the catalogue."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from schemas import METRICS
from schemas.metric_slice import format_slice
from transforms.clusters.cluster_rows import descriptions_of_rows, tree_of_rows
from transforms.clusters.costs import Vectors
from transforms.clusters.features import smallest_items
from transforms.clusters.quality import coherence, described_fraction, plain_clusters, shuffle_paths
from transforms.clusters.tree import Paths, assign, with_dimensions
from transforms.encoders.interface import Encoder, EncoderSource
from transforms.encoders.quantized_vectors import VECTOR, matrix_of, quantize_vectors
from transforms.shuffle import ApplyGlobally

MEASURED_ITEMS = 5_000
"""Maximum number of items on which quality is measured."""

_DECIMALS = 4


def quality_rows(
    rows: pa.RecordBatch, clusters: pa.RecordBatch, encoder: Encoder | None, seed: int, job_name: str
) -> pa.RecordBatch:
    """Measure the quality of a tree on some items, as rows of `metrics`.

    For each level: the `coherence` of the tree, of a random tree with as many items in each node, and of k-means with
    as many clusters; the mean and the maximum number of words of a description; and the fraction of the items whose
    nearest description is that of their own cluster, if there is an encoder of descriptions.

    Args:
        rows: rows of `FEATURES`.
        clusters: all rows of `clusters`, by level, then id.
        encoder: the encoder of the items' vectors; None: the vectors are of an unknown encoder.
        seed: random seed of the random tree and of k-means.
        job_name: name of the job.

    Returns:
        Rows of `metrics`; values that are not defined, as for levels whose clusters have one item each, have none.
    """
    tree, descriptions = tree_of_rows(clusters), descriptions_of_rows(clusters)
    vectors = with_dimensions(matrix_of(rows[VECTOR.name]), tree)
    vectors = vectors[vectors.any(axis=1)]
    paths = assign(vectors, tree)
    values = [
        *_coherence_values(vectors, paths, seed),
        *_word_values(descriptions),
        *(_retrieval_values(vectors, paths, descriptions, encoder) if encoder else ()),
    ]
    found = [
        {
            "pipeline": job_name,
            "metric": metric,
            "slice": format_slice(parts),
            "value": round(value, _DECIMALS),
            "n": count,
        }
        for metric, parts, value, count in values
        if not math.isnan(value)
    ]
    return pa.RecordBatch.from_pylist(found, METRICS.arrow)


_Value = tuple[str, dict[str, object], float, int]
"""A metric, the parts of its slice, its value, and the number of observations."""


def _coherence_values(vectors: Vectors, paths: Paths, seed: int) -> Iterator[_Value]:
    shuffled = shuffle_paths(paths, seed)
    for depth, nodes in enumerate(paths.T):
        count = len(np.unique(nodes))  # nodes without a measured item cannot be found by k-means
        methods = {"tree": nodes, "random": shuffled[:, depth]}
        if count:
            methods["k_means"] = plain_clusters(vectors, count, seed)
        for method, labels in methods.items():
            yield "coherence", {"level": depth + 1, "method": method}, coherence(vectors, labels), len(vectors)


def _word_values(descriptions: Sequence[Sequence[str]]) -> Iterator[_Value]:
    for level, texts in enumerate(descriptions, start=1):
        words = [len(text.split()) for text in texts]
        yield "description_words", {"level": level}, float(np.mean(words)), len(words)
        yield "longest_description_words", {"level": level}, float(max(words)), len(words)


def _retrieval_values(
    vectors: Vectors, paths: Paths, descriptions: Sequence[Sequence[str]], encoder: Encoder
) -> Iterator[_Value]:
    for depth, texts in enumerate(descriptions):
        found = described_fraction(quantize_vectors(encoder.encode(texts)), vectors, paths[:, depth])
        yield "items_nearest_own_description", {"level": depth + 1}, found, len(vectors)


@dataclasses.dataclass
class MeasureQuality(beam.PTransform):
    """Rows of `FEATURES` -> the quality of a tree, as record batches of `metrics`.

    Attributes:
        clusters: all rows of `clusters`, by level, then id, as one record batch.
        encoder: the encoder of the items' vectors; None: the vectors are of an unknown encoder.
        seed: random seed of what the tree is compared with.
        job_name: name of the job.
    """

    clusters: beam.PCollection
    encoder: EncoderSource | None
    seed: int
    job_name: str

    def expand(self, features: beam.PCollection) -> beam.PCollection:
        few = features | "SmallestOfBatch" >> beam.Map(_smallest).with_output_types(pa.RecordBatch)
        arguments = (AsSingleton(self.clusters), self.encoder, self.seed, self.job_name)
        return few | "Measure" >> ApplyGlobally(measured_quality, arguments)


def measured_quality(
    batches: Iterable[pa.RecordBatch],
    clusters: pa.RecordBatch,
    source: EncoderSource | None,
    seed: int,
    job_name: str,
) -> pa.RecordBatch:
    """Load an encoder and return the `quality_rows` of at most `MEASURED_ITEMS` items: those of the smallest hashes.

    Args:
        batches: rows of `FEATURES`.
        clusters: all rows of `clusters`, by level, then id.
        source: the encoder of the items' vectors; None: the vectors are of an unknown encoder.
        seed: random seed of what the tree is compared with.
        job_name: name of the job.
    """
    encoder = source.load() if source else None
    return quality_rows(smallest_items(batches, MEASURED_ITEMS), clusters, encoder, seed, job_name)


def _smallest(rows: pa.RecordBatch) -> pa.RecordBatch:
    return smallest_items([rows], MEASURED_ITEMS)
