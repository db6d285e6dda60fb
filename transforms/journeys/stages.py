"""Beam stages: interactions and item features -> histories and journeys."""

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
from transforms.columnar import concatenate
from transforms.datasets.coercion import FILE, ROW
from transforms.datasets.counts import Count, count
from transforms.datasets.dominant_users import count_large_users
from transforms.datasets.filter_interactions import FilterInteractions
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.datasets.writing import PartWriter
from transforms.encoders.quantized_vectors import VECTOR
from transforms.hashing import StringIndex
from transforms.journeys.catalogue import Catalogue, encode_sorted, pack_catalogue, sorted_ids, unpack_catalogue
from transforms.journeys.config import ExtractConfig, Join
from transforms.journeys.explaining_terms import explain_journeys
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
    resolve_items,
)
from transforms.journeys.item_features import item_features_schema, select_ids
from transforms.journeys.rows import journey_rows
from transforms.journeys.sample import SampleUsers, sampled_rows
from transforms.journeys.sweep import choose_threshold, sum_counts, sweep
from transforms.journeys.term_privacy import keep_terms, term_users, terms_above_min_users
from transforms.shuffle import ApplyGlobally, CoGroupByBucket, KeyByBucket, split_by_bucket

_LOGGER = logging.getLogger(__name__)
_MAX_JOURNEYS_REPORTED = 10
_HEAVY_IN_A_BATCH = 32
_FINE_BUCKETS = 1 << 12
HEAVY_TAG = "heavy"

Keyed = tuple[int, pa.RecordBatch]


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch)
class ResolveItems(beam.DoFn):
    """Interactions -> events with the index of their item in the packed catalogue."""

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
    """Interactions and item features of one bucket -> events with features."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        features = concatenate(bucket[1]["features"], self.schema)
        for rows in bucket[1]["rows"]:
            found = attach_item_features(rows, features)
            if found.errors.num_rows:
                yield TaggedOutput(ERRORS_TAG, found.errors)
            yield found.events


@with_output_types(Keyed, heavy=Keyed)
class RouteEvents(beam.DoFn):
    """Events -> slices keyed by user bucket; those of heavy users keyed by finer buckets, as a side output.

    A heavy user has many events in one batch. Users with more events than they may keep are truncated here already.
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
        many = rows_of_heavy_users(events["user_id"], _HEAVY_IN_A_BATCH)
        if many.any():
            for keyed in split_by_bucket(events.filter(pa.array(many)), "user_id", _FINE_BUCKETS):
                yield TaggedOutput(HEAVY_TAG, keyed)
            events = events.filter(pa.array(~many))
        yield from split_by_bucket(events, "user_id", self.buckets)


class TruncateHistories(beam.DoFn):
    """Events of the few users of a fine bucket -> events kept and removal counts, keyed by user bucket."""

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

    Events of heavy users are grouped in fine buckets first and truncated there: a bucket of such users would hold all
    events that they ever had, and a runner such as Flink reads a bucket as a whole.

    Attributes:
        schema: `EVENTS`, or that of events with features.
        max_history: maximum number of events kept per user.
        buckets: number of groups into which users are hashed; the result is the same.
        stored_removals: removal counts of earlier runs; None: there are none.

    Returns:
        A collection of (bucket, batches of events and removal counts), for `histories_by_part`.
    """

    schema: pa.Schema
    max_history: int
    buckets: int
    stored_removals: beam.PCollection | None = None

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        limits = (self.schema, self.max_history, self.buckets)
        routed = events | "Route" >> beam.ParDo(RouteEvents(*limits)).with_outputs(HEAVY_TAG, main="slices")
        many = routed[HEAVY_TAG]
        cut = (
            many
            | "GroupHeavy" >> beam.GroupByKey()
            | "CutHistories" >> beam.ParDo(TruncateHistories(*limits)).with_output_types(Keyed)
        )
        slices: tuple[beam.PCollection, ...] = (routed.slices, cut)
        if self.stored_removals is not None:
            by_user = KeyByBucket("user_id", self.buckets)
            slices += (self.stored_removals | "SplitRemovals" >> beam.ParDo(by_user).with_output_types(Keyed),)
        return slices | "AllSlices" >> beam.Flatten() | "GroupUsers" >> beam.GroupByKey()


def encode_items(
    histories: Histories, packed: pa.RecordBatch | None, kept: pa.StringArray | None
) -> tuple[npt.NDArray[np.int32], Catalogue]:
    """Encode the item of each event as an index, and return the catalogue to which it refers.

    Args:
        histories: of `EVENTS` if `packed` is given, otherwise of events with features.
        packed: the whole catalogue; None: the events carry the features of their items.
        kept: terms that may be used, if they are not yet selected in `packed`; None: all.
    """
    if packed is not None:
        return histories.events["item"].to_numpy(), unpack_catalogue(packed)
    events = histories.events
    items = encode_sorted(events["item_id"])
    _, first = np.unique(items.codes, return_index=True)
    schema = item_features_schema(with_vectors=VECTOR.name in events.schema.names)
    features = events.select(schema.names).take(pa.array(first)).cast(schema)
    packed = pack_catalogue([features if kept is None else keep_terms(features, kept)], schema)
    return items.codes.astype(np.int32), unpack_catalogue(packed)


class CountTermUsers(beam.DoFn):
    """Events of a bucket -> the number of its users for each term."""

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
    """Events of a bucket -> rows of `SWEEP_COUNTS` of its users in the sample, at all thresholds."""

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
    """Events of a bucket -> its parts of `journeys` and `histories`, written here; counts as a side output.

    All rows of a part come from one bucket, so no further shuffle is needed.
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
        by_part = histories_by_part(group[1], self.schema, self.config.max_history, self.writer.parts)
        for part, histories in by_part:
            if not len(histories.user_ids):
                continue
            items, catalogue = encode_items(histories, packed, None if kept is None else kept["term"])
            journeys = form_journeys(histories.offsets, items, catalogue, config)
            rows = history_rows(histories, catalogue.item_ids.take(pa.array(items)))
            yield self.writer.write(HISTORIES, part, [rows])
            terms = explain_journeys(journeys, histories.offsets, items, catalogue, config.icpc)
            ranked = journey_rows(journeys, terms, histories, items, catalogue, config.half_life_days)
            yield self.writer.write(JOURNEYS, part, [ranked])
            for metric in count_extracted(histories, items, catalogue, journeys):
                yield TaggedOutput(COUNTS_TAG, metric)
            self.writer.progress.add("users", len(histories.user_ids))


