"""What `extract` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    default_num_parts,
    prepare_workspace,
    resolve_input,
    resolve_optional,
)
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import resolve_encoder
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
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.manifest import read_manifest
from transforms.datasets.storage import StorageError, open_storage
from transforms.encoders.interface import EncoderSource
from transforms.journeys.config import (
    MAX_HISTORY_BY_VECTORS,
    BayesianConfig,
    ExtractConfig,
    IcpcConfig,
    InteractionFilter,
    SweepConfig,
)
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig
from transforms.salience.text import FUNCTION_WORDS, normalise

_SAMPLE = Path(__file__).parent.parent.parent / "samples" / "arxiv_authors"
_BROADCAST_BYTES = 256 << 20
_VECTOR_SHARE = 8
SCORERS = ("statistical", "learned")
_EVIDENCE_OPTIONS = ("merge_threshold", "merge_fraction", "join_fraction")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractJob(Job):
    """One extraction, checked: everything that the graph is built from.

    Attributes:
        interactions: the log.
        items: the catalogue.
        previous: histories of the run that this one continues.
        item_embeddings: vectors of items that were given.
        salient_terms: salient terms that were given.
        embeddings: vectors of texts from the run before, or from the one that this replaces.
        columns: other names of columns in the log.
        item_columns: other names of columns in the catalogue.
        embedding_columns: other names of columns in the vectors that were given.
        timestamp_unit: what numbers in the timestamp column count.
        salience: how salient terms are found.
        scorer: by which scorer, one of `SCORERS`.
        encoder: what makes vectors of items.
        extraction: how journeys are formed.
        parts: number of parts of each dataset.
    """

    name = "extract"
    description = "Extracts the interest journeys of each user from an interaction log and an item catalogue."

    interactions: Source
    items: Source
    previous: Source | None
    item_embeddings: Source | None
    salient_terms: Source | None
    embeddings: Source | None
    columns: dict[str, str]
    item_columns: dict[str, str]
    embedding_columns: dict[str, str]
    timestamp_unit: Any
    salience: SalienceConfig
    scorer: str
    encoder: EncoderSource | None
    extraction: ExtractConfig
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        bounded_number = options.bounded_number
        add("--interactions", help="Log: parquet file, folder or glob. Without it: the sample.")
        add("--items", help="Catalogue: parquet file, folder or glob. Without it: the sample.")
        add("--workspace", default="workspace", help="Folder or bucket prefix in which the datasets are written.")
        add("--previous", help="Workspace of the run before: its histories are continued by `--interactions`.")
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        add(
            "--keep_events",
            type=options.comma_separated,
            default=(),
            help="Kinds of `event` to keep: `purchase,click`. Without it: all.",
        )
        add("--min_value", type=bounded_number(float, None), help="Least `value` of an interaction to keep.")
        add(
            "--min_dwell_seconds",
            type=bounded_number(float, 0),
            help="Least `dwell_seconds` of an interaction to keep.",
        )
        add(
            "--min_interest",
            type=bounded_number(float, 0, 1),
            help="Least `interest` of an interaction to keep, of a log that `pipelines.interest` wrote.",
        )
        add(
            "--max_history",
            type=bounded_number(int, 1),
            default=ExtractConfig.max_history,
            help="Interactions kept of a user: the last ones.",
        )
        add(
            "--threshold",
            type=bounded_number(float, 0, 1, above=True),
            help="By terms: least cosine between an item and a journey for the item to join it. Without it: "
            f"{IcpcConfig.threshold}.",
        )
        add(
            "--assign",
            choices=("best", "all"),
            help="By terms: whether an item joins the nearest journey, or all that are near enough. Without it: "
            f"{IcpcConfig.assign}.",
        )
        add(
            "--min_size",
            type=bounded_number(int, 1),
            default=IcpcConfig.min_size,
            help="Journeys with fewer distinct items are dropped.",
        )
        add(
            "--centroid",
            default=IcpcConfig.centroid,
            choices=("mean", "sum"),
            help="Whether a journey's weights are the mean or the sum over its items.",
        )
        add(
            "--journey_terms",
            type=bounded_number(int, 1, 1000),
            default=IcpcConfig.journey_terms,
            help="Terms written for a journey: the heaviest.",
        )
        add(
            "--half_life_days",
            type=bounded_number(float, 0, 1e6, above=True),
            help="Days: journeys are ranked by importance, the sum over their interactions, each of which counts half "
            "when it is so much older than the user's last. Without it: by size.",
        )
        add(
            "--encoder",
            help="Encoder of the items, to form journeys by vectors: `minilm`, `static`, a folder, a hub id. Without "
            "it, and without --item_embeddings: by salient terms.",
        )
        add(
            "--embeddings",
            help="Workspace whose `embeddings` are used, so that no text is encoded twice. Without it: --previous, or "
            "--workspace.",
        )
        add("--item_embeddings", help="Vectors of your own, instead: parquet file, folder or glob.")
        add(
            "--embedding_columns",
            type=options.column_mapping(ITEM_EMBEDDINGS),
            default={},
            help="Other names of columns there: `item_id=content,embedding=vector`.",
        )
        add(
            "--merge_threshold",
            type=bounded_number(float, None),
            help="By vectors: least evidence for two journeys to be one. Lower: fewer and wider journeys. Without it: "
            f"{BayesianConfig.merge_threshold}.",
        )
        add(
            "--merge_fraction",
            type=bounded_number(float, 0, 1),
            help="By vectors: share of the evidence against it, which items at a right angle would be, that two "
            f"journeys may bring to become one. Lower: more and narrower journeys. Without it: "
            f"{BayesianConfig.merge_fraction}.",
        )
        add(
            "--join_fraction",
            type=bounded_number(float, 0, 1),
            help="By vectors: likewise for an item to be in a journey at all. Lower: fewer items in journeys. Without "
            f"it: {BayesianConfig.join_fraction}.",
        )
        add(
            "--target_journeys_per_user",
            type=bounded_number(float, 0, 1e6, above=True),
            help="Mean number of journeys of a user that is wanted: --threshold, or --merge_threshold, is found from "
            "the data. It implies --sweep.",
        )
        add(
            "--sweep",
            action="store_true",
            default=None,
            help="Try other thresholds on a sample of users, for `metrics`.",
        )
        add(
            "--salient_terms",
            help="Salient terms of the items: parquet file, folder, glob. Without it: computed.",
        )
        add(
            "--scorer",
            choices=SCORERS,
            help="What computes salient terms: `statistical`, words of the text; `learned`, the model of the package, "
            "which finds other terms of the catalogue too and needs --encoder. Without it: statistical.",
        )
        add(
            "--max_terms",
            type=bounded_number(int, 1, 1000),
            default=SalienceConfig.max_terms,
            help="Salient terms kept of an item: the most salient.",
        )
        options.add_vocabulary_limits(parser)
        add(
            "--min_term_users",
            type=bounded_number(int, 1),
            default=ExtractConfig.min_term_users,
            help="For privacy: terms that reach fewer users are used and written nowhere.",
        )
        add("--stop_words", help="Text file of words to leave out, instead of the English function words.")
        add(
            "--catalogue_join",
            default="auto",
            choices=("auto", "broadcast", "shuffle"),
            help="Whether each worker holds the whole catalogue, or log and catalogue are shuffled together.",
        )
        add(
            "--buckets",
            type=bounded_number(int, 0, 65536),
            default=0,
            help="Groups in which users are shuffled, a divisor of the parts; 0: as many. It decides no result.",
        )
        add(
            "--parts",
            type=bounded_number(int, 0, 65536),
            default=0,
            help="Files of each dataset, at most; 0: 16, or more for logs over 512 MB.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> ExtractJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.extract.graph import build_extract

        build_extract(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.extract.summary import print_extract

        print_extract(self, seconds)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The users whose journeys are extracted."""
        return {"users": ProgressStep("users done")}

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        extraction = dataclasses.asdict(self.extraction)
        del extraction["join"], extraction["buckets"]
        return {
            "parts": self.parts,
            "extraction": extraction,
            "salience": self.salience.described(),
            "scorer": self.scorer,
            "encoder": self.encoder.fingerprint() if self.encoder else "",
            "timestamp_unit": self.timestamp_unit,
        }

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return outputs(self.encoder)

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


