"""Users to recommend to."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, identifies

USERS = DatasetSchema(
    name="users",
    doc="One user to recommend items to; each user once or several times.",
    key=("user_id",),
    sort_by=("user_id",),
    partition_by="user_id",
    columns=(Column("user_id", pa.string(), "The user.", is_id=True),),
    invariants=identifies("user_id"),
)
