"""What an encoder reads of an item."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

DESCRIPTION_CHARACTERS = 160

TEXTS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("text", pa.string(), nullable=False)],
)
"""What an encoder is given: the text of each item."""


def item_text(items: pa.RecordBatch) -> pa.StringArray:
    """The title of each item, or `title: description`, the description cut to `DESCRIPTION_CHARACTERS`.

    Args:
        items: rows with `title` and `description`, which may be null.
    """
    titles = pc.fill_null(items["title"], "")
    descriptions = pc.utf8_slice_codeunits(pc.fill_null(items["description"], ""), 0, DESCRIPTION_CHARACTERS)
    parts = (titles, descriptions)
    said = [pc.not_equal(part, "") for part in parts]
    both = pc.binary_join_element_wise(*parts, ": ")
    return pc.if_else(pc.and_(*said), both, pc.if_else(said[0], titles, descriptions))


def texts_of_items(items: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `TEXTS` for rows of `items`; none for items that have no text."""
    rows = pa.RecordBatch.from_arrays([items["item_id"], item_text(items)], schema=TEXTS)
    return rows.filter(pc.not_equal(rows["text"], ""))
