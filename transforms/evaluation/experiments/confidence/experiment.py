"""The experiment on confidence: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import COLLECTIONS, EMBEDDINGS, INTERACTIONS, ITEMS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.dataset_inputs import COLLECTIONS_INPUT, INTERACTIONS_INPUT, ITEMS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.confidence.config import ConfidenceConfig
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table
from transforms.salience.config import SalienceConfig


@dataclasses.dataclass(frozen=True)
class ConfidenceExperiment(Experiment):
    """Fit of the confidence of journeys to mixtures of collections, and its calibration on other sources.

    Attributes:
        config: configuration of the mixtures.
        encoder: where vectors of items come from; None: there are none.
        encoder_name: its short name.
    """

    name: ClassVar[str] = "confidence"
    title: ClassVar[str] = "Confidence of journeys"
    summary: ClassVar[str] = (
        "The confidence of journeys is fitted to mixtures of collections, and measured on mixtures of other sources."
    )
    needs: ClassVar[Needs] = Needs(
        inputs=((COLLECTIONS_INPUT,), (INTERACTIONS_INPUT, ITEMS_INPUT)),
        uses_encoder=True,
        packages=("scipy", "sklearn", "threadpoolctl"),
        runs_alone=True,
    )
    configs: ClassVar[tuple[type, ...]] = (ConfidenceConfig, MixtureConfig, SalienceConfig)

    config: ConfidenceConfig = dataclasses.field(default_factory=ConfidenceConfig)
    encoder: EncoderSource | None = None
    encoder_name: str = ""

    @classmethod
    def from_options(cls, options: Options) -> Self:
        config = options.read(
            ConfidenceConfig, mixtures=options.read(MixtureConfig), salience=options.read(SalienceConfig)
        )
        return cls(config, options.encoder, options.encoder_name)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.confidence.stages import EvaluateConfidence

        stored = inputs.rows.get(EMBEDDINGS.name)
        evaluate = EvaluateConfidence(self.config, self.encoder, self.encoder_name, stored, inputs.progress)
        names = (COLLECTIONS.name, INTERACTIONS.name, ITEMS.name)
        return {name: inputs.rows[name] for name in names if name in inputs.rows} | evaluate

    def configuration(self) -> dict[str, Any]:
        return {
            "noise_fractions": list(self.config.noise_fractions),
            "mixtures": dataclasses.asdict(self.config.mixtures),
            "salience": self.config.salience.described(),
        }

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.confidence.report import confidence_tables

        return confidence_tables(MetricIndex(metrics))

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.confidence.report import describe_confidence

        return describe_confidence(MetricIndex(metrics))
