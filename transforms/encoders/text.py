"""The text of an item for an encoder."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

DESCRIPTION_CHARACTERS = 160

TEXTS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("text", pa.string(), nullable=False)],
)
"""The input of an encoder: one text per item."""


def item_text(items: pa.RecordBatch) -> pa.StringArray:
    """Return `title: description` of each item, the description truncated to `DESCRIPTION_CHARACTERS`.

    Where one of the two is empty, the text is the other.

    Args:
        items: rows with `title` and `description`, both nullable.
    """
    titles = pc.fill_null(items["title"], "")
    descriptions = pc.utf8_slice_codeunits(pc.fill_null(items["description"], ""), 0, DESCRIPTION_CHARACTERS)
    parts = (titles, descriptions)
    present = [pc.not_equal(part, "") for part in parts]
    both = pc.binary_join_element_wise(*parts, ": ")
    return pc.if_else(pc.and_(*present), both, pc.if_else(present[0], titles, descriptions))


def texts_of_items(items: pa.RecordBatch) -> pa.RecordBatch:
    """Convert rows of `items` to rows of `TEXTS`; items without text are dropped."""
    rows = pa.RecordBatch.from_arrays([items["item_id"], item_text(items)], schema=TEXTS)
    return rows.filter(pc.not_equal(rows["text"], ""))
