"""The log with the interest probability of each interaction."""

import dataclasses

from schemas.dataset import DatasetSchema
from schemas.interactions import INTERACTIONS

_COLUMNS = tuple(
    dataclasses.replace(column, optional=False, nullable=column.nullable and column.name != "interest")
    for column in INTERACTIONS.columns
)

SCORED_INTERACTIONS = DatasetSchema(
    name="scored_interactions",
    doc="One row of the log with its interest, written by `pipelines.interest`; it can replace the log of `extract`.",
    key=(),
    sort_by=("user_id", "timestamp", "item_id", "event", "value", "dwell_seconds"),
    partition_by="user_id",
    columns=_COLUMNS,
    invariants=INTERACTIONS.invariants,
)
