"""The end of a summary: what of the inputs was not read, and which user may be several people, with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from rich.console import Console

from pipelines.common.input_checks import unread_files
from pipelines.common.job import Job
from pipelines.common.run_metrics import MetricValues, read_metrics
from schemas import INTERACTIONS, ITEMS
from schemas.dataset import MAX_CHARACTERS
from transforms.datasets.casting import fits
from transforms.datasets.coercion import left_out_slice
from transforms.datasets.column_hints import (
    READ_BY_SEPARATOR,
    SEPARATOR_EXAMPLE,
    columns_option,
    shown_names,
    suggest_optional_columns,
)
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.dominant_users import dominant_users
from transforms.datasets.error_rate import unread_bytes_metric, unread_metric
from transforms.datasets.files import Source
from transforms.datasets.reading import ParquetReader, UnreadableFileError

_SHOWN_FILES = 3
_SEPARABLE = frozenset(
    left_out_slice(column.name, text_type)
    for column in ITEMS.columns
    if pa.types.is_list(column.type)
    for text_type in ("string", "large_string", "string_view")
)
"""The slices of the metric of left out columns that are texts where the catalogue has lists."""


def print_left_out(job: Job) -> None:
    """Print what of the inputs of a committed run was not read; nothing for a job without a graph."""
    if not job.has_graph:
        return
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    for dataset, source in job.sources.items():
        for line in (*_other_files(source), *_unread(job, dataset, values), *_columns(dataset, values)):
            console.print(f"{dataset}: {line}", soft_wrap=True, markup=False)
    if job.uses_texts and ITEMS.name in job.sources:
        for line in _unused_columns(job.sources[ITEMS.name], job.options_of(ITEMS.name)):
            console.print(f"{ITEMS.name}: {line}", soft_wrap=True, markup=False)
    for user, fraction in dominant_users(values).items():
        console.print(
            f"{INTERACTIONS.name}: user {user!r} has {fraction:.0%} of the interactions; if this id stands for "
            "everyone without one, remove its rows from the log, and run again",
            soft_wrap=True,
            markup=False,
        )


def describe_unread_files(job: Job) -> list[str]:
    """Return a line for each of a few files that a failed job could not read."""
    return [
        f"--{name}: {problem}"
        for name, source in job.parquet_sources.items()
        if source.manifest is None
        for problem in unread_files(job, name)[:_SHOWN_FILES]
    ]


def _unused_columns(source: Source, options: ColumnOptions) -> Iterator[str]:
    """Say which columns of a catalogue are probably optional ones under another name."""
    if source.manifest is not None:
        return
    try:
        with ParquetReader(source.files[0].path) as reader:
            found = reader.schema
    except (UnreadableFileError, OSError):  # the run has reported it
        return
    lacking = {
        column.name: column
        for column in ITEMS.columns
        if column.optional and column.name not in {*found.names, *options.renamed}
    }
    free = [name for name in found.names if name not in set(options.renamed.values())]

    def is_readable(column: str, name: str, separator: str = SEPARATOR_EXAMPLE) -> bool:
        return found.names.count(name) == 1 and fits(found.field(name).type, lacking[column], separator)

    if suggested := suggest_optional_columns(free, lacking, is_readable):
        is_separated = any(not is_readable(*each, options.tag_separator) for each in suggested.items())
        hint = f"; {READ_BY_SEPARATOR}" if is_separated else ""
        option = columns_option("--item_columns", options.renamed, suggested)
        yield f"columns {shown_names(suggested.values())} were not read; {option} reads them{hint}"


def _other_files(source: Source) -> Iterator[str]:
    if source.passed_over:
        names = [path.removeprefix(f"{source.path}/") for path in source.passed_over[:_SHOWN_FILES]]
        shown = ", ".join([*names, "…"] if len(source.passed_over) > _SHOWN_FILES else names)
        yield f"{len(source.passed_over):,} files in {source.path} are not parquet, and were not read: {shown}"


def _unread(job: Job, dataset: str, values: MetricValues) -> Iterator[str]:
    rows = {reason: value for (metric, reason), value in values.items() if metric == unread_metric(dataset)}
    sizes = {reason: value for (metric, reason), value in values.items() if metric == unread_bytes_metric(dataset)}
    for reason, number in rows.items():
        yield f"{number:,.0f} rows were not read ({reason})"
    for reason, number in sizes.items():
        yield f"files with {number:,.0f} bytes were not read ({reason})"
    if rows or sizes:
        yield from unread_files(job, dataset)[:_SHOWN_FILES]


def _columns(dataset: str, values: MetricValues) -> Iterator[str]:
    for (metric, slice_), value in values.items():
        if metric == f"{dataset}_column_left_out":
            hint = f"; {READ_BY_SEPARATOR}" if dataset == ITEMS.name and slice_ in _SEPARABLE else ""
            yield f"column {slice_} in {value:,.0f} files has no certain meaning, and was not read{hint}"
        if metric == f"{dataset}_values_left_out":
            yield f"{value:,.0f} values of {slice_} could not be read"
        if metric == f"{dataset}_texts_cut":
            limit = f"{MAX_CHARACTERS:,} characters"
            yield f"{value:,.0f} texts of {slice_} have more than {limit}; the others were not read"
