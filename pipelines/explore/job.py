"""The job `explore`: its options, and the checked configuration of one run."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any, cast, get_args

import apache_beam as beam
import pyarrow as pa

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import checkpoint_dir, prepare_workspace, resolve_dataset
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import resolve_language_model
from pipelines.explore.refresh import TRANSITIONS_BEFORE, Refresh, add_refresh, check_refresh, resolve_refresh
from schemas import CLUSTER_HISTORIES, CLUSTERS, ERRORS, LOOKUP, METRICS, TRANSITIONS, DatasetSchema
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.reading import read_dataset
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.exploration.blocks import count_contexts
from transforms.exploration.config import SourceName, TransitionConfig
from transforms.exploration.model_ranking import ModelRanking
from transforms.exploration.prompts import INSTRUCTIONS
from transforms.exploration.stages import clusters_of_level
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.closed_set import ScoreName
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec
from transforms.precision.dtype import FloatName
from transforms.progress import Progress

_OUTPUTS = (LOOKUP, ERRORS, METRICS)

_TOP_BY_COUNTS, _TOP_BY_MODEL = 30, 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExploreJob(Job):
    """One run that computes the exploration table.

    Attributes:
        clusters: the tree.
        histories: the cluster histories.
        transitions: configuration of the transitions.
        source: the source of the scores.
        blend_table: a table of another run that is blended, for the source `blend`; None: none.
        model: the ranking by a language model, for the source `language_model`; None: another source.
        top: maximum number of next clusters of a context.
        level: the level of the tree, from 1; 0: the last one.
        dry_run: whether the cost of a language model is estimated, and nothing is written.
        refresh: an earlier table of a language model that is refreshed in part; None: all contexts are ranked.
    """

    name = "explore"
    description = "Rank the novel interest clusters for every context of clusters, and write them as a lookup table."

    clusters: Source
    histories: Source
    transitions: TransitionConfig
    source: SourceName
    blend_table: Source | None
    model: ModelRanking | None
    top: int
    level: int
    dry_run: bool
    refresh: Refresh | None

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        options.add_workspace(parser, "exploration")
        parser.add_argument(
            "--clusters", help="Workspace with `clusters`, as `cluster` writes it. Default: --workspace."
        )
        parser.add_argument(
            "--transitions",
            help="Workspace with `cluster_histories`, as `transitions` writes it. Default: --workspace.",
        )
        parser.add_argument(
            "--source",
            choices=get_args(SourceName),
            default="blend",
            help="Source of the scores: one of several counts, or `blend`, all of them and the content of clusters, "
            "with weights that are chosen on the validation period; a small neural `network`; or a `language_model`.",
        )
        parser.add_argument(
            "--blend_table",
            help="Workspace with a `lookup` of the same tree, such as that of a language model, that --source=blend "
            "adds, with a weight that is chosen on the validation period. Default: none.",
        )
        parser.add_argument(
            "--model",
            help="Language model, for --source=language_model: `smollm2`, a folder, a hub id, or an endpoint with the "
            "name of its model, such as http://host:8000/v1#name, whose structured output selects cluster by cluster.",
        )
        add_refresh(parser)
        options.add_config(parser, ClientLimits)
        parser.add_argument("--adapter", default="", help="Folder of a PEFT adapter of the model, as `tune` writes it.")
        parser.add_argument(
            "--dtype",
            default=GenerationSpec.dtype,
            choices=get_args(FloatName),
            help="Data type of the model. `auto`: bfloat16 where the hardware supports it, else float32.",
        )
        parser.add_argument(
            "--score",
            choices=get_args(ScoreName),
            help="Probability by which a language model ranks descriptions: `renormalized`, at each token where "
            "descriptions differ, a softmax over the tokens of descriptions; `full`, of all tokens in the whole "
            "vocabulary, which takes longer. Default: renormalized.",
        )
        parser.add_argument(
            "--dry_run",
            action="store_true",
            help="Rank some contexts by the language model, print the time that all contexts take on this machine, "
            "and write nothing.",
        )
        parser.add_argument(
            "--top",
            type=options.bounded_number(int, 1, 1000),
            help=f"Maximum number of next clusters of a context. Default: {_TOP_BY_COUNTS}, enough for users who have "
            f"consumed many of them; {_TOP_BY_MODEL} of a language model, whose time rises with it.",
        )
        for name, period in (("test_fraction", "test"), ("validation_fraction", "validation")):
            parser.add_argument(
                f"--{name}",
                type=options.bounded_number(float, 0, 1),
                help=f"Fraction of the first interactions whose time span is the {period} period. Default: that of "
                "`transitions`.",
            )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> ExploreJob:
        """Create the job that a command line describes.

        Raises:
            UsageError: naming the option, when the job cannot be carried out.
        """
        if args.dry_run and args.previous is not None:
            raise UsageError("--dry_run estimates a whole table: leave out --previous")
        workspace = absolute_path(args.workspace)
        clusters = resolve_dataset("--clusters", args.clusters or workspace, CLUSTERS)
        histories = resolve_dataset("--transitions", args.transitions or workspace, CLUSTER_HISTORIES)
        _check_tree("--transitions", histories, clusters, "transitions")
        stored = histories.manifest.configuration if histories.manifest else {}
        top = args.top or (_TOP_BY_MODEL if args.source == "language_model" else _TOP_BY_COUNTS)
        model = resolve_model(args, top)
        transitions = _read_transitions(args, stored["transitions"])
        job = cls(
            clusters=clusters,
            histories=histories,
            workspace=workspace,
            expected_versions=prepare_workspace(workspace, _OUTPUTS),
            transitions=transitions,
            source=cast(SourceName, args.source),
            blend_table=_resolve_blend_table(args, workspace, clusters),
            model=model,
            top=top,
            level=stored["level"],
            dry_run=_check_dry_run(args.dry_run, model),
            refresh=resolve_refresh(args, args.transitions or workspace),
            max_error_rate=args.max_error_rate,
            allow_empty=args.allow_empty,
        )
        if job.refresh is not None and model is not None:
            options_of_rows = {"context_size": transitions.context_size, "top": top, "level": job.level}
            check_refresh(job.refresh, clusters, options_of_rows | {"source": job.source, "score": model.score})
        return job

    @property
    def configuration(self) -> dict[str, Any]:
        """Everything besides the inputs that determines the content of the outputs, for their manifests."""
        return {
            "transitions": dataclasses.asdict(self.transitions),
            "source": self.source,
            "model": self.model.spec.fingerprint() if self.model else "",
            "score": self.model.score if self.model else "",
            "top": self.top,
            "level": self.level,
            "refresh_below": self.refresh.threshold if self.refresh else None,
        }

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that the job writes, in the order in which they are committed."""
        return _OUTPUTS

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job reads, by name and in reading order."""
        return {
            CLUSTERS.name: self.clusters,
            CLUSTER_HISTORIES.name: self.histories,
            LOOKUP.name: self.refresh.lookup if self.refresh else self.blend_table,
            TRANSITIONS.name: self.refresh.transitions if self.refresh else None,
            TRANSITIONS_BEFORE: self.refresh.transitions_before if self.refresh else None,
        }

    def schema_of(self, name: str) -> DatasetSchema:
        """Return the schema by which an input is read; `transitions` are read twice, and counted by name."""
        if name == TRANSITIONS_BEFORE:
            return dataclasses.replace(TRANSITIONS, name=TRANSITIONS_BEFORE)
        return super().schema_of(name)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.explore.graph import build_explore

        build_explore(root, self, progress)

    @property
    def has_graph(self) -> bool:
        """A dry run has no graph."""
        return not self.dry_run

    @property
    def checkpoint_dir(self) -> str:
        """The folder of the rows of a language model that are not committed yet."""
        return checkpoint_dir(self.workspace)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The contexts that a language model ranks."""
        if self.model is None:
            return {}
        sizes = range(1, self.transitions.context_size + 1)
        return {"contexts": ProgressStep("contexts ranked", count_contexts(sizes, self.read_clusters().num_rows))}

    def read_clusters(self) -> pa.RecordBatch:
        """Read the clusters of the level."""
        return clusters_of_level(read_dataset(CLUSTERS, self.clusters).to_batches(), self.level)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run, and delete its checkpoint."""
        from pipelines.explore.summary import print_explore

        if self.dry_run:
            return
        if self.model is not None:
            RowCheckpoint(self.checkpoint_dir, LOOKUP).clear()
        print_explore(self, seconds)

    def after_commit(self) -> int:
        """Estimate the cost of a table, if this is a dry run."""
        if self.dry_run:
            from pipelines.explore.dry_run import print_cost

            return print_cost(self)
        return 0


def _resolve_blend_table(args: argparse.Namespace, workspace: str, clusters: Source) -> Source | None:
    """Return the table of another run that is blended; None without one.

    Raises:
        UsageError: when it has no effect, would be replaced, or was computed from another tree.
    """
    if args.blend_table is None:
        return None
    if args.source != "blend":
        raise UsageError("--blend_table has an effect with --source=blend only")
    if absolute_path(args.blend_table) == workspace:
        raise UsageError("--blend_table is --workspace, whose table is replaced; give another --workspace")
    table = resolve_dataset("--blend_table", args.blend_table, LOOKUP)
    _check_tree("--blend_table", table, clusters, "explore")
    source = table.manifest.configuration["source"] if table.manifest else ""
    if source != "language_model":
        raise UsageError(
            f"--blend_table has the source {source!r}, which was fitted to the validation period too, on which its "
            "weight would be chosen; allowed is a table of --source=language_model"
        )
    return table


def _read_transitions(args: argparse.Namespace, stored: dict[str, Any]) -> TransitionConfig:
    """Return the configuration with which the histories were counted, with the given periods.

    Raises:
        UsageError: naming the option whose value is not allowed.
    """
    names = ("test_fraction", "validation_fraction")
    kept = {name: value for name, value in stored.items() if name not in names or getattr(args, name) is None}
    return options.read_config(args, TransitionConfig, **kept)


def resolve_model(args: argparse.Namespace, top: int) -> ModelRanking | None:
    """Return the ranking of `top` clusters by a language model; None for another source.

    Raises:
        UsageError: when there is none, or options have no effect.
    """
    if args.source != "language_model":
        if args.model is not None or args.adapter or args.score is not None:
            raise UsageError("--model, --adapter and --score have an effect with --source=language_model only")
        if given := [*options.given_options(args, ClientLimits), *(["dtype"] if _has_dtype(args) else [])]:
            raise UsageError(f"--{given[0]} has an effect with --source=language_model only")
        return None
    if args.model is None:
        raise UsageError("--source=language_model needs a --model")
    model = resolve_language_model("--model", args.model, args.adapter)
    if model.kind == "endpoint" and (args.score is not None or args.dry_run or _has_dtype(args)):
        raise UsageError("--score, --dtype and --dry_run need a --model that is loaded here, not an endpoint")
    if model.kind != "endpoint" and (given := options.given_options(args, ClientLimits)):
        raise UsageError(f"--{given[0]} needs a --model behind an endpoint, such as http://host:8000/v1#name")
    limits = options.read_config(args, ClientLimits)
    spec = GenerationSpec(model, PromptTemplate(INSTRUCTIONS), limits=limits, dtype=args.dtype)
    return ModelRanking(spec, args.score or "renormalized", top)


def _has_dtype(args: argparse.Namespace) -> bool:
    return bool(args.dtype != GenerationSpec.dtype)


def _check_dry_run(dry_run: bool, model: ModelRanking | None) -> bool:
    if dry_run and model is None:
        raise UsageError("--dry_run has an effect with --source=language_model only; other sources take seconds")
    return dry_run


def _check_tree(option: str, source: Source, clusters: Source, job: str) -> None:
    """Check that a dataset was computed from the tree of `--clusters`.

    Raises:
        UsageError: when it was computed from another one.
    """
    if clusters.manifest is None or source.manifest is None:
        raise UsageError(f"--clusters and {option} must be workspaces that this version wrote")
    if source.manifest.inputs.get(CLUSTERS.name) != clusters.manifest.digest:
        raise UsageError(
            f"{option} was computed from another tree than --clusters holds now: items may have moved between "
            f"clusters; run `{job}` again"
        )
