"""The input catalogue of items."""

import pyarrow as pa

from schemas.dataset import MAX_CHARACTERS, Column, DatasetSchema, identifies

ITEMS = DatasetSchema(
    name="items",
    doc=f"One item of the catalogue. Of each text the first {MAX_CHARACTERS:,} characters are read.",
    key=("item_id",),
    sort_by=("item_id",),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item. Text, integers or UUIDs; unique.", is_id=True),
        Column("title", pa.string(), "Its title, in any script.", written_as="title"),
        Column("description", pa.string(), "A longer text.", True, True, list_separator="; ", written_as="text"),
        Column("tags", pa.list_(pa.string()), "Labels given by people.", True, True, written_as="text"),
        Column("creator", pa.string(), "Its author or maker.", True, True, list_separator=", ", written_as="text"),
        Column("queries", pa.list_(pa.string()), "Search queries that led to it.", True, True, written_as="text"),
    ),
    invariants=identifies("item_id"),
)
