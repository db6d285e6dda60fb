"""Titles of a few items of a catalogue, for summaries and pages."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.datasets.coercion import ColumnError, coerce, select_columns
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source
from transforms.datasets.reading import ParquetReader, UnreadableFileError

_MAX_BYTES = 256 << 20
_MAX_FILES = 16
_COLUMNS = ("item_id", "title")


def titles_of(
    item_ids: pa.StringArray, items: Source, columns: ColumnOptions, *, is_large: bool = False
) -> dict[str, str]:
    """Read the titles of items from a catalogue, until all are found.

    Only two columns are read. A catalogue of more than 16 files or 256 MiB is not read, nor are invalid files.

    Args:
        item_ids: the items.
        items: the catalogue.
        columns: how its columns are read.
        is_large: whether a larger catalogue is read too.

    Returns:
        The title of each item that was found.
    """
    found: dict[str, str] = {}
    if not is_large and (len(items.files) > _MAX_FILES or items.size > _MAX_BYTES):
        return found
    wanted = len(item_ids.unique())
    for file in items.files:
        try:
            with ParquetReader(file.path) as reader:
                selected = select_columns(reader.schema, ITEMS, columns.renamed, columns.tag_separator)
                selected = {name: column for name, column in selected.items() if name in _COLUMNS}
                for row_group in range(len(reader.row_group_sizes())):
                    for raw in reader.batches(row_group, list(selected.values())):
                        rows = coerce(raw, ITEMS, selected, file.path, 0).rows.select(_COLUMNS)
                        rows = rows.filter(pc.is_in(rows["item_id"], item_ids))
                        found |= dict(zip(*(column.to_pylist() for column in rows.columns), strict=True))
                    if len(found) == wanted:
                        return found
        except (ColumnError, UnreadableFileError):
            continue
    return found
