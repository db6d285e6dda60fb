"""Options of the naming experiment of `evaluate`."""

from __future__ import annotations

import argparse

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import resolve_dataset
from pipelines.common.models import check_word_lists
from pipelines.evaluate.naming_methods import resolve_naming_methods
from schemas import EMBEDDINGS, GENERATIONS, DatasetSchema
from transforms.datasets.files import Source
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiments.naming.bleurt import parse_bleurt
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig
from transforms.evaluation.experiments.naming.experiment import EXAMPLES_INPUT, NamingExperiment
from transforms.settings import settings_of


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add the options of the naming experiment."""
    add = parser.add_argument
    settings = settings_of(NamingExperimentConfig)
    add("--examples", help=f"For naming: {EXAMPLES_INPUT.help}")
    add("--methods", help=f"For naming: {settings['methods'][2].help}")
    add(
        "--max_examples",
        type=options.bounded_number(int, 2),
        default=NamingExperimentConfig.max_examples,
        help=f"For naming: {settings['max_examples'][2].help}",
    )
    add("--bleurt", help=f"For naming: {settings['bleurt'][2].help}")


def naming_experiment(args: argparse.Namespace, encoder: EncoderSource | None) -> NamingExperiment:
    """Configure the naming experiment.

    Raises:
        UsageError: when a model or a checkpoint is unavailable.
    """
    check_word_lists("names are")
    methods = resolve_naming_methods(args.methods)
    try:
        bleurt = parse_bleurt(args.bleurt) if args.bleurt else None
    except ValueError as error:
        raise UsageError(f"--bleurt: {error}") from error
    config = NamingExperimentConfig(methods, args.max_examples, bleurt, args.seed)
    if config.needs_encoder and encoder is None:
        raise UsageError("--methods: medoid_title needs --encoder, which compares titles")
    return NamingExperiment(config, encoder)


def find_stored(
    args: argparse.Namespace, workspace: str, naming: NamingExperiment
) -> tuple[Source | None, Source | None]:
    """Embeddings and answers of `--previous`, or else of the workspace itself, where there are any and of use.

    Raises:
        UsageError: when `--previous` has neither.
    """
    wanted = ((EMBEDDINGS, args.encoder is not None), (GENERATIONS, naming.uses_language_model))
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
