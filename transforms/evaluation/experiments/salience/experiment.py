"""The experiment on salience: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import EMBEDDINGS, ITEMS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.dataset_inputs import ITEMS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.salience.config import SalienceExperimentConfig
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table, number_columns, row, text_columns
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig

_COLUMNS = {
    "AUC": "salience_auc",
    "precision@5": "salience_precision",
    "calibration error": "salience_calibration_error",
}


@dataclasses.dataclass(frozen=True)
class SalienceExperiment(Experiment):
    """Comparison of scorers of salient terms on hidden tags.

    Attributes:
        encoder: where vectors of items come from.
        encoder_name: its short name.
        salience: limits of the vocabulary.
        learning: limits of learned salience, and the size of the sample.
    """

    name: ClassVar[str] = "salience"
    title: ClassVar[str] = "Salience: hidden tags"
    summary: ClassVar[str] = "Tags of half of the items are hidden; scorers of salient terms are compared on them."
    needs: ClassVar[Needs] = Needs(inputs=((ITEMS_INPUT,),), requires_encoder=True, runs_alone=True)
    configs: ClassVar[tuple[type, ...]] = (SalienceExperimentConfig, SalienceConfig)

    encoder: EncoderSource
    encoder_name: str
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    learning: LearnedSalienceConfig = dataclasses.field(default_factory=LearnedSalienceConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError(f"{cls.name} needs an encoder")
        learning = LearnedSalienceConfig(max_items=options.read(SalienceExperimentConfig).max_items)
        return cls(options.encoder, options.encoder_name, options.read(SalienceConfig), learning)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.salience.stages import EvaluateSalience

        stored = inputs.rows.get(EMBEDDINGS.name)
        evaluate = EvaluateSalience(
            self.encoder, self.encoder_name, self.salience, self.learning, stored, inputs.progress
        )
        return inputs.rows[ITEMS.name] | "EvaluateSalience" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return {"salience": self.salience.described(), "learning": dataclasses.asdict(self.learning)}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.salience.scoring import SCORERS

        index = MetricIndex(metrics)
        measured = {parts["scorer"] for parts in index.require("salience_precision")}
        rows = [
            row(scorer, *(index.cell(metric, scorer=scorer) for metric in _COLUMNS.values()))
            for scorer in SCORERS
            if scorer in measured
        ]
        return [Table((*text_columns("scorer"), *number_columns(*_COLUMNS)), tuple(rows))]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        return [
            (
                f"{index.count('salience_items')} items; the tags of {index.count('salience_items_tested')} of them "
                "were hidden and are the test set. Small numbers are 95 % intervals, by bootstrap over items."
            )
        ]
