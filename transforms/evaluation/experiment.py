"""The protocol of experiments: what one needs, computes and shows. `evaluate` runs those of the registry.

A new experiment is one module with a subclass of `Experiment`, and one line in `registry`. The module is imported
to list its options, so what loads compiled code is imported inside `expand`.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import apache_beam as beam
import pyarrow as pa

from schemas.dataset import DatasetSchema
from transforms.datasets.files import Source
from transforms.encoders.interface import EncoderSource
from transforms.extras import INSTALL_EVALUATION
from transforms.progress import Progress
from transforms.report.table import Table
from transforms.settings import settings_of

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class DatasetInput:
    """A dataset that experiments read.

    Attributes:
        option: the option that locates it. Inputs of one option are datasets of one workspace.
        schema: the dataset.
        help: what the option names, as `--help` prints it.
        in_workspace: whether the option names a workspace in which a job of this project wrote the dataset; otherwise
            it names a file, folder or glob.
        reads_rows: whether rows are read; otherwise the manifest alone.
        is_several: whether the option names several workspaces, with commas between them; their rows are read as one
            dataset, without a manifest.
    """

    option: str
    schema: DatasetSchema
    help: str
    in_workspace: bool = False
    reads_rows: bool = True
    is_several: bool = False


@dataclasses.dataclass(frozen=True)
class Needs:
    """The requirements of an experiment.

    Attributes:
        inputs: alternatives, of which exactly one is given: the inputs of each.
        uses_encoder: whether vectors are computed where `--encoder` is given.
        requires_encoder: whether `--encoder` must be given.
        packages: names of packages to import.
        install: the command that installs these packages.
        plot_packages: names of packages to import for plots, of the extra `report`.
        reuses_workspace: whether embeddings and generations of the previous content of the workspace are reused
            where no other workspace is given.
        runs_alone: whether no other experiment runs in the same job: it has samples, vectors or generations of its own.
    """

    inputs: tuple[tuple[DatasetInput, ...], ...]
    uses_encoder: bool = False
    requires_encoder: bool = False
    packages: tuple[str, ...] = ()
    install: str = INSTALL_EVALUATION
    plot_packages: tuple[str, ...] = ()
    reuses_workspace: bool = False
    runs_alone: bool = False


@dataclasses.dataclass(frozen=True)
class Options:
    """The checked command line, from which an experiment configures itself.

    Attributes:
        values: parsed options, by name.
        sources: the inputs of the experiments, by the name of the dataset.
        encoder: where vectors come from; None: there are none.
        encoder_name: a short name of the encoder; empty without one.
    """

    values: Mapping[str, Any]
    sources: Mapping[str, Source]
    encoder: EncoderSource | None = None
    encoder_name: str = ""

    def read(self, config: type[T], **fields: Any) -> T:
        """Build a configuration of its options.

        Args:
            config: a dataclass; each of its settings takes the option of its name.
            **fields: values of fields that are no settings.

        Raises:
            ValueError: naming the option, what was given and what is allowed.
        """
        options = {
            name: self.values[setting.option or name]
            for name, (_, _, setting) in settings_of(config).items()
            if name not in fields and self.values.get(setting.option or name) is not None
        }
        return config(**options, **fields)


@dataclasses.dataclass(frozen=True)
class ExperimentInputs:
    """The input of an experiment in the graph; collections of record batches.

    Attributes:
        root: the pipeline.
        rows: rows of the inputs with provenance, by the name of the dataset; `embeddings` and `generations` of an
            earlier run among them, where there are any.
        errors: rows of `errors` of reading, to explain why too few rows are left.
        progress: where finished work is counted.
        checkpoint_dir: folder in which completions of a language model are kept until the job is committed.
    """

    root: beam.Pipeline
    rows: Mapping[str, beam.PCollection]
    errors: beam.PCollection
    progress: Progress
    checkpoint_dir: str


class ExperimentResult(NamedTuple):
    """The output of an experiment, each a collection.

    Attributes:
        metrics: record batches of `metrics`.
        counts: counts; None: nothing is counted.
        embeddings: record batches of `embeddings`, stored ones among them; None without an encoder.
        errors: record batches of `errors`; None: nothing can be invalid.
        generations: record batches of `generations`, stored ones among them; None without a language model.
    """

    metrics: beam.PCollection
    counts: beam.PCollection | None = None
    embeddings: beam.PCollection | None = None
    errors: beam.PCollection | None = None
    generations: beam.PCollection | None = None


class Plot(NamedTuple):
    """A plot of an experiment.

    Attributes:
        caption: what it shows.
        draw: writes the image to a path.
    """

    caption: str
    draw: Callable[[Path], None]


@dataclasses.dataclass(frozen=True)
class Experiment(ABC):
    """One experiment. A subclass is a frozen dataclass, whose fields are its configuration.

    Attributes:
        name: its name in `--suites`, in the configuration of manifests, and as prefix of its metrics.
        title: the heading of its tables.
        summary: what it measures, for `--help` and docs.
        needs: what it needs to run.
        configs: dataclasses whose settings are its options. Experiments may share them, and options of the same
            declaration. A setting without a default must be given where the experiment runs.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[Needs]
    configs: ClassVar[tuple[type, ...]] = ()

    @classmethod
    @abstractmethod
    def from_options(cls, options: Options) -> Self:
        """Configure the experiment.

        Raises:
            ValueError: naming the option, what was given and what is allowed.
        """

    @abstractmethod
    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        """Add the experiment to the graph."""

    @abstractmethod
    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        """Return the tables of its metrics.

        Args:
            metrics: rows of `metrics`; those of other experiments are ignored.

        Raises:
            ValueError: when there are no metrics of this experiment.
        """

    @classmethod
    def tables_of(cls, metrics: Iterable[pa.RecordBatch], configuration: Mapping[str, Any]) -> list[Table]:
        """Return the tables of metrics that an earlier run committed.

        An experiment whose tables depend on its fields overrides it; those of the others depend on metrics alone.

        Args:
            metrics: rows of `metrics`.
            configuration: what `configuration` returned in that run, as the manifest has it.

        Raises:
            ValueError: when there are no metrics of this experiment.
        """
        del configuration
        return cls.__new__(cls).tables(metrics)

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        """Describe the data and the measures, in one or more paragraphs."""
        del metrics
        return []

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        """Return plots for the page."""
        del metrics
        return []

    def samples(self, read: Callable[[str], list[pa.RecordBatch]]) -> list[Table]:
        """Return tables of examples for the page.

        Args:
            read: reads all rows of an input or an output of the job, by the name of the dataset.
        """
        del read
        return []

    def configuration(self) -> dict[str, Any]:
        """Return everything that determines the metrics, for manifests."""
        return dataclasses.asdict(self)

    @property
    def uses_language_model(self) -> bool:
        """Whether texts are generated."""
        return False

    def progress_steps(self) -> dict[str, tuple[str, int | None]]:
        """Return work that is shown while it is done: label and total (None: unknown), by the name of the counter."""
        return {}
