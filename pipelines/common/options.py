"""Options of jobs: derived from configuration dataclasses, and those that several jobs share."""

from __future__ import annotations

import argparse
import dataclasses
import types
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, Union, get_args, get_origin

from pipelines.common.command_line import UsageError
from schemas import COLLECTIONS, INTERACTIONS, ITEMS, DatasetSchema
from transforms.datasets.column_options import UNITS, ColumnOptions, split_columns
from transforms.settings import Setting, choices_of, settings_of

Config = TypeVar("Config")

CATALOGUE = ("items", "item_columns", "tag_separator")
"""The options that name a catalogue and how its columns are read; a later run inherits all of them or none."""


def add_config(
    parser: argparse.ArgumentParser, config: type, only: Iterable[str] = (), unset: Iterable[str] = ()
) -> None:
    """Declare an option for each setting of a configuration dataclass.

    Type, default, help text and range come from the field. A bool is a flag, a `Literal` has choices, a tuple is given
    as values with commas between them.

    Args:
        parser: the parser of the job.
        config: the dataclass.
        only: names of the settings; empty: all.
        unset: names of settings that are None when they are not given, so that a job can reject them where they have
            no effect. Their help text states the default.
    """
    for name, (field, kind, declared) in settings_of(config).items():
        if only and name not in only:
            continue
        default = None if field.default is dataclasses.MISSING else field.default
        text = declared.help
        if name in unset:
            text += "" if default is None else f" Default: {_as_text(default)}."
            default = None
        flag = f"--{declared.option or name}"
        if kind is bool:
            parser.add_argument(flag, action="store_true", default=default, help=text)
        elif choices := choices_of(kind):
            parser.add_argument(flag, choices=choices, default=default, help=text)
        else:
            parser.add_argument(flag, type=_reader(kind, declared), default=default, help=text)


def read_config(args: argparse.Namespace, config: type[Config], **values: Any) -> Config:
    """Create a configuration from the options that `add_config` declared.

    Args:
        args: the parsed command line; an option that is None or absent leaves the default of its field.
        config: the dataclass.
        **values: fields that are not taken from the command line.

    Raises:
        UsageError: naming the option whose value is not allowed.
    """
    options = {name: declared.option or name for name, (_, _, declared) in settings_of(config).items()}
    given = {name: getattr(args, option, None) for name, option in options.items() if name not in values}
    try:
        return config(**{name: value for name, value in given.items() if value is not None}, **values)
    except ValueError as error:
        name, space, rest = str(error).partition(" ")
        raise UsageError(f"--{options.get(name, name)}{space}{rest}") from error


def given_options(args: argparse.Namespace, config: type, only: Iterable[str] = ()) -> list[str]:
    """Return the options of a configuration that were given and differ from the default, in order of declaration."""
    names = set(only)
    return [
        declared.option or name
        for name, (field, _, declared) in settings_of(config).items()
        if (not names or name in names) and getattr(args, declared.option or name, None) not in (None, field.default)
    ]


def _reader(kind: Any, declared: Setting) -> Callable[[str], Any]:
    """Return the parser of one value of a type, also inside `X | None` and `tuple[X, ...]`."""
    if declared.parse is not None:
        return _text_reader(declared.parse)
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (argument for argument in get_args(kind) if argument is not type(None))
    if get_origin(kind) is tuple:
        return _tuple_reader(_reader(get_args(kind)[0], declared))
    return _number_reader(kind, declared) if kind in (int, float) else str


def _text_reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _number_reader(kind: type[int] | type[float], declared: Setting) -> Callable[[str], float]:
    noun = "a whole number" if kind is int else "a number"
    comma = "" if not declared.allowed or declared.allowed.startswith("in") else ","
    allowed = f"{noun}{comma} {declared.allowed}".rstrip()

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}") from error
        if not declared.contains(value):
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}")
        return value

    return read


