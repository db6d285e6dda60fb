"""The validated and filtered log, grouped by user; the state of incremental runs."""

import pyarrow as pa

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, not_empty, same_length

HISTORIES = DatasetSchema(
    name="histories",
    doc=(
        "The history of one user: the last `--max_history` distinct interactions that passed the filters. "
        "`--previous` needs nothing else of earlier logs."
    ),
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("item_ids", pa.list_(pa.string()), "The items consumed, sorted by time, then by item."),
        Column("timestamps", pa.list_(TIMESTAMP), "The time of each item."),
        Column("truncated", pa.bool_(), "Whether older interactions were removed by `--max_history`."),
    ),
    invariants=(not_empty("user_id"), same_length("item_ids", "timestamps")),
)