def outputs(encoder: EncoderSource | None) -> tuple[DatasetSchema, ...]:
    """The datasets that are written, journeys last; embeddings where something makes them."""
    cached = (EMBEDDINGS,) if encoder else ()
    return (SALIENT_TERMS, *cached, HISTORIES, ERRORS, METRICS, JOURNEYS)


def plan(args: argparse.Namespace) -> ExtractJob:
    """Checks a command line against the world: finds inputs, opens the workspace, resolves what is automatic.

    Raises:
        UsageError: when it cannot be carried out.
    """
    if (args.interactions is None) != (args.items is None):
        raise UsageError("--interactions and --items belong together: give both, or neither for the sample")
    if args.interactions is None and not _SAMPLE.is_dir():
        raise UsageError("the sample is not part of the installed package; give --interactions and --items")
    interactions = resolve_input("--interactions", args.interactions or str(_SAMPLE / "interactions.parquet"))
    items = resolve_input("--items", args.items or str(_SAMPLE / "items.parquet"))
    given = resolve_optional(args, (ITEM_EMBEDDINGS.name, SALIENT_TERMS.name))
    workspace = absolute_path(args.workspace)
    named = {INTERACTIONS.name: interactions, ITEMS.name: items, **given}
    check_not_nested(workspace, [(f"--{name}", source) for name, source in named.items()])
    _check_clustering(args)
    encoder = resolve_encoder("--encoder", args.encoder) if args.encoder else None
    versions = prepare_workspace(workspace, outputs(encoder))
    previous = _find_previous(args.previous) if args.previous else None
    parts = args.parts or _choose_parts(interactions, previous)
    if args.buckets and parts % args.buckets:
        raise UsageError(f"--buckets must divide the number of parts, {parts}, got {args.buckets}")
    job = ExtractJob(
        interactions=interactions,
        items=items,
        previous=previous,
        item_embeddings=given.get(ITEM_EMBEDDINGS.name),
        salient_terms=given.get(SALIENT_TERMS.name),
        embeddings=_find_embeddings(args, workspace) if encoder else None,
        workspace=workspace,
        expected_versions=versions,
        columns=args.columns,
        item_columns=args.item_columns,
        embedding_columns=args.embedding_columns,
        timestamp_unit=args.timestamp_unit,
        salience=SalienceConfig(
            options.vocabulary_config(args),
            args.max_terms,
            _read_stop_words(args.stop_words) if args.stop_words else FUNCTION_WORDS,
        ),
        scorer=args.scorer or "statistical",
        encoder=encoder,
        extraction=ExtractConfig(
            icpc=IcpcConfig(
                IcpcConfig.threshold if args.threshold is None else args.threshold,
                args.assign or IcpcConfig.assign,
                args.min_size,
                args.centroid,
                args.journey_terms,
            ),
            bayesian=_evidence_config(args) if _has_vectors(args) else None,
            interactions=InteractionFilter(
                tuple(sorted(set(args.keep_events))), args.min_value, args.min_dwell_seconds, args.min_interest
            ),
            max_history=args.max_history,
            min_term_users=args.min_term_users,
            join=_choose_join(args.catalogue_join, items, encoder),
            buckets=args.buckets or parts,
            sweep=_sweep_config(args),
            half_life_days=args.half_life_days,
        ),
        parts=parts,
        max_error_rate=args.max_error_rate,
    )
    _check_continues(job)
    return job


