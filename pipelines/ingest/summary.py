"""The summary of a run of `ingest`, read from the metrics that it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, read_metrics
from pipelines.ingest.proposal import print_others
from schemas import INTERACTIONS, ITEMS

if TYPE_CHECKING:
    from pipelines.ingest.job import IngestJob

_COUNTS = (
    ("rows of the log read", "interactions_read"),
    ("interactions", "interactions"),
    ("  of items that the catalogue does not have", "interactions_without_item"),
    ("rows of the catalogue read", "items_read"),
    ("  that repeat another row", "items_repeated"),
    ("tags of users read", "item_tags_read"),
    ("items", "items"),
    ("  without a title", "items_without_title"),
)


def print_ingest(job: IngestJob, seconds: float) -> None:
    """Print what was read, kept and left out, and the next command."""
    console, workspace = Console(highlight=False), job.workspace
    values = read_metrics(job.name, workspace)
    console.print(f"ingest: {seconds:.1f} s, {job.plan.title}", markup=False)
    console.print(_counts_table(job, values))
    print_others(console, job)
    unknown = _unknown_items(job, values)
    if unknown:
        console.print(
            f"{unknown:.0%} of the interactions have items that the catalogue does not have: for extract, these are "
            f"invalid, which --max_error_rate={_rate(unknown)} allows",
            soft_wrap=True,
            markup=False,
        )
    console.print(f"Written to {workspace}: interactions, items, metrics, errors", soft_wrap=True, markup=False)
    folders = {name: FileSystems.join(workspace, name) for name in (INTERACTIONS.name, ITEMS.name)}
    flags = [f"--{name}={folder}" for name, folder in folders.items()]
    flags += [f"--max_error_rate={_rate(unknown)}"] if unknown else []
    for text, name, folder in (
        ("Extract journeys", "extract", "journeys"),
        ("All stages, to a page", "run_all", "results"),
    ):
        target = FileSystems.join(workspace, folder)
        console.print(f"{text}:", markup=False)
        console.print(f"  {command_of(name, *flags, f'--workspace={target}')}", soft_wrap=True, markup=False)


def _unknown_items(job: IngestJob, values: MetricValues) -> float:
    """Return the fraction of interactions whose items the catalogue lacks; 0 if other jobs read the log as it is."""
    unknown, kept = (values.get((name, ""), 0) for name in ("interactions_without_item", "interactions"))
    return unknown / kept if unknown > job.max_error_rate * kept else 0.0


def _rate(fraction: float) -> str:
    """Return a rate of errors that allows this fraction."""
    return f"{min(fraction + 0.005, 1):.2f}"


def _counts_table(job: IngestJob, values: MetricValues) -> Table:
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for label, metric in _COUNTS:
        if (metric, "") in values:
            table.add_row(label, f"{values[metric, '']:,.0f}")
        if metric == "interactions_read":
            for text, number in _left_out(job, values):
                table.add_row(f"  left out: {text}", f"{number:,.0f}")
    return table


def _left_out(job: IngestJob, values: MetricValues) -> list[tuple[str, float]]:
    """Return what was left out: by the layout, then invalid rows by dataset and reason."""
    found = []
    for (metric, reason), number in values.items():
        if metric.endswith("_dropped"):
            found.append((job.plan.reasons.get(reason, reason), number))
    for (metric, reason), number in values.items():
        if metric.endswith("_invalid"):
            found.append((f"invalid {metric.removesuffix('_invalid')}: {reason}", number))
    return found
