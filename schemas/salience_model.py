"""The weights of the learned salience model."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, finite, not_empty

SALIENCE_MODEL = DatasetSchema(
    name="salience_model",
    doc="One weight of the logistic regression of the relevance of a term to an item.",
    key=("feature",),
    sort_by=("feature",),
    partition_by="feature",
    columns=(
        Column("feature", pa.string(), "The feature; `intercept` for the constant."),
        Column("weight", pa.float64(), "The increase of the logit of the salience per unit of the feature."),
    ),
    invariants=(not_empty("feature"), finite("weight")),
)
