"""Experiments on the log of a sample of users, its catalogue and the tree of its items, evaluated by one process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import AsIter, AsSingleton

from schemas import CLUSTERS, INTERACTIONS, ITEM_CLUSTERS, ITEMS
from transforms.columnar import concatenate
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.error_rate import DataError
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.encoders.encode import EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.encoders.quantized_vectors import quantize_rows
from transforms.evaluation.experiment import ExperimentInputs, ExperimentResult
from transforms.hashing import stable_hash
from transforms.shuffle import ApplyGlobally

Batches = Iterable[pa.RecordBatch]
Evaluate = Callable[[pa.RecordBatch, Batches, Batches, Batches, Batches], pa.RecordBatch]
"""Computes rows of `metrics` from interactions, `clusters`, `item_clusters`, columns of items, and vectors of items."""


def sampled_users(batches: Batches, schema: pa.Schema, limit: int) -> pa.RecordBatch:
    """Return the interactions of the users with the smallest hashes, at most `limit`.

    Args:
        batches: interactions. The users kept of all of them are among those kept of each batch.
        schema: the columns that are kept, `user_id` among them.
        limit: maximum number of users.
    """
    rows = concatenate((each.select(schema.names).cast(schema) for each in batches), schema)
    hashes = stable_hash(rows["user_id"])
    distinct = np.unique(hashes)
    if len(distinct) <= limit:
        return rows
    return rows.filter(pa.array(hashes <= distinct[limit - 1]))


def _evaluate(_: bytes, evaluate: Evaluate, *inputs: pa.RecordBatch | Batches) -> pa.RecordBatch:
    try:
        return evaluate(*inputs)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass
class EvaluateLogAndTree(beam.PTransform):
    """Evaluate an experiment in one process, on a sample of users; a pipeline -> `ExperimentResult`.

    Attributes:
        inputs: the inputs.
        encoder: where vectors of items come from.
        stored: record batches of `embeddings` of an earlier run; None: none.
        interactions: conditions on interactions.
        columns: the columns of interactions that are used.
        users: maximum number of users; see `sampled_users`.
        evaluate: computes the metrics; an error in the data is a ValueError.
        select_items: selects the columns of items that are used, or a transform from items to what is used of them;
            None: items are not used, besides their vectors.
    """

    inputs: ExperimentInputs
    encoder: EncoderSource
    stored: beam.PCollection | None
    interactions: InteractionFilter
    columns: pa.Schema
    users: int
    evaluate: Evaluate
    select_items: Callable[[pa.RecordBatch], pa.RecordBatch] | beam.PTransform | None = None

    def expand(self, root: beam.Pipeline) -> ExperimentResult:
        rows, sample = self.inputs.rows, (self.columns, self.users)
        kept, dropped = rows[INTERACTIONS.name] | "KeepInteractions" >> KeepInteractions(self.interactions)
        log = (
            kept
            | "UsersOfBatch" >> beam.Map(lambda each: sampled_users([each], *sample)).with_output_types(pa.RecordBatch)
            | "SampleUsers" >> ApplyGlobally(sampled_users, sample)
        )
        items, errors, item_counts = rows[ITEMS.name] | "UniqueItems" >> Deduplicate()
        encoded = items | "EncodeItems" >> EncodeItems(self.encoder, self.stored, self.inputs.progress)
        vectors = encoded.vectors | "Quantize" >> beam.Map(quantize_rows, "vector").with_output_types(pa.RecordBatch)
        tree = (AsIter(rows[name]) for name in (CLUSTERS.name, ITEM_CLUSTERS.name))
        evaluate = beam.Map(
            _evaluate, self.evaluate, AsSingleton(log), *tree, self._selected(items), AsIter(vectors)
        ).with_output_types(pa.RecordBatch)
        metrics = root | "Once" >> beam.Impulse() | "Evaluate" >> evaluate
        counts = (dropped, item_counts, encoded.counts) | "Counts" >> beam.Flatten()
        return ExperimentResult(metrics, counts, encoded.embeddings, errors)

    def _selected(self, items: beam.PCollection) -> AsIter | tuple[()]:
        if self.select_items is None:
            return ()
        if isinstance(self.select_items, beam.PTransform):
            return AsIter(items | "DescribeItems" >> self.select_items)
        return AsIter(items | "SelectItems" >> beam.Map(self.select_items).with_output_types(pa.RecordBatch))
