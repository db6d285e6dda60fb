"""The job `evaluate`: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import apache_beam as beam

from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, checkpoint_dir, prepare_workspace, resolve_dataset
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import ENCODING, resolve_encoder
from pipelines.common.options import add_error_rate, add_workspace
from pipelines.evaluate.options import (
    Suites,
    add_experiment_options,
    check_report,
    chosen_inputs,
    chosen_suites,
    resolve_needed,
    resolved_values,
)
from schemas import EMBEDDINGS, ERRORS, GENERATIONS, JOURNEYS, METRICS, NAMING_EXAMPLES, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.manifest import read_manifest
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiment import DatasetInput, Experiment, Options
from transforms.progress import Progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateJob(Job):
    """One evaluation, checked: everything that the graph is built from.

    Attributes:
        experiments: the experiments, configured, in the order of the registry.
        read_sources: the datasets that they read, by name.
        schemas: the schemas of these datasets, by name.
        report: the file for the report; None: there is none.
        encoder: where vectors come from; None: there are none.
        encoder_name: a short name of the encoder; empty without one.
    """

    name = "evaluate"
    description = "Evaluate extracted journeys and their names by experiments, with 95 % intervals."

    experiments: tuple[Experiment, ...]
    read_sources: Mapping[str, Source]
    schemas: Mapping[str, DatasetSchema]
    report: Path | None
    encoder: EncoderSource | None
    encoder_name: str

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add_experiment_options(parser)
        add_workspace(parser, "evaluation")
        parser.add_argument(
            "--previous",
            help="Workspace of an earlier run, whose embeddings and generations are reused. Default: none; for naming: "
            "`--workspace`.",
        )
        parser.add_argument(
            "--report",
            help="File on this machine for all tables, in HTML if it ends in `.html`, else in Markdown; plots lie "
            "beside it.",
        )
        add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> Self:
        """Check the options, resolve inputs and models, and configure the experiments.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        suites = chosen_suites(args)
        report = check_report(args.report, suites) if args.report else None
        workspace = absolute_path(args.workspace)
        needed = {each.schema.name: each for suite in suites for each in chosen_inputs(args, suite)}
        sources = {name: resolve_needed(args, each) for name, each in needed.items()}
        files = [(f"--{each.option}", sources[name]) for name, each in needed.items() if not each.in_workspace]
        check_not_nested(workspace, files)
        encoder = resolve_encoder("--encoder", args.encoder) if args.encoder else None
        encoder_name = str(encoder).rstrip("/").rpartition("/")[2] if encoder else ""
        options = Options(resolved_values(args), sources, encoder, encoder_name)
        experiments = tuple(_configure(suite, options) for suite in suites)
        stored = _resolve_stored(args.previous, workspace, suites, experiments, encoder)
        return cls(
            experiments=experiments,
            read_sources={name: sources[name] for name, each in needed.items() if each.reads_rows} | stored,
            schemas=_schemas(needed),
            workspace=workspace,
            expected_versions=_prepare_workspace(workspace, _outputs(encoder, experiments)),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
            report=report,
            encoder=encoder,
            encoder_name=encoder_name,
        )

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.evaluate.graph import build_evaluate

        build_evaluate(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the tables, write the report, and remove the checkpoint of generations."""
        from pipelines.evaluate.summary import print_evaluation
        from transforms.datasets.row_checkpoint import RowCheckpoint

        if self.uses_language_model:
            RowCheckpoint(self.checkpoint_dir, GENERATIONS).clear()
        print_evaluation(self, seconds)

    def schema_of(self, name: str) -> DatasetSchema:
        """Return the schema by which an input is read."""
        return self.schemas[name]

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes."""
        return _outputs(self.encoder, self.experiments)

    @property
    def inputs(self) -> Mapping[str, Source | None]:
        """The datasets that the job reads, by name and in reading order."""
        return self.read_sources

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the metrics."""
        return {
            "suites": [experiment.name for experiment in self.experiments],
            "encoder": self.encoder_name,
            "encoder_fingerprint": self.encoder.fingerprint() if self.encoder else "",
            **{experiment.name: experiment.configuration() for experiment in self.experiments},
        }

    @property
    def uses_language_model(self) -> bool:
        """Whether an experiment generates texts."""
        return any(experiment.uses_language_model for experiment in self.experiments)

    @property
    def checkpoint_dir(self) -> str:
        """The folder that keeps generations until the job is committed."""
        return checkpoint_dir(self.workspace)

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """Prompts, where a language model completes them."""
        return ("prompts",) if self.uses_language_model else ()

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The work of the experiments, texts that are encoded, and prompts that a language model completes."""
        steps = {} if self.encoder is None else dict(ENCODING)
        if self.uses_language_model:
            steps["prompts"] = ProgressStep("prompts completed")
        for experiment in self.experiments:
            steps |= {name: ProgressStep(*step) for name, step in experiment.progress_steps().items()}
        return steps


def _schemas(needed: Mapping[str, DatasetInput]) -> dict[str, DatasetSchema]:
    stored = {schema.name: schema for schema in (EMBEDDINGS, GENERATIONS)}
    return {name: each.schema for name, each in needed.items()} | stored


def _outputs(encoder: EncoderSource | None, experiments: tuple[Experiment, ...]) -> tuple[DatasetSchema, ...]:
    generates = any(experiment.uses_language_model for experiment in experiments)
    written = ((EMBEDDINGS, encoder is not None), (GENERATIONS, generates), (ERRORS, True), (METRICS, True))
    return tuple(schema for schema, is_written in written if is_written)


def _configure(suite: type[Experiment], options: Options) -> Experiment:
    try:
        return suite.from_options(options)
    except ValueError as error:
        text = str(error)
        name = re.match(r"\w*", text)
        is_option = name is not None and name[0] in options.values
        raise UsageError(f"--{text}" if is_option else text) from error


def _resolve_stored(
    previous: str | None,
    workspace: str,
    suites: Suites,
    experiments: tuple[Experiment, ...],
    encoder: EncoderSource | None,
) -> dict[str, Source]:
    """Locate reusable embeddings and generations in `--previous`, or else in the workspace.

    Raises:
        UsageError: when `--previous` has neither, or nothing of it can be used.
    """
    generates = any(experiment.uses_language_model for experiment in experiments)
    wanted = [schema for schema, is_used in ((EMBEDDINGS, encoder), (GENERATIONS, generates)) if is_used]
    if previous and not wanted:
        raise UsageError("--previous is reused for its embeddings: give the --encoder too")
    folder = previous or (workspace if any(suite.needs.reuses_workspace for suite in suites) else None)
    found = {}
    for schema in wanted if folder else ():
        try:
            found[schema.name] = resolve_dataset("--previous", str(folder), schema)
        except UsageError:
            if len(wanted) == 1 and previous:
                raise
    if previous and not found:
        raise UsageError(f"--previous: {previous!r} has neither embeddings nor generations that this run could reuse")
    return found


def _prepare_workspace(workspace: str, schemas: tuple[DatasetSchema, ...]) -> dict[str, str | None]:
    versions = prepare_workspace(workspace, schemas)
    for name in (JOURNEYS.name, NAMING_EXAMPLES.name):
        if read_manifest(f"{workspace.rstrip('/')}/{name}") is not None:
            raise UsageError(
                f"--workspace: {workspace!r} has {name}, whose metrics and errors would be replaced; use another one"
            )
    return versions
