"""The job `report`: one HTML page about what workspaces hold."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.job import Job
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import resolve_catalogue
from pipelines.report.datasets import FoundDatasets, find_datasets
from schemas import CLUSTERS, ITEMS, JOURNEYS, DatasetSchema
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.storage import StorageError, open_storage
from transforms.extras import INSTALL_REPORT
from transforms.page.config import PageConfig
from transforms.progress import Progress

_TUNING_FILE = "tuning.json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportJob(Job):
    """One page.

    Attributes:
        found: the datasets of the workspaces.
        items: the catalogue, for titles; None: ids are shown.
        catalogue_columns: how the columns of the catalogue are read.
        trainings: descriptions of trainings, files that `tune` wrote.
        page: limits of the page.
        output: the file to write.
    """

    name = "report"
    description = "Write one HTML page about the datasets of workspaces: users, clusters, the table, experiments."
    inheritance = (
        Inheritance(("exploration", "workspace"), CLUSTERS, names=options.CATALOGUE, unless=("items",)),
        Inheritance(("journeys", "workspace"), JOURNEYS, names=options.CATALOGUE, unless=("items",)),
    )

    found: FoundDatasets
    items: Source | None
    catalogue_columns: ColumnOptions
    trainings: tuple[Path, ...]
    page: PageConfig
    output: str

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--workspace", default="workspace", help="Workspace whose datasets the page shows.")
        add("--journeys", help="Workspace with `journeys`, as `extract` writes it. Default: --workspace.")
        add("--names", help="Workspace with `journey_names`, as `name` writes it. Default: --workspace.")
        add("--lifecycles", help="Workspace with `lifecycles`, as `lifecycle` writes it. Default: --journeys.")
        add(
            "--exploration",
            help="Workspace with `clusters`, `transitions` and `lookup`, as `cluster`, `transitions` and `explore` "
            "write it. Default: --workspace.",
        )
        add(
            "--recommendations",
            help="Workspace with `recommendations` and `intents`, as `recommend` and `intents` write it. Default: "
            "--exploration.",
        )
        add(
            "--evaluation",
            type=options.comma_separated,
            default=(),
            help="Workspaces of experiments, as `evaluate` writes them, with commas between them. Default: "
            "--workspace.",
        )
        add(
            "--tuned_models",
            type=options.comma_separated,
            default=(),
            help="Folders that `tune` wrote, whose curves are shown, with commas between them. Default: none.",
        )
        add(
            "--items",
            help="Catalogue, for titles: parquet file, folder or glob; empty: ids are shown. Default: that from which "
            "the journeys, or the clusters, were computed.",
        )
        options.add_item_columns(parser)
        options.add_config(parser, PageConfig)
        add("--output", default="report.html", help="File to write, on disk or in a bucket.")

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> ReportJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if importlib.util.find_spec("jinja2") is None:
            raise UsageError(f"the page needs the package jinja2: {INSTALL_REPORT}")
        page = options.read_config(args, PageConfig)
        found = find_datasets(_workspaces(args))
        uses_titles = args.items != "" and bool({JOURNEYS.name, CLUSTERS.name} & set(found.sources))
        return cls(
            workspace=absolute_path(args.workspace),
            expected_versions={},
            max_error_rate=1.0,
            found=found,
            items=resolve_catalogue(args.items) if uses_titles else None,
            catalogue_columns=options.read_catalogue_columns(args),
            trainings=tuple(_training(folder) for folder in args.tuned_models),
            page=page,
            output=_output(args.output),
        )

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """No datasets: the output is one file."""
        return ()

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name."""
        return {**self.found.sources, ITEMS.name: self.items}

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {ITEMS.name: self.catalogue_columns}

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the page."""
        return dataclasses.asdict(self.page)

    @property
    def has_graph(self) -> bool:
        """A page has no graph: its samples are read by one process."""
        return False

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add nothing: the job has no graph."""

    def after_commit(self) -> int:
        """Write the page, and print a summary."""
        from pipelines.report.writing import write_page

        return write_page(self)


def _workspaces(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Return the workspaces by option."""
    exploration, journeys = args.exploration or args.workspace, args.journeys or args.workspace
    return {
        "journeys": (journeys,),
        "lifecycles": (args.lifecycles or journeys,),
        "names": (args.names or args.workspace,),
        "exploration": (exploration,),
        "recommendations": (args.recommendations or exploration,),
        "evaluation": args.evaluation or (args.workspace,),
        "workspace": (args.workspace,),
    }


def _training(folder: str) -> Path:
    """Return the description of a training.

    Raises:
        UsageError: when `tune` did not write the folder.
    """
    path = Path(folder).expanduser().resolve() / _TUNING_FILE
    if not path.is_file():
        raise UsageError(f"--tuned_models: {folder!r} has no {_TUNING_FILE}, which `tune` writes")
    return path


def _output(path: str) -> str:
    """Return the absolute path of the file to write.

    Raises:
        UsageError: when it is a folder, or its file system is not available.
    """
    output = absolute_path(path)
    try:
        is_folder = path.endswith("/") or open_storage(output).has_folder(output)
    except StorageError as error:
        raise UsageError(f"--output: {error}") from error
    if is_folder or not path:
        raise UsageError(f"--output must be a file, such as report.html, got {path!r}")
    return output
