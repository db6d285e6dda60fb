"""Strict command lines: the options of a job, Beam's options, and a runner's options from a file."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import yaml
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.common.job import Job


class UsageError(ValueError):
    """A command line that cannot be carried out; the message names the option and what is allowed."""


class _HelpFormatter(argparse.HelpFormatter):
    """A formatter that adds the default of an option to its help text, where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, "", (), {}, False, argparse.SUPPRESS):
            return action.help
        return f"{action.help} Default: {_as_text(action.default).replace('%', '%%')}."


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` and accepts no abbreviated flags."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_HelpFormatter, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse_command_line(job_type: type[Job], argv: Sequence[str]) -> tuple[argparse.Namespace, PipelineOptions]:
    """Parse the arguments of a job.

    Args:
        job_type: the job, which declares its options.
        argv: arguments after the name of the program.

    Returns:
        The job's own options; and Beam's, with those of `--runner_config`, which the command line overrides.

    Raises:
        UsageError: for an unknown flag, a value that is not allowed, or an invalid runner configuration.
    """
    parser = Parser(
        prog=f"python -m pipelines.{job_type.name}",
        usage="%(prog)s [options]",
        description=job_type.description,
        epilog="All options of Apache Beam are accepted too.",
    )
    job_type.add_options(parser)
    parser.add_argument("--runner_config", help="YAML file with options of Beam, such as runner_configs/direct.yaml.")
    parser.add_argument("--version", action="version", version=f"interest-journeys {version('interest-journeys')}")
    args, rest = parser.parse_known_args(list(argv))
    configured = load_runner_config(args.runner_config) if args.runner_config else []
    beam_flags = [*configured, *rest]
    _reject_unknown(beam_flags, parser)
    return args, PipelineOptions(beam_flags)


def given_beam_flags(job_type: type[Job], argv: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of a job that are options of Beam, and the file of such options, as they were given."""
    parser = Parser(add_help=False)
    job_type.add_options(parser)
    return tuple(parser.parse_known_args(list(argv))[1])


def load_runner_config(path: str) -> list[str]:
    """Read the flags in a runner configuration, a flat YAML map from names of Beam's options to values.

    Raises:
        UsageError: when the file does not exist, is not such a map, or names an option that Beam does not have.
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
    allowed = {flag.removeprefix("--") for flag in _flags_of(_beam_parser())}
    flags: list[str] = []
    for name, value in settings.items():
        if name not in allowed:
            close = difflib.get_close_matches(str(name), allowed, 1)
            raise UsageError(
                f"--runner_config: {path} names {name!r}, which is not an option of Beam"
                + (f"; did you mean {close[0]!r}?" if close else "")
            )
        flags.extend(_to_flags(name, value))
    return flags


def _to_flags(name: str, value: object) -> list[str]:
    if value is True:
        return [f"--{name}"]
    if value is False or value is None:
        return []
    if isinstance(value, list):
        return [f"--{name}={entry}" for entry in value]
    return [f"--{name}={json.dumps(value) if isinstance(value, dict) else value}"]


def _beam_parser() -> argparse.ArgumentParser:
    parser: Any = Parser(add_help=False, conflict_handler="resolve")
    for options in PipelineOptions.__subclasses__():
        if options.__module__.startswith("apache_beam."):
            options._add_argparse_args(parser)
    return parser


def _flags_of(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")]


def _reject_unknown(flags: list[str], job_parser: argparse.ArgumentParser) -> None:
    beam = _beam_parser()
    _, unknown = beam.parse_known_args(flags)
    if unknown:
        given = unknown[0].split("=")[0]
        of_stages = [flag for flag in _flags_of(job_parser) if given == f"--{flag.partition('.')[2]}"]
        close = of_stages or difflib.get_close_matches(given, [*_flags_of(job_parser), *_flags_of(beam)], 1)
        hint = f"; did you mean {close[0]}?" if close else "; --help lists the options"
        raise UsageError(f"unknown option {given}{hint}")


def options_table(job_type: type[Job]) -> str:
    """Return the options of a job as a Markdown table."""
    parser = Parser(add_help=False)
    job_type.add_options(parser)
    rows = ["| option | default | description |", "| --- | --- | --- |"]
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        default = "" if action.default in (None, "", (), {}, False) else f"`{_as_text(action.default)}`"
        choices = f" One of {', '.join(f'`{choice}`' for choice in action.choices)}." if action.choices else ""
        description = f"{action.help}{choices}".replace("|", "\\|")  # also in code, a bar ends a cell
        rows.append(f"| `{action.option_strings[0]}` | {default} | {description} |")
    return "\n".join(rows)


def _as_text(default: object) -> str:
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
