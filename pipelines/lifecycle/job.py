"""The job `lifecycle`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, default_num_parts, prepare_workspace, resolve_dataset
from pipelines.common.job import Job
from schemas import ERRORS, JOURNEYS, LIFECYCLES, METRICS, SALIENT_TERMS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.lifecycle.confidence import ConfidenceModel, Features
from transforms.lifecycle.config import LifecycleConfig, RhythmConfig, TopListConfig
from transforms.progress import Progress

_OUTPUTS = (LIFECYCLES, ERRORS, METRICS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LifecycleJob(Job):
    """One run that describes the life of journeys.

    Attributes:
        journeys: the journeys.
        salient_terms: the terms of the items from which they were extracted.
        features: what the journeys were formed by; None: vectors of another encoder than the packaged one, for which
            no confidence can be estimated.
        lifecycle: the configuration.
        parts: number of parts of each dataset.
    """

    name = "lifecycle"
    description = (
        "Describe the life of each journey: its stage, recurrence, confidence and months, and a diverse order of them."
    )

    journeys: Source
    salient_terms: Source
    features: Features | None
    lifecycle: LifecycleConfig
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        parser.add_argument(
            "--journeys",
            help="Workspace with `journeys` and `salient_terms`, as `extract` writes them. Default: --workspace.",
        )
        options.add_workspace(parser, "workspace")
        options.add_config(parser, RhythmConfig)
        options.add_config(parser, LifecycleConfig)
        options.add_config(parser, TopListConfig)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> LifecycleJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        workspace = absolute_path(args.workspace)
        option = "--journeys" if args.journeys else "--workspace"
        extracted = absolute_path(args.journeys) if args.journeys else workspace
        journeys, terms = (resolve_dataset(option, extracted, schema) for schema in (JOURNEYS, SALIENT_TERMS))
        check_not_nested(workspace, [(option, journeys), (option, terms)])
        return cls(
            journeys=journeys,
            salient_terms=terms,
            features=_features_of(option, journeys),
            lifecycle=options.read_config(
                args,
                LifecycleConfig,
                rhythm=options.read_config(args, RhythmConfig),
                top_list=options.read_config(args, TopListConfig),
            ),
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            parts=default_num_parts(journeys),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        model = self.confidence_model
        return {
            "parts": self.parts,
            "lifecycle": dataclasses.asdict(self.lifecycle),
            "features": self.features or "",
            "confidence": model._asdict() if model else {},
        }

    @property
    def confidence_model(self) -> ConfidenceModel | None:
        """The model of the confidence; None: there is none for what the journeys were formed by."""
        from transforms.lifecycle.confidence import MODELS

        return MODELS[self.features] if self.features else None

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name and in reading order."""
        return {SALIENT_TERMS.name: self.salient_terms, JOURNEYS.name: self.journeys}

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.lifecycle.graph import build_lifecycle

        build_lifecycle(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.lifecycle.summary import print_lifecycle

        print_lifecycle(self, seconds)


def _features_of(option: str, journeys: Source) -> Features | None:
    """Return what journeys were formed by; None: other vectors than those of the packaged encoder.

    Raises:
        UsageError: when `extract` did not write them.
    """
    configuration = journeys.manifest.configuration if journeys.manifest else {}
    if "extraction" not in configuration:
        raise UsageError(f"{option}: the journeys of {journeys.path!r} were not written by `extract`")
    if configuration["extraction"].get("bayesian") is None:
        return "terms"
    from transforms.encoders.spec import EncoderSpec

    return "vectors" if configuration["encoder"] == EncoderSpec("static").fingerprint() else None
