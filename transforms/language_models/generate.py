"""Prompts -> completions of a language model, on Beam: each distinct prompt is completed once, and then cached."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import ERRORS, GENERATIONS
from transforms.columnar import concatenate, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.language_models.interface import (
    Completion,
    LanguageModel,
    LanguageModelSource,
    NBest,
    ReplyCheck,
    accept_reply,
    generate_batches,
)
from transforms.model_files import ModelUnavailableError
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket

PROMPTS = pa.schema(
    [
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("sources", pa.list_(pa.string()), nullable=False),
    ]
)
"""Prompts for a language model, with the hash of prompt and model, and the texts that the prompt is about, equal for
equal prompts: a check compares a reply with them."""

COMPLETIONS = pa.schema(
    [
        *PROMPTS,
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("text", pa.string()),
        pa.field("log_prob", pa.float64()),
        pa.field("failure", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("resumed", pa.bool_(), nullable=False),
    ]
)
"""Prompts with their completions, one row each. A prompt whose completion failed has one row, of rank 0, with a null
text, the error message and the kind of the failure. `resumed`: whether the completion was read from the checkpoint."""

FAILURES = pa.schema(
    [pa.field("content_hash", pa.string(), nullable=False), pa.field("reason", pa.string(), nullable=False)]
)
"""Prompts whose replies are no completions, with the kind of the failure."""

PROMPTS_COUNTER = "prompts"
"""The name of prompts in `errors`, in counts and in the progress."""

REPLIES = "replies"
"""The name in `errors` of replies that are no completions. They do not count as failed prompts: the model is there."""

_REQUEST_FAILURES = frozenset({"failed", "quota"})

_NEW_TAG = "new"
_FAILURES_TAG = "failures"
_BATCH_PROMPTS = 64
"""Prompts that go through a model together."""
_SECONDS_BETWEEN_WRITES = 30.0
"""Seconds after which the completions of an unfinished batch are kept; a job that is killed loses what is newer."""


def distinct_prompts(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Return rows of `PROMPTS`, in any order, each once, sorted by hash."""
    rows = concatenate(batches, PROMPTS)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("content_hash", "ascending"), ("prompt", "ascending")]))
    hashes = rows["content_hash"].dictionary_encode().indices.to_numpy()
    return rows.filter(pa.array(np.diff(hashes, prepend=-1) != 0))


class CachePartition(NamedTuple):
    """Prompts by whether their completions are cached.

    Attributes:
        cached: rows of `generations`.
        new: rows of `PROMPTS`.
    """

    cached: pa.RecordBatch
    new: pa.RecordBatch


def partition_cached(
    prompts: pa.RecordBatch, stored: Iterable[pa.RecordBatch], check: ReplyCheck = accept_reply
) -> CachePartition:
    """Look prompts up among cached completions.

    Args:
        prompts: rows of `PROMPTS`, each once.
        stored: rows of `generations` in any order, possibly with further columns, and repeated.
        check: decides which texts are no completions, so that their prompts are new.
    """
    hashes = prompts["content_hash"]
    cached = distinct_generations(rows.filter(pc.is_in(rows["content_hash"], hashes)) for rows in stored)
    sources = prompts["sources"].take(pc.index_in(cached["content_hash"], hashes)).to_pylist()
    valid = [not check(of_prompt, text) for of_prompt, text in zip(sources, cached["text"].to_pylist(), strict=True)]
    usable = cached["content_hash"].filter(pa.array(valid, pa.bool_()))
    cached = cached.filter(pc.is_in(cached["content_hash"], usable))
    return CachePartition(cached, prompts.filter(pc.invert(pc.is_in(hashes, cached["content_hash"]))))