def count_extracted(
    histories: Histories, items: npt.NDArray[np.int32], catalogue: Catalogue, journeys: Journeys
) -> Iterator[Count]:
    """Count what a run reports about the users of one bucket."""
    user_count = len(histories.user_ids)
    yield count("users", user_count)
    yield count("interactions_kept", len(items))
    yield count("interactions_dropped", int(histories.removed[~histories.truncated].sum()), "duplicate")
    yield count("interactions_dropped", int(histories.removed[histories.truncated].sum()), "beyond_max_history")
    yield from count_large_users(histories.user_ids, np.diff(histories.offsets) + histories.removed)
    yield count("users_truncated", int(histories.truncated.sum()))
    yield count("interactions_without_terms", int((np.diff(catalogue.term_vectors.offsets)[items] == 0).sum()))
    if catalogue.has_vector is not None:
        yield count("interactions_without_vectors", int((~catalogue.has_vector[items]).sum()))
    in_a_journey = np.zeros(len(items), bool)
    in_a_journey[journeys.members] = True
    yield count("interactions_in_journeys", in_a_journey.sum())
    yield count("journeys", len(journeys.users))
    per_user = np.bincount(journeys.users, minlength=user_count)
    for number, users in enumerate(np.bincount(np.minimum(per_user, _MAX_JOURNEYS_REPORTED)).tolist()):
        yield count("users_by_journeys", users, f"{number}{'+' if number == _MAX_JOURNEYS_REPORTED else ''}")


def stored_events(stored: pa.RecordBatch) -> pa.RecordBatch:
    """Convert rows of `histories` with provenance to interactions with provenance."""
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
    """Interactions with provenance -> events.

    Either each worker holds the whole catalogue and looks up items, or interactions and item features are shuffled by
    item.

    Attributes:
        features: record batches of item features, each item once.
        schema: schema of the item features.
        join: `broadcast` or `shuffle`.
        buckets: number of groups of items in a shuffle.

    Returns:
        A tuple of two collections: record batches of `EVENTS` or of events with features, record batches of `errors`.
    """

    features: beam.PCollection
    schema: pa.Schema
    join: Join
    buckets: int

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        if self.join == "broadcast":
            ids = self.features | "SelectIds" >> beam.Map(select_ids).with_output_types(pa.RecordBatch)
            item_ids = AsSingleton(ids | "SortIds" >> ApplyGlobally(sorted_ids))
            found = rows | "LookUp" >> beam.ParDo(ResolveItems(), item_ids).with_outputs(ERRORS_TAG, main="events")
            return found.events, found[ERRORS_TAG]
        found = (
            {"rows": rows, "features": self.features}
            | "GroupItems" >> CoGroupByBucket("item_id", self.buckets)
            | "AttachFeatures" >> beam.ParDo(AttachItemFeatures(self.schema)).with_outputs(ERRORS_TAG, main="events")
        )
        return found.events, found[ERRORS_TAG]


class Extracted(NamedTuple):
    """The results of extraction, each a collection.

    Attributes:
        parts: the parts of `journeys` and `histories`, as (name of the dataset, part).
        salient: record batches of `salient_terms`, without terms of too few users.
        errors: record batches of `errors`.
        counts: counts.
        sweep_counts: one batch of rows of `SWEEP_COUNTS`; None: without a sweep.
    """

    parts: beam.PCollection
    salient: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection
    sweep_counts: beam.PCollection | None