def _tuple_reader(read_one: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    def read(text: str) -> tuple[Any, ...]:
        values = tuple(read_one(entry) for entry in comma_separated(text))
        if not values or len(set(values)) < len(values):
            raise argparse.ArgumentTypeError(f"must be distinct values with commas between them, got {text!r}")
        return values

    return read


def _as_text(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def bounded_number(
    kind: type[int] | type[float], low: float | None, high: float | None = None, *, above: bool = False
) -> Callable[[str], float]:
    """Return a parser of numbers in [low, high], or (low, high], for an option that belongs to no configuration."""
    return _number_reader(kind, Setting("", minimum=low, maximum=high, above=above))


def int_list(low: int) -> Callable[[str], tuple[int, ...]]:
    """Return a parser of `2,3,5`: distinct whole numbers of at least `low`."""
    return _tuple_reader(bounded_number(int, low))


def comma_separated(text: str) -> tuple[str, ...]:
    """Parse `a,b,c`."""
    return tuple(name for name in text.split(",") if name)


def column_mapping(schema: DatasetSchema, *further: DatasetSchema) -> Callable[[str], dict[str, str]]:
    """Return a parser of `column=name,...` for the columns of a dataset; `column=` leaves an optional one out.

    Args:
        schema: the dataset.
        *further: datasets whose columns are allowed too, and are optional.
    """

    def read(text: str) -> dict[str, str]:
        columns = list(dict.fromkeys(column.name for each in (schema, *further) for column in each.columns))
        names = {}
        for entry in split_columns(text):
            column, separator, name = entry.partition("=")
            if not separator:
                raise argparse.ArgumentTypeError(f"must be column=name,..., got {entry!r}")
            if column not in columns:
                raise argparse.ArgumentTypeError(
                    f"{schema.name} have no column {column!r}; the columns are {', '.join(columns)}"
                )
            if not name and column in schema.required:
                raise argparse.ArgumentTypeError(f"{column} is required, so it must have a name: {column}=name")
            names[column] = name
        return names

    return read


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Declare the option for the column names of a log."""
    parser.add_argument(
        "--columns",
        type=column_mapping(INTERACTIONS),
        default={},
        help="Names of the columns in the log, where they differ: `user_id=visitor,item_id=content`. `value=`: the "
        "column is not read.",
    )


def add_item_columns(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the columns of a catalogue."""
    parser.add_argument(
        "--item_columns",
        type=column_mapping(ITEMS),
        default={},
        help="Names of the columns in the catalogue, where they differ: `item_id=content,title=name`. `description=`: "
        "the column is not read.",
    )
    parser.add_argument(
        "--tag_separator",
        default="",
        help="What separates the entries of `tags` and `queries` if they are text: `|` for `Action|Comedy`. Default: a "
        "text is not read as tags.",
    )


def read_catalogue_columns(args: argparse.Namespace) -> ColumnOptions:
    """Return how the columns of a catalogue are read, from the options that `add_item_columns` declared."""
    return ColumnOptions(args.item_columns, tag_separator=args.tag_separator)


def add_collection_columns(parser: argparse.ArgumentParser) -> None:
    """Declare the option for the column names of collections."""
    parser.add_argument(
        "--collection_columns",
        type=column_mapping(COLLECTIONS),
        default={},
        help="Names of the columns in the collections, where they differ: `source=playlist_owner,name=playlist`.",
    )


def add_timestamp_unit(parser: argparse.ArgumentParser) -> None:
    """Declare the option for the unit of numeric timestamps."""
    parser.add_argument(
        "--timestamp_unit",
        default="auto",
        choices=tuple(UNITS),
        help="Unit of numeric timestamps in the log; `auto`: derived from the size of each number, if the numbers then "
        "are times at which logs are written. docs/inputs.md describes the units.",
    )


def add_workspace(parser: argparse.ArgumentParser, default: str) -> None:
    """Declare the option for the folder of the outputs."""
    parser.add_argument(
        "--workspace", default=default, help="Folder or bucket prefix in which the datasets are written."
    )


def add_error_rate(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the tolerated fraction of invalid rows, and for results without rows."""
    parser.add_argument(
        "--max_error_rate",
        type=bounded_number(float, 0, 1),
        default=0.05,
        help="Largest fraction of invalid rows of an input; if it is exceeded, the job fails and writes nothing.",
    )
    parser.add_argument(
        "--allow_empty",
        action="store_true",
        help="Commit a result without rows, which replaces the previous one. Default: the job fails.",
    )
