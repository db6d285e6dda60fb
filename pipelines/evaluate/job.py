"""What `evaluate` was asked to do: its options, and the checked job that they describe."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apache_beam as beam

from pipelines.common import options
from pipelines.common.command_line import UsageError
from pipelines.common.inputs import (
    check_not_nested,
    checkpoint_dir,
    prepare_workspace,
    resolve_dataset,
    resolve_optional,
)
from pipelines.common.job import Job, ProgressStep
from pipelines.common.models import resolve_encoder
from pipelines.evaluate.naming_options import add_names, find_stored, naming_experiment
from schemas import (
    COLLECTIONS,
    EMBEDDINGS,
    ERRORS,
    GENERATIONS,
    HISTORIES,
    INTERACTIONS,
    ITEMS,
    JOURNEYS,
    METRICS,
    NAMING_EXAMPLES,
    DatasetSchema,
)
from transforms.datasets.files import Source, absolute_path
from transforms.datasets.manifest import read_manifest
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig, SeparationConfig
from transforms.evaluation.experiment import Experiment
from transforms.evaluation.experiments.conformity.config import ConformityConfig
from transforms.evaluation.experiments.conformity.experiment import ConformityExperiment
from transforms.evaluation.experiments.intervention.config import InterventionConfig
from transforms.evaluation.experiments.intervention.experiment import InterventionExperiment
from transforms.evaluation.experiments.naming.experiment import NamingExperiment
from transforms.evaluation.experiments.salience.experiment import SalienceExperiment
from transforms.evaluation.experiments.synonyms.experiment import SynonymsExperiment
from transforms.progress import Progress
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig

if TYPE_CHECKING:
    from transforms.evaluation.methods import Method

EXPERIMENTS = ("E1", "E2", "conformity", "intervention", "naming", "salience", "sweep", "synonyms")
_USED_BY = {
    "journeys": ("E1", "sweep"),
    "collections": ("E2", "conformity", "synonyms"),
    "interactions": ("E2", "intervention"),
    "items": ("E2", "salience"),
    "encoder": ("E2", "conformity", "naming", "salience", "synonyms"),
    "examples": ("naming",),
    "methods": ("naming",),
    "bleurt": ("naming",),
}
_NEEDS = {
    "conformity": ("collections",),
    "intervention": ("interactions",),
    "naming": ("examples", "methods"),
    "salience": ("items", "encoder"),
    "synonyms": ("collections", "encoder"),
}
_ALONE = tuple(_NEEDS)
"""Experiments with mixtures, texts or samples of their own, so that no other runs beside them."""
_CALCULATORS = {"E2": ("scipy", "sklearn"), "naming": ("sacrebleu",), "synonyms": ("scipy", "sklearn")}
"""Packages that experiments need."""
_EXTRA = "pip install 'interest-journeys[evaluation]'"
PICTURE = ".svg"
"""The ending of the picture that lies beside a page on a sweep."""
_EXTRA_TO_DRAW = "pip install 'interest-journeys[report]'"


def _semicolons(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(";") if name.strip())


def _thresholds(text: str) -> tuple[tuple[str, float], ...]:
    found = {}
    for entry in _semicolons(text):
        method, separator, value = entry.rpartition("=")
        if not separator or not method:
            raise argparse.ArgumentTypeError(f"must be METHOD=VALUE;..., got {entry!r}")
        threshold = options.bounded_number(float, None)(value)
        if threshold == 0:
            raise argparse.ArgumentTypeError(f"a threshold of 0 cannot be told from none: {entry!r}")
        found[method.strip()] = threshold
    return tuple(sorted(found.items()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluateJob(Job):
    """One evaluation, checked: everything that the graph is built from.

    Attributes:
        experiments: some of `EXPERIMENTS`, sorted.
        collections: what is mixed; None: what `interactions` and `items` say, or nothing.
        interactions: the log.
        items: its catalogue.
        journeys: those of `extract`, for E1.
        users: number of users they are of, those without journeys among them.
        swept: metrics of `extract`, those of a sweep among them.
        embeddings: those of an earlier run.
        report: the file for the page.
        encoder: what makes vectors.
        encoder_name: what they are called.
        methods: what E2 compares.
        separation: how E2 is done.
        suites: the experiments on salience, synonyms, conformity, intervention and naming that run.
        examples: names that people gave, for naming.
        generations: what models answered in an earlier run.
    """

    name = "evaluate"
    description = (
        "Measures how well journeys are found and named, by experiments on what people put together themselves."
    )

    experiments: tuple[str, ...]
    collections: Source | None
    interactions: Source | None
    items: Source | None
    journeys: Source | None
    users: int
    swept: Source | None
    embeddings: Source | None
    report: Path | None
    encoder: EncoderSource | None
    encoder_name: str
    methods: tuple[Method, ...]
    separation: SeparationConfig
    suites: tuple[Experiment, ...]
    examples: Source | None
    generations: Source | None

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of the job."""
        add = parser.add_argument
        bounded_number = options.bounded_number
        add(
            "--experiments",
            type=options.comma_separated,
            default="E2",
            help="Which to run: `E1,E2,sweep`, `salience`, `synonyms`, `conformity`, `intervention` or `naming`. "
            "(Beam's own option of this name can be given as `--experiment`.)",
        )
        add("--collections", help="For E2, synonyms and conformity: `collections` as a parquet file, folder or glob.")
        add(
            "--interactions",
            help="For E2, instead: a log, whose items under one tag are a user's collection; for intervention a log.",
        )
        add(
            "--items",
            help="For E2 the catalogue of that log, of whose tags the first one counts; for salience one with tags.",
        )
        add("--journeys", help="For E1 and sweep: the workspace that `extract` wrote.")
        add("--workspace", default="evaluation", help="Folder or bucket prefix in which the datasets are written.")
        add(
            "--report",
            help="File of this machine into which the tables are written as a page of Markdown; curves lie beside it.",
        )
        add(
            "--most_collections_of_source",
            type=bounded_number(int, 1),
            help="Leave out sources that have more collections, such as those that something was trained or chosen on.",
        )
        add(
            "--encoder",
            help="Encoder of items, and of names: `minilm`, `static`, a folder, a hub id. Without it: no vectors.",
        )
        add(
            "--previous",
            help="Workspace of a run before: texts that it encoded are not encoded again, and what models answered for "
            "naming is not asked again. Without it, for naming: `--workspace`.",
        )
        add(
            "--algorithms",
            type=_semicolons,
            default="",
            help="Names of methods, or how they begin: `ICPC;Ward`. Without it: all that take no long time.",
        )
        add(
            "--fixed_thresholds",
            type=_thresholds,
            default="",
            help="Thresholds that were chosen before: `METHOD=VALUE;...`. Without it: the best on what is measured.",
        )
        add("--stability", action="store_true", default=None, help="Try other orders of the items too: twice the work.")
        add(
            "--ks",
            type=options.int_list(1),
            default="2,3,5",
            help="Numbers of collections in a mixture.",
        )
        add(
            "--mixtures_per_k",
            type=bounded_number(int, 1),
            default=MixtureConfig.mixtures_per_k,
            help="Mixtures of each such number.",
        )
        add(
            "--fewest",
            type=bounded_number(int, 1),
            default=MixtureConfig.min_collection_items,
            help="Least number of items that a collection brings in; smaller ones are not used.",
        )
        add(
            "--most",
            type=bounded_number(int, 1),
            default=MixtureConfig.max_collection_items,
            help="Greatest number of items that a collection brings in.",
        )
        add(
            "--proportions",
            default=MixtureConfig.proportions,
            choices=("equal", "skewed"),
            help="Whether the first collection of a mixture brings in at least three times as many items.",
        )
        add(
            "--max_items",
            type=bounded_number(int, 1),
            default=LearnedSalienceConfig.max_items,
            help="For salience: items of the catalogue that are used, a sample.",
        )
        add(
            "--max_collections",
            type=bounded_number(int, 1),
            default=ConformityConfig.max_collections,
            help="For conformity: collections that are mixed, a sample; of few, so that users share interests.",
        )
        add(
            "--popular_fraction",
            type=bounded_number(float, 0, 1, above=True),
            default=ConformityConfig.popular_fraction,
            help="For conformity: fraction of the mixtures that each popular item is injected into.",
        )
        add_names(parser)
        add(
            "--seed", type=bounded_number(int, 0), default=MixtureConfig.seed, help="Of mixtures, orders and intervals."
        )
        add(
            "--max_terms",
            type=bounded_number(int, 1, 1000),
            default=SalienceConfig.max_terms,
            help="Salient terms kept of an item: the most salient.",
        )
        options.add_error_rate(parser)

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> EvaluateJob:
        """Create the job that a command line describes."""
        return plan(args)

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        """Add the graph of the job to a pipeline."""
        from pipelines.evaluate.graph import build_evaluate

        build_evaluate(root, self, progress)

    def print_summary(self, seconds: float) -> None:
        """Print the result of a committed run."""
        from pipelines.evaluate.summary import print_evaluation
        from transforms.language_models.checkpoint import GenerationCheckpoint

        if self.asks:
            GenerationCheckpoint(self.checkpoint_dir).clear()
        print_evaluation(self, seconds)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes."""
        return outputs(self.encoder, self.asks)

    @property
    def asks(self) -> bool:
        """Whether a language model is asked."""
        return any(suite.uses_language_model for suite in self.suites)

    @property
    def checkpoint_dir(self) -> str:
        """The folder in which a model's answers are kept until the job is committed."""
        return checkpoint_dir(self.workspace)

    def progress_steps(self) -> dict[str, ProgressStep]:
        """The prompts that a language model completes, or the mixtures that are separated."""
        if self.asks:
            return {"prompts": ProgressStep("prompts completed")}
        if not self.methods:
            return {}
        from transforms.evaluation.algorithms import STEP, total_histories

        mixtures = self.separation.mixtures
        count = mixtures.mixtures_per_k * len(mixtures.collections_per_mixture)
        total = total_histories(self.methods, count, stability=self.separation.measure_stability)
        return {STEP: ProgressStep("mixtures tried", total)}

    @property
    def inference_datasets(self) -> tuple[str, ...]:
        """Prompts, where a language model completes them."""
        return ("prompts",) if self.asks else ()

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides the content of the datasets, for their manifests."""
        separation = dataclasses.asdict(self.separation)
        separation["salience"] = self.separation.salience.described()
        return {
            "experiments": list(self.experiments),
            "users": self.users,
            "encoder": self.encoder_name,
            "encoder_fingerprint": self.encoder.fingerprint() if self.encoder else "",
            "methods": {method.name: list(method.thresholds) for method in self.methods},
            **{suite.name: suite.configuration() for suite in self.suites},
            **separation,
        }

    @property
    def inputs(self) -> dict[str, Source | None]:
        """The datasets that the job may read, by name and in reading order."""
        return {
            JOURNEYS.name: self.journeys,
            METRICS.name: self.swept,
            COLLECTIONS.name: self.collections,
            ITEMS.name: self.items,
            INTERACTIONS.name: self.interactions,
            NAMING_EXAMPLES.name: self.examples,
            EMBEDDINGS.name: self.embeddings,
            GENERATIONS.name: self.generations,
        }


def outputs(encoder: EncoderSource | None, generates: bool) -> tuple[DatasetSchema, ...]:
    """The datasets that are written; embeddings where something makes them, answers where a language model is asked."""
    kept = [schema for schema, is_made in ((EMBEDDINGS, bool(encoder)), (GENERATIONS, generates)) if is_made]
    return (*kept, ERRORS, METRICS)


def plan(args: argparse.Namespace) -> EvaluateJob:
    """Checks a command line against the world: finds inputs, opens the workspace, chooses the methods.

    Raises:
        UsageError: when it cannot be carried out.
    """
    experiments = _check_experiments(args)
    workspace = absolute_path(args.workspace)
    sources = resolve_optional(args, ("collections", "interactions", "items"))
    check_not_nested(workspace, [(f"--{name}", source) for name, source in sources.items()])
    journeys, users = _find_journeys(args.journeys) if "E1" in experiments else (None, 0)
    swept = _find_sweep(args.journeys) if "sweep" in experiments else None
    encoder = resolve_encoder("--encoder", args.encoder) if args.encoder else None
    naming = naming_experiment(args, encoder) if "naming" in experiments else None
    embeddings, generations = _find_stored(args, workspace, naming)
    mixtures = _mixture_config(args)
    report = _check_report(args.report, experiments) if args.report else None
    generates = naming is not None and naming.uses_language_model
    versions = _open_workspace(workspace, outputs(encoder, generates))
    encoder_name = str(encoder).rstrip("/").rpartition("/")[2] if encoder else ""
    separation = SeparationConfig(
        mixtures=mixtures,
        salience=SalienceConfig(max_terms=args.max_terms),
        fixed_thresholds=args.fixed_thresholds,
        measure_stability=bool(args.stability),
    )
    return EvaluateJob(
        experiments=experiments,
        collections=sources.get("collections"),
        interactions=sources.get("interactions"),
        items=sources.get("items"),
        journeys=journeys,
        users=users,
        swept=swept,
        embeddings=embeddings,
        workspace=workspace,
        expected_versions=versions,
        report=report,
        encoder=encoder,
        encoder_name=encoder_name,
        methods=_choose_methods(args, encoder_name) if "E2" in experiments else (),
        separation=separation,
        suites=(naming,) if naming else _suites(args, experiments, encoder, encoder_name, separation),
        examples=resolve_dataset("--examples", args.examples, NAMING_EXAMPLES) if args.examples else None,
        generations=generations,
        max_error_rate=args.max_error_rate,
    )


def _suites(
    args: argparse.Namespace,
    experiments: tuple[str, ...],
    encoder: EncoderSource | None,
    encoder_name: str,
    separation: SeparationConfig,
) -> tuple[Experiment, ...]:
    mixtures, salience = separation.mixtures, separation.salience
    suites: list[Experiment] = []
    if "salience" in experiments and encoder is not None:
        learning = LearnedSalienceConfig(max_items=args.max_items)
        suites.append(SalienceExperiment(encoder, encoder_name, salience, learning))
    if "synonyms" in experiments and encoder is not None:
        suites.append(SynonymsExperiment(encoder, encoder_name, mixtures, salience))
    if "conformity" in experiments:
        config = ConformityConfig(args.max_collections, args.popular_fraction, mixtures=mixtures, salience=salience)
        suites.append(ConformityExperiment(config, encoder, encoder_name))
    if "intervention" in experiments:
        suites.append(InterventionExperiment(InterventionConfig(seed=args.seed)))
    return tuple(suites)


def _check_experiments(args: argparse.Namespace) -> tuple[str, ...]:
    """The experiments, each with what it needs, and nothing that is for another."""
    experiments = tuple(sorted(set(args.experiments)))
    if not experiments or not set(experiments) <= set(EXPERIMENTS):
        given = ",".join(args.experiments)
        raise UsageError(f"--experiments must be some of {', '.join(EXPERIMENTS)}, got {given!r}")
    for name, users in _USED_BY.items():
        if getattr(args, name) is not None and not set(users) & set(experiments):
            raise UsageError(f"--{name} is for {' and '.join(users)}, which is not among --experiments")
    for experiment in set(_ALONE) & set(experiments):
        if len(experiments) > 1:
            raise UsageError(f"{experiment} runs alone, not beside other --experiments")
        for name in _NEEDS[experiment]:
            if getattr(args, name) is None:
                raise UsageError(f"{experiment} needs --{name}")
    for experiment in _USED_BY["journeys"]:
        if experiment in experiments and args.journeys is None:
            raise UsageError(f"{experiment} needs --journeys, the workspace that extract wrote")
    if "E2" in experiments:
        if (args.interactions is None) != (args.items is None):
            raise UsageError("--interactions and --items belong together")
        if (args.collections is None) == (args.interactions is None):
            raise UsageError("E2 needs either --collections, or --interactions and --items with tags")
    for experiment, packages in _CALCULATORS.items():
        missing = [name for name in packages if importlib.util.find_spec(name) is None]
        if missing and experiment in experiments:
            raise UsageError(f"{experiment} needs {', '.join(missing)}: {_EXTRA}")
    if args.previous is not None and args.encoder is None and "naming" not in experiments:
        raise UsageError("--previous is for its embeddings, so give the --encoder too")
    return experiments


def _find_stored(
    args: argparse.Namespace, workspace: str, naming: NamingExperiment | None
) -> tuple[Source | None, Source | None]:
    """Embeddings of a run before, and answers of models."""
    if naming is not None:
        return find_stored(args, workspace, naming)
    return resolve_dataset("--previous", args.previous, EMBEDDINGS) if args.previous else None, None


def _find_journeys(workspace: str) -> tuple[Source, int]:
    """The journeys of a workspace, and of how many users its histories are: one has a row there without a journey."""
    found = [resolve_dataset("--journeys", workspace, schema) for schema in (JOURNEYS, HISTORIES)]
    users = found[1].manifest.rows if found[1].manifest else 0
    if not users:
        raise UsageError(f"--journeys: {workspace!r} has no users")
    return found[0], users


def _mixture_config(args: argparse.Namespace) -> MixtureConfig:
    try:
        return MixtureConfig(
            args.ks,
            args.mixtures_per_k,
            args.fewest,
            args.most,
            args.proportions,
            args.seed,
            args.most_collections_of_source,
        )
    except ValueError as error:
        raise UsageError(f"--{error}") from error


def _find_sweep(workspace: str) -> Source:
    """The metrics of a workspace, which must tell of other thresholds."""
    source = resolve_dataset("--journeys", workspace, METRICS)
    extraction = source.manifest.configuration.get("extraction", {}) if source.manifest else {}
    if extraction.get("sweep") is None:
        raise UsageError(f"--journeys: {workspace!r} tells of no other thresholds: extract with --sweep")
    return source


def _check_report(text: str, experiments: tuple[str, ...]) -> Path:
    path = Path(text).expanduser().absolute()
    if "://" in text or path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--report must be a file in a folder of this machine, got {text!r}")
    if "sweep" in experiments:
        if path.suffix == PICTURE:
            raise UsageError(f"--report is a page, beside which the curves are {PICTURE}, got {text!r}")
        if importlib.util.find_spec("matplotlib") is None:
            raise UsageError(f"--report of sweep draws curves, which needs matplotlib: {_EXTRA_TO_DRAW}")
    return path


def _open_workspace(workspace: str, schemas: tuple[DatasetSchema, ...]) -> dict[str, str | None]:
    versions = prepare_workspace(workspace, schemas)
    for name in (JOURNEYS.name, NAMING_EXAMPLES.name):
        if read_manifest(f"{workspace.rstrip('/')}/{name}") is not None:
            raise UsageError(
                f"--workspace: {workspace!r} holds {name}, whose metrics and errors would be replaced; take another"
            )
    return versions


def _choose_methods(args: argparse.Namespace, encoder_name: str) -> tuple[Method, ...]:
    # Loads compiled code, which takes longer than to tell that another option is wrong.
    from transforms.evaluation.algorithms import choose_methods, with_thresholds

    try:
        chosen = choose_methods(encoder_name or None, args.algorithms)
    except ValueError as error:
        raise UsageError(f"--algorithms: {error}") from error
    try:
        return with_thresholds(chosen, dict(args.fixed_thresholds))
    except ValueError as error:
        raise UsageError(f"--fixed_thresholds: {error}") from error
