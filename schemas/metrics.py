"""All counts and measurements of a run."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, finite, not_empty

METRICS = DatasetSchema(
    name="metrics",
    doc="One value of one metric of one pipeline.",
    key=("pipeline", "metric", "slice"),
    sort_by=("pipeline", "metric", "slice"),
    partition_by="pipeline",
    columns=(
        Column("pipeline", pa.string(), "The pipeline that computed it."),
        Column("metric", pa.string(), "The name of the metric."),
        Column("slice", pa.string(), "The subset it refers to, such as a reason or a size class; empty for the total."),
        Column("value", pa.float64(), "The value."),
        Column("low", pa.float64(), "Lower bound of its 95 % interval, if there is one.", True),
        Column("high", pa.float64(), "Upper bound of the interval.", True),
        Column("n", pa.int64(), "Number of observations, if it is a mean or a fraction.", True),
    ),
    invariants=(not_empty("pipeline"), not_empty("metric"), finite("value")),
)