def _has_vectors(args: argparse.Namespace) -> bool:
    return args.encoder is not None or args.item_embeddings is not None


def _check_clustering(args: argparse.Namespace) -> None:
    """Refuses options of one way to form journeys where the other is meant."""
    if args.encoder is not None and args.item_embeddings is not None:
        raise UsageError("--encoder makes vectors and --item_embeddings gives them: one of them, please")
    if args.encoder is None and args.embeddings is not None:
        raise UsageError("--embeddings is for --encoder, which is not given")
    if args.item_embeddings is None and args.embedding_columns:
        raise UsageError("--embedding_columns is for --item_embeddings, which is not given")
    if args.scorer is not None and args.salient_terms is not None:
        raise UsageError("--scorer computes salient terms and --salient_terms gives them: one of them, please")
    if args.scorer == "learned" and args.encoder is None:
        raise UsageError("--scorer=learned needs --encoder")
    by_vectors = _has_vectors(args)
    for name in ("threshold", "assign") if by_vectors else _EVIDENCE_OPTIONS:
        if getattr(args, name) is not None:
            other = "terms, not by vectors" if by_vectors else "vectors, which come from --encoder or --item_embeddings"
            raise UsageError(f"--{name} is for journeys that are formed by {other}")
    for name in ("threshold", "merge_threshold"):
        if args.target_journeys_per_user is not None and getattr(args, name) is not None:
            raise UsageError(f"--target_journeys_per_user finds the threshold that --{name} gives: one of them, please")
    if by_vectors and args.max_history > MAX_HISTORY_BY_VECTORS:
        raise UsageError(
            f"--max_history must be at most {MAX_HISTORY_BY_VECTORS} for journeys that are formed by vectors: "
            f"memory grows with its square, got {args.max_history}"
        )


