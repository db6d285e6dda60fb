"""Interactions and salient terms -> histories and journeys, on Beam."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import HISTORIES, JOURNEYS, SALIENT_TERMS
from transforms.columnar import ApplyGlobally, CoGroupByBucket, KeyByBucket, StringIndex, concatenate, split_by_bucket
from transforms.datasets.coercion import FILE, ROW
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.datasets.writing import PartWriter
from transforms.journeys.catalogue import Catalogue, encode_sorted, pack_catalogue, sorted_ids, unpack_catalogue
from transforms.journeys.config import ExtractConfig, InteractionFilter, Join
from transforms.journeys.form_journeys import form_journeys
from transforms.journeys.histories import (
    REMOVAL_COUNTS,
    Histories,
    build_histories,
    histories_by_part,
    history_rows,
    removal_counts,
    rows_of_heavy_users,
    stored_removal_counts,
)
from transforms.journeys.icpc import Journeys
from transforms.journeys.interactions import (
    EVENTS,
    attach_item_features,
    events_with_features_schema,
    filter_interactions,
    resolve_items,
)
from transforms.journeys.item_features import item_features_schema, select_ids
from transforms.journeys.quantized_vectors import VECTOR
from transforms.journeys.rows import journey_rows
from transforms.journeys.sample import SampleUsers, sampled_rows
from transforms.journeys.sweep import choose_threshold, sum_counts, sweep
from transforms.journeys.term_privacy import keep_terms, term_users, terms_above_min_users

_LOGGER = logging.getLogger(__name__)
_MOST_JOURNEYS_TOLD = 10
_MANY_IN_A_BATCH = 32
_FINE_BUCKETS = 1 << 12
HEAVY_TAG = "many"

Keyed = tuple[int, pa.RecordBatch]


@with_output_types(pa.RecordBatch, counts=Count)
class FilterInteractions(beam.DoFn):
    """Interactions -> those that count."""

    def __init__(self, wanted: InteractionFilter) -> None:
        self.wanted = wanted

    def process(self, rows: pa.RecordBatch) -> Iterator[Any]:
        kept = filter_interactions(rows, self.wanted)
        for dropped in kept.dropped:
            yield TaggedOutput(COUNTS_TAG, dropped)
        if kept.rows.num_rows:
            yield kept.rows


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch)
class ResolveItems(beam.DoFn):
    """Interactions -> events with the number of their item among all, sorted, as in the packed catalogue."""

    def __init__(self) -> None:
        self.item_ids: pa.RecordBatch | None = None
        self.index: StringIndex | None = None

    def process(self, rows: pa.RecordBatch, item_ids: pa.RecordBatch) -> Iterator[Any]:
        if self.index is None or self.item_ids is not item_ids:
            self.item_ids, self.index = item_ids, StringIndex(item_ids["item_id"])
        found = resolve_items(rows, self.index)
        if found.errors.num_rows:
            yield TaggedOutput(ERRORS_TAG, found.errors)
        yield found.events


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch)
class AttachItemFeatures(beam.DoFn):
    """All interactions with, and all that is known of, the items of one bucket -> events that carry it along."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        described = concatenate(bucket[1]["described"], self.schema)
        for rows in bucket[1]["rows"]:
            found = attach_item_features(rows, described)
            if found.errors.num_rows:
                yield TaggedOutput(ERRORS_TAG, found.errors)
            yield found.events


