"""Beam stages: a log and a tree -> intents of users."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import METRICS
from schemas.metric_slice import format_slice
from transforms.columnar import split_by_size
from transforms.datasets.error_rate import DataError
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.exploration.stages import clusters_of_level
from transforms.hashing import StringIndex
from transforms.intents.catalogue import creators_of, intent_catalogue
from transforms.intents.config import IntentConfig
from transforms.intents.features import cluster_fractions, compute_examples
from transforms.intents.fitting import FittedIntents, fit_intents
from transforms.intents.rows import (
    EVENTS,
    events_of,
    example_rows,
    examples_in_order,
    has_creators,
    intent_rows,
    serving_rows,
)
from transforms.recommendation.users import LargestHash
from transforms.shuffle import ApplyGlobally, KeyByBucket

_EXAMPLES = "examples"
_NO_TIME = -(1 << 63)


def last_time(rows: pa.RecordBatch) -> int:
    """Return the time of the last interaction, in microseconds; the lowest int64 without one."""
    found = pc.max(rows["timestamp"]).cast(pa.int64()).as_py()
    return _NO_TIME if found is None else found


@with_output_types(pa.RecordBatch, examples=pa.RecordBatch)
class ComputeFeatures(beam.DoFn):
    """The interactions of the users of one bucket -> rows of `SERVING`; rows of `EXAMPLES` as a side output."""

    def __init__(self, config: IntentConfig) -> None:
        self.config = config
        self.catalogue: pa.RecordBatch | None = None
        self.index: StringIndex | None = None

    def process(
        self,
        bucket: tuple[int, Iterable[pa.RecordBatch]],
        catalogue: pa.RecordBatch,
        clusters: pa.RecordBatch,
        now: int,
        largest: int,
    ) -> Iterator[Any]:
        if self.index is None or self.catalogue is not catalogue:
            self.catalogue, self.index = catalogue, StringIndex(catalogue["item_id"])
        users = events_of(bucket[1], catalogue, self.index)
        fractions = cluster_fractions(catalogue["cluster"].to_numpy(), clusters.num_rows)
        examples = compute_examples(users.events, fractions, now, self.config)
        found = example_rows(users, examples, self.config.examples_per_user)
        for rows in split_by_size(found.filter(pc.less_equal(found["user"], pa.scalar(largest, pa.uint64())))):
            yield TaggedOutput(_EXAMPLES, rows)
        yield from split_by_size(serving_rows(users.ids, examples.serving))


def _fit(_: bytes, examples: Iterable[pa.RecordBatch], config: IntentConfig) -> FittedIntents:
    try:
        return fit_intents(*examples_in_order(examples), config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


def intent_metrics(fitted: FittedIntents, job_name: str) -> pa.RecordBatch:
    """Return the measures of a model as rows of `metrics`."""
    rows = [{"pipeline": job_name, "metric": "examples", "slice": "", "value": float(fitted.example_count)}]
    for measured in fitted.measured:
        values = {
            "intent_auc": measured.auc,
            "intent_log_loss": measured.log_loss,
            "intent_calibration_error": measured.calibration_error,
            "intent_positive_fraction": measured.positive,
        }
        for metric, value in values.items():
            if not math.isnan(value):
                part = format_slice({"intent": measured.intent})
                rows.append(
                    {"pipeline": job_name, "metric": metric, "slice": part, "value": value, "n": measured.examples}
                )
    return pa.RecordBatch.from_pylist(rows, METRICS.arrow)


class Intents(NamedTuple):
    """The collections that `PredictIntents` returns.

    Attributes:
        rows: record batches of `intents`.
        metrics: record batches of `metrics`.
        counts: counts.
    """

    rows: beam.PCollection
    metrics: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class PredictIntents(beam.PTransform):
    """Record batches of `interactions` -> intents of users when the log ends.

    Users are shuffled; the codes of the catalogue are a side input, about 40 bytes an item. The model is fitted by one
    process, to at most `config.fitted_users` users.

    Attributes:
        clusters: record batches of `clusters`, of all levels.
        item_clusters: record batches of `item_clusters`.
        items: record batches of `items`, each item once; None: creators are not available.
        interactions: conditions on interactions.
        config: configuration of the features and of the model.
        level: level of the tree, from 1; 0: the last one.
        job_name: name of the job, for metrics.
        buckets: number of groups into which users are hashed; the result is the same.
    """

    clusters: beam.PCollection
    item_clusters: beam.PCollection
    items: beam.PCollection | None
    interactions: InteractionFilter
    config: IntentConfig
    job_name: str
    level: int = 0
    buckets: int = 16

    def expand(self, rows: beam.PCollection) -> Intents:
        kept, dropped = rows | "KeepInteractions" >> KeepInteractions(self.interactions)
        select = beam.Map(lambda each: each.select(EVENTS.names).cast(EVENTS))
        log = kept | "SelectColumns" >> select.with_output_types(pa.RecordBatch)
        of_level = AsSingleton(self.clusters | "ClustersOfLevel" >> ApplyGlobally(clusters_of_level, (self.level,)))
        creators = () if self.items is None else (self._creators(),)
        catalogue = AsSingleton(
            self.item_clusters | "Catalogue" >> ApplyGlobally(intent_catalogue, (of_level, *creators))
        )
        largest = AsSingleton(log | "LargestHash" >> beam.CombineGlobally(LargestHash(self.config.fitted_users)))
        now = AsSingleton(log | "LastTimes" >> beam.Map(last_time) | "Now" >> beam.CombineGlobally(_latest))
        features = (
            log
            | "KeyByUser" >> beam.ParDo(KeyByBucket("user_id", self.buckets))
            | "GroupByUser" >> beam.GroupByKey()
            | "ComputeFeatures"
            >> beam.ParDo(ComputeFeatures(self.config), catalogue, of_level, now, largest).with_outputs(
                _EXAMPLES, main="serving"
            )
        )
        fitted = (
            rows.pipeline
            | "Once" >> beam.Impulse()
            | "FitModel" >> beam.Map(_fit, AsIter(features[_EXAMPLES]), self.config).with_output_types(FittedIntents)
        )
        name = self.config.intent_model
        predicted = features.serving | "Predict" >> beam.Map(
            lambda serving, model, items: intent_rows(serving, model.model, name, has_creators(items)),
            AsSingleton(fitted),
            catalogue,
        ).with_output_types(pa.RecordBatch)
        metrics = fitted | "Metrics" >> beam.Map(intent_metrics, self.job_name).with_output_types(pa.RecordBatch)
        return Intents(predicted, metrics, dropped)

    def _creators(self) -> AsIter:
        return AsIter(self.items | "Creators" >> beam.Map(creators_of).with_output_types(pa.RecordBatch))


def _latest(times: Iterable[int]) -> int:
    return max(times, default=_NO_TIME)
