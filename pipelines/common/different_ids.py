"""Ids of items as a log and its catalogue have them, for the message that they do not match."""

from __future__ import annotations

import pyarrow as pa

from pipelines.common.job import Job
from schemas import INTERACTIONS, ITEMS
from transforms.datasets.reading import sample_rows

_SHOWN_IDS = 3


def describe_ids(job: Job) -> list[str]:
    """Return a line with a few ids of items of the log, and a few of the catalogue.

    Returns:
        No line for a job that does not read both.
    """
    log, items = job.sources.get(INTERACTIONS.name), job.sources.get(ITEMS.name)
    if log is None or items is None:
        return []
    logged = sample_rows(job.schema_of(INTERACTIONS.name), log, job.options_of(INTERACTIONS.name))["item_id"].unique()
    given = sample_rows(ITEMS, items, job.options_of(ITEMS.name))["item_id"].unique()
    return [f"ids of items in the log: {_shown(logged)}; in the catalogue: {_shown(given)}"]


def _shown(ids: pa.StringArray) -> str:
    return ", ".join(map(repr, ids[:_SHOWN_IDS].to_pylist()))
