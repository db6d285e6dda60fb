"""The experiment on synonyms: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import COLLECTIONS, EMBEDDINGS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.dataset_inputs import COLLECTIONS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Cell, Table, number_columns, row, text_columns
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig

_COLUMNS = {
    "F1 before": "synonyms_f1_before",
    "F1 after": "synonyms_f1_after",
    "drop": "synonyms_drop",
    "fraction of the literal drop": "synonyms_fraction_of_drop",
}


@dataclasses.dataclass(frozen=True)
class SynonymsExperiment(Experiment):
    """Comparison of extraction methods where key words of collections are replaced by synonyms.

    Attributes:
        encoder: where vectors of items come from.
        encoder_name: its short name.
        mixtures: how collections are mixed.
        salience: configuration of the statistical scorer.
        learning: configuration of the learned scorer.
    """

    name: ClassVar[str] = "synonyms"
    title: ClassVar[str] = "Synonyms: replaced key words"
    summary: ClassVar[str] = "Key words of collections are replaced by synonyms; extraction methods are compared."
    needs: ClassVar[Needs] = Needs(
        inputs=((COLLECTIONS_INPUT,),), requires_encoder=True, packages=("scipy", "sklearn"), runs_alone=True
    )
    configs: ClassVar[tuple[type, ...]] = (MixtureConfig, SalienceConfig)

    encoder: EncoderSource
    encoder_name: str
    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    learning: LearnedSalienceConfig = dataclasses.field(default_factory=LearnedSalienceConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError(f"{cls.name} needs an encoder")
        mixtures, salience = options.read(MixtureConfig), options.read(SalienceConfig)
        return cls(options.encoder, options.encoder_name, mixtures, salience)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.synonyms.stages import EvaluateSynonyms

        evaluate = EvaluateSynonyms(
            self.mixtures,
            self.salience,
            self.learning,
            self.encoder,
            self.encoder_name,
            inputs.rows.get(EMBEDDINGS.name),
            inputs.progress,
        )
        return inputs.rows[COLLECTIONS.name] | "EvaluateSynonyms" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return {
            "mixtures": dataclasses.asdict(self.mixtures),
            "salience": self.salience.described(),
            "learning": dataclasses.asdict(self.learning),
        }

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.synonyms.scoring import ITEM_GROUPS

        index = MetricIndex(metrics)
        drops = {(parts["items"], parts["method"]): parts for parts in index.require("synonyms_drop")}
        rows = []
        for group in ITEM_GROUPS:
            methods = [method for items, method in drops if items == group]
            for method in sorted(methods, key=lambda method: -index.value("synonyms_drop", **drops[group, method])):
                threshold = f"{index.value('synonyms_threshold', method=method):g}"
                cells = [index.cell(metric, **drops[group, method]) for metric in _COLUMNS.values()]
                rows.append(row(f"{group} items", method, Cell(threshold), *cells))
        columns = (*text_columns("items scored", "method"), *number_columns("threshold", *_COLUMNS))
        return [Table(columns, tuple(rows))]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        collections, words, items, changed = (
            index.count(f"synonyms_{name}") for name in ("collections", "words", "items", "items_changed")
        )
        return [
            (
                f"{collections} collections that have one of {words} key words, with {items} items; it was replaced in "
                f"{changed} of them. Each method has the threshold that is best before. Small numbers are 95 % "
                "intervals, by bootstrap over mixtures."
            )
        ]
