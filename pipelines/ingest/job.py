"""The job `ingest`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import codecs
import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, default_num_parts, prepare_workspace
from pipelines.common.job import Job
from pipelines.ingest.plan import FORMATS, GENERIC_FORMATS, IngestPlan, resolve_plan
from schemas import ERRORS, INTERACTIONS, ITEMS, METRICS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.ingestion.layout import INGESTED_INTERACTIONS, DateOrder
from transforms.ingestion.layouts.lastfm import LastfmItems
from transforms.progress import Progress

_OUTPUTS = (ITEMS, INGESTED_INTERACTIONS, ERRORS, METRICS)


@dataclasses.dataclass(frozen=True, kw_only=True)
class IngestJob(Job):
    """One run that reads a log and a catalogue as they were published.

    Attributes:
        format: the format of the input.
        plan: which files are read, and as what.
        parts: number of parts of each dataset.
        dry_run: whether only the plan is printed.
    """

    name = "ingest"
    description = "Read a published log, or files of CSV, JSON lines or parquet, as `interactions` and `items`."

    format: str
    plan: IngestPlan
    parts: int
    dry_run: bool

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--format", choices=FORMATS, help="Format of the input: the name of a published log, or a kind of file.")
        add("--input", help="Files of the log: a file, folder or glob, or several with commas between them. Required.")
        add(
            "--items_input",
            help="Files of the catalogue, if --format is csv, jsonl or parquet. Default: items are built from the log.",
        )
        options.add_workspace(parser, "ingested")
        add(
            "--columns",
            type=options.column_mapping(INTERACTIONS, ITEMS),
            default={},
            help="Names of the columns in the log: `user_id=visitor,item_id=content,title=name`. `value=`: the column "
            "is not read. Columns that are not given are guessed.",
        )
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        add(
            "--date_order",
            choices=tuple(order for order in get_args(DateOrder) if order),
            default="",
            help="Order of month and day in dates that end with the year, such as 12/31/2019. Default: that of the "
            "published log, or derived from the values.",
        )
        add("--delimiter", default="", help="What separates the fields of CSV. Default: derived from the first rows.")
        add(
            "--header",
            type=options.comma_separated,
            default=(),
            help="Names of the columns of CSV whose first row has none: `user,item,time`.",
        )
        add(
            "--encoding",
            type=_encoding,
            default="",
            help="Encoding of CSV or JSON lines that are not UTF-8 and have no byte order mark, such as cp1252.",
        )
        add(
            "--lastfm_items",
            choices=get_args(LastfmItems),
            help="Items of a log of Last.fm. Default: track.",
        )
        add(
            "--dry_run",
            action="store_true",
            help="Print which files and columns would be read as what, with examples, and write nothing.",
        )
        add(
            "--parts",
            type=options.bounded_number(int, 1),
            help="Number of parts of each dataset. Default: as many as the size of the log requires.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> IngestJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if args.format is None or args.input is None:
            raise UsageError(f"--format and --input are required; the formats are {', '.join(FORMATS)}")
        plan = resolve_plan(args)
        workspace = absolute_path(args.workspace)
        paths = options.comma_separated(f"{args.input},{args.items_input or ''}")
        check_not_nested(workspace, [("an input", Source(absolute_path(path), ())) for path in paths])
        return cls(
            format=args.format,
            plan=plan,
            workspace=workspace,
            expected_versions={} if args.dry_run else prepare_workspace(workspace, _OUTPUTS),
            parts=args.parts or default_num_parts(plan.sources[INTERACTIONS.name]),
            dry_run=args.dry_run,
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {"format": self.format, "parts": self.parts, "columns": self.plan.described_columns()}

    @property
    def is_guessed(self) -> bool:
        """Whether the columns are those of an unknown log."""
        return self.format in GENERIC_FORMATS

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The files that the job reads, by what they hold."""
        return dict(self.plan.sources)

    @property
    def parquet_sources(self) -> Mapping[str, Source]:
        """No source: the files were checked when the plan was made."""
        return {}

    @property
    def has_graph(self) -> bool:
        """A dry run has no graph."""
        return not self.dry_run

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline, after printing what a guess has led to."""
        from pipelines.ingest.graph import build_ingest
        from pipelines.ingest.proposal import print_proposal

        if self.is_guessed:
            print_proposal(self)
        build_ingest(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run, or the plan of a dry run."""
        from pipelines.ingest.proposal import print_proposal
        from pipelines.ingest.summary import print_ingest

        if self.dry_run:
            print_proposal(self)
        else:
            print_ingest(self, seconds)


def _encoding(text: str) -> str:
    """Check the name of an encoding; the default, no name, is parsed too."""
    try:
        b"a".decode(text or "utf-8", errors="replace")  # fails for codecs that are no encodings of texts, such as rot13
        return codecs.lookup(text).name if text else text
    except LookupError as error:
        raise argparse.ArgumentTypeError(
            f"must be an encoding that Python has, such as latin-1, got {text!r}"
        ) from error
