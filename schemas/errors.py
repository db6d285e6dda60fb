"""Invalid input, with the reason."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, not_empty

ERRORS = DatasetSchema(
    name="errors",
    doc="One invalid input row, or one unreadable file or row group.",
    key=(),
    sort_by=("dataset", "file", "row", "reason", "payload"),
    partition_by="file",
    columns=(
        Column("dataset", pa.string(), "The dataset that was being read."),
        Column("file", pa.string(), "The file."),
        Column("row", pa.int64(), "The position of the row in the file, from 0; null for a whole file.", True),
        Column("reason", pa.string(), "The reason, one word."),
        Column("payload", pa.string(), "The values of the row, or the message of the reader."),
    ),
    invariants=(not_empty("dataset"), not_empty("reason")),
)
