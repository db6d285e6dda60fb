"""Input that could not be used, with the reason."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, not_empty

ERRORS = DatasetSchema(
    name="errors",
    doc="One input row, or one file or row group, that could not be used.",
    key=(),
    sort_by=("dataset", "file", "row", "reason", "payload"),
    partition_by="file",
    columns=(
        Column("dataset", pa.string(), "The dataset that was being read."),
        Column("file", pa.string(), "The file."),
        Column("row", pa.int64(), "The row in the file, from 0; null where the whole file is meant.", True),
        Column("reason", pa.string(), "Why, in one word."),
        Column("payload", pa.string(), "The row's values, or what the reader said of the file."),
    ),
    invariants=(not_empty("dataset"), not_empty("reason")),
)
