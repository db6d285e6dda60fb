"""Questions -> a language model's answers, on Beam: each distinct question is put once, and never again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import TaggedOutput

from schemas import ERRORS, GENERATIONS
from transforms.columnar import CoGroupByBucket, concatenate, split_by_size
from transforms.datasets.counts import count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.language_models.checkpoint import GenerationCheckpoint
from transforms.language_models.spec import LanguageModel, LanguageModelSource
from transforms.progress import Progress

PROMPTS = pa.schema(
    [pa.field("content_hash", pa.string(), nullable=False), pa.field("question", pa.string(), nullable=False)]
)
"""What a language model is asked."""

COMPLETIONS = pa.schema(
    [
        *PROMPTS,
        pa.field("text", pa.string()),
        pa.field("failure", pa.string(), nullable=False),
        pa.field("resumed", pa.bool_(), nullable=False),
    ]
)
"""Questions with their answers: null where it failed, with what was raised; and whether the journal had it."""

PROMPTS_COUNTER = "questions"
"""Under which name failures stand in `errors`, and questions are counted."""

_NEW_TAG = "new"
_QUESTIONS_PER_PIECE = 64
"""What a killed job loses at most in each of its processes, and what goes through a model together."""


def distinct_prompts(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `PROMPTS` in any order -> the same, each once, sorted by hash."""
    rows = concatenate(batches, PROMPTS)
    table = pa.Table.from_batches([rows]).group_by("content_hash").aggregate([("question", "min")])
    table = table.select(["content_hash", "question_min"]).rename_columns(PROMPTS.names).cast(PROMPTS)
    return concatenate(table.sort_by("content_hash").to_batches(), PROMPTS)


class CachePartition(NamedTuple):
    """Questions by whether their answer is stored.

    Attributes:
        stored: rows of `generations`.
        new: rows of `PROMPTS`.
    """

    stored: pa.RecordBatch
    new: pa.RecordBatch


def partition_cached(questions: pa.RecordBatch, stored: Iterable[pa.RecordBatch]) -> CachePartition:
    """Looks questions up among stored answers.

    Args:
        questions: rows of `PROMPTS`, each once.
        stored: rows of `generations` in any order, perhaps with further columns, and several times where they are the
            same.
    """
    asked = questions["content_hash"]
    known = distinct_generations(rows.filter(pc.is_in(rows["content_hash"], asked)) for rows in stored)
    return CachePartition(known, questions.filter(pc.invert(pc.is_in(asked, known["content_hash"]))))