def distinct_generations(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Return rows of `generations`, in any order and possibly with further columns, one for each key, sorted by it.

    Of several texts of one key, which an endpoint may have given, the first in the order of texts remains.
    """
    alone = (rows.select(GENERATIONS.arrow.names).cast(GENERATIONS.arrow) for rows in batches)
    rows = concatenate(alone, GENERATIONS.arrow)
    columns = ("content_hash", "rank", "text", "log_prob")
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(column, "ascending") for column in columns]))
    hashes = rows["content_hash"].dictionary_encode().indices.to_numpy()
    keys = np.stack([hashes, rows["rank"].to_numpy()])
    is_first = np.ones(rows.num_rows, bool)
    is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return rows.filter(pa.array(is_first))


def batch_by_length(prompts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split prompts into batches of similar length for a model; equal rows give equal batches, whatever their order."""
    rows = prompts.append_column("length", pc.utf8_length(prompts["prompt"]))
    order = pc.sort_indices(rows, sort_keys=[("length", "ascending"), ("content_hash", "ascending")])
    ordered = prompts.take(order)
    for start in range(0, ordered.num_rows, _BATCH_PROMPTS):
        yield from split_by_size(ordered.slice(start, _BATCH_PROMPTS))


def complete_batch(
    prompts: pa.RecordBatch,
    model: LanguageModel,
    checkpoint: RowCheckpoint | None = None,
    check: ReplyCheck = accept_reply,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> pa.RecordBatch:
    """Complete one batch of prompts.

    Args:
        prompts: rows of `PROMPTS`.
        model: completes the prompts that the checkpoint does not contain.
        checkpoint: where completions are looked up and kept, at least once a minute; None: nowhere.
        check: decides which texts are no completions. A prompt fails if all its texts are none.
        progress: counts completed prompts; None: nothing counts them.
        clock: the current time in seconds; no completion depends on it.

    Returns:
        Rows of `COMPLETIONS`, in the order of prompts and ranks.

    Raises:
        ModelUnavailableError: if the quota of the model's account is used up; its completions are kept.
    """
    progress = progress or Progress()
    progress.add(PROMPTS_COUNTER, 0)
    hashes, texts, sources = (prompts[name].to_pylist() for name in PROMPTS.names)
    resumed = (
        _n_best_by_hash(partition_cached(prompts, [checkpoint.read(prompts["content_hash"])], check).cached)
        if checkpoint
        else {}
    )
    progress.add(PROMPTS_COUNTER, len(resumed))
    missing = [index for index, hash_ in enumerate(hashes) if hash_ not in resumed]
    generated: dict[int, NBest] = {}

    def completions() -> pa.RecordBatch:
        rows: list[dict[str, Any]] = []
        for index, prompt in enumerate(prompts.to_pylist()):
            if index in generated:
                rows += _completion_rows(prompt, _checked(generated[index], sources[index], check), resumed=False)
            elif hashes[index] in resumed:
                rows += _completion_rows(prompt, resumed[hashes[index]], resumed=True)
        return pa.RecordBatch.from_pylist(rows, COMPLETIONS)

    written = clock()
    requests = [texts[index] for index in missing], [sources[index] for index in missing]
    for batch, found in generate_batches(model, *requests) if missing else ():
        generated |= {missing[index]: nbest for index, nbest in zip(batch, found, strict=True)}
        progress.add(PROMPTS_COUNTER, len(batch))
        if checkpoint and len(generated) < len(missing) and clock() - written >= _SECONDS_BETWEEN_WRITES:
            checkpoint.write(prompts["content_hash"], generations_of(completions()))
            written = clock()
    if len(generated) != len(missing):
        raise ValueError(f"the model completed {len(generated)} of {len(missing)} prompts")
    result = completions()
    if checkpoint and missing:
        checkpoint.write(prompts["content_hash"], generations_of(result))
    for nbest in generated.values():
        if nbest.reason == "quota":
            raise ModelUnavailableError(nbest.failure)
    return result


def _checked(nbest: NBest, sources: Sequence[str], check: ReplyCheck) -> NBest:
    reasons = [check(sources, each.text) for each in nbest.completions]
    if not reasons or not all(reasons):
        return nbest
    return NBest((), f"no completion: {nbest.completions[0].text}", reasons[0] or "no_name")


def _n_best_by_hash(generations: pa.RecordBatch) -> dict[str, NBest]:
    completions: dict[str, list[Completion]] = {}
    for row in distinct_generations([generations]).to_pylist():
        completions.setdefault(row["content_hash"], []).append(Completion(row["text"], row["log_prob"]))
    return {hash_: NBest(tuple(of_prompt)) for hash_, of_prompt in completions.items()}


def _completion_rows(prompt: Mapping[str, Any], nbest: NBest, resumed: bool) -> list[dict[str, Any]]:
    shared = {**prompt, "failure": "", "reason": "", "resumed": resumed}
    if nbest.failure or not nbest.completions:
        failure = nbest.failure or "the model returned no completion"
        return [shared | {"rank": 0, "text": None, "log_prob": None, "failure": failure, "reason": nbest.reason}]
    return [shared | {"rank": rank, **each._asdict()} for rank, each in enumerate(nbest.completions)]


def generations_of(completions: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `generations` for those rows of `COMPLETIONS` that did not fail."""
    valid = completions.filter(pc.is_valid(completions["text"]))
    return valid.select(GENERATIONS.arrow.names).cast(GENERATIONS.arrow)


def errors_of(completions: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `errors` for those rows of `COMPLETIONS` that failed, of `prompts` or of `replies`."""
    failed = completions.filter(pc.is_null(completions["text"])).select(["prompt", "failure", "reason"])
    rows = [
        {
            "dataset": PROMPTS_COUNTER if row["reason"] in _REQUEST_FAILURES else REPLIES,
            "file": "",
            "row": None,
            "reason": row["reason"],
            "payload": f"{row['failure']}\n{row['prompt']}",
        }
        for row in failed.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, ERRORS.arrow)


def failures_of(completions: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `FAILURES` for the replies among rows of `COMPLETIONS` that are no completions."""
    failed = completions.filter(pc.is_null(completions["text"])).select(FAILURES.names)
    return failed.filter(pc.invert(pc.is_in(failed["reason"], pa.array(sorted(_REQUEST_FAILURES)))))


def _count_prompts(rows: pa.RecordBatch) -> int:
    """Count the prompts of rows with ranks: each has one row of rank 0."""
    return int(pc.sum(pc.equal(rows["rank"], 0)).as_py() or 0)


class LanguageModelHandler(ModelHandler[pa.RecordBatch, pa.RecordBatch, LanguageModel]):
    """The interface of a language model to `RunInference`: rows of `PROMPTS` -> rows of `COMPLETIONS`.

    An element is already a batch, so Beam forms none. A process loads one model, which its threads share; on a GPU the
    processes of a worker share it as well.

    Args:
        source: the source of the model.
        checkpoint: where completions are kept while the job runs; None: nowhere.
        check: decides which texts are no completions.
        progress: counts completed prompts; None: nothing counts them.
    """

    def __init__(
        self,
        source: LanguageModelSource,
        checkpoint: RowCheckpoint | None = None,
        check: ReplyCheck = accept_reply,
        progress: Progress | None = None,
    ) -> None:
        super().__init__()
        self.progress = progress
        self.source = source
        self.checkpoint = checkpoint
        self.check = check

    def load_model(self) -> LanguageModel:
        return self.source.load()

    def run_inference(
        self, batch: pa.RecordBatch, model: LanguageModel, inference_args: dict[str, Any] | None = None
    ) -> list[pa.RecordBatch]:
        return [complete_batch(batch, model, self.checkpoint, self.check, self.progress)]

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


@with_output_types(pa.RecordBatch, new=pa.RecordBatch, counts=Count)
class LookupCached(beam.DoFn):
    """Prompts and cached completions of a bucket -> rows of `generations`; new prompts and counts as side outputs."""

    def __init__(self, check: ReplyCheck = accept_reply, progress: Progress | None = None) -> None:
        self.check = check
        self.progress = progress or Progress()

    def process(self, bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        _, batches = bucket
        prompts = distinct_prompts(batches["prompts"])
        cached, missing = partition_cached(prompts, batches.get("stored", ()), self.check)
        resumed, new = partition_cached(missing, batches.get("resumed", ()), self.check)
        yield from split_by_size(cached)
        yield from split_by_size(resumed)
        self.progress.expect(PROMPTS_COUNTER, new.num_rows)
        for batch in batch_by_length(new):
            yield TaggedOutput(_NEW_TAG, batch)
        yield TaggedOutput(COUNTS_TAG, count(f"{PROMPTS_COUNTER}_read", prompts.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("generations_cached", _count_prompts(cached)))
        yield TaggedOutput(COUNTS_TAG, count("generations_resumed", _count_prompts(resumed)))


@with_output_types(pa.RecordBatch, failures=pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class EmitCompletions(beam.DoFn):
    """Rows of `COMPLETIONS` -> rows of `generations`; `FAILURES`, errors and counts as side outputs."""

    def process(self, completions: pa.RecordBatch) -> Iterator[Any]:
        is_resumed = completions["resumed"]
        new = generations_of(completions.filter(pc.invert(is_resumed)))
        yield generations_of(completions)
        yield TaggedOutput(COUNTS_TAG, count("generations_new", _count_prompts(new)))
        yield TaggedOutput(COUNTS_TAG, count("generations_resumed", _count_prompts(completions.filter(is_resumed))))
        failed = errors_of(completions)
        if failed.num_rows:
            yield TaggedOutput(ERRORS_TAG, failed)
            yield TaggedOutput(_FAILURES_TAG, failures_of(completions))


class GenerationResult(NamedTuple):
    """The outputs of `GenerateTexts`, each a collection.

    Attributes:
        generations: record batches of `generations`: the completions of each prompt that did not fail.
        failures: record batches of `FAILURES`: prompts with a reply that is no completion.
        errors: record batches of `errors`.
        counts: counts of distinct prompts: `prompts_read`; `generations_cached`, by an earlier run;
            `generations_resumed`, by a run that did not end; `generations_new`.
    """

    generations: beam.PCollection
    failures: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class GenerateTexts(beam.PTransform):
    """Complete prompts: record batches of `PROMPTS` -> `GenerationResult`.

    Equal prompts meet in one bucket and are completed once. Where a completion depends on its prompt alone
    (see `TransformersModel`), neither the number of buckets nor cached completions change it.

    Attributes:
        source: the source of the language model.
        buckets: number of buckets of prompts; determines memory and parallelism.
        stored: record batches of `generations` of earlier runs; None: none.
        checkpoint: where completions are kept while the job runs; None: nowhere.
        progress: counts prompts that are new, and those that are completed.
        check: decides which texts are no completions; their prompts are completed again by the next run.
    """

    source: LanguageModelSource
    buckets: int = 16
    stored: beam.PCollection | None = None
    checkpoint: RowCheckpoint | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)
    check: ReplyCheck = accept_reply

    def expand(self, prompts: beam.PCollection) -> GenerationResult:
        batches = {"prompts": prompts}
        if self.stored is not None:
            batches["stored"] = self.stored
        if self.checkpoint is not None:
            read = beam.FlatMap(_read_checkpoint, self.checkpoint).with_output_types(pa.RecordBatch)
            batches["resumed"] = prompts.pipeline | "Once" >> beam.Impulse() | "ReadCheckpoint" >> read
        looked_up = (
            batches
            | "GroupPrompts" >> CoGroupByBucket("content_hash", self.buckets)
            | "LookupCached"
            >> beam.ParDo(LookupCached(self.check, self.progress)).with_outputs(_NEW_TAG, COUNTS_TAG, main="cached")
        )
        handler = LanguageModelHandler(self.source, self.checkpoint, self.check, self.progress)
        completed = (
            looked_up[_NEW_TAG]
            | "Reshuffle" >> beam.Reshuffle()
            | "Generate" >> RunInference(handler).with_output_types(pa.RecordBatch)
            | "EmitCompletions"
            >> beam.ParDo(EmitCompletions()).with_outputs(_FAILURES_TAG, ERRORS_TAG, COUNTS_TAG, main="generations")
        )
        return GenerationResult(
            (looked_up.cached, completed.generations) | "Generations" >> beam.Flatten(),
            completed[_FAILURES_TAG],
            completed[ERRORS_TAG],
            (looked_up[COUNTS_TAG], completed[COUNTS_TAG]) | "Counts" >> beam.Flatten(),
        )


def _read_checkpoint(_: bytes, checkpoint: RowCheckpoint) -> Iterator[pa.RecordBatch]:
    yield from checkpoint.read_all()
