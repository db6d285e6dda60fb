"""The intents of each user."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, between, elements_finite, not_empty

INTENTS = DatasetSchema(
    name="intents",
    doc="The intents of one user for the next session: exploration, and a latent one (2405.12327, 2211.09832).",
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column(
            "exploration_probability",
            pa.float32(),
            "Calibrated probability that the next session has an item of a cluster that is new to the user.",
        ),
        Column(
            "latent_mean",
            pa.list_(pa.float32()),
            "The mean of the prior of the latent intent, given the user's context; empty without a latent model.",
        ),
        Column("model", pa.string(), "The model of the probability, such as `boosted_trees`."),
    ),
    invariants=(
        not_empty("user_id"),
        between("exploration_probability", 0, 1),
        elements_finite("latent_mean"),
        not_empty("model"),
    ),
)