@with_output_types(Keyed, many=Keyed)
class RouteEvents(beam.DoFn):
    """Events -> pieces keyed by user bucket; those of users with many events in one batch keyed more finely, beside.

    Users with more events than they may keep are cut here already.
    """

    def __init__(self, schema: pa.Schema, max_history: int, buckets: int) -> None:
        self.schema = schema
        self.max_history = max_history
        self.buckets = buckets

    def process(self, events: pa.RecordBatch) -> Iterator[Any]:
        too_many = rows_of_heavy_users(events["user_id"], self.max_history)
        if too_many.any():
            cut = build_histories([events.filter(pa.array(too_many))], self.schema, self.max_history)
            yield from split_by_bucket(removal_counts(cut), "user_id", self.buckets)
            events = concatenate([events.filter(pa.array(~too_many)), cut.events], self.schema)
        many = rows_of_heavy_users(events["user_id"], _MANY_IN_A_BATCH)
        if many.any():
            for piece in split_by_bucket(events.filter(pa.array(many)), "user_id", _FINE_BUCKETS):
                yield TaggedOutput(HEAVY_TAG, piece)
            events = events.filter(pa.array(~many))
        yield from split_by_bucket(events, "user_id", self.buckets)


class TruncateHistories(beam.DoFn):
    """Events of the few users of a fine bucket -> pieces of what they keep, keyed by user bucket, and tallies."""

    def __init__(self, schema: pa.Schema, max_history: int, buckets: int) -> None:
        self.schema = schema
        self.max_history = max_history
        self.buckets = buckets

    def process(self, group: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Keyed]:
        ((_, cut),) = histories_by_part(group[1], self.schema, self.max_history, parts=1)
        for rows in (cut.events, removal_counts(cut)):
            yield from split_by_bucket(rows, "user_id", self.buckets)


@dataclasses.dataclass
class GroupByUser(beam.PTransform):
    """Events -> all events of the users of each bucket.

    Users who have many events are brought together in small groups first and cut there: a bucket of such users would be
    as large as all that they ever did, and a runner such as Flink takes in a bucket in one piece.

    Attributes:
        schema: `EVENTS`, or that of described events.
        max_history: how many events a user keeps.
        buckets: how many groups there are; decides memory and parallelism, not the result.
        told: tallies of what was taken away in earlier runs; None: nothing.

    Returns:
        A collection of (bucket, batches of events and tallies), for `histories_by_part`.
    """

    schema: pa.Schema
    max_history: int
    buckets: int
    told: beam.PCollection | None = None

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        limits = (self.schema, self.max_history, self.buckets)
        routed = events | "Route" >> beam.ParDo(RouteEvents(*limits)).with_outputs(HEAVY_TAG, main="pieces")
        many = routed[HEAVY_TAG]
        cut = (
            many
            | "GroupMany" >> beam.GroupByKey()
            | "CutHistories" >> beam.ParDo(TruncateHistories(*limits)).with_output_types(Keyed)
        )
        pieces: tuple[beam.PCollection, ...] = (routed.pieces, cut)
        if self.told is not None:
            by_user = KeyByBucket("user_id", self.buckets)
            pieces += (self.told | "SplitTold" >> beam.ParDo(by_user).with_output_types(Keyed),)
        return pieces | "AllPieces" >> beam.Flatten() | "GroupUsers" >> beam.GroupByKey()


def encode_items(
    histories: Histories, packed: pa.RecordBatch | None, kept: pa.StringArray | None
) -> tuple[npt.NDArray[np.int32], Catalogue]:
    """The item of each event as a number, and the catalogue in which it is one.

    Args:
        histories: of `EVENTS`, with `packed`, or of described events, without.
        packed: the whole catalogue, or None where the events carry what is known of their items.
        kept: terms that may be used, where `packed` is not limited to them already; None: all.
    """
    if packed is not None:
        return histories.events["item"].to_numpy(), unpack_catalogue(packed)
    events = histories.events
    items = encode_sorted(events["item_id"])
    _, first = np.unique(items.codes, return_index=True)
    schema = item_features_schema(with_vectors=VECTOR.name in events.schema.names)
    described = events.select(schema.names).take(pa.array(first)).cast(schema)
    packed = pack_catalogue([described if kept is None else keep_terms(described, kept)], schema)
    return items.codes.astype(np.int32), unpack_catalogue(packed)


