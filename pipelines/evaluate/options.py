"""Options of `evaluate`: those that its experiments declare, and the checks of what is given for which experiment."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.common.command_line import UsageError
from pipelines.common.inputs import merge_sources, resolve_dataset, resolve_input
from pipelines.common.options import add_config
from pipelines.evaluate.naming_methods import resolve_naming_methods, resolve_prompted_model
from transforms.datasets.files import Source
from transforms.evaluation.experiment import DatasetInput, Experiment
from transforms.evaluation.registry import experiments
from transforms.extras import INSTALL_REPORT
from transforms.settings import Setting, settings_of

Suites = tuple[type[Experiment], ...]

PLOT_SUFFIX = ".svg"
"""Suffix of the plots beside a report."""

_RESOLVERS: Mapping[str, Callable[[str], Any]] = {
    "methods": resolve_naming_methods,
    "prompted_model": resolve_prompted_model,
}
"""Options whose text is resolved by this package: they name models, whose weights and packages are checked."""


class _Declared(NamedTuple):
    """An option of experiments.

    Attributes:
        kind: its type.
        default: its default; None: there is none.
        setting: its help and range.
        is_required: whether the experiments need it.
        suites: the names of the experiments that use it.
    """

    kind: Any
    default: Any
    setting: Setting
    is_required: bool
    suites: list[str]


def _declared_settings() -> dict[str, _Declared]:
    """Return the options of all configurations by name.

    Raises:
        ValueError: when two experiments declare an option of one name differently.
    """
    found: dict[str, _Declared] = {}
    for suite in experiments().values():
        for config in suite.configs:
            for field_name, (field, kind, setting) in settings_of(config).items():
                is_required = field.default is dataclasses.MISSING
                new = _Declared(kind, None if is_required else field.default, setting, is_required, [])
                name = setting.option or field_name
                declared = found.setdefault(name, new)
                if declared._replace(suites=[]) != new:
                    raise ValueError(f"two experiments declare --{name} differently; one of them is {suite.name}")
                if suite.name not in declared.suites:
                    declared.suites.append(suite.name)
    return found


def _declared_inputs() -> dict[str, tuple[str, list[str]]]:
    """Return help text and names of experiments by option of an input."""
    found: dict[str, tuple[str, list[str]]] = {}
    for suite in experiments().values():
        for needed in (needed for alternative in suite.needs.inputs for needed in alternative):
            suites = found.setdefault(needed.option, (needed.help, []))[1]
            if suite.name not in suites:
                suites.append(suite.name)
    return found


def _uses_encoder(suite: type[Experiment]) -> bool:
    return suite.needs.uses_encoder or suite.needs.requires_encoder


def _for(suites: Iterable[str]) -> str:
    return f"For {', '.join(suites)}: "


def add_experiment_options(parser: argparse.ArgumentParser) -> None:
    """Declare `--suites`, `--encoder`, and the inputs and settings of all experiments."""
    available = experiments()
    about = " ".join(f"`{name}`: {suite.summary}" for name, suite in available.items())
    parser.add_argument(
        "--suites",
        type=_comma_separated,
        default="separation",
        help=f"Experiments to run, separated by commas. {about}",
    )
    for option, (text, suites) in _declared_inputs().items():
        parser.add_argument(f"--{option}", help=_for(suites) + text)
    encoded = [name for name, suite in available.items() if _uses_encoder(suite)]
    parser.add_argument(
        "--encoder",
        help=f"{_for(encoded)}encoder of texts: `minilm`, `static`, a folder or a Hugging Face id. Default: none.",
    )
    fields = []
    for name, declared in _declared_settings().items():
        parse = str if name in _RESOLVERS else declared.setting.parse
        setting = dataclasses.replace(declared.setting, help=_for(declared.suites) + declared.setting.help, parse=parse)
        field = dataclasses.field(default=declared.default, metadata={"setting": setting})
        fields.append((name, declared.kind, field))
    add_config(parser, dataclasses.make_dataclass("ExperimentOptions", fields))


def _comma_separated(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in text.split(",") if name))


def chosen_suites(args: argparse.Namespace) -> Suites:
    """Return the experiments of `--suites` in the order of the registry, each with what it needs.

    Raises:
        UsageError: when an option is missing, or is for another experiment only.
    """
    available = experiments()
    if not args.suites or not set(args.suites) <= set(available):
        given = ",".join(args.suites)
        raise UsageError(f"--suites must be some of {', '.join(available)}, got {given!r}")
    suites = tuple(suite for name, suite in available.items() if name in args.suites)
    _check_unused(args)
    if alone := [suite.name for suite in suites if suite.needs.runs_alone and len(suites) > 1]:
        raise UsageError(f"{alone[0]} runs alone, without other --suites")
    for suite in suites:
        chosen_inputs(args, suite)
        if suite.needs.requires_encoder and args.encoder is None:
            raise UsageError(f"{suite.name} needs --encoder")
        for name, declared in _declared_settings().items():
            if declared.is_required and suite.name in declared.suites and getattr(args, name) is None:
                raise UsageError(f"{suite.name} needs --{name}")
        if missing := _missing(suite.needs.packages):
            raise UsageError(f"{suite.name} needs {', '.join(missing)}: {suite.needs.install}")
    return suites


def _check_unused(args: argparse.Namespace) -> None:
    """Reject options without a default that no chosen experiment uses."""
    used_by = {option: suites for option, (_, suites) in _declared_inputs().items()}
    used_by["encoder"] = [name for name, suite in experiments().items() if _uses_encoder(suite)]
    used_by |= {name: each.suites for name, each in _declared_settings().items() if each.default is None}
    for option, suites in used_by.items():
        if getattr(args, option) is not None and not set(suites) & set(args.suites):
            raise UsageError(f"--{option} is for {', '.join(suites)}; none of them is among --suites")


def chosen_inputs(args: argparse.Namespace, suite: type[Experiment]) -> tuple[DatasetInput, ...]:
    """Return the inputs of the one alternative that is given.

    Raises:
        UsageError: when none is given, more than one, or one of them only in part.
    """
    alternatives = {tuple(dict.fromkeys(each.option for each in inputs)): inputs for inputs in suite.needs.inputs}
    given = {options: [each for each in options if getattr(args, each) is not None] for options in alternatives}
    if len(alternatives) == 1:
        for option in next(iter(alternatives)):
            if getattr(args, option) is None:
                raise UsageError(f"{suite.name} needs --{option}: {_declared_inputs()[option][0]}")
    for options, found in given.items():
        if found and len(found) < len(options):
            raise UsageError(f"{suite.name} needs {_flags(options)} together")
    complete = [options for options, found in given.items() if found]
    if len(complete) != 1:
        raise UsageError(f"{suite.name} needs either {', or '.join(map(_flags, alternatives))}")
    return alternatives[complete[0]]


def _flags(options: Iterable[str]) -> str:
    return " and ".join(f"--{option}" for option in options)


def resolve_needed(args: argparse.Namespace, needed: DatasetInput) -> Source:
    """Locate one input.

    Raises:
        UsageError: naming its option.
    """
    option, path = f"--{needed.option}", getattr(args, needed.option)
    if needed.is_several:
        paths = tuple(dict.fromkeys(each for each in path.split(",") if each))
        if not paths:
            raise UsageError(f"{option} must name a workspace, or several with commas between them")
        return merge_sources(tuple(resolve_dataset(option, each, needed.schema) for each in paths))
    return resolve_dataset(option, path, needed.schema) if needed.in_workspace else resolve_input(option, path)


def resolved_values(args: argparse.Namespace) -> dict[str, Any]:
    """Return all options by name, those of `_RESOLVERS` resolved.

    Raises:
        UsageError: when a model is unknown or unavailable.
    """
    values = dict(vars(args))
    for name, resolve in _RESOLVERS.items():
        if values.get(name) is not None:
            values[name] = resolve(values[name])
    return values


def check_report(text: str, suites: Suites) -> Path:
    """Return the path of the report.

    Raises:
        UsageError: when it cannot be written, or a package for its plots is missing.
    """
    path = Path(text).expanduser().absolute()
    if "://" in text or path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--report must be a file in a folder of this machine, got {text!r}")
    for suite in suites:
        if suite.needs.plot_packages and path.suffix == PLOT_SUFFIX:
            raise UsageError(f"--report must not end in {PLOT_SUFFIX}, the suffix of the plots beside it, got {text!r}")
        if missing := _missing(suite.needs.plot_packages):
            raise UsageError(f"--report of {suite.name} has plots, which need {', '.join(missing)}: {INSTALL_REPORT}")
    return path


def _missing(packages: Iterable[str]) -> list[str]:
    return [name for name in packages if importlib.util.find_spec(name) is None]
