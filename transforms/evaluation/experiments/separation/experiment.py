"""The experiment on separation: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pyarrow as pa

from schemas import COLLECTIONS, EMBEDDINGS, INTERACTIONS, ITEMS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.dataset_inputs import COLLECTIONS_INPUT, INTERACTIONS_INPUT, ITEMS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.separation.config import SeparationConfig
from transforms.evaluation.experiments.separation.noise_tables import noise_tables
from transforms.evaluation.experiments.separation.tables import separation_table, threshold_table
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table
from transforms.salience.config import SalienceConfig

if TYPE_CHECKING:
    from transforms.evaluation.methods import Method

_SCORES = (
    "F1 is B-cubed F1, ARI the adjusted Rand index; means are over the means of each k. Recall is the fraction of a "
    "collection's items in one journey, precision the fraction of a journey's items from one collection; a single "
    "journey of all items has recall 1. Small numbers are 95 % intervals, by bootstrap over mixtures."
)
_THRESHOLDS = (
    "Each algorithm is evaluated at one threshold. A star marks one that was fixed in advance; the others are the best "
    "in mean F1 on these mixtures, which is optimistic. An algorithm that is given k is a reference, not a baseline."
)


@dataclasses.dataclass(frozen=True)
class Separation(Experiment):
    """Separation of mixed collections (2305.15498, experiment 2).

    Attributes:
        methods: the algorithms.
        config: configuration of the mixtures.
        encoder: where vectors of items come from; None: there are none.
        encoder_name: its short name.
    """

    name: ClassVar[str] = "separation"
    title: ClassVar[str] = "Separation: mixed collections"
    summary: ClassVar[str] = (
        "Collections are mixed into one history, and algorithms are compared in separating them again."
    )
    needs: ClassVar[Needs] = Needs(
        inputs=((COLLECTIONS_INPUT,), (INTERACTIONS_INPUT, ITEMS_INPUT)),
        uses_encoder=True,
        packages=("scipy", "sklearn"),
    )
    configs: ClassVar[tuple[type, ...]] = (SeparationConfig, MixtureConfig, SalienceConfig)

    methods: tuple[Method, ...]
    config: SeparationConfig = dataclasses.field(default_factory=SeparationConfig)
    encoder: EncoderSource | None = None
    encoder_name: str = ""

    @classmethod
    def from_options(cls, options: Options) -> Self:
        from transforms.evaluation.algorithms import choose_methods, with_thresholds

        config = options.read(
            SeparationConfig, mixtures=options.read(MixtureConfig), salience=options.read(SalienceConfig)
        )
        try:
            methods = choose_methods(options.encoder_name or None, config.algorithms or ())
        except ValueError as error:
            raise ValueError(f"algorithms: {error}") from error
        try:
            methods = with_thresholds(methods, dict(config.fixed_thresholds))
        except ValueError as error:
            raise ValueError(f"fixed_thresholds: {error}") from error
        return cls(methods, config, options.encoder, options.encoder_name)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.algorithms import min_coherence_curve, with_progress
        from transforms.evaluation.experiments.separation.stages import SeparateCollections

        stages = SeparateCollections(
            self.config,
            with_progress(self.methods, inputs.progress),
            min_coherence_curve(self.encoder_name or None, self.methods),
            inputs.errors,
            self.encoder,
            self.encoder_name,
            inputs.rows.get(EMBEDDINGS.name),
            inputs.progress,
        )
        return {
            name: inputs.rows[name] for name in (COLLECTIONS.name, INTERACTIONS.name, ITEMS.name) if name in inputs.rows
        } | stages

    def configuration(self) -> dict[str, Any]:
        return {
            "algorithms": {method.name: list(method.thresholds) for method in self.methods},
            "fixed_thresholds": dict(self.config.fixed_thresholds),
            "measure_stability": self.config.measure_stability,
            "noise_fractions": list(self.config.noise_fractions),
            "mixtures": dataclasses.asdict(self.config.mixtures),
            "salience": self.config.salience.described(),
        }

    def progress_steps(self) -> dict[str, tuple[str, int | None]]:
        from transforms.evaluation.algorithms import STEP, total_histories

        mixtures = self.config.mixtures
        count = mixtures.mixtures_per_k * len(mixtures.collections_per_mixture)
        return {STEP: ("mixtures separated", total_histories(self.methods, count, self.config.measure_stability))}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        return [separation_table(index), threshold_table(index), *noise_tables(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        mixtures = self.config.mixtures
        ks = [str(k) for k in mixtures.collections_per_mixture]
        numbers = " and ".join([*([", ".join(ks[:-1])] if ks[:-1] else []), ks[-1]])
        collections = (
            f"Mixtures: {mixtures.mixtures_per_k} of each {numbers} collections without a common item, from "
            f"{index.count('collections')} collections of {index.count('sources')} sources; "
            f"{index.count('items_mixed')} of {index.count('items')} items."
        )
        items = (
            f"Items: {mixtures.min_collection_items} to {mixtures.max_collection_items} of each collection, smaller "
            f"ones not used, in random order; proportions: {mixtures.proportions}; seed {mixtures.seed}."
        )
        lines = [collections, items]
        if (limit := mixtures.max_collections_per_source) is not None:
            lines.append(
                f"Left out: {index.count('collections_left_out')} collections of sources with more than {limit:,}."
            )
        return [*lines, f"Vectors: {self.encoder_name or 'none'}.", _SCORES, _THRESHOLDS]
