"""The experiment on prompting on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

import apache_beam as beam
import pyarrow as pa
from apache_beam.pvalue import AsIter

from transforms.columnar import split_by_size
from transforms.content_hash import content_hash
from transforms.datasets.error_rate import DataError
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.encoders.encode import EncodeTexts
from transforms.encoders.interface import EncoderSource
from transforms.encoders.text import TEXTS
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.naming.predictions import completions_by_hash, sample_examples
from transforms.evaluation.experiments.naming.scoring import TextVectors
from transforms.evaluation.experiments.prompting.config import MAX_TOKENS, SCOPES, PromptedModel, PromptingConfig, Scope
from transforms.evaluation.experiments.prompting.extraction import journey_labels
from transforms.evaluation.experiments.prompting.histories import History, build_histories, groups_of_labels
from transforms.evaluation.experiments.prompting.prompts import names_of_replies, prompts_of_scope, template_of_scope
from transforms.evaluation.experiments.prompting.scoring import prompting_metrics, score_scope
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.exclusive import ExclusiveModel
from transforms.language_models.generate import PROMPTS, GenerateTexts, GenerationResult, distinct_generations
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket

Batches = Iterable[pa.RecordBatch]

_BUCKETS = 16
_ALL_EXAMPLES = 1_000_000


def generation_of_scope(model: ModelSpec, scope: Scope) -> GenerationSpec:
    """Return the model with the prompt template of a scope; replies with several names may be longer."""
    tokens = DecodingConfig.max_new_tokens if scope == SCOPES[-1] else MAX_TOKENS
    return GenerationSpec(model, template_of_scope(scope), DecodingConfig(max_new_tokens=tokens))


def read_histories(examples: Batches, config: PromptingConfig) -> list[History]:
    """Build the histories of examples of the test split.

    Raises:
        DataError: when there are too few.
    """
    try:
        return build_histories(sample_examples(examples, _ALL_EXAMPLES).rows, config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


def history_texts(histories: Sequence[History]) -> pa.RecordBatch:
    """Return rows of `TEXTS`, a text being its own id: titles and names of histories, each once, sorted."""
    return _as_texts({text for history in histories for text in (*history.titles, *history.names)})


def _as_texts(texts: set[str]) -> pa.RecordBatch:
    column = pa.array(sorted(texts - {""}), pa.string())
    return pa.RecordBatch.from_arrays([column, column], schema=TEXTS)


def extracted_groups(histories: Sequence[History], vectors: TextVectors) -> list[list[list[str]]]:
    """Return the titles of each journey that is formed in each history."""
    titles = [title for history in histories for title in history.titles]
    labels = journey_labels(histories, vectors.lookup(titles))
    return [groups_of_labels(history, own) for history, own in zip(histories, labels, strict=True)]


def prompts_of_histories(
    histories: Sequence[History], groups: Sequence[Sequence[Sequence[str]]], scope: Scope, label: str
) -> list[list[tuple[str, str]]]:
    """Return for each history the prompts of a scope, each with its hash.

    Args:
        histories: the histories.
        groups: the titles of each journey of each history.
        scope: the scope.
        label: name and fingerprint of the model with its template.
    """
    return [
        [(content_hash(prompt, label), prompt) for prompt in prompts_of_scope(scope, history.titles, own).prompts]
        for history, own in zip(histories, groups, strict=True)
    ]


def names_of_histories(
    histories: Sequence[History], groups: Sequence[Sequence[Sequence[str]]], completions: Batches, model: PromptedModel
) -> dict[Scope, list[list[str]]]:
    """Return the names of each history by scope; a missing completion has none.

    Args:
        histories: the histories.
        groups: the titles of each journey of each history.
        completions: rows of `generations`.
        model: the model with the label of each scope.
    """
    found = completions_by_hash(completions)
    names: dict[Scope, list[list[str]]] = {}
    for scope, label in zip(SCOPES, model.labels, strict=True):
        prompts = prompts_of_histories(histories, groups, scope, label)
        replies = ([found[key][0].text for key, _ in own if key in found] for own in prompts)
        names[scope] = [names_of_replies(scope, own) for own in replies]
    return names


def _texts(_: bytes, examples: Batches, config: PromptingConfig) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(history_texts(read_histories(examples, config)))


def _prompts(
    _: bytes, examples: Batches, vectors: Batches, config: PromptingConfig, place: int, _previous: Batches
) -> pa.RecordBatch:
    histories = read_histories(examples, config)
    groups = extracted_groups(histories, TextVectors(vectors))
    prompts = prompts_of_histories(histories, groups, SCOPES[place], config.prompted_model.labels[place])
    rows = {key: prompt for own in prompts for key, prompt in own}
    batch = [{"content_hash": key, "prompt": prompt, "sources": []} for key, prompt in rows.items()]
    return pa.RecordBatch.from_pylist(batch, PROMPTS)


def _name_texts(
    _: bytes, examples: Batches, vectors: Batches, completions: Batches, config: PromptingConfig
) -> Iterator[pa.RecordBatch]:
    histories = read_histories(examples, config)
    groups = extracted_groups(histories, TextVectors(vectors))
    named = names_of_histories(histories, groups, completions, config.prompted_model)
    texts = {name for of_scope in named.values() for own in of_scope for name in own}
    yield from split_by_size(_as_texts(texts | {name for history in histories for name in history.names}))


def _score(
    _: bytes, examples: Batches, titles: Batches, names: Batches, completions: Batches, config: PromptingConfig
) -> pa.RecordBatch:
    histories = read_histories(examples, config)
    groups = extracted_groups(histories, TextVectors(titles))
    named = names_of_histories(histories, groups, completions, config.prompted_model)
    bleurt = config.bleurt.load() if config.bleurt else None
    vectors = TextVectors(names)
    scores = {scope: score_scope(histories, of_scope, vectors, bleurt) for scope, of_scope in named.items()}
    return prompting_metrics(histories, scores, [len(own) for own in groups], config.seed)


def _distinct(bucket: tuple[int, Mapping[str, Batches]]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(distinct_generations(bucket[1]["generations"]))


@dataclasses.dataclass
class EvaluatePrompting(beam.PTransform):
    """Evaluate three scopes of prompts about histories that are mixed from `naming_examples` of the test split.

    The examples are brought to one process: the test split fits into memory.

    Attributes:
        config: the model, and the histories.
        encoder: where vectors of titles and names come from.
        embeddings: record batches of `embeddings` of an earlier run; None: none.
        generations: record batches of `generations` of an earlier run; None: none.
        checkpoint: keeps completions while the job runs; None: they are not kept.
        progress: counts completions.

    Returns:
        The result; its `generations` are the completions of this run and all stored ones.
    """

    config: PromptingConfig
    encoder: EncoderSource
    embeddings: beam.PCollection | None = None
    generations: beam.PCollection | None = None
    checkpoint: RowCheckpoint | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, examples: beam.PCollection) -> ExperimentResult:
        root, all_examples = examples.pipeline, AsIter(examples)
        texts = beam.FlatMap(_texts, all_examples, self.config).with_output_types(pa.RecordBatch)
        titles = (
            root
            | "Once" >> beam.Impulse()
            | "Texts" >> texts
            | "EncodeTitles" >> EncodeTexts(self.encoder, stored=self.embeddings, progress=self.progress)
        )
        results: list[GenerationResult] = []
        for place in range(len(SCOPES)):
            waits_for = AsIter(results[-1].generations) if results else ()
            results.append(self._run_scope(root, place, (all_examples, AsIter(titles.vectors)), waits_for))
        stored = [] if self.generations is None else [self.generations]
        generations = (
            {"generations": (*stored, *(each.generations for each in results)) | "AllGenerations" >> beam.Flatten()}
            | "GroupGenerations" >> CoGroupByBucket("content_hash", _BUCKETS)
            | "Distinct" >> beam.FlatMap(_distinct).with_output_types(pa.RecordBatch)
        )
        inputs = (all_examples, AsIter(titles.vectors))
        name_texts = beam.FlatMap(_name_texts, *inputs, AsIter(generations), self.config)
        names = (
            root
            | "OnceMore" >> beam.Impulse()
            | "NameTexts" >> name_texts.with_output_types(pa.RecordBatch)
            | "EncodeNames" >> EncodeTexts(self.encoder, stored=titles.embeddings, progress=self.progress)
        )
        score = beam.Map(_score, *inputs, AsIter(names.vectors), AsIter(generations), self.config)
        metrics = root | "Last" >> beam.Impulse() | "Score" >> score.with_output_types(pa.RecordBatch)
        counts = (titles.counts, names.counts, *(each.counts for each in results)) | "Counts" >> beam.Flatten()
        errors = [each.errors for each in results] | "Errors" >> beam.Flatten()
        return ExperimentResult(metrics, counts, names.embeddings, errors, generations)

    def _run_scope(
        self, root: beam.Pipeline, place: int, inputs: tuple[AsIter, AsIter], waits_for: AsIter | tuple[()]
    ) -> GenerationResult:
        """Run the model for one scope after the previous one has finished, so that one model at a time is in memory."""
        generation = generation_of_scope(self.config.prompted_model.spec, SCOPES[place])
        source = generation if generation.model.kind == "endpoint" else ExclusiveModel(generation)
        generate = GenerateTexts(source, 1, self.generations, self.checkpoint, self.progress)
        prompts = beam.Map(_prompts, *inputs, self.config, place, waits_for).with_output_types(pa.RecordBatch)
        return (
            root
            | f"Once[{SCOPES[place]}]" >> beam.Impulse()
            | f"Prompts[{SCOPES[place]}]" >> prompts
            | f"Generate[{SCOPES[place]}]" >> generate
        )
