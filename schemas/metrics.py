"""Everything that was counted or measured."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, finite, not_empty

METRICS = DatasetSchema(
    name="metrics",
    doc="One figure of one pipeline.",
    key=("pipeline", "metric", "slice"),
    sort_by=("pipeline", "metric", "slice"),
    partition_by="pipeline",
    columns=(
        Column("pipeline", pa.string(), "The pipeline that measured it."),
        Column("metric", pa.string(), "What was measured."),
        Column("slice", pa.string(), "For which part: a reason, a size class; empty for the whole."),
        Column("value", pa.float64(), "The figure."),
        Column("low", pa.float64(), "Lower end of its 95 % interval, where there is one.", True),
        Column("high", pa.float64(), "Upper end of the interval.", True),
        Column("n", pa.int64(), "Number of observations behind it, where it is a mean or a share.", True),
    ),
    invariants=(not_empty("pipeline"), not_empty("metric"), finite("value")),
)
