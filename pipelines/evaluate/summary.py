"""What an evaluation found: a screen, and a page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from apache_beam.io.filesystems import FileSystems
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from pipelines.evaluate.job import PICTURE, EvaluateJob
from schemas import GENERATIONS, METRICS, NAMING_EXAMPLES
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.evaluation.experiments.granularity.report import granularity_table, read_sweep
from transforms.evaluation.experiments.statistics import Statistics
from transforms.evaluation.page import Cell, cells_of, evaluation_page
from transforms.evaluation.tables import separation_table
from transforms.report.table import Table as ReportTable
from transforms.report.terminal import rich_table

_SHOWN_MEANS = ("mean F1", "mean ARI")


def print_evaluation(job: EvaluateJob, seconds: float) -> None:
    """Prints the tables of a run, read from the metrics that it committed, and writes the page that was asked for."""
    source = resolve_source(FileSystems.join(job.workspace, METRICS.name))
    metrics = read_dataset(METRICS, source).cast(METRICS.arrow).combine_chunks().to_batches()
    tables = []
    if "E1" in job.experiments:
        found = Statistics(job.users, job.separation.mixtures.seed).tables(metrics)
        tables += [rich_table(dataclasses.replace(table, title="E1: the journeys of users")) for table in found]
    if "sweep" in job.experiments:
        tables.append(_plain(cells_of(granularity_table(read_sweep(metrics))), "Sweep: how wide journeys are"))
    if "E2" in job.experiments:
        tables.append(_methods(cells_of(separation_table(metrics))))
    for suite in job.suites:
        shown = [table for table in suite.tables(metrics) if not table.is_detail]
        tables += [rich_table(dataclasses.replace(table, title=table.title or suite.title)) for table in shown]
    console = _wide_enough(tables)
    console.print(f"{job.name}: {seconds:.1f} s", markup=False)
    for table in tables:
        console.print(table)
    if "E2" in job.experiments:
        console.print("95 %: of mean F1. at: the threshold, the best on these very mixtures, or with * fixed before.")
    if job.report is not None:
        configuration = source.manifest.configuration if source.manifest else job.configuration
        picture = _draw(job.report.with_suffix(PICTURE), metrics) if "sweep" in job.experiments else None
        page = evaluation_page(metrics, configuration, job.suites, picture, _samples(job))
        job.report.write_text(page, encoding="utf-8")
        console.print(f"All intervals and thresholds: {job.report}", soft_wrap=True, markup=False)
    written = ", ".join(schema.name for schema in reversed(job.outputs))
    console.print(f"Written to {job.workspace}: {written}", soft_wrap=True, markup=False)


def _samples(job: EvaluateJob) -> list[ReportTable]:
    """Return the tables of examples; inputs and outputs are read again."""
    schemas = {schema.name: schema for schema in (NAMING_EXAMPLES, GENERATIONS)}

    def read(name: str) -> list[pa.RecordBatch]:
        source = job.inputs.get(name) if name != GENERATIONS.name else None
        source = source or resolve_source(FileSystems.join(job.workspace, name))
        return read_dataset(schemas[name], source).to_batches()

    return [table for suite in job.suites for table in suite.samples(read)]


def _draw(path: Path, metrics: list[pa.RecordBatch]) -> str:
    """Draws the curves of a sweep; gives the name of the file."""
    from transforms.evaluation.experiments.granularity.plot import draw_sweep

    draw_sweep(read_sweep(metrics), path)
    return path.name


def _wide_enough(tables: Iterable[Table]) -> Console:
    """A console in which no figure is cut, even where the screen is narrower."""
    console = Console(highlight=False)
    options = console.options.update(max_width=1000)
    widths = [Measurement.get(console, options, table).minimum for table in tables]
    return Console(highlight=False, width=max([console.width, *widths]))


def _methods(cells: list[list[Cell]]) -> Table:
    """E2: a row for each method; the best of each column in bold."""
    head, *lines = cells
    table = Table(
        title="E2: collections mixed, and taken apart again",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    shown = [number for number, cell in enumerate(head) if cell.text.startswith("k=") or cell.text in _SHOWN_MEANS]
    table.add_column("method", min_width=max(len(word) for line in cells for word in line[0].text.split()))
    table.add_column("at", justify="right", no_wrap=True)
    for number in shown:
        table.add_column(head[number].text.replace(" ", "\n"), justify="right", no_wrap=True)
        if head[number].text == _SHOWN_MEANS[0]:
            table.add_column("95 %", justify="right", no_wrap=True, style="dim")
    for line in lines:
        figures = []
        for number in shown:
            cell = line[number]
            short = cell.text.replace("0.", ".", 1)
            figures.append(f"[bold]{short}[/]" if cell.is_best else short)
            if head[number].text == _SHOWN_MEANS[0]:
                figures.append(cell.ends)
        table.add_row(escape(line[0].text), line[1].text, *figures)
    return table


def _plain(cells: list[list[Cell]], title: str) -> Table:
    """A table as it is, each figure with its interval."""
    head, *lines = cells
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    rows = [[" ".join(filter(None, (cell.text, cell.ends))) for cell in line] for line in lines]
    for number, cell in enumerate(head):
        column = [cell.text, *(row[number] for row in rows)]
        is_text = number < 2 and not any(text[:1].isdigit() for text in column)
        table.add_column(cell.text, justify="left" if is_text else "right", min_width=max(map(len, column)))
    for row in rows:
        table.add_row(*map(escape, row))
    return table