@dataclasses.dataclass
class ExtractJourneys(beam.PTransform):
    """Record batches of interactions with provenance -> journeys and histories, written but not yet committed.

    Attributes:
        features: record batches of item features, each item once; with vectors if `config.bayesian` is set.
        stored: record batches of `histories` with provenance, of the run that this one continues; None: none.
        config: the configuration.
        writer: the writer of journeys and histories.
    """

    features: beam.PCollection
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
        more_counts: tuple[beam.PCollection, ...] = ()
        removals = None
        if self.stored is not None:
            before = self.stored | "StoredEvents" >> beam.Map(stored_events)
            more_counts += (before | "CountStored" >> beam.Map(_count_stored),)
            removals = self.stored | "StoredRemovals" >> beam.Map(stored_removal_counts)
            interactions = (interactions, before) | "OldAndNew" >> beam.Flatten()
        features_schema = item_features_schema(with_vectors=config.bayesian is not None)
        events, errors = interactions | "JoinItems" >> JoinItems(
            self.features, features_schema, config.join, config.buckets
        )
        broadcast = config.join == "broadcast"
        schema = EVENTS if broadcast else events_with_features_schema(with_vectors=config.bayesian is not None)
        groups = events | "GroupByUser" >> GroupByUser(schema, config.max_history, config.buckets, removals)
        features, kept = self.features, None
        if config.min_term_users > 1:
            kept = self._terms_above_min_users(groups, schema)
            features = features | "KeepTerms" >> beam.Map(_keep_terms, AsSingleton(kept)).with_output_types(
                pa.RecordBatch
            )
        packed = self._packed(features, features_schema)
        broadcasts = (AsSingleton(packed) if packed else None, AsSingleton(kept) if kept else None)
        sweep_counts: beam.PCollection | None = None
        threshold: tuple[AsSingleton, ...] = ()
        if config.sweep is not None:
            limit = events | "SampleUsers" >> SampleUsers(config.sweep.users)
            sweep_counts = self._sweep(groups, schema, AsSingleton(limit), *broadcasts)
            threshold = (AsSingleton(sweep_counts | "ChooseThreshold" >> beam.Map(choose_threshold, config)),)
        extracted = groups | "Extract" >> beam.ParDo(
            ExtractBucket(schema, config, self.writer), *broadcasts, *threshold
        ).with_outputs(COUNTS_TAG, main="parts")
        if kept is not None:
            more_counts += (kept | "CountKeptTerms" >> beam.Map(_count_kept_terms),)
        counts = (filtered[COUNTS_TAG], extracted[COUNTS_TAG], *more_counts) | "Counts" >> beam.Flatten()
        return Extracted(extracted.parts, features | "SelectTerms" >> _SELECT_TERMS, errors, counts, sweep_counts)

    def _packed(self, features: beam.PCollection, schema: pa.Schema) -> beam.PCollection | None:
        """Pack the whole catalogue into one batch, if it is broadcast."""
        return (
            features | "Pack" >> ApplyGlobally(pack_catalogue, (schema,)) if self.config.join == "broadcast" else None
        )

    def _sweep(self, groups: beam.PCollection, schema: pa.Schema, *side_inputs: AsSingleton | None) -> beam.PCollection:
        """Sweep the thresholds over the users of the sample; one batch."""
        return (
            groups
            | "Sweep" >> beam.ParDo(SweepBucket(schema, self.config), *side_inputs).with_output_types(pa.RecordBatch)
            | "SumCounts" >> ApplyGlobally(sum_counts)
        )

    def _terms_above_min_users(self, groups: beam.PCollection, schema: pa.Schema) -> beam.PCollection:
        """Select the terms with enough users; one batch."""
        all_terms = None
        if self.config.join == "broadcast":
            all_terms = AsSingleton(
                self.features | "AllTerms" >> _SELECT_TERMS | "PackTerms" >> ApplyGlobally(pack_catalogue)
            )
        return (
            groups
            | "CountTermUsers"
            >> beam.ParDo(CountTermUsers(schema, self.config.max_history), all_terms).with_output_types(pa.RecordBatch)
            | "TermsAboveMinUsers" >> ApplyGlobally(terms_above_min_users, (self.config.min_term_users,))
        )


def _count_stored(rows: pa.RecordBatch) -> Count:
    return count("interactions_stored", rows.num_rows)


def _count_kept_terms(kept: pa.RecordBatch) -> Count:
    return count("terms_with_enough_users", kept.num_rows)


def _keep_terms(features: pa.RecordBatch, kept: pa.RecordBatch) -> pa.RecordBatch:
    return keep_terms(features, kept["term"])


def _select_terms(features: pa.RecordBatch) -> pa.RecordBatch:
    """Select item features without vectors, as rows of `salient_terms`."""
    return features.select(SALIENT_TERMS.arrow.names)


_SELECT_TERMS = beam.Map(_select_terms).with_output_types(pa.RecordBatch)
