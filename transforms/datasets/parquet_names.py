"""Recognition of the parquet files of a folder: by their names, or by their first bytes where names do not say it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping

_SUFFIXES = (".parquet", ".pq", ".parq")
_MAGIC = b"PAR1"
_MIN_BYTES = 12
_PROBED_FILES = 16
_COPIES = frozenset(("bak", "backup", "copy", "inprogress", "old", "orig", "partial", "temp", "tmp"))
"""Suffixes of files that repeat other files, or are not complete."""


def parquet_paths(sizes: Mapping[str, int], read_beginning: Callable[[str], bytes]) -> frozenset[str]:
    """Return the paths of the parquet files among the files of a folder.

    Files whose names do not say what they are, such as those of Athena, Trino and BigQuery, are decided by their first
    bytes. Of many files with one suffix, some are read first: if all of them are parquet, so are the others.

    Args:
        sizes: the size of each file in bytes, by path.
        read_beginning: reads the first bytes of a file.
    """
    found = {path for path in sizes if path.lower().endswith(_SUFFIXES)}
    undecided = (path for path, size in sizes.items() if size >= _MIN_BYTES and path not in found)
    for group in _by_suffix(undecided).values():
        probed = group[:: -(-len(group) // _PROBED_FILES)]
        are_parquet = {path for path in probed if read_beginning(path).startswith(_MAGIC)}
        if len(are_parquet) == len(probed):
            are_parquet = set(group)
        elif are_parquet:
            are_parquet = {path for path in group if read_beginning(path).startswith(_MAGIC)}
        found |= are_parquet
    return frozenset(found)


def _by_suffix(paths: Iterable[str]) -> dict[str, list[str]]:
    """Group paths by suffix in lowercase; suffixes of copies are left out."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        suffix = posixpath.splitext(path)[1].lower().removeprefix(".")
        if suffix not in _COPIES and not path.endswith("~"):
            groups.setdefault(suffix, []).append(path)
    return groups
