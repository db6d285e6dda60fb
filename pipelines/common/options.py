"""Command lines: Beam's options and a job's own, strict, with a runner's options from a file."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from schemas import COLLECTIONS, INTERACTIONS, ITEMS, DatasetSchema
from transforms.salience.config import VocabularyConfig


class UsageError(ValueError):
    """The command line cannot be carried out as it stands; the message says what is allowed."""


class JobOptions(PipelineOptions):
    """Options of one of our jobs, with a name and a help text each.

    Beam puts all direct subclasses of its own options into one parser, where two jobs may not have an option of one
    name, nor a job one of Beam's; those below this class are left alone.
    """


class Parser(argparse.ArgumentParser):
    """A parser that raises `UsageError` and takes no abbreviated flags."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(
    argv: Sequence[str], options: type[PipelineOptions], program: str
) -> tuple[argparse.Namespace, PipelineOptions]:
    """Reads a command line.

    Args:
        argv: the arguments after the program's name.
        options: the job's own options.
        program: how the job is called.

    Returns:
        The job's own options, and Beam's, those of `--runner_config` among them; the command line wins.

    Raises:
        UsageError: for an unknown flag, a value that is not allowed, a bad runner configuration.
    """
    parser = Parser(prog=program, description=options.__doc__, epilog="Every option of Apache Beam can be given too.")
    _add_options(options, parser)
    parser.add_argument("--runner_config", help="YAML file with options of Beam, such as runner_configs/direct.yaml.")
    args, rest = parser.parse_known_args(list(argv))
    configured = load_runner_config(args.runner_config) if args.runner_config else []
    beam_flags = [*configured, *rest]
    _refuse_unknown(beam_flags, parser)
    return args, PipelineOptions(beam_flags)


def _add_options(options: type[PipelineOptions], parser: Any) -> None:
    """Declares options in a plain parser: Beam's own differs from it in nothing that options use."""
    options._add_argparse_args(parser)


def _beam_parser() -> argparse.ArgumentParser:
    parser = Parser(add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam."):
            _add_options(options, parser)
    return parser


def _known_flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]


def _refuse_unknown(flags: list[str], args: argparse.ArgumentParser) -> None:
    beam = _beam_parser()
    _, unknown = beam.parse_known_args(flags)
    if unknown:
        given = unknown[0].split("=")[0]
        close = difflib.get_close_matches(given, [*_known_flags(args), *_known_flags(beam)], 1)
        hint = f"; did you mean {close[0]}?" if close else "; --help lists the options"
        raise UsageError(f"unknown option {given}{hint}")


def load_runner_config(path: str) -> list[str]:
    """The flags in a runner configuration, a flat YAML map from names of Beam's options to values.

    Raises:
        UsageError: when the file is not there, is not such a map, or names an option that Beam does not know.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"--runner_config: no such file: {file.absolute()}")
    try:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"--runner_config: {path} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise UsageError(f"--runner_config: {path} must be a map of options, such as 'runner: DirectRunner'")
    known = {flag.removeprefix("--") for flag in _known_flags(_beam_parser())}
    flags: list[str] = []
    for name, value in settings.items():
        if name not in known:
            close = difflib.get_close_matches(str(name), known, 1)
            raise UsageError(
                f"--runner_config: {path} names {name!r}, which is no option of Beam"
                + (f"; did you mean {close[0]!r}?" if close else "")
            )
        flags.extend(_as_flags(name, value))
    return flags


def _as_flags(name: str, value: object) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is False or value is None:
        return []
    if isinstance(value, list):
        return [f"--{name}={entry}" for entry in value]
    return [f"--{name}={json.dumps(value) if isinstance(value, dict) else value}"]


def bounded_number(
    kind: type[int] | type[float], low: float, high: float = float("inf"), *, open_low: bool = False
) -> Any:
    """A parser of numbers in [low, high], or (low, high] where `open_low`."""

    def read(text: str) -> float:
        allowed = f"{'a whole number' if kind is int else 'a number'} in {'(' if open_low else '['}{low:g}, {high:g}]"
        try:
            value = kind(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}") from error
        if not low <= value <= high or (open_low and value == low):
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}")
        return value

    return read


def comma_separated(text: str) -> tuple[str, ...]:
    """Reads `a,b,c`."""
    return tuple(name for name in text.split(",") if name)


def int_list(low: int) -> Callable[[str], tuple[int, ...]]:
    """A parser of `2,3,5`: different whole numbers of at least `low`."""
    one = bounded_number(int, low)

    def read(text: str) -> tuple[int, ...]:
        found = tuple(one(entry) for entry in comma_separated(text))
        if not found or len(set(found)) < len(found):
            raise argparse.ArgumentTypeError(f"must be different whole numbers, such as 2,3,5, got {text!r}")
        return found

    return read


def column_mapping(schema: DatasetSchema) -> Callable[[str], dict[str, str]]:
    """A parser of `column=name,...` for the columns of a dataset."""

    def read(text: str) -> dict[str, str]:
        known = [column.name for column in schema.columns]
        renamed = {}
        for entry in comma_separated(text):
            column, separator, name = entry.partition("=")
            if not separator or not name:
                raise argparse.ArgumentTypeError(f"must be column=name,..., got {entry!r}")
            if column not in known:
                raise argparse.ArgumentTypeError(
                    f"{schema.name} have no column {column!r}; the columns are {', '.join(known)}"
                )
            renamed[column] = name
        return renamed

    return read


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Adds the option for other names of columns in a log."""
    parser.add_argument(
        "--columns",
        type=column_mapping(INTERACTIONS),
        default={},
        help="Other names of columns in the log: `user_id=visitor,item_id=content`.",
    )