def distinct_generations(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `generations` in any order, perhaps with further columns -> one for each hash, sorted by it.

    Of several that differ, as an endpoint's may, it is the one that comes first in the order of texts.
    """
    alone = (rows.select(GENERATIONS.arrow.names).cast(GENERATIONS.arrow) for rows in batches)
    known = concatenate(alone, GENERATIONS.arrow)
    known = known.take(pc.sort_indices(known, sort_keys=[("content_hash", "ascending"), ("text", "ascending")]))
    return known.filter(_is_first(known["content_hash"]))


def _is_first(hashes: pa.StringArray) -> pa.BooleanArray:
    """Whether a hash is there for the first time, for each of them."""
    codes = hashes.dictionary_encode().indices.to_numpy()
    first = np.zeros(len(codes), bool)
    first[np.unique(codes, return_index=True)[1]] = True
    return pa.array(first)


def batch_by_length(questions: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Pieces for a model, of questions of nearly one length; the same whenever the rows are the same."""
    rows = questions.append_column("length", pc.utf8_length(questions["question"]))
    order = pc.sort_indices(rows, sort_keys=[("length", "ascending"), ("content_hash", "ascending")])
    ordered = questions.take(order)
    for start in range(0, ordered.num_rows, _QUESTIONS_PER_PIECE):
        yield from split_by_size(ordered.slice(start, _QUESTIONS_PER_PIECE))


def complete_batch(
    questions: pa.RecordBatch, model: LanguageModel, checkpoint: GenerationCheckpoint | None = None
) -> pa.RecordBatch:
    """Rows of `COMPLETIONS` for rows of `PROMPTS`, in the same order.

    Args:
        questions: one piece.
        model: what is asked where the journal has no answer.
        checkpoint: where answers are looked up, and kept; None: nowhere.
    """
    resumed = checkpoint.read(questions["content_hash"]) if checkpoint else concatenate([], GENERATIONS.arrow)
    places = pc.index_in(questions["content_hash"], resumed["content_hash"])
    texts = resumed["text"].take(places).to_pylist()
    failures = [""] * questions.num_rows
    open_places = [place for place, known in enumerate(places.is_valid().to_pylist()) if not known]
    asked = questions["question"].take(pa.array(open_places, pa.int64())).to_pylist()
    for place, answer in zip(open_places, model.answer(asked) if asked else [], strict=True):
        texts[place], failures[place] = answer.text, answer.failure or ("" if answer.text is not None else "no answer")
    answers = pa.RecordBatch.from_arrays(
        [*questions.columns, pa.array(texts, pa.string()), pa.array(failures, pa.string()), places.is_valid()],
        schema=COMPLETIONS,
    )
    if checkpoint and asked:
        checkpoint.write(questions["content_hash"], generations_of(answers))
    return answers


def generations_of(answers: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `generations` for those of `COMPLETIONS` that did not fail."""
    answered = answers.filter(pc.is_valid(answers["text"]))
    return answered.select(GENERATIONS.arrow.names).cast(GENERATIONS.arrow)


def errors_of(answers: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `errors` for those of `COMPLETIONS` that failed."""
    failed = answers.filter(pc.is_null(answers["text"]))
    rows = [
        {"dataset": PROMPTS_COUNTER, "file": "", "row": None, "reason": "failed", "payload": f"{failure}\n{question}"}
        for question, failure in zip(failed["question"].to_pylist(), failed["failure"].to_pylist(), strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, ERRORS.arrow)


class LanguageModelHandler(ModelHandler[pa.RecordBatch, pa.RecordBatch, LanguageModel]):
    """What `RunInference` needs to know of a language model: rows of `PROMPTS` -> rows of `COMPLETIONS`.

    An element is a batch already, so Beam makes none. A process loads one model, which its threads share; on a GPU the
    processes of a worker share it too.

    Args:
        source: where a worker gets the model from.
        checkpoint: where answers are kept while the job runs; None: nowhere.
    """

    def __init__(self, source: LanguageModelSource, checkpoint: GenerationCheckpoint | None = None) -> None:
        super().__init__()
        self.source = source
        self.checkpoint = checkpoint

    def load_model(self) -> LanguageModel:
        return self.source.load()

    def run_inference(
        self, batch: pa.RecordBatch, model: LanguageModel, inference_args: dict[str, Any] | None = None
    ) -> list[pa.RecordBatch]:
        return [complete_batch(batch, model, self.checkpoint)]

    def get_num_bytes(self, batch: pa.RecordBatch) -> int:
        return int(batch.nbytes)

    def get_metrics_namespace(self) -> str:
        return "GenerateTexts"

    def should_skip_batching(self) -> bool:
        return True

    def share_model_across_processes(self) -> bool:
        return self.source.is_shared()

    def validate_inference_args(self, inference_args: dict[str, Any] | None) -> None:
        if inference_args:
            raise ValueError(f"a language model takes no inference_args, got {sorted(inference_args)}")


class LookupCached(beam.DoFn):
    """All questions and stored answers of a bucket -> rows of `generations`; questions that are new, beside."""

    def process(self, bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        _, batches = bucket
        questions = distinct_prompts(batches["questions"])
        stored, open_questions = partition_cached(questions, batches.get("stored", ()))
        resumed, new = partition_cached(open_questions, batches.get("resumed", ()))
        yield from split_by_size(stored)
        yield from split_by_size(resumed)
        for piece in batch_by_length(new):
            yield TaggedOutput(_NEW_TAG, piece)
        yield TaggedOutput(COUNTS_TAG, count("questions_read", questions.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("generations_cached", stored.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("generations_resumed", resumed.num_rows))


class EmitCompletions(beam.DoFn):
    """Rows of `COMPLETIONS` -> rows of `generations`; errors and counts, beside."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def process(self, answers: pa.RecordBatch) -> Iterator[Any]:
        generated = generations_of(answers.filter(pc.invert(answers["resumed"])))
        yield generations_of(answers)
        yield TaggedOutput(COUNTS_TAG, count("generations_new", generated.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("generations_resumed", pc.sum(answers["resumed"]).as_py() or 0))
        failed = errors_of(answers)
        if failed.num_rows:
            yield TaggedOutput(ERRORS_TAG, failed)
        self.progress.add(PROMPTS_COUNTER, answers.num_rows)


class GenerationResult(NamedTuple):
    """What asking gives, each a collection.

    Attributes:
        generations: record batches of `generations`: each question's answer, but of those that failed.
        errors: record batches of `errors`.
        counts: counts: `questions_read`, distinct ones; `generations_cached`, from an earlier run;
            `generations_resumed`, from a run that did not end; `generations_new`.
    """

    generations: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class GenerateTexts(beam.PTransform):
    """Record batches of `PROMPTS` -> the answer to each.

    Equal questions meet in a bucket and are put once. An answer depends on its question alone, so neither buckets nor
    what is stored change any.

    Attributes:
        source: the language model.
        buckets: how many pieces the questions are cut into; decides memory and parallelism.
        stored: record batches of `generations` from earlier runs, each hash once; None: none.
        checkpoint: where answers are kept while the job runs; None: nowhere.
        progress: where answers are counted.
    """

    source: LanguageModelSource
    buckets: int = 16
    stored: beam.PCollection | None = None
    checkpoint: GenerationCheckpoint | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, questions: beam.PCollection) -> GenerationResult:
        batches = {"questions": questions}
        if self.stored is not None:
            batches["stored"] = self.stored
        if self.checkpoint is not None:
            kept = beam.FlatMap(lambda _, checkpoint: checkpoint.read_all(), self.checkpoint).with_output_types(
                pa.RecordBatch
            )
            batches["resumed"] = questions.pipeline | "Once" >> beam.Impulse() | "ReadJournal" >> kept
        found = (
            batches
            | "GroupQuestions" >> CoGroupByBucket("content_hash", self.buckets)
            | "LookUp" >> beam.ParDo(LookupCached()).with_outputs(_NEW_TAG, COUNTS_TAG, main="stored")
        )
        found[_NEW_TAG].element_type = pa.RecordBatch
        routed = (
            found[_NEW_TAG]
            | "Spread" >> beam.Reshuffle()
            | "Ask"
            >> RunInference(LanguageModelHandler(self.source, self.checkpoint)).with_output_types(pa.RecordBatch)
            | "Route"
            >> beam.ParDo(EmitCompletions(self.progress)).with_outputs(ERRORS_TAG, COUNTS_TAG, main="generations")
        )
        # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
        for rows in (found.stored, routed.generations, routed[ERRORS_TAG]):
            rows.element_type = pa.RecordBatch
        return GenerationResult(
            (found.stored, routed.generations) | "Generations" >> beam.Flatten(),
            routed[ERRORS_TAG],
            (found[COUNTS_TAG], routed[COUNTS_TAG]) | "Counts" >> beam.Flatten(),
        )
