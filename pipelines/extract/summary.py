"""The summary of a run of `extract`, read from the datasets that it committed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, read_metrics
from pipelines.common.titles import titles_of
from schemas import CACHES, JOURNEYS, OUTPUTS
from schemas.metric_slice import parse_slice
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.journeys.sweep import sweep_slice
from transforms.naming.config import NamingConfig
from transforms.naming.salient_name import salient_name

if TYPE_CHECKING:
    from pipelines.extract.job import ExtractJob

_BAR_WIDTH = 30
_SHOWN_JOURNEYS = 5
_SHOWN_TERMS = 6
_PREFERRED_JOURNEYS = 4
_TARGET_TOLERANCE = 0.1
"""Relative tolerance within which a target counts as reached."""
_LOG_COUNTS = (
    ("interactions read", "interactions_read"),
    ("interactions of --previous", "interactions_stored"),
    ("interactions kept", "interactions_kept"),
    ("  of these in a journey", "interactions_in_journeys"),
    ("  of items without a vector", "interactions_without_vectors"),
)
_RESULT_COUNTS = (
    ("users", "users"),
    ("  with older interactions cut off", "users_truncated"),
    ("journeys", "journeys"),
    ("items", "items"),
    ("  that repeat another row", "items_repeated"),
    ("  with boilerplate in the title, removed", "titles_with_boilerplate"),
    ("  without any salient term", "items_without_terms"),
    ("salient terms", "terms"),
    ("  with at least --min_term_users users", "terms_with_enough_users"),
    ("texts encoded", "texts_encoded"),
    ("texts encoded before", "texts_reused"),
)


def print_extract(job: ExtractJob, seconds: float) -> None:
    """Print the metrics of a run, the journeys of one user, the location of the datasets and the next command."""
    console, workspace = Console(highlight=False), job.workspace
    values = read_metrics(job.name, workspace)
    console.print(_counts_table(job.name, values, seconds))
    console.print(_histogram(values))
    if job.encoder_note:
        console.print(job.encoder_note, soft_wrap=True, markup=False)
    for line in threshold_report(values, workspace):
        console.print(line, soft_wrap=True, markup=False)
    _print_user(console, job)
    written = [schema.name for schema in (*OUTPUTS, *CACHES) if schema in job.outputs]
    console.print(f"\nWritten to {workspace}: {', '.join(written)}", soft_wrap=True, markup=False)
    console.print("Read them with any parquet tool, for instance with DuckDB (pip install duckdb-cli):")
    query = f"select * from '{workspace.replace(chr(39), chr(39) * 2)}/journeys/*.parquet' limit 5"
    console.print(f'  duckdb -c "{query}"', soft_wrap=True, markup=False)
    console.print("Continue with tomorrow's log; the other options are those of this run:")
    items = f"--items={job.items.path}"
    console.print(
        f"  {command_of(job.name, f'--previous={workspace}', '--workspace=NEW', '--interactions=NEW_LOG', items)}",
        soft_wrap=True,
        markup=False,
    )


def _counts_table(name: str, values: MetricValues, seconds: float) -> Table:
    table = Table(title=f"{name}: {seconds:.1f} s", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    _add_counts(table, values, _LOG_COUNTS)
    for (metric, reason), value in values.items():
        if metric in ("interactions_dropped", "interactions_invalid") and value:
            table.add_row(f"dropped: {reason.replace('_', ' ')}", f"{value:,.0f}")
    _add_counts(table, values, _RESULT_COUNTS)
    for (metric, reason), value in values.items():
        if metric == "items_invalid" and value:
            table.add_row(f"invalid items: {reason.replace('_', ' ')}", f"{value:,.0f}")
    if languages := sorted(language for metric, language in values if metric == "languages"):
        table.add_row("function words ignored, besides English", ", ".join(languages))
    return table


def _add_counts(table: Table, values: MetricValues, counts: Iterable[tuple[str, str]]) -> None:
    for label, metric in counts:
        if (metric, "") in values:
            table.add_row(label, f"{values[metric, '']:,.0f}")


def _histogram(values: MetricValues) -> Table:
    users = {slice_: value for (metric, slice_), value in values.items() if metric == "users_by_journeys"}
    total = max(sum(users.values()), 1)
    maximum = max(users.values(), default=1) or 1
    table = Table(title="journeys per user", title_justify="left", show_header=False, box=None)
    for slice_ in sorted(users, key=lambda name: int(name.rstrip("+"))):
        bar = "█" * round(_BAR_WIDTH * users[slice_] / maximum)
        table.add_row(slice_, f"{users[slice_]:,.0f}", f"{users[slice_] / total:.0%}", bar)
    return table


def threshold_report(values: MetricValues, workspace: str) -> list[str]:
    """Return lines on the threshold after a sweep: the journeys that it yields, and whether the target is reached."""
    chosen = {option: value for (metric, option), value in values.items() if metric == "sweep_threshold"}
    users = values.get(("sweep_users", ""), 0)
    if not chosen or not users:
        return []
    ((option, threshold),) = chosen.items()
    used = sweep_slice(option, threshold, round(values["sweep_min_size", ""]))
    reached, covered = values["sweep_journeys_per_user", used], values["sweep_coverage", used]
    result = (
        f"\n--{option}={threshold:g} yields {reached:.2f} journeys per user, with {covered:.0%} of the interactions, "
        f"in a sample of {users:,.0f} users"
    )
    return [
        result,
        *_target_report(values, reached),
        f"All thresholds: {command_of('evaluate', '--suites=granularity', f'--journeys={workspace}')}",
    ]


def _target_report(values: MetricValues, reached: float) -> list[str]:
    target = values.get(("sweep_target_journeys_per_user", ""))
    if target is None:
        return []
    least = values["sweep_min_coverage", ""]
    considered = f"Of the thresholds that leave at least {least:.0%} of the interactions in journeys"
    lines = [f"{considered}, this one comes closest to {target:g} journeys per user"]
    if abs(reached - target) <= _TARGET_TOLERANCE * target:
        return lines
    size = round(values["sweep_min_size", ""])
    means = {
        slice_: value
        for (metric, slice_), value in values.items()
        if metric == "sweep_journeys_per_user" and parse_slice(slice_)["min_size"] == str(size)
    }
    enough = [value for slice_, value in means.items() if values["sweep_coverage", slice_] >= least]
    lines.append(f"None comes close: they yield {min(enough):.2f} to {max(enough):.2f} at --min_size={size}")
    nearest = min(means, key=lambda slice_: abs(means[slice_] - target))
    if values["sweep_coverage", nearest] < least:
        option, value = next((name, text) for name, text in parse_slice(nearest).items() if name != "min_size")
        lines.append(
            f"Thresholds that leave less than {least:.0%} of the interactions in journeys are not used: "
            f"--{option}={value} yields {means[nearest]:.2f}, but with {values['sweep_coverage', nearest]:.0%}"
        )
    return lines


def _print_user(console: Console, job: ExtractJob) -> None:
    """Print the journeys of one user of the first part, with a number of journeys that is convenient to read."""
    source = resolve_source(FileSystems.join(job.workspace, JOURNEYS.name))
    first = dataclasses.replace(source, files=source.files[:1])
    journeys = read_dataset(JOURNEYS, first, ["user_id", "rank", "size", "terms", "weights", "item_ids"])
    users = journeys.group_by("user_id").aggregate([("size", "sum"), ([], "count_all")]).to_pylist()
    if not users:
        return
    chosen = min((abs(user["count_all"] - _PREFERRED_JOURNEYS), -user["size_sum"], user["user_id"]) for user in users)[
        2
    ]
    console.print(f"\njourneys of user {chosen}", markup=False)
    shown = journeys.filter(pc.equal(journeys["user_id"], chosen)).slice(0, _SHOWN_JOURNEYS).combine_chunks()
    titles = titles_of(pc.list_flatten(shown["item_ids"]).combine_chunks(), job.items, job.catalogue_columns)
    for row in shown.to_pylist():
        line = Text(f"  {row['rank']}. {_name(row, titles)}  ({row['size']} items)")
        line.append(f"  {', '.join(row['terms'][:_SHOWN_TERMS])}", style="dim")
        console.print(line, soft_wrap=True)


def _name(journey: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Return the salient name of a row of `journeys`."""
    distinct = list(dict.fromkeys(titles[item] for item in journey["item_ids"] if item in titles))
    config = NamingConfig()
    places = np.unique(np.linspace(0, len(distinct) - 1, config.max_items, dtype=int)) if distinct else ()
    sampled = [distinct[place] for place in places]
    return salient_name(journey["terms"], journey["weights"], sampled, journey["rank"], config)
