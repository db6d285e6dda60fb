"""Summary of a run of `name`, read from the datasets that it committed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.run_metrics import print_counts, read_metrics
from schemas import JOURNEY_NAMES, JOURNEYS, DatasetSchema
from transforms.datasets.files import Source, resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.name.job import NameJob

_SHOWN_USERS = 3
_SHOWN_JOURNEYS = 4
_SHOWN_TERMS = 5
_COUNTS = (
    ("journeys", "journeys"),
    ("  without a title in the catalogue", "journeys_without_titles"),
    ("prompts completed by an earlier run", "generations_cached"),
    ("prompts completed by an interrupted run", "generations_resumed"),
    ("prompts completed now", "generations_new"),
    ("journeys with a second prompt", "journeys_retried"),
)


def print_name(job: NameJob, seconds: float) -> None:
    """Print the counts of a run, the names of some users' journeys, and the location of the datasets."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    for title, metric in (("names", "names"), ("rejected names of the model", "names_rejected")):
        texts = [f"{slice_} {number:,.0f}" for (name, slice_), number in sorted(values.items()) if name == metric]
        if texts:
            console.print(f"  {title}: {', '.join(texts)}", markup=False)
    if job.users is not None:
        console.print(f"  only the journeys of a sample of users (--users={job.users})", markup=False)
    _print_users(console, job)
    written = ", ".join(schema.name for schema in reversed(job.outputs))
    console.print(f"Written to {job.workspace}: {written}", soft_wrap=True, markup=False)


def _print_users(console: Console, job: NameJob) -> None:
    """Print the names of the journeys of some users with their terms."""
    named = _first_part(JOURNEY_NAMES, resolve_source(FileSystems.join(job.workspace, JOURNEY_NAMES.name)))
    names = {(row["user_id"], row["journey_id"]): row["name"] for row in named}
    # Both datasets are partitioned by the hash of the user, so that their first parts contain the same users.
    journeys = [row for row in _first_part(JOURNEYS, job.journeys) if (row["user_id"], row["journey_id"]) in names]
    for user in list(dict.fromkeys(row["user_id"] for row in journeys))[:_SHOWN_USERS]:
        console.print(f"  journeys of user {user}", markup=False)
        for row in [row for row in journeys if row["user_id"] == user][:_SHOWN_JOURNEYS]:
            terms = ", ".join(row["terms"][:_SHOWN_TERMS])
            name = names[user, row["journey_id"]]
            console.print(f"    {row['rank']}. {name}  ({row['size']} items: {terms})", soft_wrap=True, markup=False)


def _first_part(schema: DatasetSchema, source: Source) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_dataset(schema, dataclasses.replace(source, files=source.files[:1])).to_pylist()
    return rows
