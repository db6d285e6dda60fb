"""Beam stages: a log -> the same log with the interest of each interaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import SCORED_INTERACTIONS
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.interest.config import InterestConfig
from transforms.interest.pairs import pairs_of_log
from transforms.interest.scoring import NamedModel, Scorer
from transforms.interest.training import train_dice

_TENTHS = 10


@with_output_types(Any, counts=Count)
class _Train(beam.DoFn):
    """The whole log -> a `NamedModel`; counts as a side output."""

    def __init__(self, config: InterestConfig, max_pairs: int) -> None:
        self.config = config
        self.max_pairs = max_pairs

    def process(self, _: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        named = pairs_of_log(batches)
        pairs = len(named.pairs.items)
        if pairs > self.max_pairs:
            raise DataError(
                f"the log has {pairs:,} pairs of user and item, more than --max_pairs={self.max_pairs} allows to "
                "train on in one process; nothing was committed"
            )
        for name, number in (("users", len(named.users)), ("items", len(named.items)), ("pairs", pairs)):
            yield TaggedOutput(COUNTS_TAG, count(name, number))
        yield NamedModel(named.users, named.items, train_dice(named.pairs, self.config))


@with_output_types(pa.RecordBatch, counts=Count)
class _Score(beam.DoFn):
    """Interactions -> rows of `scored_interactions`, and counts of their interest as a side output."""

    def __init__(self) -> None:
        self.scorer: Scorer | None = None

    def process(self, rows: pa.RecordBatch, named: NamedModel) -> Iterator[Any]:
        if self.scorer is None or self.scorer.named is not named:
            self.scorer = Scorer(named)
        probabilities = self.scorer.probabilities(rows)
        for found in count_deciles(probabilities):
            yield TaggedOutput(COUNTS_TAG, found)
        yield with_interest(rows, probabilities)


def with_interest(rows: pa.RecordBatch, probabilities: npt.NDArray[np.float32]) -> pa.RecordBatch:
    """Convert rows of `interactions` (further columns are ignored) to rows of `scored_interactions`."""
    schema = SCORED_INTERACTIONS.arrow
    columns = [pa.array(probabilities) if name == "interest" else rows[name] for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def count_deciles(probabilities: npt.NDArray[np.float32]) -> Iterator[Count]:
    """Count the probabilities in each tenth of [0, 1]."""
    tenths = np.minimum((probabilities.astype(np.float64) * _TENTHS).astype(np.int64), _TENTHS - 1)
    for tenth, number in enumerate(np.bincount(tenths, minlength=_TENTHS).tolist()):
        if number:
            yield count("interactions_by_interest", number, f"{tenth / _TENTHS:.1f}-{(tenth + 1) / _TENTHS:.1f}")


@dataclasses.dataclass
class AddInterest(beam.PTransform):
    """Rows of `interactions` with provenance -> the same rows with their interest.

    All pairs of user and item are collected in one process, which trains in one thread; all workers score the log. The
    training process needs about 115 bytes of memory per row, plus the ids of users and items, plus 8 bytes times
    dimensions per user and item; workers that score need the last two.

    Attributes:
        config: the configuration of the training.
        max_pairs: maximum number of distinct pairs; with more the job fails.

    Returns:
        A tuple of two collections: record batches of `scored_interactions`, counts.

    Raises:
        DataError: at run time, if there are too many pairs.
    """

    config: InterestConfig
    max_pairs: int

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        trained = (
            rows.pipeline
            | "Once" >> beam.Impulse()
            | "Train"
            >> beam.ParDo(_Train(self.config, self.max_pairs), AsIter(rows)).with_outputs(COUNTS_TAG, main="model")
        )
        scored = rows | "Score" >> beam.ParDo(_Score(), AsSingleton(trained.model)).with_outputs(
            COUNTS_TAG, main="rows"
        )
        counts = (trained[COUNTS_TAG], scored[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return scored.rows, counts
