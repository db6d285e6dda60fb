"""The plan of `ingest`: which files are read as what, resolved from the options before the job starts."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping

from pipelines.common import options as job_options
from pipelines.common.command_line import UsageError
from schemas import INTERACTIONS, ITEMS
from transforms.datasets.files import InputFile, Source, absolute_path, list_input_files, resolve_source
from transforms.datasets.storage import StorageError
from transforms.ingestion.generic import GenericOptions, GuessedLayout, generic_layout
from transforms.ingestion.guessing import Guess, GuessError
from transforms.ingestion.layout import SCHEMAS, FileLayout, Layout
from transforms.ingestion.layouts.registry import LAYOUTS
from transforms.ingestion.matching import (
    LayoutMismatchError,
    MatchedFile,
    explain_container,
    match_files,
    plain_name,
)
from transforms.ingestion.stages import FileToRead

GENERIC_FORMATS = ("csv", "jsonl", "parquet")
FORMATS = (*LAYOUTS, *GENERIC_FORMATS)
_LASTFM = "lastfm"
_PARQUET = "parquet"
_SUFFIXES = {
    "csv": (".csv", ".tsv", ".txt", ".dat", ".tab"),
    "jsonl": (".jsonl", ".json", ".ndjson"),
}
"""The names of files of text; those of parquet are found as in other jobs."""

_GENERIC_OPTIONS = ("items_input", "columns", "item_columns", "tag_separator", "header", "delimiter", "encoding")


@dataclasses.dataclass(frozen=True)
class IngestPlan:
    """Which files are read, and as what.

    Attributes:
        title: the name of the log.
        files: the files that are read, with their layouts.
        others: the files of the input that are not read, each with the reason.
        sources: the files by what they hold: `interactions`, `items`, `item_tags`.
        reasons: the texts of what is left out, by reason.
        guesses: the guesses from which the columns follow, by what the files hold; empty for published logs.
    """

    title: str
    files: tuple[MatchedFile, ...]
    others: Mapping[str, str]
    sources: Mapping[str, Source]
    reasons: Mapping[str, str]
    guesses: Mapping[str, Guess]

    @property
    def layouts(self) -> tuple[FileLayout, ...]:
        """The layouts of the files, each once."""
        return tuple(each for index, each in enumerate(self._all_layouts) if each not in self._all_layouts[:index])

    @property
    def _all_layouts(self) -> list[FileLayout]:
        return [each.layout for each in self.files]

    @property
    def files_to_read(self) -> tuple[FileToRead, ...]:
        """The files, each with the index of its layout among `layouts`."""
        return tuple(FileToRead(each.file.path, self.layouts.index(each.layout)) for each in self.files)

    @property
    def has_catalogue(self) -> bool:
        """Whether files have items."""
        return ITEMS.name in self.sources

    @property
    def has_titles(self) -> bool:
        """Whether a column of titles is read."""
        return any("title" in {**each.columns, **each.item_columns} for each in self.layouts)

    def described_columns(self) -> dict[str, dict[str, str]]:
        """Return the columns that are read, by what the files hold."""
        described: dict[str, dict[str, str]] = {}
        for layout in self.layouts:
            own = dict(layout.item_columns) if not self.has_catalogue else {}
            described[layout.role] = {**described.get(layout.role, {}), **own, **layout.columns}
        return described


def resolve_plan(args: argparse.Namespace) -> IngestPlan:
    """Resolve the files of the input and their layouts.

    Raises:
        UsageError: naming the option, when files are missing, or their columns are not certain.
    """
    if args.lastfm_items and args.format != _LASTFM:
        raise UsageError(f"--lastfm_items is for --format={_LASTFM}")
    if args.format in LAYOUTS:
        given = [name for name in _GENERIC_OPTIONS if getattr(args, name)]
        given += ["timestamp_unit"] if args.timestamp_unit != "auto" else []
        if given:
            raise UsageError(f"--{given[0]} is for --format={', '.join(GENERIC_FORMATS)}; a published log states it")
        return _published_plan(args, _list_files("--input", args.input, list_input_files))
    return _generic_plan(args)


def _list_files(option: str, paths: str, files_of: Callable[[str], tuple[InputFile, ...]]) -> tuple[InputFile, ...]:
    try:
        files = [file for path in job_options.comma_separated(paths) for file in files_of(path)]
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error
    if not files:
        raise UsageError(f"{option} must name a file, folder or glob, or several with commas between them")
    return tuple(sorted(set(files)))


def _published_plan(args: argparse.Namespace, files: tuple[InputFile, ...]) -> IngestPlan:
    layout = _with_options(LAYOUTS[args.format](args.lastfm_items or "track"), args)
    try:
        match = match_files(layout, files)
    except (LayoutMismatchError, OSError) as error:
        raise UsageError(f"--input: {error}") from error
    return IngestPlan(layout.title, match.files, match.others, _sources(args.input, match.files), layout.reasons, {})


def _with_options(layout: Layout, args: argparse.Namespace) -> Layout:
    """Return a layout with the order of dates that was given."""
    if not args.date_order:
        return layout
    if not any(each.date_order for each in layout.files):
        raise UsageError(f"--date_order has no effect: {layout.title} has no dates that end with the year")
    files = [
        dataclasses.replace(each, date_order=args.date_order) if each.date_order else each for each in layout.files
    ]
    return dataclasses.replace(layout, files=tuple(files))


def _generic_plan(args: argparse.Namespace) -> IngestPlan:
    log, others = _of_format("--input", args.input, args.format)
    guessed = {INTERACTIONS.name: _layout("--input", INTERACTIONS.name, log, args, args.columns)}
    matched = [MatchedFile(file, guessed[INTERACTIONS.name].layout) for file in log]
    if args.items_input is not None:
        catalogue, more = _of_format("--items_input", args.items_input, args.format)
        others = {**others, **more}
        guessed[ITEMS.name] = _layout("--items_input", ITEMS.name, catalogue, args, args.item_columns)
        own = guessed[INTERACTIONS.name]
        matched = [MatchedFile(file, dataclasses.replace(own.layout, item_columns={})) for file in log]
        matched += [MatchedFile(file, guessed[ITEMS.name].layout) for file in catalogue]
    elif args.item_columns:
        raise UsageError("--item_columns are those of a catalogue, which --items_input names")
    elif not guessed[INTERACTIONS.name].layout.item_columns:
        raise UsageError(
            "--items_input is missing: the log has no column that looks like a title of its items; give the catalogue, "
            "or the column: --columns=title=NAME"
        )
    sources = _sources(args.input, tuple(matched))
    guesses = {role: each.guess for role, each in guessed.items()}
    return IngestPlan(args.format, tuple(matched), others, sources, {}, guesses)


def _of_format(option: str, paths: str, format_name: str) -> tuple[tuple[InputFile, ...], dict[str, str]]:
    """Return the files of a format, and the others; a single file always is one.

    Files of parquet are found as by all jobs, which refuse the folders of table formats.
    """
    if format_name == _PARQUET:
        chosen = _list_files(option, paths, lambda path: resolve_source(path).files)
        files = _list_files(option, paths, list_input_files)
    else:
        files = _list_files(option, paths, list_input_files)
        suffixes = _SUFFIXES[format_name]
        named = tuple(file for file in files if plain_name(file.path).lower().endswith(suffixes))
        chosen = files if len(files) == 1 else named
        if not chosen:
            raise UsageError(f"{option}: no file is named {', '.join(suffixes)}; the first is {files[0].path}")
    reason = f"no file of {format_name} has this name"
    return chosen, {file.path: explain_container(file.path) or reason for file in files if file not in chosen}


def _layout(
    option: str,
    role: str,
    files: tuple[InputFile, ...],
    args: argparse.Namespace,
    columns: Mapping[str, str],
) -> GuessedLayout:
    given = GenericOptions(
        columns,
        args.timestamp_unit,
        args.date_order,
        args.tag_separator,
        args.delimiter,
        args.header if role == INTERACTIONS.name else (),
        args.encoding,
    )
    try:
        return generic_layout(role, args.format, files, given)
    except (GuessError, LayoutMismatchError, OSError) as error:
        raise UsageError(f"{option}: {error}") from error


def _sources(path: str, files: tuple[MatchedFile, ...]) -> dict[str, Source]:
    """Group files by what they hold: first the log, then its items."""
    present = {each.layout.role for each in files}
    roles = [role for role in SCHEMAS if role in present]
    whole = ",".join(absolute_path(each) for each in job_options.comma_separated(path))
    return {role: Source(whole, tuple(each.file for each in files if each.layout.role == role)) for role in roles}
