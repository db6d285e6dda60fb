"""Vectors of items that come from outside."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, elements_finite, not_empty

ITEM_EMBEDDINGS = DatasetSchema(
    name="item_embeddings",
    doc="The vector of one item, by an encoder of yours. It may be a column of the catalogue's own file.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item. Text or whole numbers; unique."),
        Column(
            "embedding",
            pa.list_(pa.float32()),
            "Its vector, of which the direction counts; all have as many numbers.",
            nullable=True,
        ),
    ),
    invariants=(not_empty("item_id"), elements_finite("embedding")),
)