def _evidence_config(args: argparse.Namespace) -> BayesianConfig:
    given = {name: getattr(args, name) for name in _EVIDENCE_OPTIONS}
    return BayesianConfig(**{name: value for name, value in given.items() if value is not None})


def _sweep_config(args: argparse.Namespace) -> SweepConfig | None:
    return (
        SweepConfig(args.target_journeys_per_user) if args.sweep or args.target_journeys_per_user is not None else None
    )


def _find_embeddings(args: argparse.Namespace, workspace: str) -> Source | None:
    """The embeddings of the workspace that was named; or those of --previous or --workspace, where these have any."""
    option, folder = (
        ("--embeddings", args.embeddings) if args.embeddings else ("--previous", args.previous or workspace)
    )
    path = f"{folder.rstrip('/')}/{EMBEDDINGS.name}"
    try:
        manifest = read_manifest(absolute_path(path))
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error
    if manifest is not None and manifest.schema_fingerprint == EMBEDDINGS.fingerprint:
        return resolve_input(option, path)
    if args.embeddings:
        raise UsageError(f"--embeddings: {folder!r} holds no embeddings that this version wrote")
    return None


def _find_previous(workspace: str) -> Source:
    source = resolve_input("--previous", f"{workspace.rstrip('/')}/{HISTORIES.name}")
    manifest = source.manifest
    if (
        manifest is None
        or manifest.schema_fingerprint != HISTORIES.fingerprint
        or not {"parts", "extraction"} <= set(manifest.configuration)
    ):
        raise UsageError(f"--previous: {workspace!r} holds no histories that this version wrote")
    return source


def _check_continues(job: ExtractJob) -> None:
    """The stored histories must have been filtered and cut as the new log will be."""
    if job.previous is None or job.previous.manifest is None:
        return
    before = job.previous.manifest.configuration["extraction"]
    now = job.configuration["extraction"]
    for name, value in now["interactions"].items():
        stored = before["interactions"].get(name)  # histories of an earlier version may not say
        if list(stored or ()) != list(value) if isinstance(value, tuple) else stored != value:
            raise UsageError(f"--{name} is {value} but was {stored} in --previous: its log was filtered otherwise")
    if now["max_history"] > before["max_history"]:
        raise UsageError(
            f"--max_history is {now['max_history']} but --previous kept only {before['max_history']} a user"
        )


def _read_stop_words(path: str) -> frozenset[str]:
    try:
        stored = open_storage(path).read(absolute_path(path))
        if stored is None:
            raise FileNotFoundError("there is no such file")
        return frozenset(normalise(stored.content.decode()).split())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--stop_words: cannot read {path!r}: {error}") from error


def _choose_parts(interactions: Source, previous: Source | None) -> int:
    """Parts for a log of this size; never fewer than the run before had."""
    parts = default_num_parts(interactions)
    if previous is not None and previous.manifest is not None:
        parts = max(parts, previous.manifest.configuration["parts"])
    return parts


def _choose_join(wanted: str, items: Source, encoder: EncoderSource | None) -> Any:
    if wanted != "auto":
        return wanted
    # An item whose text takes some 50 bytes of a file gets a vector of some 400.
    size = items.size * _VECTOR_SHARE if encoder else items.size
    return "broadcast" if size <= _BROADCAST_BYTES else "shuffle"
