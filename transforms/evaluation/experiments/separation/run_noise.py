"""Methods on mixtures with noise, each at the threshold at which it is evaluated without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from transforms.evaluation.experiments.separation.run_methods import MIXTURES_PER_ELEMENT, cluster_mixtures
from transforms.evaluation.methods import Corpus, Method
from transforms.evaluation.perturbations import offsets_of
from transforms.evaluation.scores import drop_small_groups, score_noise
from transforms.journeys.config import IcpcConfig

NOISE = pa.schema(
    [
        pa.field("method", pa.string(), nullable=False),
        pa.field("min_coherence", pa.float64()),
        pa.field("noise_fraction", pa.float64(), nullable=False),
        pa.field("k", pa.int32(), nullable=False),
        pa.field("mixture_id", pa.int64(), nullable=False),
        pa.field("precision", pa.float64()),
        pa.field("noise", pa.float64()),
        pa.field("recall", pa.float64(), nullable=False),
        pa.field("f1", pa.float64(), nullable=False),
    ]
)
"""Scores of one method on one mixture with noise (see `NoiseScores`; null instead of NaN), at the threshold at which it
is evaluated, or at a `min_coherence`."""

NoisySlice = tuple[float, pa.RecordBatch]
"""A fraction of noise, and rows of `MIXTURES` with it."""


def has_noise_slice(method: Method) -> bool:
    """Return whether a method is run on mixtures with noise: not those that need k, or all mixtures at once."""
    return bool(method.thresholds) and not method.is_global


def run_with_noise(
    mixtures: pa.RecordBatch,
    fraction: float,
    corpus: Corpus,
    method: Method,
    threshold: float,
    min_coherence: float | None = None,
) -> pa.RecordBatch:
    """Run one method on mixtures with noise; return rows of `NOISE`.

    Groups of fewer items than a journey has by default are not counted as journeys, whatever the method.

    Args:
        mixtures: rows of `MIXTURES`.
        fraction: their fraction of noise.
        corpus: features of their items.
        method: the method.
        threshold: its threshold.
        min_coherence: the value of the column.
    """
    offsets, true = offsets_of(mixtures), mixtures["label"].flatten().to_numpy().astype(np.int64)
    found = drop_small_groups(offsets, cluster_mixtures(mixtures, corpus, method, threshold), IcpcConfig.min_size)
    scores = score_noise(offsets, true, found)
    count = mixtures.num_rows
    columns = [
        pa.array([method.name] * count, pa.string()),
        pa.array([min_coherence] * count, pa.float64()),
        pa.array(np.full(count, fraction)),
        mixtures["k"],
        mixtures["mixture_id"],
        *(pa.array(each, from_pandas=True) for each in scores),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=NOISE)


def split_noisy(noisy: Mapping[float, pa.RecordBatch]) -> Iterator[NoisySlice]:
    """Yield slices of the mixtures with each fraction of noise."""
    for fraction, mixtures in noisy.items():
        for start in range(0, mixtures.num_rows, MIXTURES_PER_ELEMENT):
            yield float(fraction), mixtures.slice(start, MIXTURES_PER_ELEMENT)


def _run(
    element: NoisySlice,
    corpus: Corpus,
    thresholds: Mapping[str, float],
    methods: tuple[Method, ...],
    by_min_coherence: Method | None,
) -> Iterator[pa.RecordBatch]:
    fraction, mixtures = element
    for method in methods:
        yield run_with_noise(mixtures, fraction, corpus, method, thresholds[method.name])
    if by_min_coherence is not None:
        for limit in by_min_coherence.thresholds:
            yield run_with_noise(mixtures, fraction, corpus, by_min_coherence, limit, limit)


@dataclasses.dataclass
class RunWithNoise(beam.PTransform):
    """Run methods on mixtures with noise: `NoisySlice` -> record batches of `NOISE`.

    Attributes:
        corpus: a collection with the one `Corpus`.
        thresholds: a collection with one mapping: the threshold of each method by its name.
        methods: the methods; those without a noise slice are ignored.
        by_min_coherence: a method whose thresholds are those of `min_coherence`; None: there is no curve.
    """

    corpus: beam.PCollection
    thresholds: beam.PCollection
    methods: tuple[Method, ...]
    by_min_coherence: Method | None = None

    def expand(self, noisy: beam.PCollection) -> beam.PCollection:
        run = tuple(method for method in self.methods if has_noise_slice(method))
        side_inputs = (AsSingleton(self.corpus), AsSingleton(self.thresholds))
        return (
            noisy
            | "DistributeNoisy" >> beam.Reshuffle()
            | "RunNoisy"
            >> beam.FlatMap(_run, *side_inputs, run, self.by_min_coherence).with_output_types(pa.RecordBatch)
        )
