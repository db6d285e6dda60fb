"""Journeys and items -> names of journeys, on Beam; a language model is asked by whoever wires these together.

With a model: `ReadyToName`, `AskFirst`, `Questions`, the model, `FirstRound`, `Questions`, the model, `SecondRound`.
Without: `ReadyToName`, `SalientNames`.
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

from schemas import GENERATIONS, JOURNEY_NAMES
from transforms.columnar import CoGroupByBucket, concatenate, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.language_models.generate import PROMPTS
from transforms.naming.config import NamingConfig
from transforms.naming.decide import (
    Asked,
    Journey,
    Named,
    Namer,
    first_round,
    possible_names,
    question_of,
    request_hash,
    salient_names,
    second_round,
)
from transforms.naming.journey_texts import (
    JOURNEYS_ALONE,
    NAMED_FROM,
    find_titles,
    named_from,
    titles_alone,
    wanted_items,
)

ASKED = pa.schema(
    [
        *NAMED_FROM,
        pa.field("taken", pa.list_(pa.string()), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("question", pa.string(), nullable=False),
    ]
)
"""A journey that a model is asked about: names it must not get, the hash of the prompt, and the question in it. Hash
and question are empty where nothing is known of the journey."""

_ANSWERS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
_SETTLED = pa.schema([pa.field("user_id", pa.string(), nullable=False), pa.field("name", pa.string(), nullable=False)])
_AGAIN_TAG = "again"

Bucket = tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]


def journeys_of(rows: pa.RecordBatch) -> Iterator[list[Journey]]:
    """Rows of `NAMED_FROM`, sorted by user and rank -> the journeys of one user after another."""
    plain = (Journey(**row) for row in rows.select(NAMED_FROM.names).to_pylist())
    for _, journeys in itertools.groupby(plain, key=lambda journey: journey.user_id):
        yield list(journeys)


def asked_rows(asked: Iterable[Asked], namer: Namer) -> pa.RecordBatch:
    """Rows of `ASKED`."""
    rows = [
        each.journey._asdict()
        | {"taken": list(each.taken), "content_hash": request_hash(each, namer)}
        | {"question": question_of(each, namer.config)}
        for each in asked
    ]
    return pa.RecordBatch.from_pylist(rows, ASKED)


def asked_of(rows: pa.RecordBatch) -> list[Asked]:
    """The reverse of `asked_rows`, sorted by user and rank."""
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    journeys = rows.select(NAMED_FROM.names).to_pylist()
    return [Asked(Journey(**row), tuple(taken)) for row, taken in zip(journeys, rows["taken"].to_pylist(), strict=True)]


def name_rows(named: Iterable[Named]) -> pa.RecordBatch:
    """Rows of `journey_names`, sorted by its order.

    Raises:
        SchemaError: when a row breaks what the dataset promises.
    """
    rows = pa.RecordBatch.from_pylist(
        [each._asdict() for each in sorted(named, key=lambda each: (each.user_id, each.journey_id))],
        JOURNEY_NAMES.arrow,
    )
    JOURNEY_NAMES.check(rows)
    return rows


def questions_of(asked: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `PROMPTS` for those rows of `ASKED` that have a question."""
    return _select(asked.filter(pc.not_equal(asked["content_hash"], "")), PROMPTS)


