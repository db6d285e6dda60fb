"""What was learnt about salience, as plain numbers."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, finite, not_empty

SALIENCE_MODEL = DatasetSchema(
    name="salience_model",
    doc="One weight of the logistic regression that says how relevant a term is to an item.",
    key=("feature",),
    sort_by=("feature",),
    partition_by="feature",
    columns=(
        Column("feature", pa.string(), "The feature that it weighs; `intercept` for the number that stands alone."),
        Column("weight", pa.float64(), "By how much the logit of the salience grows with the feature."),
    ),
    invariants=(not_empty("feature"), finite("weight")),
)
