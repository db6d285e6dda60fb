"""The input of experiments: what people put together under one name."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import Column, DatasetSchema, Invariant, not_empty

_AS_MANY_DESCRIPTIONS = Invariant(
    "item_titles_and_item_descriptions_differ_in_length",
    "`item_descriptions` has one entry for each of `item_titles`, or is null",
    lambda rows: pc.fill_null(
        pc.equal(pc.list_value_length(rows["item_titles"]), pc.list_value_length(rows["item_descriptions"])),
        fill_value=True,
    ),
)

COLLECTIONS = DatasetSchema(
    name="collections",
    doc="Items that a person put together and gave a name: a playlist, a shelf, a section of a list.",
    key=(),
    sort_by=("source", "name"),
    partition_by="source",
    columns=(
        Column(
            "source",
            pa.string(),
            "Where it comes from: a person, a list. Experiments are split by it, so that nothing learnt is tested.",
        ),
        Column("name", pa.string(), "Its name."),
        Column("item_titles", pa.list_(pa.string()), "The title of each item."),
        Column(
            "item_descriptions", pa.list_(pa.string()), "A longer text for each item; empty where none.", True, True
        ),
    ),
    invariants=(not_empty("source"), _AS_MANY_DESCRIPTIONS),
)
