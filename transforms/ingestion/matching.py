"""Which files of an input have which layout: by their names, their columns and their first rows."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from schemas import INTERACTIONS, ITEMS
from transforms.datasets.files import InputFile
from transforms.datasets.reading import UnreadableFileError
from transforms.ingestion.blocks import column_names
from transforms.ingestion.layout import FileLayout, Layout
from transforms.ingestion.streams import COMPRESSED_SUFFIXES

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar")
_SPREADSHEETS = (".xlsx", ".xls", ".ods")


class LayoutMismatchError(ValueError):
    """The files of an input are not those of a layout; the message says which are missing, and what there is."""


class MatchedFile(NamedTuple):
    """A file, and its layout."""

    file: InputFile
    layout: FileLayout


class Match(NamedTuple):
    """The files of an input.

    Attributes:
        files: those that are read, in the order of their paths.
        others: those that are not read, by path, each with the reason.
    """

    files: tuple[MatchedFile, ...]
    others: dict[str, str]


def match_files(layout: Layout, files: Iterable[InputFile]) -> Match:
    """Find the files of a layout among those of an input.

    Raises:
        LayoutMismatchError: when a log or its items are missing, or the files are of several versions.
        OSError, BeamIOError: when the file system fails.
    """
    matched: list[MatchedFile] = []
    others: dict[str, str] = {}
    for file in sorted(files):
        found = _find_layout(layout, file)
        if isinstance(found, FileLayout):
            matched.append(MatchedFile(file, found))
        else:
            others[file.path] = found
    _check_versions(layout, matched)
    _check_roles(layout, matched, others)
    return Match(tuple(matched), others)


def plain_name(path: str) -> str:
    """Return the name of a file without a suffix of compression."""
    name = posixpath.basename(path)
    suffix = next((each for each in COMPRESSED_SUFFIXES if name.lower().endswith(each)), "")
    return name[: len(name) - len(suffix)]


def explain_container(path: str) -> str:
    """Return how to convert a spreadsheet or an archive; empty for any other file."""
    lower = path.lower()
    if lower.endswith(_ARCHIVES):
        return "this is an archive: unpack it, and give the folder"
    if lower.endswith(_SPREADSHEETS):
        target = f"{path.rpartition('.')[0]}.csv"
        command = f"""duckdb -c "INSTALL excel; LOAD excel; COPY (FROM read_xlsx('{path}')) TO '{target}'\""""
        return (
            f"this is a spreadsheet, which is not read: write each of its sheets as CSV: {command}; sheets after the "
            "first one by read_xlsx(..., sheet = 'NAME')"
        )
    return ""


def _find_layout(layout: Layout, file: InputFile) -> FileLayout | str:
    """Return the layout of a file, or why it has none."""
    if reason := explain_container(file.path):
        return reason
    candidates = [each for each in layout.files if re.fullmatch(each.pattern, plain_name(file.path))]
    reasons = []
    for candidate in candidates:
        try:
            found = column_names(file.path, candidate.format)
        except UnreadableFileError as error:
            reasons.append(str(error))
            continue
        missing = [name for name in candidate.columns_required if name not in found]
        if not missing:
            return candidate
        reasons.append(f"no column {', '.join(map(repr, missing))}; the file has {', '.join(found)}")
    return "; or ".join(dict.fromkeys(reasons)) or f"no file of {layout.title} has this name"


def _check_versions(layout: Layout, matched: list[MatchedFile]) -> None:
    first = {each.layout.variant: each.file.path for each in reversed(matched)}
    if len(first) > 1:
        files = ", ".join(f"{path} ({variant})" for variant, path in sorted(first.items()))
        raise LayoutMismatchError(f"files of several versions of {layout.title}, whose ids differ: {files}; give one")


def _check_roles(layout: Layout, matched: list[MatchedFile], others: dict[str, str]) -> None:
    roles = {each.layout.role for each in matched}
    has_items = ITEMS.name in roles or any(each.layout.item_columns for each in matched)
    for role, is_there in ((INTERACTIONS.name, INTERACTIONS.name in roles), (ITEMS.name, has_items)):
        if not is_there:
            raise LayoutMismatchError(f"no file with the {role} of {layout.title}{_described(layout, role, others)}")


def _described(layout: Layout, role: str, others: dict[str, str]) -> str:
    patterns = ", ".join(dict.fromkeys(each.pattern.replace("\\", "") for each in layout.files if each.role == role))
    text = f"; such a file is named {patterns}" if patterns else ""
    shown = [f"\n  {path}: {reason}" for path, reason in list(others.items())[:8]]
    return f"{text}; not read:{''.join(shown)}" if shown else text
