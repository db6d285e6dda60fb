"""The next clusters by a language model: every description is scored after the prompt of a context, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types
from apache_beam.utils.shared import Shared

from schemas import LOOKUP
from schemas.context import format_contexts
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.exploration.prompts import render_prompt
from transforms.exploration.table import Block, contexts_of
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.spec import GenerationSpec
from transforms.language_models.transformers_model import TransformersModel
from transforms.progress import Progress

SOURCE = "language_model"
CONTEXTS_PER_BLOCK = 32
"""Number of contexts that a worker ranks at a time."""


def rank_by_model(model: TransformersModel, block: Block, clusters: pa.RecordBatch, top: int) -> pa.RecordBatch:
    """Rank the next clusters of the contexts of a block, as rows of `lookup`.

    Args:
        model: the model.
        block: the contexts, each of at least one cluster.
        clusters: rows of `clusters` of one level; the position of a cluster is its code.
        top: maximum number of next clusters of a context.
    """
    contexts = contexts_of(block, clusters.num_rows)
    if not len(contexts) or block.size >= clusters.num_rows:
        return pa.RecordBatch.from_pylist([], LOOKUP.arrow)
    descriptions = clusters["description"].to_pylist()
    excluded = np.zeros((len(contexts), len(descriptions)), bool)
    np.put_along_axis(excluded, contexts.astype(np.int64), values=True, axis=1)
    prompts = [render_prompt([descriptions[cluster] for cluster in context]) for context in contexts.tolist()]
    number = min(top, len(descriptions) - block.size)
    members, scores = model.top(prompts, ClosedSet(tuple(descriptions)), number, excluded)
    owners = np.repeat(np.arange(len(contexts)), number)
    ids = clusters["cluster_id"]
    return pa.RecordBatch.from_arrays(
        [
            format_contexts([ids.take(pa.array(place[owners])) for place in contexts.T]),
            pa.array(np.tile(np.arange(1, number + 1, dtype=np.int32), len(contexts))),
            ids.take(pa.array(members.ravel())),
            pa.array(scores.ravel().astype(np.float32)),
            pa.array([SOURCE] * len(owners), pa.string()),
        ],
        schema=LOOKUP.arrow,
    )


@with_output_types(pa.RecordBatch, counts=Count)
class RankByModel(beam.DoFn):
    """Blocks of contexts -> rows of `lookup` by a language model; counts as a side output.

    The threads of a process share one copy of the model.
    """

    def __init__(self, spec: GenerationSpec, top: int, progress: Progress) -> None:
        self.spec = spec
        self.top = top
        self.progress = progress
        self.shared = Shared()
        self.model: TransformersModel | None = None

    def setup(self) -> None:
        model = self.shared.acquire(self.spec.load)
        if not isinstance(model, TransformersModel):
            raise TypeError(f"ranking needs a model that is loaded here, got {self.spec.model}")
        self.model = model

    def process(self, block: Block, clusters: pa.RecordBatch) -> Iterator[Any]:
        if self.model is None:
            raise RuntimeError("setup was not called")
        rows = rank_by_model(self.model, block, clusters, self.top)
        contexts = len(rows["context"].unique())
        self.progress.add("contexts", contexts)
        yield TaggedOutput(COUNTS_TAG, count("contexts", contexts))
        yield rows
