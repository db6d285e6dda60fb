"""What each user consumed: the log after validation and filters, by user; the state for the next run."""

import pyarrow as pa

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, not_empty, same_length

HISTORIES = DatasetSchema(
    name="histories",
    doc=(
        "The history of one user: the interactions that were kept, each once, the last `--max_history` of them. "
        "It is all that `--previous` needs of the logs before."
    ),
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("item_ids", pa.list_(pa.string()), "What they consumed, by time, then by item."),
        Column("timestamps", pa.list_(TIMESTAMP), "When, for each item."),
        Column("truncated", pa.bool_(), "Whether older interactions were cut off by `--max_history`."),
    ),
    invariants=(not_empty("user_id"), same_length("item_ids", "timestamps")),
)
