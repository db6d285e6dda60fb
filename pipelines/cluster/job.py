"""The job `cluster`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from typing import Any

import apache_beam as beam

from pipelines.cluster.descriptions import OPTION, ModelDescriptions, add_describe_by, resolve_descriptions
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
from pipelines.common.models import PROMPTS, encoding_steps, resolve_encoder, unsuitable_for_packaged
from pipelines.common.sample import resolve_catalogue, resolve_log
from schemas import (
    CLUSTERS,
    EMBEDDINGS,
    ERRORS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    ITEM_EMBEDDINGS,
    ITEMS,
    METRICS,
    DatasetSchema,
)
from transforms.clusters.config import TreeConfig
from transforms.datasets.column_options import ColumnOptions, TimestampUnit
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.encoders.interface import EncoderSource
from transforms.extras import INSTALL_EXPLORATION
from transforms.progress import Progress
from transforms.salience.config import SalienceConfig
from transforms.settings import settings_of

_PACKAGES = ("sklearn", "threadpoolctl")
_TREE_OPTIONS = tuple(settings_of(TreeConfig))


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClusterJob(Job):
    """One run that clusters a catalogue.

    Attributes:
        items: the catalogue.
        interactions: the log, from which the traffic of items is counted; None: each item counts 1.
        item_embeddings: the user's own vectors of items.
        embeddings: vectors of texts from an earlier run, which are reused.
        columns: names of the columns in the log, where they differ.
        catalogue_columns: how the columns of the catalogue are read.
        embedding_columns: names of the columns in `item_embeddings`, where they differ.
        timestamp_unit: unit of numeric timestamps.
        filter: conditions on interactions.
        encoder: the encoder of items, if there are no `item_embeddings`.
        salience: configuration of the salient terms, from which clusters are described.
        tree: configuration of the tree.
        given_tree: the `clusters` of an earlier run, to which items are assigned; None: a tree is fitted.
        descriptions: descriptions by a language model; None: keywords.
        parts: number of parts of each dataset.
    """

    name = "cluster"
    description = "Cluster a catalogue into a tree of topics, balanced by traffic, with a unique description for each."
    uses_texts = True

    items: Source
    interactions: Source | None
    item_embeddings: Source | None
    embeddings: Source | None
    columns: dict[str, str]
    catalogue_columns: ColumnOptions
    embedding_columns: dict[str, str]
    timestamp_unit: TimestampUnit
    filter: InteractionFilter
    encoder: EncoderSource
    salience: SalienceConfig
    tree: TreeConfig
    given_tree: Source | None
    descriptions: ModelDescriptions | None
    parts: int

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        add("--items", help="Catalogue: parquet file, folder or glob. Default: the sample.")
        add(
            "--interactions",
            help="Log, whose interactions are the traffic of items: parquet file, folder or glob. Default: that of the "
            "sample; with --items: none, and each item counts 1.",
        )
        options.add_workspace(parser, "exploration")
        options.add_columns(parser)
        options.add_item_columns(parser)
        options.add_timestamp_unit(parser)
        options.add_config(parser, InteractionFilter)
        add(
            "--encoder",
            help="Encoder of the items: `static`, the packaged one, `minilm`, the multilingual `use`, a folder, a hub "
            "id, or several of these joined by `+`. Default: static, "
            "if it covers the words of the catalogue.",
        )
        add("--item_embeddings", help="Your own vectors of items, instead of --encoder: parquet file, folder or glob.")
        add(
            "--embedding_columns",
            type=options.column_mapping(ITEM_EMBEDDINGS),
            default={},
            help="Names of the columns in --item_embeddings, where they differ: `item_id=content,embedding=vector`.",
        )
        add(
            "--tree",
            help="Workspace with `clusters`, as an earlier run wrote it: all items are assigned to this tree, which is "
            "not fitted again and stays as it is. Default: a tree is fitted.",
        )
        add_describe_by(parser)
        options.add_config(parser, TreeConfig, unset=_TREE_OPTIONS)
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> ClusterJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
            raise UsageError(f"clustering needs {', '.join(missing)}: {INSTALL_EXPLORATION}")
        if args.interactions is not None and args.items is None:
            raise UsageError("--interactions is given without --items: give the catalogue of the log too")
        items = resolve_catalogue(args.items)
        has_log = args.interactions is not None or args.items is None
        interactions = resolve_log(args.interactions) if has_log else None
        workspace = absolute_path(args.workspace)
        given = resolve_input("--item_embeddings", args.item_embeddings) if args.item_embeddings else None
        named = {"--items": items, "--interactions": interactions, "--item_embeddings": given}
        check_not_nested(workspace, [(name, source) for name, source in named.items() if source is not None])
        _check_effects(args, has_log=has_log)
        encoder = resolve_encoder("--encoder", args.encoder or "static")
        if args.encoder is None and given is None:
            _check_coverage(items, options.read_catalogue_columns(args))
        tree = resolve_dataset("--tree", args.tree, CLUSTERS) if args.tree is not None else None
        if tree is not None:
            _check_same_vectors(tree, encoder if given is None else None)
        stores = given is None and not encoder.is_packaged
        return cls(
            items=items,
            interactions=interactions,
            item_embeddings=given,
            embeddings=find_dataset("--workspace", workspace, EMBEDDINGS) if stores else None,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _outputs(stores=stores)),
            columns=args.columns,
            catalogue_columns=options.read_catalogue_columns(args),
            embedding_columns=args.embedding_columns,
            timestamp_unit=args.timestamp_unit,
            filter=options.read_config(args, InteractionFilter, keep_events=tuple(sorted(set(args.keep_events)))),
            encoder=encoder,
            salience=SalienceConfig(),
            tree=options.read_config(args, TreeConfig) if tree is None else _stored_config(tree),
            given_tree=tree,
            descriptions=resolve_descriptions(args.describe_by),
            parts=default_num_parts(interactions or items),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "parts": self.parts,
            "filter": dataclasses.asdict(self.filter),
            "encoder": self.encoder.fingerprint() if self.item_embeddings is None else "",
            "salience": self.salience.described(),
            "tree": dataclasses.asdict(self.tree),
            "timestamp_unit": self.timestamp_unit,
            "described_by": self.descriptions.context.model if self.descriptions else "",
        }

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """The prompts, if a language model describes clusters: their failures count as invalid rows."""
        return () if self.descriptions is None else (PROMPTS,)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The texts that are encoded, and the prompts that a language model completes."""
        described = {} if self.descriptions is None else {PROMPTS: ProgressStep("clusters described")}
        return encoding_steps(self.encoder) | described

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
        return _outputs(stores=self.item_embeddings is None and not self.encoder.is_packaged)

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            CLUSTERS.name: self.given_tree,
            ITEMS.name: self.items,
            ITEM_EMBEDDINGS.name: self.item_embeddings,
            EMBEDDINGS.name: self.embeddings,
            INTERACTIONS.name: self.interactions,
        }

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.cluster.graph import build_cluster

        build_cluster(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.cluster.summary import print_cluster

        print_cluster(self, seconds)


def _check_effects(args: argparse.Namespace, *, has_log: bool) -> None:
    """Reject options that would have no effect.

    Raises:
        UsageError: naming the option.
    """
    if args.encoder is not None and args.item_embeddings is not None:
        raise UsageError("--encoder and --item_embeddings are mutually exclusive")
    if args.embedding_columns and args.item_embeddings is None:
        raise UsageError("--embedding_columns is for --item_embeddings, which is not given")
    of_fit = [name for name in (*_TREE_OPTIONS, OPTION) if getattr(args, name) is not None]
    if of_fit and args.tree is not None:
        raise UsageError(f"--{of_fit[0]} is for fitting a tree, but --tree gives one")
    of_log = [*options.given_options(args, InteractionFilter), *(["columns"] if args.columns else [])]
    if of_log and not has_log:
        raise UsageError(f"--{of_log[0]} is for --interactions, which is not given")


def _stored_config(tree: Source) -> TreeConfig:
    """Return the configuration with which a tree was fitted."""
    stored = _configuration_of(tree)["tree"]
    return TreeConfig(**{**stored, "levels": tuple(stored["levels"])})


def _check_same_vectors(tree: Source, encoder: EncoderSource | None) -> None:
    """Check that the vectors of the items are of the encoder with which a tree was fitted.

    Args:
        tree: the `clusters` of an earlier run.
        encoder: the encoder of the items; None: the user's own vectors.

    Raises:
        UsageError: when they are not.
    """
    fitted = _configuration_of(tree)["encoder"]
    if encoder is None and fitted:
        raise UsageError("--item_embeddings: --tree was fitted to the vectors of an encoder: give the same --encoder")
    if encoder is not None and not fitted:
        raise UsageError("--tree was fitted to vectors of your own: give those of the items as --item_embeddings")
    if encoder is not None and fitted != encoder.fingerprint():
        raise UsageError(f"--encoder: --tree was fitted to the vectors of another encoder than {str(encoder)!r}")


def _configuration_of(tree: Source) -> dict[str, Any]:
    if tree.manifest is None:
        raise UsageError("--tree must be a workspace that this version wrote")
    return tree.manifest.configuration


def _check_coverage(items: Source, columns: ColumnOptions) -> None:
    """Check that the packaged encoder covers the words of a catalogue.

    Raises:
        UsageError: when it does not: the clusters would have no topic.
    """
    unsuitable = unsuitable_for_packaged(items, columns)
    if unsuitable is not None:
        raise UsageError(
            f"--encoder: {unsuitable.why}: give --encoder, or --item_embeddings; --encoder=static uses the packaged "
            "one all the same"
        )


def _outputs(*, stores: bool) -> tuple[DatasetSchema, ...]:
    """Return the datasets that are written; with `embeddings` where vectors are stored."""
    return (*((EMBEDDINGS,) if stores else ()), ITEM_CLUSTERS, CLUSTERS, ERRORS, METRICS)
