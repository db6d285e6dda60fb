"""What `evaluate` was asked to do in the experiment on names."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_dataset
from pipelines.common.models import check_word_lists
from pipelines.evaluate.naming_methods import parse_naming_methods, resolve_naming_methods
from schemas import EMBEDDINGS, GENERATIONS, DatasetSchema
from transforms.datasets.files import Source
from transforms.evaluation.experiments.naming.bleurt import PACKAGES, BleurtSource
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig
from transforms.extras import INSTALL_ENCODER


def add_names(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `names_config` reads."""
    add = parser.add_argument
    add("--examples", help="For naming: the workspace that holds `naming_examples`, as `tune` writes it.")
    add(
        "--ways",
        type=parse_naming_methods,
        help="For naming: ways to a name, which are compared with the first: `reference`, `salient`, `first_title`, "
        "`medoid_title`, `few_shot=MODEL,examples=4`, `prompt_tuned=MODEL,adapter=FOLDER`, `fine_tuned=MODEL`, with "
        "`;` between. Models are those of `name`, and so are `candidates`, `encoder`, `metadata` and `max_items`, "
        "which can be set as `examples` is. `LABEL: ` before a way is what tables call it.",
    )
    add(
        "--most_examples",
        type=options.bounded_number(int, 2),
        default=NamingExperimentConfig.most_examples,
        help="For naming: held-out examples that are judged, a sample.",
    )
    add("--bleurt", help="For naming: folder of a checkpoint of BLEURT for PyTorch. Without it: no such score.")


def names_config(args: argparse.Namespace) -> NamingExperimentConfig:
    """The ways to a name, and the checkpoint that scores names.

    Raises:
        UsageError: when something of it is not there.
    """
    check_word_lists("names are")
    if args.encoder is None and any(way.kind == "medoid_title" for way in args.ways):
        raise UsageError("--ways: medoid_title needs --encoder, by which titles are near to each other")
    ways = resolve_naming_methods(args.ways)
    return NamingExperimentConfig(
        ways, args.most_examples, _find_bleurt(args.bleurt) if args.bleurt else None, args.seed
    )


def _find_bleurt(folder: str) -> BleurtSource:
    source = BleurtSource(str(Path(folder).expanduser().resolve()))
    try:
        source.check()
    except ValueError as error:
        raise UsageError(f"--bleurt: {error}") from error
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise UsageError(f"--bleurt needs {', '.join(missing)}: {INSTALL_ENCODER}")
    return source


def find_stored(
    args: argparse.Namespace, workspace: str, names: NamingExperimentConfig
) -> tuple[Source | None, Source | None]:
    """Embeddings and answers of `--previous`, or else of the workspace itself, where there are any and of use.

    Raises:
        UsageError: when `--previous` has neither.
    """
    wanted = ((EMBEDDINGS, args.encoder is not None), (GENERATIONS, names.asks))
    embeddings, generations = (
        _find_if_there(args.previous or workspace, schema) if is_used else None for schema, is_used in wanted
    )
    if args.previous and embeddings is None and generations is None:
        raise UsageError(
            f"--previous: {args.previous!r} holds neither embeddings nor generations that this run could use"
        )
    return embeddings, generations


def _find_if_there(workspace: str, schema: DatasetSchema) -> Source | None:
    try:
        return resolve_dataset("--previous", workspace, schema)
    except UsageError:
        return None
