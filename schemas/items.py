"""The input catalogue of items."""

import pyarrow as pa

from schemas.dataset import Column, DatasetSchema, not_empty

ITEMS = DatasetSchema(
    name="items",
    doc="One item of the catalogue.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item. Text or integers; unique."),
        Column("title", pa.string(), "Its title, in any script.", written_as="title"),
        Column("description", pa.string(), "A longer text.", True, True, "text"),
        Column("tags", pa.list_(pa.string()), "Labels given by people.", True, True, "text"),
        Column("creator", pa.string(), "Its author or maker.", True, True, "text"),
        Column("queries", pa.list_(pa.string()), "Search queries that led to it.", True, True, "text"),
    ),
    invariants=(not_empty("item_id"),),
)
