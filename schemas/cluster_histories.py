"""The clusters of each user."""

import pyarrow as pa

from schemas.dataset import TIMESTAMP, Column, DatasetSchema, not_empty, same_length

CLUSTER_HISTORIES = DatasetSchema(
    name="cluster_histories",
    doc="The distinct clusters of one user, in the order in which the user first consumed an item of each.",
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(
        Column("user_id", pa.string(), "The user."),
        Column("cluster_ids", pa.list_(pa.string()), "Each cluster once, all of one level of the tree."),
        Column(
            "timestamps",
            pa.list_(TIMESTAMP),
            "The time of the first interaction with each cluster, ascending; ties: by the id of the item.",
        ),
        Column(
            "second_timestamps",
            pa.list_(TIMESTAMP),
            "The time of the next interaction with each cluster that is later than the first one, with the same item "
            "or another one; null where there is none.",
        ),
    ),
    invariants=(
        not_empty("user_id"),
        same_length("cluster_ids", "timestamps"),
        same_length("cluster_ids", "second_timestamps"),
    ),
)
