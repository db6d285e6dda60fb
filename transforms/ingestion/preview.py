"""Examples of what a layout makes of a file, for people who check it before anything is written."""

from __future__ import annotations

import itertools

from transforms.ingestion.blocks import read_blocks
from transforms.ingestion.convert import convert_rows
from transforms.ingestion.guessing import examples_of
from transforms.ingestion.layout import FileLayout

_BLOCK_BYTES = 1 << 20


def preview(path: str, layout: FileLayout) -> dict[str, tuple[str, ...]]:
    """Return the first distinct values of each column that a file gives, converted.

    Args:
        path: the file.
        layout: its layout.

    Returns:
        Dataset column -> values as text; no columns if there are no valid rows.

    Raises:
        UnreadableFileError: when the first block cannot be read.
        OSError, BeamIOError: when the file system fails.
    """
    for block in itertools.islice(read_blocks(path, layout.format, layout.columns_read, _BLOCK_BYTES), 1):
        rows = convert_rows(block.rows, block.positions, path, layout).rows
        examples = {column.name: examples_of(rows[column.name]) for column in layout.schema.columns}
        return {name: values for name, values in examples.items() if values}
    return {}
