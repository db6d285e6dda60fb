"""The experiment on prompting: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import EMBEDDINGS, GENERATIONS, NAMING_EXAMPLES
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.dataset_inputs import EXAMPLES_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, signature
from transforms.evaluation.experiments.prompting.config import SCOPES, PromptingConfig
from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import Column, Table, row, text_columns

_MEASURES = {
    "similarity_f1": ("similarity F1", 3),
    "similarity_recall": ("similarity recall", 3),
    "similarity_precision": ("similarity precision", 3),
    "bleurt": ("BLEURT", 3),
    "bleu": ("SacreBLEU", 1),
    "chrf": ("chrF", 1),
    "names": ("names", 2),
    "count_error": ("error of the number", 2),
}
"""Title and number of digits of each measure."""
_ABOUT_MEASURES = (
    "Names are assigned to the names of the collections so that the sum of cosines is the largest. Similarity recall: "
    "that sum divided by k; precision: divided by the number of names; F1: twice the sum divided by both together. "
    "SacreBLEU, chrF and BLEURT compare the name of each collection with the name assigned to it, or with an empty "
    "text. Error of the number: the absolute difference of the number of names to k."
)


@dataclasses.dataclass(frozen=True)
class PromptingExperiment(Experiment):
    """Comparison of three scopes of the prompts that name the journeys of a history (2305.15498, RQ5).

    Attributes:
        config: the model, and the histories.
        encoder: where vectors of titles and names come from.
    """

    name: ClassVar[str] = "prompting"
    title: ClassVar[str] = "Prompting: a whole history, its journeys, or one journey in a prompt"
    summary: ClassVar[str] = "Whether journeys are extracted before a language model names them."
    needs: ClassVar[Needs] = Needs(
        inputs=((EXAMPLES_INPUT,),),
        uses_encoder=True,
        requires_encoder=True,
        packages=("sacrebleu", "scipy"),
        reuses_workspace=True,
        runs_alone=True,
    )
    configs: ClassVar[tuple[type, ...]] = (PromptingConfig,)

    config: PromptingConfig
    encoder: EncoderSource

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError("encoder: prompting needs one, for journeys and for the similarity of names")
        return cls(options.read(PromptingConfig), options.encoder)

    @property
    def uses_language_model(self) -> bool:
        """Whether texts are generated."""
        return True

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.datasets.row_checkpoint import RowCheckpoint
        from transforms.evaluation.experiments.prompting.stages import EvaluatePrompting

        evaluate = EvaluatePrompting(
            self.config,
            self.encoder,
            inputs.rows.get(EMBEDDINGS.name),
            inputs.rows.get(GENERATIONS.name),
            RowCheckpoint(inputs.checkpoint_dir, GENERATIONS),
            inputs.progress,
        )
        return inputs.rows[NAMING_EXAMPLES.name] | "EvaluatePrompting" >> evaluate

    def configuration(self) -> dict[str, Any]:
        config = self.config
        return {
            "labels": list(config.prompted_model.labels),
            "named_collections": list(config.named_collections),
            "histories_per_k": config.histories_per_k,
            "titles_per_collection": config.titles_per_collection,
            "bleurt": config.bleurt.fingerprint() if config.bleurt else "",
            "seed": config.seed,
            "signatures": {overlap: signature(overlap) for overlap in OVERLAPS},
        }

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        index.require("prompting_similarity_f1")
        return [_table(index, "", ""), _table(index, "_difference", f"Differences to {SCOPES[-1]}")]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        histories, journeys = index.count("prompting_histories"), index.text("prompting_journeys")
        return [
            f"{histories} histories, each mixed from k collections of the test split. Journeys formed: {journeys}.",
            _ABOUT_MEASURES,
            f"Small numbers are 95 % intervals, by bootstrap over histories with seed {self.config.seed}.",
        ]


def _table(index: MetricIndex, suffix: str, title: str) -> Table:
    slices = index.slices(f"prompting_similarity_f1{suffix}")
    ks = sorted({each["k"] for each in slices}, key=lambda k: (k == "all", k))
    shown = {
        measure: column
        for measure, column in _MEASURES.items()
        if any(index.get(f"prompting_{measure}{suffix}", **each) for each in slices)
    }
    rows = []
    for k in ks:
        for parts in (each for each in slices if each["k"] == k):
            cells = (
                value_cell(
                    index.get(f"prompting_{measure}{suffix}", **parts),
                    f"{{:{'+' if suffix else ''}.{digits}f}}".format,
                    " to " if suffix else "–",
                )
                for measure, (_, digits) in shown.items()
            )
            rows.append(row(k, parts["scope"], *cells))
    columns = (Column(text, hides_intervals=True) for text, _ in shown.values())
    return Table((*text_columns("k", "scope"), *columns), tuple(rows), title, is_detail=bool(suffix))
