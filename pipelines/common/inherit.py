"""Completion of a command line by the options of earlier runs, which their manifests record."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipelines.common.command_line import Parser, UsageError
from pipelines.common.inputs import find_dataset
from pipelines.common.job import Job
from pipelines.common.recorded_options import (
    OPTIONS,
    Inheritance,
    RecordedOptions,
    record,
    to_flags,
)


class CompletedOptions(NamedTuple):
    """The options of a run.

    Attributes:
        args: all options of the job, those that were not given inherited or by default.
        recorded: the options that differ from their defaults, for manifests.
    """

    args: argparse.Namespace
    recorded: RecordedOptions


def complete_options(job_type: type[Job], args: argparse.Namespace, argv: Sequence[str]) -> CompletedOptions:
    """Add the options that a run inherits to those of its command line.

    Args:
        job_type: the job, which declares what it inherits.
        args: the parsed command line.
        argv: the command line.

    Raises:
        UsageError: naming an option that contradicts the run which is continued.
    """
    parser = Parser(add_help=False)
    job_type.add_options(parser)
    declared = {action.dest: action.default for action in parser._actions}
    given = _given_values(job_type, argv)
    inherited: dict[str, str | bool] = {}
    for each in job_type.inheritance:
        if not any(name in given for name in each.unless):
            stored = _stored_options(each, args)
            inherited |= _inherited(each, stored, declared, record(given))
    flags = to_flags({name: value for name, value in inherited.items() if name not in given})
    completed = parser.parse_known_args([*flags, *argv])[0]
    differing = {name: value for name, value in vars(completed).items() if value != declared[name]}
    return CompletedOptions(completed, record(differing))


def _given_values(job_type: type[Job], argv: Sequence[str]) -> dict[str, Any]:
    """Parse the options that a command line gives, without the defaults of the others."""
    parser = Parser(add_help=False)
    job_type.add_options(parser)
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return vars(parser.parse_known_args(list(argv))[0])


def _stored_options(each: Inheritance, args: argparse.Namespace) -> RecordedOptions | None:
    """Return the recorded options of the dataset from which a run inherits; None where it records none.

    Raises:
        UsageError: when it records none, so that an input would be unknown.
    """
    workspace = next((getattr(args, name) for name in each.options if getattr(args, name)), None)
    source = find_dataset(f"--{each.options[0]}", workspace, each.schema) if workspace else None
    if source is None or source.manifest is None:
        return None
    stored: RecordedOptions | None = source.manifest.configuration.get(OPTIONS)
    if stored is None and each.unless:
        raise UsageError(
            f"--{each.unless[0]} is missing: the {each.schema.name} in {workspace!r} are of an earlier version, which "
            "did not record it"
        )
    return stored


def _inherited(
    each: Inheritance, stored: RecordedOptions | None, declared: Mapping[str, Any], given: RecordedOptions
) -> dict[str, str | bool]:
    if stored is None:
        return {}
    names = [name for name in each.names or declared if name in declared and name not in each.except_for]
    if each.is_binding:
        defaults = record({name: "" if declared[name] is None else declared[name] for name in names})
        for name in names:
            before = stored.get(name, defaults.get(name))
            if name in given and name in defaults and given[name] != before:
                raise UsageError(
                    f"--{name} is {given[name]} but was {before or 'not given'} in --{each.options[0]}: leave it out, "
                    f"or leave out --{each.options[0]}, for a run on the whole log"
                )
    return {name: stored[name] for name in names if name in stored}
