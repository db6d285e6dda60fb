"""Given options as data: recorded in manifests, inherited by later runs, and rendered in printed commands."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas import DatasetSchema
from transforms.datasets.column_options import join_columns
from transforms.datasets.files import absolute_path
from transforms.extras import console_command, python_command

RecordedOptions = Mapping[str, str | bool]
"""Options by name, with their values as a command line has them; True: a flag without a value."""

OPTIONS = "options"
"""Key of the recorded options in the configuration of a manifest."""

_NOT_RECORDED = frozenset(
    (
        "allow_empty",
        "buckets",
        "catalogue_join",
        "dry_run",
        "embeddings",
        "endpoint_concurrency",
        "endpoint_requests_per_second",
        "endpoint_retries",
        "endpoint_timeout",
        "max_error_rate",
        "parts",
        "previous",
        "runner_config",
        "workspace",
    )
)
"""Options of one execution alone; they do not change what the rows of a dataset mean."""

_PATHS = frozenset(
    (
        "adapter",
        "clusters",
        "collections",
        "input",
        "intents",
        "interactions",
        "item_embeddings",
        "items",
        "items_input",
        "journeys",
        "pairs",
        "salient_terms",
        "stop_words",
        "table",
        "transitions",
        "tree",
        "users",
    )
)
_NAMES_OR_PATHS = frozenset(("describe_by", "encoder", "model"))


@dataclasses.dataclass(frozen=True)
class Inheritance:
    """Options that a run takes from the manifest of a dataset that it reads.

    Attributes:
        options: options of this job that name a workspace; the first one that is set counts.
        schema: the dataset of that workspace whose manifest is read.
        names: the inherited options; None: all that are recorded.
        except_for: options that are not inherited.
        unless: nothing is inherited if one of these options is given.
        is_binding: whether a given option that differs from the recorded one is an error; otherwise it has precedence.
    """

    options: tuple[str, ...]
    schema: DatasetSchema
    names: tuple[str, ...] | None = None
    except_for: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    is_binding: bool = False


def record(values: Mapping[str, Any]) -> dict[str, str | bool]:
    """Convert parsed options to recorded ones: as text, with absolute paths, sorted by name."""
    return {name: _recorded(name, values[name]) for name in sorted(values) if name not in _NOT_RECORDED}


def _recorded(name: str, value: Any) -> str | bool:
    text = value if isinstance(value, bool) else as_text(value)
    is_path = name in _PATHS or (name in _NAMES_OR_PATHS and Path(str(text)).expanduser().is_dir())
    return absolute_path(str(text)) if text and is_path else text


def as_text(value: Any) -> str:
    """Return the value of an option as a command line has it."""
    if isinstance(value, Mapping):
        return join_columns(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def without_paths(options: RecordedOptions) -> dict[str, str | bool]:
    """Select the recorded options that are not the path of an input."""
    return {name: value for name, value in options.items() if name not in _PATHS}


def to_flags(options: RecordedOptions) -> list[str]:
    """Return the arguments that give recorded options."""
    return [f"--{name}" if value is True else f"--{name}={value}" for name, value in options.items() if value != ""]


def command_of(job: str, *flags: str) -> str:
    """Return the command line that runs a job, for a shell.

    It begins with `interest-journeys` in a process of that command, as a folder may have its own `pipelines`; otherwise
    with `python`, or with the path of this process' Python where `python` is another one: the environment is then not
    active.

    Args:
        job: its name.
        *flags: its arguments.
    """
    program = console_command()
    return shlex.join((program, job, *flags) if program else (python_command(), "-m", f"pipelines.{job}", *flags))
