"""The job `extract`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, Literal, cast

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import check_not_nested, prepare_workspace, resolve_optional
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import encoding_steps
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import SAMPLE, resolve_log_and_catalogue
from pipelines.extract import checks
from schemas import (
    EMBEDDINGS,
    ERRORS,
    HISTORIES,
    INTERACTIONS,
    ITEM_EMBEDDINGS,
    ITEMS,
    JOURNEYS,
    METRICS,
    SALIENT_TERMS,
    DatasetSchema,
)
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.encoders.interface import EncoderSource
from transforms.function_words import FUNCTION_WORDS
from transforms.journeys.config import BayesianConfig, ExtractConfig, IcpcConfig, SweepConfig
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig, VocabularyConfig

Scorer = Literal["statistical", "learned"]

_REPLACEABLE = (
    *options.CATALOGUE,
    "columns",
    "timestamp_unit",
    "max_history",
    "item_embeddings",
    "embedding_columns",
    "salient_terms",
)
"""Options that a continued run inherits, but may change: a newer catalogue, or a log of another shape."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractJob(Job):
    """One extraction of journeys.

    Attributes:
        interactions: the log.
        items: the catalogue.
        previous: the histories of the previous run, which this run continues.
        item_embeddings: the user's own vectors of items.
        salient_terms: given salient terms of items.
        embeddings: vectors of texts from an earlier run, which are reused.
        columns: names of the columns in the log, where they differ.
        catalogue_columns: how the columns of the catalogue are read.
        embedding_columns: names of the columns in `item_embeddings`, where they differ.
        timestamp_unit: unit of numeric timestamps.
        salience: configuration of the salient terms.
        detects_languages: whether function words of the catalogue's languages are ignored, besides those of `salience`.
        scorer: the scorer of salient terms.
        encoder: the encoder of items; None: no text is encoded.
        encoder_note: why the packaged encoder is not used where it is the default; empty otherwise.
        extraction: configuration of the journeys.
        parts: number of parts of each dataset.
    """

    name = "extract"
    description = "Extract the interest journeys of each user from an interaction log and an item catalogue."
    inheritance = (
        Inheritance(("previous",), HISTORIES, names=_REPLACEABLE),
        Inheritance(("previous",), HISTORIES, except_for=(*_REPLACEABLE, "interactions", "sweep"), is_binding=True),
    )
    uses_texts = True

    interactions: Source
    items: Source
    previous: Source | None
    item_embeddings: Source | None
    salient_terms: Source | None
    embeddings: Source | None
    columns: dict[str, str]
    catalogue_columns: ColumnOptions
    embedding_columns: dict[str, str]
    timestamp_unit: TimestampUnit
    salience: SalienceConfig
    detects_languages: bool
    scorer: Scorer
    encoder: EncoderSource | None
    encoder_note: str
    extraction: ExtractConfig
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--interactions", help="Log: parquet file, folder or glob. Default: the sample.")
        add("--items", help="Catalogue: parquet file, folder or glob. Default: the sample.")
        options.add_workspace(parser, "workspace")
        add("--previous", help="Workspace of the previous run, whose histories are continued by `--interactions`.")
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        options.add_config(parser, ExtractConfig, only=("max_history", "min_term_users", "half_life_days"))
        options.add_config(parser, IcpcConfig, unset=checks.BY_TERMS)
        add(
            "--cluster_by",
            choices=("vectors", "terms"),
            help="How journeys are formed: by `vectors` of the items, or by their salient `terms` (ICPC, 2305.15498). "
            "Default: vectors, or terms if the packaged encoder covers too few words of the catalogue.",
        )
        add(
            "--encoder",
            help="Encoder of the items: `static`, the packaged one, `minilm`, the multilingual `use`, a folder, a hub "
            "id, or several of these joined by `+`. Default, without "
            "--item_embeddings: static.",
        )
        add(
            "--embeddings",
            help="Workspace with `embeddings` to reuse, so that no text is encoded twice. Default: --previous, or "
            "--workspace.",
        )
        add("--item_embeddings", help="Your own vectors of items, instead of --encoder: parquet file, folder or glob.")
        add(
            "--embedding_columns",
            type=options.column_mapping(ITEM_EMBEDDINGS),
            default={},
            help="Names of the columns in --item_embeddings, where they differ: `item_id=content,embedding=vector`.",
        )
        options.add_config(parser, BayesianConfig, only=checks.BY_VECTORS, unset=checks.BY_VECTORS)
        options.add_config(parser, SweepConfig, only=("target_journeys_per_user",))
        add("--sweep", action="store_true", help="Also try other thresholds on a sample of users, for `metrics`.")
        add("--salient_terms", help="Salient terms of the items: parquet file, folder or glob. Default: computed.")
        add(
            "--scorer",
            choices=("statistical", "learned"),
            help="Scorer of salient terms: `statistical`: terms of an item's text; `learned`: the model of this "
            "package, which also assigns other terms of the catalogue, by vectors. Default: statistical.",
        )
        options.add_config(parser, SalienceConfig)
        options.add_config(parser, VocabularyConfig)
        add(
            "--stop_words",
            help="Text file of words to ignore. Default: function words of English and of the other languages of the "
            "catalogue, which are found by them.",
        )
        add(
            "--catalogue_join",
            default="auto",
            choices=("auto", "broadcast", "shuffle"),
            help="How log and catalogue are joined: each worker holds the whole catalogue, or both are shuffled.",
        )
        add(
            "--buckets",
            type=options.bounded_number(int, 0, 65536),
            default=0,
            help="Number of groups in which users are shuffled, a divisor of the parts; 0: as many as parts. The "
            "result is the same.",
        )
        add(
            "--parts",
            type=options.bounded_number(int, 0, 65536),
            default=0,
            help="Maximum number of files of each dataset; 0: 16, or more for logs over 512 MB.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> ExtractJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        checks.check_sample(args, SAMPLE)
        interactions, items = resolve_log_and_catalogue(args.interactions, args.items)
        given = resolve_optional(args, (ITEM_EMBEDDINGS.name, SALIENT_TERMS.name))
        workspace = absolute_path(args.workspace)
        named = {INTERACTIONS.name: interactions, ITEMS.name: items, **given}
        check_not_nested(workspace, [(f"--{name}", source) for name, source in named.items()])
        checks.check_clustering(args)
        encoder, encoder_note = checks.choose_encoder(args, items, options.read_catalogue_columns(args))
        versions = prepare_workspace(workspace, output_schemas(encoder))
        previous = checks.resolve_previous(args.previous) if args.previous else None
        parts = args.parts or checks.choose_parts(interactions, previous)
        if args.buckets and parts % args.buckets:
            raise UsageError(f"--buckets must divide the number of parts, {parts}, got {args.buckets}")
        stop_words = checks.read_stop_words(args.stop_words) if args.stop_words else FUNCTION_WORDS
        job = cls(
            interactions=interactions,
            items=items,
            previous=previous,
            item_embeddings=given.get(ITEM_EMBEDDINGS.name),
            salient_terms=given.get(SALIENT_TERMS.name),
            embeddings=checks.resolve_embeddings(args, workspace) if has_stored_vectors(encoder) else None,
            workspace=workspace,
            expected_versions=versions,
            columns=args.columns,
            catalogue_columns=options.read_catalogue_columns(args),
            embedding_columns=args.embedding_columns,
            timestamp_unit=args.timestamp_unit,
            salience=options.read_config(
                args,
                SalienceConfig,
                vocabulary=options.read_config(args, VocabularyConfig),
                stop_words=stop_words,
            ),
            detects_languages=args.stop_words is None,
            scorer=cast(Scorer, args.scorer or "statistical"),
            encoder=encoder,
            encoder_note=encoder_note,
            extraction=checks.read_extract_config(args, items, encoder, parts),
            parts=parts,
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )
        checks.check_continues(previous, job.configuration)
        return job

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        extraction = dataclasses.asdict(self.extraction)
        del extraction["join"], extraction["buckets"]
        return {
            "parts": self.parts,
            "extraction": extraction,
            "salience": self.salience.described(),
            "detects_languages": self.detects_languages,
            "scorer": self.scorer,
            "encoder": self.encoder.fingerprint() if self.encoder else "",
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def column_options(self) -> dict[str, ColumnOptions]:
        """The options by which columns of inputs are read, by dataset."""
        return {
            INTERACTIONS.name: ColumnOptions(self.columns, self.timestamp_unit),
            ITEMS.name: self.catalogue_columns,
            ITEM_EMBEDDINGS.name: ColumnOptions(self.embedding_columns),
        }

    @property
    def interaction_filter(self) -> InteractionFilter:
        """The conditions on interactions."""
        return self.extraction.interactions

    @property
    def required_counts(self) -> tuple[str, ...]:
        """The terms of the vocabulary, and those that are written."""
        return ("terms", "terms_with_enough_users")

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return output_schemas(self.encoder)

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            ITEMS.name: self.items,
            ITEM_EMBEDDINGS.name: self.item_embeddings,
            SALIENT_TERMS.name: self.salient_terms,
            EMBEDDINGS.name: self.embeddings,
            INTERACTIONS.name: self.interactions,
            HISTORIES.name: self.previous,
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.extract.graph import build_extract

        build_extract(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.extract.summary import print_extract

        print_extract(self, seconds)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The texts that are encoded, and the users whose journeys are extracted."""
        return encoding_steps(self.encoder) | {"users": ProgressStep("users done")}

    def warm_up(self) -> None:
        """Compile the functions that form journeys, so that no two workers compile the same."""
        from transforms.journeys.warm_up import warm_up

        warm_up(self.extraction)


def has_stored_vectors(encoder: EncoderSource | None) -> bool:
    """Return whether the vectors of an encoder are stored for later runs."""
    return encoder is not None and not encoder.is_packaged


def output_schemas(encoder: EncoderSource | None) -> tuple[DatasetSchema, ...]:
    """Return the datasets that are written, journeys last; with `embeddings` where vectors are stored."""
    cached = (EMBEDDINGS,) if has_stored_vectors(encoder) else ()
    return (SALIENT_TERMS, *cached, HISTORIES, ERRORS, METRICS, JOURNEYS)
