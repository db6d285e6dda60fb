"""Options of stages in the command line of `run_all`, and the arguments of each stage that follow from them."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping
from typing import Any

from pipelines.common import options
from pipelines.common.command_line import Parser
from pipelines.common.recorded_options import as_text
from pipelines.registry import load_job
from pipelines.run_all.stages import LIMITS, STAGES, Stage
from schemas import ITEM_EMBEDDINGS
from transforms.datasets.interaction_filter import InteractionFilter

_NOT_DECLARED = frozenset(("dry_run",))
"""Options after which a stage would write nothing."""


def add_shared_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options that several stages share, each once."""
    add = parser.add_argument
    add("--interactions", help="Log: parquet file, folder or glob. Default: the sample.")
    add("--items", help="Catalogue: parquet file, folder or glob. Default: the sample.")
    options.add_columns(parser)
    options.add_item_columns(parser)
    options.add_timestamp_unit(parser)
    options.add_config(parser, InteractionFilter)
    add(
        "--encoder",
        help="Encoder of the items: `static`, the packaged one, `minilm`, the multilingual `use`, a folder, a hub id, "
        "or several of these joined by `+`. Default: static.",
    )
    add("--item_embeddings", help="Your own vectors of items, instead of --encoder: parquet file, folder or glob.")
    add(
        "--embedding_columns",
        type=options.column_mapping(ITEM_EMBEDDINGS),
        default={},
        help="Names of the columns in --item_embeddings, where they differ: `item_id=content,embedding=vector`.",
    )
    options.add_error_rate(parser)


def add_stage_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of all stages, such as `--recommend.slots`; `--help` does not list them."""
    for stage in STAGES:
        for action in _own_actions(stage):
            own = copy.copy(action)
            name = f"{stage.job}.{action.dest}"
            own.option_strings, own.dest, own.help = [f"--{name}"], name, argparse.SUPPRESS
            own.default = argparse.SUPPRESS
            parser._add_action(own)


def _own_actions(stage: Stage) -> list[argparse.Action]:
    """Return the options of a stage that `run_all` does not set by itself."""
    parser = Parser(add_help=False)
    load_job(stage.job).add_options(parser)
    fixed = {flag.partition("=")[0] for flag in stage.flags}
    return [
        action
        for action in parser._actions
        if action.option_strings[0] not in fixed and action.dest not in _NOT_DECLARED
    ]


def flags_of_stage(
    stage: Stage, given: Mapping[str, Any], workspace: str, *, with_models: bool = False
) -> tuple[str, ...]:
    """Return the arguments of a stage, without those of Beam.

    Args:
        stage: the stage.
        given: the options of `run_all` that were given, by name, those of stages as `recommend.slots`.
        workspace: the workspace.
        with_models: whether models are used.
    """
    own = {name.partition(".")[2]: value for name, value in given.items() if name.partition(".")[0] == stage.job}
    limits = [action.dest for action in _own_actions(stage) if action.dest in LIMITS]
    shared = {name: given[name] for name in (*stage.shared, *limits) if name in given and name not in own}
    templates = (*stage.flags, *(stage.flags_with_models if with_models else ()))
    fixed = [flag for flag in templates if flag.partition("=")[0].removeprefix("--") not in own]
    return (
        *to_arguments(shared),
        *(flag.replace("{workspace}", workspace) for flag in fixed),
        *to_arguments(own),
    )


def to_arguments(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return parsed options as arguments of a command line."""
    return tuple(f"--{name}" if value is True else f"--{name}={as_text(value)}" for name, value in values.items())


def given_options(args: argparse.Namespace, parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Return the options that differ from their defaults, by name, in the order in which they are declared.

    Args:
        args: the parsed command line.
        parser: the parser, for the defaults.
    """
    names = [action.dest for action in parser._actions if hasattr(args, action.dest)]
    return {name: getattr(args, name) for name in names if getattr(args, name) != parser.get_default(name)}
