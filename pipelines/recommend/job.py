"""The job `recommend`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    default_num_parts,
    find_dataset,
    prepare_workspace,
    resolve_dataset,
    resolve_input,
)
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import encoding_steps, resolve_encoder
from pipelines.common.recorded_options import Inheritance
from pipelines.common.sample import resolve_catalogue, resolve_log
from pipelines.common.tree_level import resolve_level
from pipelines.recommend.previous import INHERITANCE, check_previous
from schemas import (
    CLUSTERS,
    EMBEDDINGS,
    ERRORS,
    INTENTS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    ITEM_EMBEDDINGS,
    ITEMS,
    JOURNEYS,
    LOOKUP,
    METRICS,
    RECOMMENDATIONS,
    USERS,
    DatasetSchema,
)
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.encoders.interface import EncoderSource
from transforms.extras import INSTALL_EXPLORATION, INSTALL_RECOMMENDER
from transforms.progress import Progress
from transforms.recommendation.config import CountRankerConfig, ListConfig
from transforms.settings import settings_of

_OUTPUTS = (RECOMMENDATIONS, ERRORS, METRICS)
_PACKAGES = ("sklearn", "scipy", "threadpoolctl")
_OF_THE_LOG = ("interactions", "columns", "timestamp_unit", *settings_of(InteractionFilter))
_OF_THE_CATALOGUE = (*options.CATALOGUE, "encoder", "item_embeddings", "embedding_columns")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecommendJob(Job):
    """One run that recommends items.

    Attributes:
        interactions: the log.
        items: the catalogue, whose content is used; None: content is not used, or given by `item_embeddings`.
        item_embeddings: the user's own vectors of items.
        embeddings: vectors of texts that `cluster` stored.
        clusters: the tree.
        item_clusters: the clusters of the items.
        table: the lookup table.
        journeys: the journeys that familiar items continue; None: there are none.
        intents: the intents of users; None: all users have the same number of novel items.
        users: the users to recommend to; None: all.
        previous: the recommendations of an earlier run, which unchanged users keep; None: all lists are computed.
        columns: names of the columns in the log, where they differ.
        catalogue_columns: how the columns of the catalogue are read.
        embedding_columns: names of the columns in `item_embeddings`, where they differ.
        timestamp_unit: unit of numeric timestamps.
        filter: conditions on interactions.
        encoder: the encoder of items.
        ranker: configuration of the ranker.
        lists: configuration of the lists.
        model: the folder of a sequence recommender; None: the ranker by counts.
        level: the level of the tree whose clusters the table has, from 1; 0: the last one.
        parts: number of parts of each dataset.
    """

    name = "recommend"
    description = (
        "Recommend items to each user: of novel clusters by the table, and of familiar ones, with the reasons."
    )
    inheritance = (
        Inheritance(("clusters", "workspace"), CLUSTERS, names=_OF_THE_LOG, unless=("interactions",)),
        Inheritance(("clusters", "workspace"), CLUSTERS, names=_OF_THE_CATALOGUE, unless=("items", "item_embeddings")),
        *INHERITANCE,
    )

    interactions: Source
    items: Source | None
    item_embeddings: Source | None
    embeddings: Source | None
    clusters: Source
    item_clusters: Source
    table: Source
    journeys: Source | None
    intents: Source | None
    users: Source | None
    previous: Source | None
    columns: dict[str, str]
    catalogue_columns: ColumnOptions
    embedding_columns: dict[str, str]
    timestamp_unit: TimestampUnit
    filter: InteractionFilter
    encoder: EncoderSource
    ranker: CountRankerConfig
    lists: ListConfig
    model: Path | None
    level: int
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--interactions", help="Log: parquet file, folder or glob. Default: that by which --clusters was balanced.")
        add("--items", help="Catalogue, whose content the ranker uses. Default: that of --clusters.")
        add("--clusters", help="Workspace with `clusters` and `item_clusters`. Default: --workspace.")
        add("--table", help="Workspace with `lookup`, as `explore` writes it. Default: --clusters.")
        options.add_workspace(parser, "exploration")
        add(
            "--journeys",
            help="Workspace with `journeys`, as `extract` writes it, for --context=journeys and for the journeys that "
            "items continue. Default: none.",
        )
        add(
            "--intents",
            help="Workspace with `intents`: a user who is more likely to explore has more novel items. Default: all "
            "users have the same number.",
        )
        add("--users", help="Users to recommend to: parquet file, folder or glob with `user_id`. Default: all.")
        add(
            "--previous",
            help="Workspace with `recommendations` of an earlier run with the same tree, table and options. Users "
            "whose interactions and journeys have not changed since keep their rows. --interactions is the whole log. "
            "Default: the lists of all users are computed.",
        )
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        add("--encoder", help="Encoder of the items. Default: that of --clusters, otherwise `static`.")
        add("--item_embeddings", help="Your own vectors of items, instead of --encoder: parquet file, folder or glob.")
        add(
            "--embedding_columns",
            type=options.column_mapping(ITEM_EMBEDDINGS),
            default={},
            help="Names of the columns in --item_embeddings, where they differ: `item_id=content,embedding=vector`.",
        )
        add(
            "--model",
            help="Folder of a sequence recommender, as `train_recommender` writes it for the same tree. Default: the "
            "ranker by counts and content.",
        )
        options.add_config(parser, ListConfig)
        options.add_config(parser, CountRankerConfig)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> RecommendJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
            raise UsageError(f"the ranker needs {', '.join(missing)}: {INSTALL_EXPLORATION}")
        workspace = absolute_path(args.workspace)
        tree = absolute_path(args.clusters) if args.clusters else workspace
        clusters, item_clusters = (resolve_dataset("--clusters", tree, each) for each in (CLUSTERS, ITEM_CLUSTERS))
        table = resolve_dataset("--table", args.table or tree, LOOKUP)
        lists, ranker = options.read_config(args, ListConfig), options.read_config(args, CountRankerConfig)
        if lists.context == "journeys" and not args.journeys:
            raise UsageError("--context=journeys needs --journeys, a workspace that `extract` wrote")
        encoder = resolve_encoder("--encoder", args.encoder or "static")
        interactions = resolve_log(args.interactions)
        level = _check_table(table, clusters, item_clusters)
        model = _resolve_model(args.model, clusters, level)
        uses_content = ranker.content_dimensions > 0 and model is None
        given = (
            resolve_input("--item_embeddings", args.item_embeddings) if args.item_embeddings and uses_content else None
        )
        items = resolve_catalogue(args.items) if uses_content and given is None else None
        users = resolve_input("--users", args.users) if args.users else None
        named = {"--interactions": interactions, "--items": items, "--item_embeddings": given, "--users": users}
        check_not_nested(workspace, [(name, source) for name, source in named.items() if source is not None])
        stores = items is not None and not encoder.is_packaged
        previous = resolve_dataset("--previous", args.previous, RECOMMENDATIONS) if args.previous else None
        job = cls(
            interactions=interactions,
            items=items,
            item_embeddings=given,
            embeddings=find_dataset("--clusters", tree, EMBEDDINGS) if stores else None,
            clusters=clusters,
            item_clusters=item_clusters,
            table=table,
            journeys=resolve_dataset("--journeys", args.journeys, JOURNEYS) if args.journeys else None,
            intents=_resolve_intents(args.intents, clusters, level),
            users=users,
            previous=previous,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            columns=args.columns,
            catalogue_columns=options.read_catalogue_columns(args),
            embedding_columns=args.embedding_columns,
            timestamp_unit=args.timestamp_unit,
            filter=options.read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
            encoder=encoder,
            ranker=ranker,
            lists=lists,
            model=model,
            level=level,
            parts=default_num_parts(interactions),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )
        if previous is not None:
            check_previous(previous, job.inputs, job.configuration)
        return job

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "parts": self.parts,
            "filter": dataclasses.asdict(self.filter),
            "encoder": self.encoder.fingerprint() if self.items is not None else "",
            "ranker": dataclasses.asdict(self.ranker) if self.model is None else {},
            "model": _fingerprint(self.model),
            "lists": dataclasses.asdict(self.lists),
            "level": self.level,
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
        return self.filter

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name and in reading order."""
        return {
            CLUSTERS.name: self.clusters,
            ITEM_CLUSTERS.name: self.item_clusters,
            LOOKUP.name: self.table,
            ITEMS.name: self.items,
            ITEM_EMBEDDINGS.name: self.item_embeddings,
            EMBEDDINGS.name: self.embeddings,
            JOURNEYS.name: self.journeys,
            INTENTS.name: self.intents,
            USERS.name: self.users,
            RECOMMENDATIONS.name: self.previous,
            INTERACTIONS.name: self.interactions,
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.recommend.graph import build_recommend

        build_recommend(root, self, progress)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The texts that are encoded."""
        return encoding_steps(self.encoder)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.recommend.summary import print_recommend

        print_recommend(self, seconds)


def _check_table(table: Source, clusters: Source, item_clusters: Source) -> int:
    """Check that a table is of a tree, and return its level.

    Raises:
        UsageError: when it was computed from another tree.
    """
    if table.manifest is None or clusters.manifest is None or item_clusters.manifest is None:
        raise UsageError("--table and --clusters must be workspaces that this version wrote")
    if table.manifest.inputs.get(CLUSTERS.name) != clusters.manifest.digest:
        raise UsageError(
            "--table was computed from another tree than --clusters holds now: items may have moved between clusters; "
            "run `transitions` and `explore` again"
        )
    return int(table.manifest.configuration["level"])


def _resolve_model(path: str | None, clusters: Source, level: int) -> Path | None:
    """Return the folder of a sequence recommender; None without one.

    Raises:
        UsageError: when a package is missing, or it was trained for another tree.
    """
    if not path:
        return None
    if importlib.util.find_spec("torch") is None:
        raise UsageError(f"--model needs the package torch: {INSTALL_RECOMMENDER}")
    from transforms.recommendation.sequence.folder import check_tree

    folder = Path(path).expanduser().resolve()
    try:
        digest = clusters.manifest.digest if clusters.manifest else ""
        check_tree(folder, digest, resolve_level(level, clusters))
    except ValueError as error:
        raise UsageError(f"--model: {error}") from error
    return folder


def _fingerprint(model: Path | None) -> str:
    """Return the hash of a sequence recommender for manifests; empty without one."""
    return "" if model is None else hashlib.sha256((model / "recommender.json").read_bytes()).hexdigest()


def _resolve_intents(path: str | None, clusters: Source, level: int) -> Source | None:
    """Return the intents of users; None without them.

    Raises:
        UsageError: when they were computed from another tree, or from another level of it.
    """
    if not path:
        return None
    intents = resolve_dataset("--intents", path, INTENTS)
    if intents.manifest is None or clusters.manifest is None:
        raise UsageError("--intents and --clusters must be workspaces that this version wrote")
    if intents.manifest.inputs.get(CLUSTERS.name) != clusters.manifest.digest:
        raise UsageError("--intents was computed from another tree than --clusters holds now; run `intents` again")
    given, wanted = intents.manifest.configuration["level"], resolve_level(level, clusters)
    if given != wanted:
        raise UsageError(
            f"--intents has probabilities of new clusters of level {given}, but --table has clusters of level "
            f"{wanted}: run `intents --level={wanted}`"
        )
    return intents
