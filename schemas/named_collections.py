"""The input of experiments: groups of items that a person collected under one name."""

import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import MAX_CHARACTERS, Column, DatasetSchema, Invariant, not_empty

_ONE_DESCRIPTION_PER_TITLE = Invariant(
    "item_titles_and_item_descriptions_differ_in_length",
    "`item_descriptions` has one entry for each of `item_titles`, or is null",
    lambda rows: pc.fill_null(
        pc.equal(pc.list_value_length(rows["item_titles"]), pc.list_value_length(rows["item_descriptions"])),
        fill_value=True,
    ),
)

COLLECTIONS = DatasetSchema(
    name="collections",
    doc="A group of items that a person collected and named: a playlist, a shelf, a section of a list. "
    f"Of each text the first {MAX_CHARACTERS:,} characters are read.",
    key=(),
    sort_by=("source", "name"),
    partition_by="source",
    columns=(
        Column(
            "source",
            pa.string(),
            "Its owner: a person or a list. Experiments are split by owner, to separate training and test data.",
        ),
        Column("name", pa.string(), "Its name.", written_as="text"),
        Column("item_titles", pa.list_(pa.string()), "The title of each item.", written_as="title"),
        Column(
            "item_descriptions",
            pa.list_(pa.string()),
            "A longer text for each item; empty if there is none.",
            True,
            True,
            written_as="text",
        ),
    ),
    invariants=(not_empty("source"), _ONE_DESCRIPTION_PER_TITLE),
)