class CountTermUsers(beam.DoFn):
    """Events of a bucket -> how many of its users each term reaches."""

    def __init__(self, schema: pa.Schema, max_history: int) -> None:
        self.schema = schema
        self.max_history = max_history

    def process(
        self, group: tuple[int, Iterable[pa.RecordBatch]], packed: pa.RecordBatch | None
    ) -> Iterator[pa.RecordBatch]:
        ((_, histories),) = histories_by_part(group[1], self.schema, self.max_history, parts=1)
        items, catalogue = encode_items(histories, packed, None)
        yield term_users(histories, items, catalogue)


class SweepBucket(beam.DoFn):
    """Events of a bucket -> what other thresholds would give its users in the sample, as rows of `SWEEP_COUNTS`."""

    def __init__(self, schema: pa.Schema, config: ExtractConfig) -> None:
        self.schema = schema
        self.config = config

    def process(
        self,
        group: tuple[int, Iterable[pa.RecordBatch]],
        limit: np.uint64,
        packed: pa.RecordBatch | None,
        kept: pa.RecordBatch | None,
    ) -> Iterator[pa.RecordBatch]:
        events = (sampled_rows(batch, limit) for batch in group[1] if batch.schema.names != REMOVAL_COUNTS.names)
        for _, histories in histories_by_part(events, self.schema, self.config.max_history, parts=1):
            items, catalogue = encode_items(histories, packed, None if kept is None else kept["term"])
            yield sweep(histories.offsets, items, catalogue, self.config)


@with_output_types(Any, counts=Count)
class ExtractBucket(beam.DoFn):
    """Events of a bucket -> its parts of `journeys` and `histories`, written; counts beside.

    All rows of a part come from one bucket, so they are written here and are not shuffled once more.
    """

    def __init__(self, schema: pa.Schema, config: ExtractConfig, writer: PartWriter) -> None:
        self.schema = schema
        self.config = config
        self.writer = writer

    def setup(self) -> None:
        _LOGGER.info("process %d extracts journeys", os.getpid())

    def process(
        self,
        group: tuple[int, Iterable[pa.RecordBatch]],
        packed: pa.RecordBatch | None,
        kept: pa.RecordBatch | None,
        threshold: float | None = None,
    ) -> Iterator[Any]:
        config = self.config if threshold is None else self.config.with_threshold(threshold)
        together = histories_by_part(group[1], self.schema, self.config.max_history, self.writer.parts)
        for part, histories in together:
            if not len(histories.user_ids):
                continue
            items, catalogue = encode_items(histories, packed, None if kept is None else kept["term"])
            journeys = form_journeys(histories.offsets, items, catalogue, config)
            rows = history_rows(histories, catalogue.item_ids.take(pa.array(items)))
            yield self.writer.write(HISTORIES, part, [rows])
            ranked = journey_rows(journeys, histories, items, catalogue, config.half_life_days)
            yield self.writer.write(JOURNEYS, part, [ranked])
            for figure in count_extracted(histories, items, catalogue, journeys):
                yield TaggedOutput(COUNTS_TAG, figure)
            self.writer.progress.add("users", len(histories.user_ids))


def count_extracted(
    histories: Histories, items: npt.NDArray[np.int32], catalogue: Catalogue, journeys: Journeys
) -> Iterator[Count]:
    """What a run reports about the users of one bucket."""
    user_count = len(histories.user_ids)
    yield count("users", user_count)
    yield count("interactions_kept", len(items))
    yield count("interactions_dropped", int(histories.removed[~histories.truncated].sum()), "duplicate")
    yield count("interactions_dropped", int(histories.removed[histories.truncated].sum()), "beyond_max_history")
    yield count("users_truncated", int(histories.truncated.sum()))
    yield count("interactions_without_terms", int((np.diff(catalogue.term_vectors.offsets)[items] == 0).sum()))
    if catalogue.has_vector is not None:
        yield count("interactions_without_vectors", int((~catalogue.has_vector[items]).sum()))
    in_a_journey = np.zeros(len(items), bool)
    in_a_journey[journeys.members] = True
    yield count("interactions_in_journeys", in_a_journey.sum())
    yield count("journeys", len(journeys.users))
    per_user = np.bincount(journeys.users, minlength=user_count)
    for number, users in enumerate(np.bincount(np.minimum(per_user, _MOST_JOURNEYS_TOLD)).tolist()):
        yield count("users_by_journeys", users, f"{number}{'+' if number == _MOST_JOURNEYS_TOLD else ''}")