def answers(asked: Iterable[pa.RecordBatch], texts: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """What a model wrote, for each user who asked, from all rows of one bucket of hashes."""
    wanted = concatenate((rows.select(["user_id", "content_hash"]) for rows in asked), pa.schema(list(_ANSWERS)[:2]))
    known = concatenate(
        (rows.select(GENERATIONS.arrow.names).cast(GENERATIONS.arrow) for rows in texts), GENERATIONS.arrow
    )
    places = pc.index_in(wanted["content_hash"], known["content_hash"])
    found = wanted.filter(places.is_valid())
    return pa.RecordBatch.from_arrays([*found.columns, known["text"].take(places.drop_null())], schema=_ANSWERS)


def texts_of_users(rows: pa.RecordBatch) -> dict[str, dict[str, str]]:
    """For each user, what the model wrote by the hash of the prompt."""
    found: dict[str, dict[str, str]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["user_id"], {})[row["content_hash"]] = row["text"]
    return found


def counts_of(named: Iterable[Named]) -> list[Count]:
    """Names by method, and why those of models were not taken."""
    named = list(named)
    methods = Counter(each.method for each in named)
    fallbacks = Counter(each.fallback_reason for each in named if each.fallback_reason)
    counts = [count("names", number, method) for method, number in sorted(methods.items())]
    counts += [count("names_rejected", number, reason) for reason, number in sorted(fallbacks.items())]
    return [*counts, count("names_unsafe", sum(not each.safe for each in named))]


class FindTitles(beam.DoFn):
    """All wanted items and the catalogue of one bucket -> their titles."""

    def __init__(self, most_characters: int) -> None:
        self.most_characters = most_characters

    def process(self, bucket: Bucket) -> Iterator[Any]:
        found = find_titles(bucket[1]["wanted"], bucket[1]["items"], self.most_characters)
        for each in found.counts:
            yield TaggedOutput(COUNTS_TAG, each)
        yield from split_by_size(found.titled)


class BringTitles(beam.DoFn):
    """All journeys and titles of the users of one bucket -> what each journey is named from."""

    def __init__(self, config: NamingConfig) -> None:
        self.config = config

    def process(self, bucket: Bucket) -> Iterator[Any]:
        rows = named_from(bucket[1]["journeys"], bucket[1]["titled"], self.config)
        without = pc.sum(pc.equal(pc.list_value_length(rows["titles"]), 0)).as_py() or 0
        yield TaggedOutput(COUNTS_TAG, count("journeys", rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("journeys_without_titles", without))
        yield from split_by_size(rows)


class NameByTerms(beam.DoFn):
    """All rows of `NAMED_FROM` of one bucket of users -> rows of `journey_names`."""

    def __init__(self, namer: Namer) -> None:
        self.namer = namer

    def process(self, bucket: Bucket) -> Iterator[Any]:
        users = list(journeys_of(_by_rank(bucket[1]["named_from"])))
        self.namer.safety.prepare(
            name for journeys in users for name in possible_names(map(Asked, journeys), {}, self.namer)
        )
        named = [each for journeys in users for each in salient_names(journeys, self.namer)]
        yield from _with_counts(named)


class DecideFirst(beam.DoFn):
    """All rows of `ASKED` and answers of one bucket of users -> rows of `journey_names`; of `ASKED`, beside."""

    def __init__(self, namer: Namer) -> None:
        self.namer = namer

    def process(self, bucket: Bucket) -> Iterator[Any]:
        texts = texts_of_users(concatenate(bucket[1]["answers"], _ANSWERS))
        named, again = [], []
        users = list(journeys_of(_by_rank(rows.select(NAMED_FROM.names) for rows in bucket[1]["asked"])))
        self.namer.safety.prepare(
            name
            for journeys in users
            for name in possible_names(map(Asked, journeys), texts.get(journeys[0].user_id, {}), self.namer)
        )
        for journeys in users:
            of_user = first_round(journeys, texts.get(journeys[0].user_id, {}), self.namer)
            named += of_user.settled
            again += of_user.again
        for piece in split_by_size(asked_rows(again, self.namer)):
            yield TaggedOutput(_AGAIN_TAG, piece)
        yield TaggedOutput(COUNTS_TAG, count("journeys_retried", len(again)))
        yield from _with_counts(named)


class DecideSecond(beam.DoFn):
    """All rows of `ASKED`, answers and settled names of one bucket of users -> rows of `journey_names`."""

    def __init__(self, namer: Namer) -> None:
        self.namer = namer

    def process(self, bucket: Bucket) -> Iterator[Any]:
        texts = texts_of_users(concatenate(bucket[1]["answers"], _ANSWERS))
        asked = asked_of(concatenate(bucket[1]["again"], ASKED))
        settled = _names_of({each.journey.user_id for each in asked}, bucket[1]["settled"])
        named: list[Named] = []
        self.namer.safety.prepare(
            name for each in asked for name in possible_names([each], texts.get(each.journey.user_id, {}), self.namer)
        )
        for user, of_user in itertools.groupby(asked, key=lambda each: each.journey.user_id):
            named += second_round(list(of_user), settled.get(user, []), texts.get(user, {}), self.namer)
        yield from _with_counts(named)


def _by_rank(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    rows = concatenate(batches, NAMED_FROM)
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    return rows.take(pc.sort_indices(rows, sort_keys=order))


def _names_of(users: set[str], settled: Iterable[pa.RecordBatch]) -> dict[str, list[str]]:
    wanted = pa.array(sorted(users), pa.string())
    names: dict[str, list[str]] = {}
    for rows in settled:
        kept = rows.filter(pc.is_in(rows["user_id"], wanted))
        for user, name in zip(kept["user_id"].to_pylist(), kept["name"].to_pylist(), strict=True):
            names.setdefault(user, []).append(name)
    return names


def _with_counts(named: Sequence[Named]) -> Iterator[Any]:
    for each in counts_of(named):
        yield TaggedOutput(COUNTS_TAG, each)
    if named:
        yield from split_by_size(name_rows(named))


@dataclasses.dataclass
class ReadyToName(beam.PTransform):
    """{`journeys`: record batches of them, `items`: of `items`, each item once} -> what each journey is named from.

    Attributes:
        config: which, and how much.
        buckets: how many pieces items and users are cut into; decides memory and parallelism, not the result.

    Returns:
        A tuple of two collections: record batches of `NAMED_FROM`, counts (`journeys`, `journeys_without_titles`,
        `items_without_title`, `titles_cut`).
    """

    config: NamingConfig
    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        wanted = given["journeys"] | "Want" >> beam.Map(wanted_items, self.config).with_output_types(pa.RecordBatch)
        alone = given["journeys"] | "Alone" >> beam.Map(_select, JOURNEYS_ALONE).with_output_types(pa.RecordBatch)
        items = given["items"] | "TitlesAlone" >> beam.Map(titles_alone).with_output_types(pa.RecordBatch)
        found = (
            {"wanted": wanted, "items": items}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "Find" >> beam.ParDo(FindTitles(self.config.max_title_characters)).with_outputs(COUNTS_TAG, main="titled")
        )
        ready = (
            {"journeys": alone, "titled": _typed(found.titled)}
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Bring" >> beam.ParDo(BringTitles(self.config)).with_outputs(COUNTS_TAG, main="rows")
        )
        return _typed(ready.rows), (found[COUNTS_TAG], ready[COUNTS_TAG]) | "Counts" >> beam.Flatten()


@dataclasses.dataclass
class SalientNames(beam.PTransform):
    """Record batches of `NAMED_FROM` -> names from terms alone.

    Attributes:
        namer: what they are named with.
        buckets: how many pieces users are cut into.

    Returns:
        A tuple of two collections: record batches of `journey_names`, counts (`names`, `names_unsafe`).
    """

    namer: Namer
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        named = (
            {"named_from": rows}
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Name" >> beam.ParDo(NameByTerms(self.namer)).with_outputs(COUNTS_TAG, main="names")
        )
        return _typed(named.names), named[COUNTS_TAG]


@dataclasses.dataclass
class AskFirst(beam.PTransform):
    """Record batches of `NAMED_FROM` -> record batches of `ASKED`, for `Questions` and `FirstRound`.

    Attributes:
        namer: what they are named with.
    """

    namer: Namer

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        return rows | "Ask" >> beam.Map(_ask, self.namer).with_output_types(pa.RecordBatch)


@dataclasses.dataclass
class Questions(beam.PTransform):
    """Record batches of `ASKED` -> record batches of `PROMPTS`, for a language model."""

    def expand(self, asked: beam.PCollection) -> beam.PCollection:
        return asked | "Questions" >> beam.Map(questions_of).with_output_types(pa.RecordBatch)


class Decided(NamedTuple):
    """What the first round gives, each a collection.

    Attributes:
        names: record batches of `journey_names` that are final.
        again: record batches of `ASKED`: what the model is asked again.
        counts: counts (`names`, `names_rejected` by reason, `names_unsafe`, `journeys_retried`).
    """

    names: beam.PCollection
    again: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class FirstRound(beam.PTransform):
    """{`asked`: record batches of `ASKED`, `texts`: of `generations`} -> names, and journeys to ask about again.

    Attributes:
        namer: what they are named with.
        buckets: how many pieces questions and users are cut into.
    """

    namer: Namer
    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> Decided:
        decided = (
            {"asked": given["asked"], "answers": given | "Answers" >> _Answers("asked", self.buckets)}
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Decide" >> beam.ParDo(DecideFirst(self.namer)).with_outputs(_AGAIN_TAG, COUNTS_TAG, main="names")
        )
        return Decided(_typed(decided.names), _typed(decided[_AGAIN_TAG]), decided[COUNTS_TAG])


@dataclasses.dataclass
class SecondRound(beam.PTransform):
    """{`again`: `Decided.again`, `texts`: of `generations`, `settled`: `Decided.names`} -> the names that were missing.

    Attributes:
        namer: what they are named with.
        buckets: how many pieces questions and users are cut into.

    Returns:
        A tuple of two collections: record batches of `journey_names`, without those of the first round, and counts.
    """

    namer: Namer
    buckets: int = 16

    def expand(self, given: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, beam.PCollection]:
        settled = given["settled"] | "NamesAlone" >> beam.Map(_select, _SETTLED).with_output_types(pa.RecordBatch)
        asked = {"again": given["again"], "texts": given["texts"]}
        named = (
            {
                "again": given["again"],
                "settled": settled,
                "answers": asked | "Answers" >> _Answers("again", self.buckets),
            }
            | "GroupUsers" >> CoGroupByBucket("user_id", self.buckets)
            | "Decide" >> beam.ParDo(DecideSecond(self.namer)).with_outputs(COUNTS_TAG, main="names")
        )
        return _typed(named.names), named[COUNTS_TAG]


@dataclasses.dataclass
class _Answers(beam.PTransform):
    """Brings texts to the users whose journeys they are about."""

    asked: str
    buckets: int

    def expand(self, given: Mapping[str, beam.PCollection]) -> beam.PCollection:
        asked = given[self.asked] | "Hashes" >> beam.Map(_hashes).with_output_types(pa.RecordBatch)
        return (
            {"asked": asked, "texts": given["texts"]}
            | "GroupHashes" >> CoGroupByBucket("content_hash", self.buckets)
            | "Join" >> beam.FlatMap(_answers_of_bucket).with_output_types(pa.RecordBatch)
        )


def _typed(rows: beam.PCollection) -> beam.PCollection:
    # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
    rows.element_type = pa.RecordBatch
    return rows


def _select(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([rows[name] for name in schema.names], schema=schema)


def _ask(rows: pa.RecordBatch, namer: Namer) -> pa.RecordBatch:
    return asked_rows((Asked(Journey(**row)) for row in rows.to_pylist()), namer)


def _hashes(rows: pa.RecordBatch) -> pa.RecordBatch:
    return rows.select(["user_id", "content_hash"])


def _answers_of_bucket(bucket: Bucket) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(answers(bucket[1]["asked"], bucket[1]["texts"]))
