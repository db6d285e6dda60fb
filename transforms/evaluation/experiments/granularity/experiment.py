"""The experiment on granularity: the sweep that `extract --sweep` measured, as tables and curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

import apache_beam as beam
import pyarrow as pa

from schemas import METRICS
from transforms.evaluation.dataset_inputs import EXTRACTION_METRICS
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options, Plot
from transforms.evaluation.experiments.granularity.report import (
    describe_sweep,
    granularity_table,
    min_size_table,
    read_sweep,
    sweep_rows,
)
from transforms.report.table import Table


@dataclasses.dataclass(frozen=True)
class Granularity(Experiment):
    """Number and size of journeys at other thresholds and minimum sizes."""

    name: ClassVar[str] = "granularity"
    title: ClassVar[str] = "Granularity: number and size of journeys"
    summary: ClassVar[str] = "How many journeys users have and how large they are, at other thresholds."
    needs: ClassVar[Needs] = Needs(inputs=((EXTRACTION_METRICS,),), plot_packages=("matplotlib",))

    @classmethod
    def from_options(cls, options: Options) -> Self:
        manifest = options.sources[METRICS.name].manifest
        extraction = manifest.configuration.get("extraction", {}) if manifest else {}
        if extraction.get("sweep") is None:
            raise ValueError(f"journeys: {options.values['journeys']!r} has no sweep: run extract with --sweep")
        return cls()

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        rows = inputs.rows[METRICS.name]
        return ExperimentResult(rows | "SweepRows" >> beam.Map(sweep_rows).with_output_types(pa.RecordBatch))

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        sweep = read_sweep(metrics)
        return [granularity_table(sweep), min_size_table(sweep)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        return [describe_sweep(read_sweep(metrics))]

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        from transforms.evaluation.experiments.granularity.plot import plot_sweep

        sweep = read_sweep(metrics)
        caption = "journeys a user, items a journey, interactions in journeys and separation, by threshold and size"

        def draw(path: Path) -> None:
            plot_sweep(sweep, path)

        return [Plot(caption, draw)]
