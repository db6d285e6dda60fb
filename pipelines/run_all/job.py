"""The job `run_all`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from collections.abc import Mapping
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import Parser, UsageError
from pipelines.common.job import Job
from pipelines.common.models import resolve_language_model
from pipelines.run_all.stage_options import (
    add_shared_options,
    add_stage_options,
    flags_of_stage,
    given_options,
    to_arguments,
)
from pipelines.run_all.stages import STAGES, Stage
from schemas import DatasetSchema
from transforms.datasets.files import Source
from transforms.extras import INSTALL_RECOMMENDER
from transforms.naming.adapter import BUILTIN
from transforms.progress import Progress

_OF_ONE_RUN = ("force", "from", "dry_run")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunAllJob(Job):
    """One run of all stages.

    Attributes:
        stages: the stages, in the order in which they run.
        flags: arguments by stage, without those of Beam.
        left_out: why a stage is left out, by its name.
        forced: names of the stages that run although they are up to date.
        dry_run: whether the plan is printed, and nothing is run.
        again: the arguments of this run, without those that are about this run alone.
    """

    name = "run_all"
    description = (
        "Run all stages from a log to recommendations, names and a page, of which only those that are out of date. An "
        "option of one stage is given with its name, such as --recommend.slots=20."
    )

    stages: tuple[Stage, ...]
    flags: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, str]
    forced: frozenset[str]
    dry_run: bool
    again: tuple[str, ...]

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job, and those of all stages."""
        add = parser.add_argument
        options.add_workspace(parser, "workspace")
        add_shared_options(parser)
        add(
            "--with_models",
            action="store_true",
            help="Name journeys by the packaged language model, and rank items by a sequence recommender, which is "
            "trained first. Needs PyTorch. Default: names of terms, and a ranker by counts and content.",
        )
        add("--force", action="store_true", help="Run all stages, although they are up to date.")
        add(
            "--from",
            choices=tuple(stage.job for stage in STAGES),
            help="Stage that runs, with all later ones, although they are up to date. Default: none.",
        )
        add("--dry_run", action="store_true", help="Print which stages would run and why, and run none.")
        add_stage_options(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> RunAllJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        parser = Parser(add_help=False)
        cls.add_options(parser)
        given = given_options(args, parser)
        if (args.interactions is None) != (args.items is None):
            raise UsageError("--interactions and --items must be given together; without both, the sample is used")
        if args.with_models:
            _check_models()
        stages = tuple(stage for stage in STAGES if _is_used(stage, given, with_models=args.with_models))
        return cls(
            workspace=args.workspace,
            expected_versions={},
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
            stages=stages,
            flags={
                stage.job: flags_of_stage(stage, given, args.workspace.rstrip("/"), with_models=args.with_models)
                for stage in stages
            },
            left_out={
                stage.job: f"needs {stage.optional_package}: {stage.install}" for stage in stages if _lacks(stage)
            },
            forced=_forced(args, stages),
            dry_run=args.dry_run,
            again=to_arguments({name: value for name, value in given.items() if name not in _OF_ONE_RUN}),
        )

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """No datasets: those of the stages are written by themselves."""
        return ()

    @property
    def inputs(self) -> dict[str, Source | None]:
        """No datasets: stages resolve and check their own inputs."""
        return {}

    @property
    def configuration(self) -> dict[str, Any]:
        """Nothing: the manifests are those of the stages."""
        return {}

    @property
    def has_graph(self) -> bool:
        """The stages have graphs, in processes of their own."""
        return False

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add nothing: the job has no graph."""

    def after_commit(self) -> int:
        """Run the stages, or print the plan."""
        from pipelines.run_all.execution import print_plan, run_stages

        return print_plan(self) if self.dry_run else run_stages(self)


def _is_used(stage: Stage, given: Mapping[str, Any], *, with_models: bool) -> bool:
    """Return whether a stage is part of the chain: one that trains a model only where no trained one is given."""
    return not stage.only_with_models or (with_models and "recommend.model" not in given)


def _lacks(stage: Stage) -> bool:
    return bool(stage.optional_package) and importlib.util.find_spec(stage.optional_package) is None


def _forced(args: argparse.Namespace, stages: tuple[Stage, ...]) -> frozenset[str]:
    """Return the names of the stages that run although they are up to date.

    Raises:
        UsageError: when the first one is not part of the chain.
    """
    first = getattr(args, "from")
    names = [stage.job for stage in stages]
    if args.force and first:
        raise UsageError("--force and --from are mutually exclusive")
    if first is None:
        return frozenset(names if args.force else ())
    if first not in names:
        raise UsageError(f"--from={first} needs --with_models")
    return frozenset(names[names.index(first) :])


def _check_models() -> None:
    """Check at once that the packages of models are installed, before stages that take long.

    Raises:
        UsageError: when one is missing.
    """
    if importlib.util.find_spec("torch") is None:
        raise UsageError(f"--with_models needs the package torch: {INSTALL_RECOMMENDER}")
    resolve_language_model("--with_models", BUILTIN)
