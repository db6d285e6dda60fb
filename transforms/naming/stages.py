"""Beam transforms from journeys and items to names of journeys.

With a language model: `PrepareInputs`, `BuildRequests`, `ToPrompts`, `GenerateTexts`, `AssignNames`, `ToPrompts`,
`GenerateTexts`, `ResolveRetries`. Without: `PrepareInputs`, `NameFromTerms`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import JOURNEY_NAMES
from transforms.columnar import concatenate, list_array, run_offsets, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.language_models.generate import FAILURES, PROMPTS, distinct_generations
from transforms.language_models.interface import Completion
from transforms.naming.assignment import (
    Journey,
    JourneyName,
    NamingContext,
    NamingRequest,
    assign_names,
    names_from_terms,
    names_to_screen,
    prompt_row,
    resolve_retries,
    selected_texts,
)
from transforms.naming.config import NamingConfig
from transforms.naming.prompt_inputs import (
    JOURNEY_COLUMNS,
    NAMING_INPUTS,
    build_inputs,
    join_titles,
    select_titles,
    title_requests,
)
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket

REQUESTS = pa.schema(
    [
        *NAMING_INPUTS,
        pa.field("taken", pa.list_(pa.string()), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("sources", pa.list_(pa.string()), nullable=False),
    ]
)
"""Requests to a language model: inputs of naming, names to avoid, and the columns of `PROMPTS`, which are empty for a
journey without titles and terms."""

_COMPLETIONS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("texts", pa.list_(pa.string()), nullable=False),
        pa.field("log_probs", pa.list_(pa.float64()), nullable=False),
        pa.field("failure", pa.string(), nullable=False),
    ]
)
"""The completions of the prompt of a user, in the order of ranks; if there are none, the kind of the failure."""
_ASSIGNED = pa.schema([pa.field("user_id", pa.string(), nullable=False), pa.field("name", pa.string(), nullable=False)])
_RETRIES_TAG = "retries"

JOURNEYS_COUNTER = "journeys_named"
"""The name of journeys in the progress."""

Bucket = tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]


def journeys_of(rows: pa.RecordBatch) -> Iterator[list[Journey]]:
    """Group rows of `NAMING_INPUTS`, sorted by user and rank, into the journeys of each user."""
    plain = (Journey(**row) for row in rows.select(NAMING_INPUTS.names).to_pylist())
    for _, journeys in itertools.groupby(plain, key=lambda journey: journey.user_id):
        yield list(journeys)


def requests_to_batch(requests: Iterable[NamingRequest], context: NamingContext) -> pa.RecordBatch:
    """Convert requests to rows of `REQUESTS`."""
    rows = [each.journey._asdict() | {"taken": list(each.taken)} | prompt_row(each, context) for each in requests]
    return pa.RecordBatch.from_pylist(rows, REQUESTS)


def requests_from_batch(rows: pa.RecordBatch) -> list[NamingRequest]:
    """Convert rows of `REQUESTS` to requests, sorted by user and rank."""
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    journeys = rows.select(NAMING_INPUTS.names).to_pylist()
    return [
        NamingRequest(Journey(**row), tuple(taken))
        for row, taken in zip(journeys, rows["taken"].to_pylist(), strict=True)
    ]


def names_to_batch(named: Iterable[JourneyName]) -> pa.RecordBatch:
    """Convert names to rows of `journey_names`, sorted by user and journey.

    Raises:
        SchemaError: when a row violates the schema.
    """
    rows = pa.RecordBatch.from_pylist(
        [each._asdict() for each in sorted(named, key=lambda each: (each.user_id, each.journey_id))],
        JOURNEY_NAMES.arrow,
    )
    JOURNEY_NAMES.check(rows)
    return rows


def select_prompts(requests: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `PROMPTS` for those rows of `REQUESTS` that have a prompt."""
    return _select(requests.filter(pc.not_equal(requests["content_hash"], "")), PROMPTS)


def join_completions(
    requests: Iterable[pa.RecordBatch], texts: Iterable[pa.RecordBatch], failures: Iterable[pa.RecordBatch] = ()
) -> pa.RecordBatch:
    """Join the completions of a model, or its failures, to the users who need them, for one bucket of hashes.

    Args:
        requests: rows with `user_id` and `content_hash`.
        texts: rows of `generations`.
        failures: rows of `FAILURES`.
    """
    wanted = concatenate(
        (rows.select(["user_id", "content_hash"]) for rows in requests), pa.schema(list(_COMPLETIONS)[:2])
    )
    generations = distinct_generations(texts)
    codes = generations["content_hash"].dictionary_encode()
    offsets = run_offsets(codes.indices.to_numpy())
    indices = pc.index_in(wanted["content_hash"], codes.dictionary)
    found = wanted.filter(indices.is_valid())
    lists = [list_array(offsets, generations[name]) for name in ("text", "log_prob")]
    none = pa.array([""] * found.num_rows, pa.string())
    completed = pa.RecordBatch.from_arrays(
        [*found.columns, *(each.take(indices.drop_null()) for each in lists), none], schema=_COMPLETIONS
    )
    return concatenate([completed, _join_failures(wanted.filter(indices.is_null()), failures)], _COMPLETIONS)


