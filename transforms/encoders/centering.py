"""Subtraction of the mean vector of a catalogue."""

from __future__ import annotations

import dataclasses

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsSingleton

from transforms.encoders.quantized_vectors import add_sums, subtract_mean_rows, sum_rows


@dataclasses.dataclass
class SubtractMean(beam.PTransform):
    """Record batches of `ITEM_VECTORS` -> the same vectors, less their mean."""

    def expand(self, vectors: beam.PCollection) -> beam.PCollection:
        sums = vectors | "Sum" >> beam.Map(sum_rows) | "SumUp" >> beam.CombineGlobally(add_sums)
        return vectors | "Subtract" >> beam.Map(subtract_mean_rows, AsSingleton(sums)).with_output_types(pa.RecordBatch)