def add_item_columns(parser: argparse.ArgumentParser) -> None:
    """Adds the option for other names of columns in a catalogue."""
    parser.add_argument(
        "--item_columns",
        type=column_mapping(ITEMS),
        default={},
        help="Other names of columns in the catalogue: `item_id=content,title=name`.",
    )


def add_collection_columns(parser: argparse.ArgumentParser) -> None:
    """Adds the option for other names of columns in collections."""
    parser.add_argument(
        "--collection_columns",
        type=column_mapping(COLLECTIONS),
        default={},
        help="Other names of columns in the collections: `source=playlist_owner,name=playlist`.",
    )


def add_timestamp_unit(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says what numbers in the timestamp column of a log count."""
    parser.add_argument(
        "--timestamp_unit",
        default="auto",
        choices=("auto", "s", "ms", "us", "ns"),
        help="What numbers in the timestamp column count; `auto`: each by its size.",
    )


def add_vocabulary_limits(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `vocabulary_config` reads."""
    parser.add_argument(
        "--min_term_items",
        type=bounded_number(int, 1),
        default=VocabularyConfig.min_term_items,
        help="Terms of fewer items are not salient.",
    )
    parser.add_argument(
        "--max_term_fraction",
        type=bounded_number(float, 0, 1, open_low=True),
        default=VocabularyConfig.max_term_fraction,
        help="Terms of a larger share of all items are not salient.",
    )
    parser.add_argument(
        "--min_association",
        type=bounded_number(float, -1, 1),
        default=VocabularyConfig.min_association,
        help="Least normalised pointwise mutual information of a bigram's words.",
    )


def vocabulary_config(args: argparse.Namespace) -> VocabularyConfig:
    """Which terms can be salient, as the command line says."""
    return VocabularyConfig(args.min_term_items, args.max_term_fraction, args.min_association)


def add_error_rate(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says how much of an input may be unusable."""
    parser.add_argument(
        "--max_error_rate",
        type=bounded_number(float, 0, 1),
        default=0.05,
        help="Largest share of unusable rows of an input; past it nothing is written.",
    )


def options_table(options: type[PipelineOptions]) -> str:
    """The options of a job as a Markdown table."""
    parser = Parser(add_help=False)
    _add_options(options, parser)
    rows = ["| option | default | what it does |", "| --- | --- | --- |"]
    for action in parser._actions:
        default = "" if action.default in (None, "", ()) else f"`{action.default}`"
        choices = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
        rows.append(f"| `{action.option_strings[0]}` | {default} | {action.help}{choices} |")
    return "\n".join(rows)