def _join_failures(wanted: pa.RecordBatch, failures: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    failed = concatenate(failures, FAILURES)
    indices = pc.index_in(wanted["content_hash"], failed["content_hash"])
    found = wanted.filter(indices.is_valid())
    empty = [pa.array([[]] * found.num_rows, _COMPLETIONS.field(name).type) for name in ("texts", "log_probs")]
    reasons = failed["reason"].take(indices.drop_null())
    return pa.RecordBatch.from_arrays([*found.columns, *empty, reasons], schema=_COMPLETIONS)


def completions_by_hash(rows: pa.RecordBatch) -> dict[str, list[Completion]]:
    """Return the completions of each prompt, in the order of ranks, by its hash."""
    return {
        row["content_hash"]: [Completion(*each) for each in zip(row["texts"], row["log_probs"], strict=True)]
        for row in rows.to_pylist()
        if not row["failure"]
    }


def failures_by_hash(rows: pa.RecordBatch) -> dict[str, str]:
    """Return the kind of the failure of each prompt without a completion, by its hash."""
    return {row["content_hash"]: row["failure"] for row in rows.to_pylist() if row["failure"]}


def counts_of(named: Iterable[JourneyName]) -> list[Count]:
    """Count names by method, and rejected names of models by reason."""
    named = list(named)
    methods = Counter(each.method for each in named)
    fallbacks = Counter(each.fallback_reason for each in named if each.fallback_reason)
    counts = [count("names", number, method) for method, number in sorted(methods.items())]
    counts += [count("names_rejected", number, reason) for reason, number in sorted(fallbacks.items())]
    return [*counts, count("names_unsafe", sum(not each.safe for each in named))]


@with_output_types(pa.RecordBatch, counts=Count)
class FindTitles(beam.DoFn):
    """Title requests and items of one bucket of items -> rows of `TITLES_BY_JOURNEY`."""

    def __init__(self, max_characters: int) -> None:
        self.max_characters = max_characters

    def process(self, bucket: Bucket) -> Iterator[Any]:
        found = join_titles(bucket[1]["wanted"], bucket[1]["items"], self.max_characters)
        for each in found.counts:
            yield TaggedOutput(COUNTS_TAG, each)
        yield from split_by_size(found.titled)


@with_output_types(pa.RecordBatch, counts=Count)
class JoinTitles(beam.DoFn):
    """Journeys and their titles, of one bucket of users -> rows of `NAMING_INPUTS`."""

    def __init__(self, config: NamingConfig) -> None:
        self.config = config

    def process(self, bucket: Bucket) -> Iterator[Any]:
        rows = build_inputs(bucket[1]["journeys"], bucket[1]["titled"], self.config)
        without = pc.sum(pc.equal(pc.list_value_length(rows["titles"]), 0)).as_py() or 0
        yield TaggedOutput(COUNTS_TAG, count("journeys", rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("journeys_without_titles", without))
        yield TaggedOutput(COUNTS_TAG, count("journeys_with_titles", rows.num_rows - without))
        yield from split_by_size(rows)


@with_output_types(pa.RecordBatch, counts=Count)
class NameFromTermsFn(beam.DoFn):
    """Rows of `NAMING_INPUTS` of one bucket of users -> rows of `journey_names`."""

    def __init__(self, context: NamingContext) -> None:
        self.context = context

    def process(self, bucket: Bucket) -> Iterator[Any]:
        users = list(journeys_of(_by_rank(bucket[1]["inputs"])))
        self.context.safety.prefetch(
            name for journeys in users for name in names_to_screen(map(NamingRequest, journeys), {}, self.context)
        )
        named = [each for journeys in users for each in names_from_terms(journeys, self.context)]
        yield from _with_counts(named)


@with_output_types(pa.RecordBatch, retries=pa.RecordBatch, counts=Count)
class AssignNamesFn(beam.DoFn):
    """Requests and completions of one bucket of users -> rows of `journey_names`; `REQUESTS` as a side output."""

    def __init__(self, context: NamingContext, progress: Progress) -> None:
        self.context = context
        self.progress = progress

    def process(self, bucket: Bucket) -> Iterator[Any]:
        named, retries = [], []
        users = list(journeys_of(_by_rank(rows.select(NAMING_INPUTS.names) for rows in bucket[1]["requests"])))
        requests = [NamingRequest(journey) for journeys in users for journey in journeys]
        completions = concatenate(bucket[1]["completions"], _COMPLETIONS)
        texts = selected_texts(requests, completions_by_hash(completions), self.context)
        failures = failures_by_hash(completions)
        self.context.safety.prefetch(names_to_screen(requests, texts, self.context))
        for journeys in users:
            of_user = assign_names(journeys, texts, self.context, failures)
            named += of_user.assigned
            retries += of_user.retries
        self.progress.add(JOURNEYS_COUNTER, len(requests))
        for batch in split_by_size(requests_to_batch(retries, self.context)):
            yield TaggedOutput(_RETRIES_TAG, batch)
        yield TaggedOutput(COUNTS_TAG, count("journeys_retried", len(retries)))
        yield from _with_counts(named)


@with_output_types(pa.RecordBatch, counts=Count)
class ResolveRetriesFn(beam.DoFn):
    """Retries, completions and assigned names of one bucket of users -> rows of `journey_names`."""

    def __init__(self, context: NamingContext) -> None:
        self.context = context

    def process(self, bucket: Bucket) -> Iterator[Any]:
        requests = requests_from_batch(concatenate(bucket[1]["retries"], REQUESTS))
        assigned = _names_of({each.journey.user_id for each in requests}, bucket[1]["assigned"])
        named: list[JourneyName] = []
        completions = concatenate(bucket[1]["completions"], _COMPLETIONS)
        texts = selected_texts(requests, completions_by_hash(completions), self.context)
        failures = failures_by_hash(completions)
        self.context.safety.prefetch(names_to_screen(requests, texts, self.context))
        for user, of_user in itertools.groupby(requests, key=lambda each: each.journey.user_id):
            named += resolve_retries(list(of_user), assigned.get(user, []), texts, self.context, failures)
        yield from _with_counts(named)


def _by_rank(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    rows = concatenate(batches, NAMING_INPUTS)
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    return rows.take(pc.sort_indices(rows, sort_keys=order))


def _names_of(users: set[str], assigned: Iterable[pa.RecordBatch]) -> dict[str, list[str]]:
    wanted = pa.array(sorted(users), pa.string())
    names: dict[str, list[str]] = {}
    for rows in assigned:
        kept = rows.filter(pc.is_in(rows["user_id"], wanted))
        for user, name in zip(kept["user_id"].to_pylist(), kept["name"].to_pylist(), strict=True):
            names.setdefault(user, []).append(name)
    return names


def _with_counts(named: Sequence[JourneyName]) -> Iterator[Any]:
    for each in counts_of(named):
        yield TaggedOutput(COUNTS_TAG, each)
    if named:
        yield from split_by_size(names_to_batch(named))


@dataclasses.dataclass
class PrepareInputs(beam.PTransform):
    """{`journeys`, `items`: record batches, each item once} -> record batches of `NAMING_INPUTS`.

    Attributes:
        config: configuration of prompts.
        buckets: number of buckets of items and users; affects memory and parallelism, not the result.

    Returns:
        A tuple of two PCollections: record batches of `NAMING_INPUTS`, counts (`journeys`, `journeys_without_titles`,
        `items_without_title`, `titles_cut`).
    """

    config: NamingConfig
    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        wanted = given["journeys"] | "TitleRequests" >> beam.Map(title_requests, self.config).with_output_types(
            pa.RecordBatch
        )
        alone = given["journeys"] | "JourneyColumns" >> beam.Map(_select, JOURNEY_COLUMNS).with_output_types(
            pa.RecordBatch
        )
        items = given["items"] | "SelectTitles" >> beam.Map(select_titles).with_output_types(pa.RecordBatch)
        found = (
            {"wanted": wanted, "items": items}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "FindTitles"
            >> beam.ParDo(FindTitles(self.config.max_title_characters)).with_outputs(COUNTS_TAG, main="titled")
        )
        ready = (
            {"journeys": alone, "titled": found.titled}
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "JoinTitles" >> beam.ParDo(JoinTitles(self.config)).with_outputs(COUNTS_TAG, main="rows")
        )
        return ready.rows, (found[COUNTS_TAG], ready[COUNTS_TAG]) | "Counts" >> beam.Flatten()


@dataclasses.dataclass
class NameFromTerms(beam.PTransform):
    """Record batches of `NAMING_INPUTS` -> names from terms.

    Attributes:
        context: the configuration of naming.
        buckets: number of buckets of users; affects memory and parallelism, not the result.

    Returns:
        A tuple of two PCollections: record batches of `journey_names`, counts (`names`, `names_unsafe`).
    """

    context: NamingContext
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        named = (
            {"inputs": rows}
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Name" >> beam.ParDo(NameFromTermsFn(self.context)).with_outputs(COUNTS_TAG, main="names")
        )
        return named.names, named[COUNTS_TAG]


@dataclasses.dataclass
class BuildRequests(beam.PTransform):
    """Record batches of `NAMING_INPUTS` -> record batches of `REQUESTS`, for `ToPrompts` and `AssignNames`.

    Attributes:
        context: the configuration of naming.
    """

    context: NamingContext

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return rows | "Build" >> beam.Map(_build_requests, self.context).with_output_types(pa.RecordBatch)


@dataclasses.dataclass
class ToPrompts(beam.PTransform):
    """Record batches of `REQUESTS` -> record batches of `PROMPTS`, for a language model."""

    def expand(self, requests: beam.PCollection) -> beam.PCollection:
        return requests | "Prompts" >> beam.Map(select_prompts).with_output_types(pa.RecordBatch)


class NamingResult(NamedTuple):
    """Result of `AssignNames`; each attribute is a PCollection.

    Attributes:
        names: record batches of `journey_names`, which are final.
        retries: record batches of `REQUESTS` for second prompts.
        counts: counts (`names`, `names_rejected` by reason, `names_unsafe`, `journeys_retried`).
    """

    names: beam.PCollection
    retries: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class AssignNames(beam.PTransform):
    """{`requests`: record batches of `REQUESTS`, `generations`, `failures`} -> names, and requests for second prompts.

    Attributes:
        context: the configuration of naming.
        buckets: number of buckets of prompts and users; affects memory and parallelism, not the result.
        progress: counts journeys, those of second prompts among them.
    """

    context: NamingContext
    buckets: int = 16
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, given: Mapping[str, beam.PCollection]) -> NamingResult:
        decided = (
            {
                "requests": given["requests"],
                "completions": given | "JoinCompletions" >> _JoinCompletions("requests", self.buckets),
            }
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Assign"
            >> beam.ParDo(AssignNamesFn(self.context, self.progress)).with_outputs(
                _RETRIES_TAG, COUNTS_TAG, main="names"
            )
        )
        return NamingResult(decided.names, decided[_RETRIES_TAG], decided[COUNTS_TAG])


@dataclasses.dataclass
class ResolveRetries(beam.PTransform):
    """{`retries`, `generations`, `failures`, `assigned`: `NamingResult.names`} -> the remaining names.

    Attributes:
        context: the configuration of naming.
        buckets: number of buckets of prompts and users; affects memory and parallelism, not the result.

    Returns:
        A tuple of two PCollections: record batches of `journey_names` for the retries, and counts.
    """

    context: NamingContext
    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        assigned = given["assigned"] | "SelectNames" >> beam.Map(_select, _ASSIGNED).with_output_types(pa.RecordBatch)
        requests = {name: given[name] for name in ("retries", "generations", "failures")}
        named = (
            {
                "retries": given["retries"],
                "assigned": assigned,
                "completions": requests | "JoinCompletions" >> _JoinCompletions("retries", self.buckets),
            }
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Assign" >> beam.ParDo(ResolveRetriesFn(self.context)).with_outputs(COUNTS_TAG, main="names")
        )
        return named.names, named[COUNTS_TAG]


@dataclasses.dataclass
class _JoinCompletions(beam.PTransform):
    """Join completions to the users of their requests, by the hash of the prompt."""

    requests: str
    buckets: int

    def expand(self, given: Mapping[str, beam.PCollection]) -> beam.PCollection:
        requests = given[self.requests] | "Hashes" >> beam.Map(_select_hashes).with_output_types(pa.RecordBatch)
        return (
            {"requests": requests, "generations": given["generations"], "failures": given["failures"]}
            | "GroupHashes" >> CoGroupByBucket("content_hash", self.buckets)
            | "Join" >> beam.FlatMap(_join_bucket).with_output_types(pa.RecordBatch)
        )


def _select(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([rows[name] for name in schema.names], schema=schema)


def _build_requests(rows: pa.RecordBatch, context: NamingContext) -> pa.RecordBatch:
    return requests_to_batch((NamingRequest(Journey(**row)) for row in rows.to_pylist()), context)


def _select_hashes(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.select(["user_id", "content_hash"])


def _join_bucket(bucket: Bucket) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(join_completions(*(bucket[1][name] for name in ("requests", "generations", "failures"))))