def stored_events(stored: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `histories`, with their file, as interactions with their file and row."""
    parents = pc.list_parent_indices(stored["item_ids"])
    return pa.RecordBatch.from_arrays(
        [
            stored["user_id"].take(parents),
            stored["item_ids"].flatten(),
            stored["timestamps"].flatten(),
            stored[FILE.name].take(parents),
            stored[ROW.name].take(parents),
        ],
        names=["user_id", "item_id", "timestamp", FILE.name, ROW.name],
    )


@dataclasses.dataclass
class JoinItems(beam.PTransform):
    """Interactions with their place -> events, which know their items.

    Either items are looked up in a catalogue that every worker holds, or the interactions and what is known of each
    item are brought together.

    Attributes:
        described: record batches of described items, each item once.
        schema: of described items.
        join: how.
        buckets: how many groups of items a shuffle has.

    Returns:
        A tuple of two collections: record batches of `EVENTS` or of described events, record batches of `errors`.
    """

    described: beam.PCollection
    schema: pa.Schema
    join: Join
    buckets: int

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        if self.join == "broadcast":
            ids = self.described | "IdsAlone" >> beam.Map(select_ids).with_output_types(pa.RecordBatch)
            item_ids = AsSingleton(ids | "SortIds" >> ApplyGlobally(sorted_ids))
            found = rows | "LookUp" >> beam.ParDo(ResolveItems(), item_ids).with_outputs(ERRORS_TAG, main="events")
            return found.events, found[ERRORS_TAG]
        found = (
            {"rows": rows, "described": self.described}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "Describe" >> beam.ParDo(AttachItemFeatures(self.schema)).with_outputs(ERRORS_TAG, main="events")
        )
        return found.events, found[ERRORS_TAG]


class Extracted(NamedTuple):
    """What extraction gives, each a collection.

    Attributes:
        parts: the parts of `journeys` and `histories`, as (name of the dataset, part).
        salient: record batches of `salient_terms`, without terms that reach too few users.
        errors: record batches of `errors`.
        counts: counts.
        swept: one batch of rows of `SWEEP_COUNTS`; None: no other thresholds were tried.
    """

    parts: beam.PCollection
    salient: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection
    swept: beam.PCollection | None


@dataclasses.dataclass
class ExtractJourneys(beam.PTransform):
    """Record batches of interactions with their place -> journeys and histories, written but not yet committed.

    Attributes:
        described: record batches of described items, each item once; with vectors where `config.bayesian` is given.
        stored: record batches of `histories` with their place, of the run that this one continues; None: none.
        config: everything that decides the result.
        writer: where journeys and histories are written.
    """

    described: beam.PCollection
    stored: beam.PCollection | None
    config: ExtractConfig
    writer: PartWriter

    def expand(self, rows: beam.PCollection) -> Extracted:
        config = self.config
        if self.writer.parts % config.buckets:
            raise ValueError(f"buckets must divide the {self.writer.parts} parts, got {config.buckets}")
        filtered = rows | "Filter" >> beam.ParDo(FilterInteractions(config.interactions)).with_outputs(
            COUNTS_TAG, main="rows"
        )
        interactions = filtered.rows
        stored_counts: tuple[beam.PCollection, ...] = ()
        told = None
        if self.stored is not None:
            before = self.stored | "StoredEvents" >> beam.Map(stored_events)
            stored_counts = (before | "CountStored" >> beam.Map(_count_stored),)
            told = self.stored | "StoredTallies" >> beam.Map(stored_removal_counts)
            interactions = (interactions, before) | "OldAndNew" >> beam.Flatten()
        catalogue = item_features_schema(with_vectors=config.bayesian is not None)
        events, errors = interactions | "JoinItems" >> JoinItems(self.described, catalogue, config.join, config.buckets)
        broadcast = config.join == "broadcast"
        schema = EVENTS if broadcast else events_with_features_schema(with_vectors=config.bayesian is not None)
        groups = events | "GroupByUser" >> GroupByUser(schema, config.max_history, config.buckets, told)
        described, kept = self.described, None
        if config.min_term_users > 1:
            kept = self._widely_used(groups, schema)
            described = described | "KeepTerms" >> beam.Map(_keep_widely_used, AsSingleton(kept)).with_output_types(
                pa.RecordBatch
            )
        packed = self._packed(described, catalogue)
        known_to_all = (AsSingleton(packed) if packed else None, AsSingleton(kept) if kept else None)
        swept: beam.PCollection | None = None
        threshold: tuple[AsSingleton, ...] = ()
        if config.sweep is not None:
            limit = events | "SampleUsers" >> SampleUsers(config.sweep.users)
            swept = self._sweep(groups, schema, AsSingleton(limit), *known_to_all)
            threshold = (AsSingleton(swept | "ChooseThreshold" >> beam.Map(choose_threshold, config)),)
        extracted = groups | "Extract" >> beam.ParDo(
            ExtractBucket(schema, config, self.writer), *known_to_all, *threshold
        ).with_outputs(COUNTS_TAG, main="parts")
        counts = (filtered[COUNTS_TAG], extracted[COUNTS_TAG], *stored_counts) | "Counts" >> beam.Flatten()
        return Extracted(extracted.parts, described | "TermsAlone" >> _TERMS_ALONE, errors, counts, swept)

    def _packed(self, described: beam.PCollection, schema: pa.Schema) -> beam.PCollection | None:
        """The whole catalogue in one batch, where it is to be broadcast."""
        return (
            described | "Pack" >> ApplyGlobally(pack_catalogue, (schema,)) if self.config.join == "broadcast" else None
        )

    def _sweep(self, groups: beam.PCollection, schema: pa.Schema, *side_inputs: AsSingleton | None) -> beam.PCollection:
        """What other thresholds would give the users of the sample, in one batch."""
        return (
            groups
            | "Sweep" >> beam.ParDo(SweepBucket(schema, self.config), *side_inputs).with_output_types(pa.RecordBatch)
            | "AddUp" >> ApplyGlobally(sum_counts)
        )

    def _widely_used(self, groups: beam.PCollection, schema: pa.Schema) -> beam.PCollection:
        """The terms that reach enough users, in one batch."""
        all_terms = None
        if self.config.join == "broadcast":
            all_terms = AsSingleton(
                self.described | "AllTerms" >> _TERMS_ALONE | "PackTerms" >> ApplyGlobally(pack_catalogue)
            )
        return (
            groups
            | "CountTermUsers"
            >> beam.ParDo(CountTermUsers(schema, self.config.max_history), all_terms).with_output_types(pa.RecordBatch)
            | "WidelyUsed" >> ApplyGlobally(terms_above_min_users, (self.config.min_term_users,))
        )


def _count_stored(rows: pa.RecordBatch) -> Count:
    return count("interactions_stored", rows.num_rows)


def _keep_widely_used(described: pa.RecordBatch, kept: pa.RecordBatch) -> pa.RecordBatch:
    return keep_terms(described, kept["term"])


def _terms_alone(described: pa.RecordBatch) -> pa.RecordBatch:
    """Described items without their vectors."""
    return described.select(SALIENT_TERMS.arrow.names)


_TERMS_ALONE = beam.Map(_terms_alone).with_output_types(pa.RecordBatch)
