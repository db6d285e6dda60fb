"""The result of an evaluation: tables on the terminal, and a report."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.evaluate.options import PLOT_SUFFIX
from schemas import METRICS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.evaluation.experiment import Experiment
from transforms.report import html, markdown
from transforms.report.table import Image, Section
from transforms.report.terminal import print_tables

if TYPE_CHECKING:
    from pipelines.evaluate.job import EvaluateJob

_HTML_SUFFIXES = (".html", ".htm")


def print_evaluation(job: EvaluateJob, seconds: float) -> None:
    """Print the tables of the committed metrics, and write the report."""
    metrics = _read(job, METRICS.name)
    Console(highlight=False).print(f"{job.name}: {seconds:.1f} s", markup=False)
    console = print_tables(
        [
            table if table.title else dataclasses.replace(table, title=experiment.title)
            for experiment in job.experiments
            for table in experiment.tables(metrics)
        ]
    )
    if job.report is not None:
        _write_report(job, job.report, metrics)
        console.print(f"Report with all intervals: {job.report}", soft_wrap=True, markup=False)
    written = ", ".join(schema.name for schema in reversed(job.outputs))
    console.print(f"Written to {job.workspace}: {written}", soft_wrap=True, markup=False)


def _read(job: EvaluateJob, name: str) -> list[pa.RecordBatch]:
    """Read all rows of an input or, if it is none, of an output."""
    schemas = {**job.schemas, **{schema.name: schema for schema in job.outputs}}
    written = {schema.name for schema in job.outputs}
    path = FileSystems.join(job.workspace, name)
    source = resolve_source(path) if name in written else job.sources[name]
    return read_dataset(schemas[name], source).cast(schemas[name].arrow).combine_chunks().to_batches()


def _write_report(job: EvaluateJob, path: Path, metrics: list[pa.RecordBatch]) -> None:
    render = html.render_page if path.suffix.lower() in _HTML_SUFFIXES else markdown.render_page
    sections = [_section(job, experiment, path, metrics) for experiment in job.experiments]
    path.write_text(render("Evaluation", sections), encoding="utf-8")


def _section(job: EvaluateJob, experiment: Experiment, path: Path, metrics: list[pa.RecordBatch]) -> Section:
    images = []
    for number, plot in enumerate(experiment.plots(metrics)):
        image = path.with_name(f"{path.stem}{f'-{number + 1}' if number else ''}{PLOT_SUFFIX}")
        plot.draw(image)
        images.append(Image(image.name, plot.caption))
    tables = [*experiment.tables(metrics), *experiment.samples(lambda name: _read(job, name))]
    return Section(experiment.title, tuple(experiment.describe(metrics)), tuple(images), tuple(tables))
