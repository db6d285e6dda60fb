"""Item vectors that the user provides."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, elements_finite, not_empty

ITEM_EMBEDDINGS = DatasetSchema(
    name="item_embeddings",
    doc="The vector of one item, from the user's own encoder. It may be a column of the catalogue's file.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item. Text or integers; unique.", is_id=True),
        Column(
            "embedding",
            pa.list_(pa.float32()),
            "Its vector, of which only the direction matters; all have the same dimension.",
            nullable=True,
        ),
    ),
    invariants=(not_empty("item_id"), elements_finite("embedding")),
)
