"""The intents of each user."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, between, not_empty

INTENTS = DatasetSchema(
    name="intents",
    doc="The intents of one user when the log ends: how likely the next interaction is with something new.",
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column(
            "cluster_probability",
            pa.float32(),
            "The probability that the next interaction is with an item of a cluster that is new to the user: the "
            "exploration intent.",
        ),
        Column(
            "creator_probability",
            pa.float32(),
            "The probability that it is with an item of a creator who is new to the user; null if the log has none.",
            nullable=True,
        ),
        Column("item_probability", pa.float32(), "The probability that it is with an item that is new to the user."),
        Column("model", pa.string(), "The model of the probabilities, such as `logistic_regression`."),
    ),
    invariants=(
        not_empty("user_id"),
        between("cluster_probability", 0, 1),
        between("creator_probability", 0, 1),
        between("item_probability", 0, 1),
        not_empty("model"),
    ),
)
