"""What `evaluate` was asked to do in the experiment on names."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from pipelines import options as reading
from pipelines.inputs import check_word_lists, find_own
from pipelines.ways import find_ways, read_ways
from schemas import EMBEDDINGS, GENERATIONS, DatasetSchema
from transforms.datasets.files import Source
from transforms.encoders.weights import EXTRA
from transforms.evaluation.names.bleurt import PACKAGES, BleurtSource
from transforms.evaluation.names.config import NamesConfig


def add_names(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `names_config` reads."""
    add = parser.add_argument
    add("--examples", help="For naming: the workspace that holds `naming_examples`, as `tune` writes it.")
    add(
        "--ways",
        type=read_ways,
        help="For naming: ways to a name, which are compared with the first: `reference`, `salient`, `first_title`, "
        "`medoid_title`, `few_shot=MODEL,examples=4`, `prompt_tuned=MODEL,adapter=FOLDER`, `fine_tuned=MODEL`, with "
        "`;` between. Models are those of `name`, and so are `candidates`, `encoder`, `metadata` and `max_items`, "
        "which can be set as `examples` is. `LABEL: ` before a way is what tables call it.",
    )
    add(
        "--most_examples",
        type=reading.number(int, 2),
        default=NamesConfig.most_examples,
        help="For naming: held-out examples that are judged, a sample.",
    )
    add("--bleurt", help="For naming: folder of a checkpoint of BLEURT for PyTorch. Without it: no such score.")


def names_config(own: argparse.Namespace) -> NamesConfig:
    """The ways to a name, and the checkpoint that scores names.

    Raises:
        UsageError: when something of it is not there.
    """
    check_word_lists("names are")
    if own.encoder is None and any(way.kind == "medoid_title" for way in own.ways):
        raise reading.UsageError("--ways: medoid_title needs --encoder, by which titles are near to each other")
    ways = find_ways(own.ways)
    return NamesConfig(ways, own.most_examples, _find_bleurt(own.bleurt) if own.bleurt else None, own.seed)


def _find_bleurt(folder: str) -> BleurtSource:
    source = BleurtSource(str(Path(folder).expanduser().resolve()))
    try:
        source.check()
    except ValueError as error:
        raise reading.UsageError(f"--bleurt: {error}") from error
    if missing := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        raise reading.UsageError(f"--bleurt needs {', '.join(missing)}: {EXTRA}")
    return source


def find_stored(own: argparse.Namespace, workspace: str, names: NamesConfig) -> tuple[Source | None, Source | None]:
    """Embeddings and answers of `--previous`, or else of the workspace itself, where there are any and of use.

    Raises:
        UsageError: when `--previous` has neither.
    """
    wanted = ((EMBEDDINGS, own.encoder is not None), (GENERATIONS, names.asks))
    embeddings, generations = (
        _find_if_there(own.previous or workspace, schema) if is_used else None for schema, is_used in wanted
    )
    if own.previous and embeddings is None and generations is None:
        raise reading.UsageError(
            f"--previous: {own.previous!r} holds neither embeddings nor generations that this run could use"
        )
    return embeddings, generations


def _find_if_there(workspace: str, schema: DatasetSchema) -> Source | None:
    try:
        return find_own("--previous", workspace, schema)
    except reading.UsageError:
        return None
