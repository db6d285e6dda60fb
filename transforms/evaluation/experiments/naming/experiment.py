"""The experiment on naming: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import EMBEDDINGS, GENERATIONS, ITEMS, JOURNEYS, NAMING_EXAMPLES
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.dataset_inputs import EXAMPLES_INPUT, ITEMS_INPUT, JOURNEYS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, signature
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table

_ABOUT_OUTPUTS = (
    "The output of each method is scored, cleaned as `name` cleans it. An output that `name` would reject is counted "
    "under format and is scored all the same; no other name replaces it. A missing output is an empty name."
)
_ABOUT_VECTORS = (
    "Similarity: cosine with the reference. Recall@1 and MRR: retrieval of a name's journey among all journeys of the "
    "sample, by the cosine of the name with the mean of the titles; ties count against the name. Over-broadness: "
    "fraction of the other journeys that the name fits at least as well as its own."
)
_ABOUT_OTHERS = (
    "Mean IDF: rarity of the words of a name among journeys, a proxy for interestingness without human ratings. Safe "
    "titles: fraction of the titles of an example that pass the filter of names. Prompt tokens: length of a whole "
    "prompt."
)
_ABOUT_JOURNEYS = (
    "Examples are journeys of users. The reference of a journey is the tag that at least half of its items and at "
    "most 2 % of the catalogue have and that is the most frequent among them in comparison: a proxy, as no one named "
    "the journeys."
)


@dataclasses.dataclass(frozen=True)
class NamingExperiment(Experiment):
    """Comparison of naming methods on names that people gave.

    Attributes:
        config: the methods, and how they are scored.
        encoder: where vectors of names and titles come from; None: measures of vectors are left out.
        names_journeys: whether journeys of users are named, instead of collections.
    """

    name: ClassVar[str] = "naming"
    title: ClassVar[str] = "Naming: names compared with those that people gave"
    summary: ClassVar[str] = "Naming methods are compared on collections that people named."
    needs: ClassVar[Needs] = Needs(
        inputs=((EXAMPLES_INPUT,), (JOURNEYS_INPUT, ITEMS_INPUT)),
        uses_encoder=True,
        packages=("sacrebleu", "glin_profanity"),
        reuses_workspace=True,
        runs_alone=True,
    )
    configs: ClassVar[tuple[type, ...]] = (NamingExperimentConfig,)

    config: NamingExperimentConfig
    encoder: EncoderSource | None = None
    names_journeys: bool = False

    @classmethod
    def from_options(cls, options: Options) -> Self:
        config = options.read(NamingExperimentConfig)
        if config.needs_encoder and options.encoder is None:
            raise ValueError("methods: medoid_title needs --encoder, which compares titles")
        names_journeys = JOURNEYS.name in options.sources and NAMING_EXAMPLES.name not in options.sources
        if names_journeys and config.example_set not in (None, "N3"):
            raise ValueError(f"example_set: journeys of users are N3, got {config.example_set!r}")
        if names_journeys:
            config = dataclasses.replace(config, example_set="N3")
        return cls(config, options.encoder, names_journeys)

    @property
    def uses_language_model(self) -> bool:
        """Whether texts are generated."""
        return self.config.uses_language_model

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.datasets.row_checkpoint import RowCheckpoint
        from transforms.evaluation.experiments.naming.stages import EvaluateNaming, ExamplesOfJourneys

        if self.names_journeys:
            examples = inputs.rows[JOURNEYS.name] | "Examples" >> ExamplesOfJourneys(inputs.rows[ITEMS.name])
        else:
            examples = inputs.rows[NAMING_EXAMPLES.name]
        evaluate = EvaluateNaming(
            self.config,
            self.encoder,
            inputs.rows.get(EMBEDDINGS.name),
            inputs.rows.get(GENERATIONS.name),
            RowCheckpoint(inputs.checkpoint_dir, GENERATIONS) if self.uses_language_model else None,
            inputs.progress,
        )
        return examples | "EvaluateNaming" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return {
            "methods": [method.configuration() for method in self.config.methods],
            "max_examples": self.config.max_examples,
            "example_set": self.config.example_set or "",
            "bleurt": self.config.bleurt.fingerprint() if self.config.bleurt else "",
            "seed": self.config.seed,
            "signatures": {overlap: signature(overlap) for overlap in OVERLAPS},
        }

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        return _tables(metrics, [method.label for method in self.config.methods])

    @classmethod
    def tables_of(cls, metrics: Iterable[pa.RecordBatch], configuration: Mapping[str, Any]) -> list[Table]:
        return _tables(metrics, [method["label"] for method in configuration["methods"]])

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        scored, available, sources = (
            index.count(name) for name in ("naming_examples_scored", "naming_examples_test", "naming_sources")
        )
        signatures = {overlap: signature(overlap) for overlap in OVERLAPS}
        return [
            f"Examples: {scored} of {available} of the test split, from {sources} sources.",
            f"Safe titles: {index.text('naming_safe_titles')}.",
            *([_ABOUT_JOURNEYS] if self.names_journeys else []),
            _ABOUT_OUTPUTS,
            f"SacreBLEU: {signatures['bleu']}; chrF: {signatures['chrf']}.",
            _ABOUT_VECTORS,
            _ABOUT_OTHERS,
            f"Small numbers are 95 % intervals, by bootstrap over examples with seed {self.config.seed}.",
        ]

    def samples(self, read: Callable[[str], list[pa.RecordBatch]]) -> list[Table]:
        from transforms.evaluation.experiments.naming.predictions import completions_by_hash, sample_examples
        from transforms.evaluation.experiments.naming.scoring import predict_all
        from transforms.evaluation.experiments.naming.tables import MAX_SAMPLES, samples_table

        rows = sample_examples(self._read_examples(read), self.config.max_examples).rows.slice(0, MAX_SAMPLES)
        generations = read(GENERATIONS.name) if self.uses_language_model else []
        predictions = predict_all(rows, completions_by_hash(generations), self.config.methods)
        references = {method.label for method in self.config.methods if method.kind == "reference"}
        return [samples_table(rows, {label: each for label, each in predictions.items() if label not in references})]

    def _read_examples(self, read: Callable[[str], list[pa.RecordBatch]]) -> list[pa.RecordBatch]:
        from transforms.evaluation.experiments.naming.journey_examples import (
            JOURNEYS_TO_NAME,
            TAGGED_ITEMS,
            examples_of_journeys,
            select_columns,
        )

        if not self.names_journeys:
            return read(NAMING_EXAMPLES.name)
        journeys = [select_columns(rows, JOURNEYS_TO_NAME) for rows in read(JOURNEYS.name)]
        items = [select_columns(rows, TAGGED_ITEMS) for rows in read(ITEMS.name)]
        return [examples_of_journeys(journeys, items)]


def _tables(metrics: Iterable[pa.RecordBatch], labels: list[str]) -> list[Table]:
    from transforms.evaluation.experiments.naming.tables import differences_table, scores_table

    index = MetricIndex(metrics)
    tables = [scores_table(index, labels)]
    return [*tables, differences_table(index, labels)] if len(labels) > 1 else tables
