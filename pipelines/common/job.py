"""The base class of all jobs: what a job knows about itself, and what running it needs from it."""

from __future__ import annotations

import abc
import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import apache_beam as beam

from pipelines.common.recorded_options import OPTIONS, Inheritance, RecordedOptions
from schemas import (
    CACHES,
    EMBEDDINGS,
    ERRORS,
    GENERATIONS,
    INPUTS,
    INTERACTIONS,
    METRICS,
    OUTPUTS,
    SALIENCE_MODEL,
    TUNING_PAIRS,
    DatasetSchema,
)
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.progress import Progress

_MAY_BE_EMPTY = frozenset(
    schema.name for schema in (EMBEDDINGS, ERRORS, GENERATIONS, METRICS, SALIENCE_MODEL, TUNING_PAIRS)
)


_STORED = ColumnOptions(unit="us")
_SCHEMAS = {schema.name: schema for schema in (*INPUTS, *OUTPUTS, *CACHES)}


class ProgressStep(NamedTuple):
    """A kind of work whose progress is shown while a job runs.

    Attributes:
        label: what is counted.
        total: amount of work; None: not known in advance.
    """

    label: str
    total: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(abc.ABC):
    """One run of a job, checked: everything that its graph is built from.

    A job is a frozen dataclass on this class. It declares its options in `add_options`, resolves and checks them in
    `from_options`, and adds its graph to a pipeline in `build`. The modules that `build` and `print_summary` need are
    imported there: an error in the options is then reported within a second.

    Attributes:
        name: name of the job, as in `python -m pipelines.<name>` and in the column `pipeline` of `metrics`.
        description: one sentence for `--help`.
        workspace: folder or bucket prefix in which the datasets are written.
        expected_versions: versions of the output datasets at the start, by dataset; the commit fails if they changed.
        max_error_rate: largest fraction of invalid rows of an input, above which the job fails.
        allow_empty: whether a result without rows is committed.
        options: the options that were given or inherited, as manifests record them.
        beam_flags: the options of Beam as they were given, for a job that starts other jobs.
        inheritance: options that a run takes from manifests of earlier runs.
        uses_texts: whether the job uses the optional columns of the catalogue, such as tags.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    inheritance: ClassVar[tuple[Inheritance, ...]] = ()
    uses_texts: ClassVar[bool] = False

    workspace: str
    expected_versions: Mapping[str, str | None]
    max_error_rate: float
    options: RecordedOptions = dataclasses.field(default_factory=dict)
    beam_flags: tuple[str, ...] = ()
    allow_empty: bool = False

    @classmethod
    @abc.abstractmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""

    @classmethod
    @abc.abstractmethod
    def from_options(cls, args: argparse.Namespace) -> Self:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """

    @property
    @abc.abstractmethod
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""

    @property
    @abc.abstractmethod
    def inputs(self) -> Mapping[str, Source | None]:
        """The datasets that the job may read, by name and in reading order; None: not given."""

    @property
    @abc.abstractmethod
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""

    @property
    def recorded_configuration(self) -> dict[str, Any]:
        """The configuration and the given options, as manifests record them."""
        return {**self.configuration, OPTIONS: dict(self.options)}

    @property
    def column_options(self) -> Mapping[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {}

    @property
    def interaction_filter(self) -> InteractionFilter:
        """The conditions on interactions; without options for them, none."""
        return InteractionFilter()

    def schema_of(self, name: str) -> DatasetSchema:
        """Return the schema by which an input is read; the conditions on interactions require columns of the log."""
        return self.interaction_filter.required_schema() if name == INTERACTIONS.name else _SCHEMAS[name]

    def options_of(self, name: str) -> ColumnOptions:
        """Return the options by which the columns of an input are read; times of stored datasets have their unit."""
        source = self.inputs.get(name)
        is_stored = source is not None and source.manifest is not None
        return self.column_options.get(name, _STORED if is_stored else ColumnOptions())

    @property
    def results(self) -> tuple[str, ...]:
        """Names of the output datasets that must have rows."""
        return tuple(schema.name for schema in self.outputs if schema.name not in _MAY_BE_EMPTY)

    @property
    def required_counts(self) -> tuple[str, ...]:
        """Metrics that must not be zero."""
        return ()

    @property
    def sources(self) -> dict[str, Source]:
        """The datasets that the job reads, by name and in reading order."""
        return {name: source for name, source in self.inputs.items() if source is not None}

    @property
    def parquet_sources(self) -> Mapping[str, Source]:
        """The datasets that the job reads from parquet files, which are checked before it starts."""
        return self.sources

    @property
    def lineage(self) -> dict[str, Any]:
        """The versions of the inputs, for the manifests of the outputs."""
        return {
            name: source.manifest.digest if source.manifest else {"path": source.path, "files": len(source.files)}
            for name, source in self.sources.items()
        }

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """Names of the model inputs whose failures count as invalid rows."""
        return ()

    @property
    def has_graph(self) -> bool:
        """Whether the job has a graph; without one, all its work is that of `after_commit`."""
        return True

    @abc.abstractmethod
    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""

    def print_summary(self, seconds: float) -> None:  # noqa: B027 - a job may have nothing to print
        """Print the result of a committed run.

        Args:
            seconds: wall time of the run.
        """

    def progress_steps(self) -> Mapping[str, ProgressStep]:
        """The work shown besides rows read and parts written, by the name under which workers count it."""
        return {}

    def warm_up(self) -> None:  # noqa: B027 - a job may compile nothing
        """Compile the functions that workers on this machine need, so that no two workers compile the same."""

    def after_commit(self) -> int:
        """Do local work on the committed datasets, and return the exit code."""
        return 0
