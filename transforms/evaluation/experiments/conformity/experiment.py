"""The experiment on conformity: options, graph and tables."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import COLLECTIONS, EMBEDDINGS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.dataset_inputs import COLLECTIONS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.conformity.config import ConformityConfig
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import MISSING, Table, number_columns, row, text_columns
from transforms.salience.config import SalienceConfig

_REMOVED = {
    "injected removed": "conformity_injected_removed",
    "others removed": "conformity_other_removed",
    "genuine popular removed": "conformity_genuine_removed",
}


@dataclasses.dataclass(frozen=True)
class ConformityExperiment(Experiment):
    """Comparison of rules that remove popular items from histories.

    Attributes:
        config: configuration of the experiment.
        encoder: where vectors of items come from; None: journeys are extracted by terms alone.
        encoder_name: its short name.
    """

    name: ClassVar[str] = "conformity"
    title: ClassVar[str] = "Conformity: injected popular items"
    summary: ClassVar[str] = (
        "Popular items are injected into mixtures of collections; rules to remove them are compared."
    )
    needs: ClassVar[Needs] = Needs(inputs=((COLLECTIONS_INPUT,),), uses_encoder=True, runs_alone=True)
    configs: ClassVar[tuple[type, ...]] = (ConformityConfig, MixtureConfig, SalienceConfig)

    config: ConformityConfig = dataclasses.field(default_factory=ConformityConfig)
    encoder: EncoderSource | None = None
    encoder_name: str = ""

    @classmethod
    def from_options(cls, options: Options) -> Self:
        config = options.read(
            ConformityConfig, mixtures=options.read(MixtureConfig), salience=options.read(SalienceConfig)
        )
        return cls(config, options.encoder, options.encoder_name)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.conformity.stages import EvaluateConformity

        stored = inputs.rows.get(EMBEDDINGS.name)
        evaluate = EvaluateConformity(self.config, self.encoder, self.encoder_name, stored, inputs.progress)
        return inputs.rows[COLLECTIONS.name] | "EvaluateConformity" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config) | {"salience": self.config.salience.described()}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        return [_f1_table(index), _removal_table(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.conformity.scoring import BY_INTEREST, BY_POPULARITY, SCENARIOS

        index = MetricIndex(metrics)
        amounts = [
            f"{scenario}: {index.count('conformity_injected', scenario=scenario)} of "
            f"{index.count('conformity_interactions', scenario=scenario)} interactions are injected"
            for scenario in SCENARIOS
        ]
        gains = [
            f"{parts['scenario']}, {parts['method']}: {index.text('conformity_f1_difference', **parts)}"
            for parts in index.slices("conformity_f1_difference")
            if (parts["rule"], parts["baseline"]) == (BY_INTEREST, BY_POPULARITY)
        ]
        return [
            f"{index.count('conformity_mixtures', scenario=SCENARIOS[0])} mixtures. {'; '.join(amounts)}.",
            (
                "Thresholds of rules are chosen on one half of the mixtures; scores are of the other half. Gain: over "
                "no removal. Small numbers are 95 % intervals, by bootstrap over mixtures."
            ),
            f"Gain of F1 of removal by interest over removal by popularity: {'; '.join(gains)}.",
        ]


def _f1_table(index: MetricIndex) -> Table:
    """Return a row for each scenario, method and rule."""
    from transforms.evaluation.experiments.conformity.scoring import NO_REMOVAL, RULES, SCENARIOS

    measured = {(parts["scenario"], parts["method"]) for parts in index.require("conformity_f1")}
    rows = []
    for scenario, method in sorted(measured, key=lambda pair: (SCENARIOS.index(pair[0]), pair[1])):
        for rule in RULES:
            parts = {"scenario": scenario, "method": method, "rule": rule}
            threshold = index.get("conformity_threshold", **parts)
            rows.append(
                row(
                    scenario,
                    method,
                    rule,
                    f"{threshold.value:g}" if threshold else MISSING,
                    index.cell("conformity_f1", **parts),
                    index.cell("conformity_f1_difference", **parts, baseline=NO_REMOVAL),
                )
            )
    columns = (*text_columns("popular items", "method", "removed by"), *number_columns("threshold", "F1", "gain"))
    return Table(columns, tuple(rows))


def _removal_table(index: MetricIndex) -> Table:
    """Return a row for each scenario and rule: the fractions of interactions that it removes."""
    from transforms.evaluation.experiments.conformity.scoring import RULES, SCENARIOS

    rows = []
    for scenario, rule in itertools.product(SCENARIOS, RULES):
        cells = [index.cell(metric, scenario=scenario, rule=rule) for metric in _REMOVED.values()]
        if any(cell.text != MISSING for cell in cells):
            rows.append(row(scenario, rule, *cells))
    columns = (*text_columns("popular items", "removed by"), *number_columns(*_REMOVED))
    return Table(columns, tuple(rows), "Fractions of interactions that are removed")
