"""The next clusters by a language model: every description is scored after the prompt of a context, exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types
from apache_beam.utils.shared import Shared

from schemas import LOOKUP
from schemas.context import format_contexts
from transforms.content_hash import content_hash
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.exploration.blocks import Block, contexts_of
from transforms.exploration.prompts import render_prompt
from transforms.exploration.transitions import Codes
from transforms.language_models.branching_trie import Indices, LogProbs, Mask
from transforms.language_models.closed_set import ScoreName
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.endpoint_ranking import EndpointRanker
from transforms.language_models.spec import GenerationSpec
from transforms.language_models.transformers_model import TransformersModel
from transforms.progress import Progress

SOURCE = "language_model"
CONTEXTS_PER_BLOCK = 64
"""Number of contexts that a worker ranks at a time, and then keeps in the checkpoint."""


@dataclasses.dataclass(frozen=True)
class ModelRanking:
    """A ranking by a language model.

    Attributes:
        spec: the model with its prompt template.
        score: the kind of probability by which descriptions are ranked.
        top: maximum number of next clusters of a context.
    """

    spec: GenerationSpec
    score: ScoreName
    top: int

    def fingerprint(self) -> str:
        """Compute a hash of everything that the rows depend on, except the clusters.

        Raises:
            ModelUnavailableError: if the weights are unavailable.
        """
        return content_hash(f"{self.spec.fingerprint()} {self.score} {self.top}", SOURCE)

    def load(self) -> ClosedSetRanker:
        """Load the model, or connect to its endpoint.

        Raises:
            ModelUnavailableError: if weights or packages are unavailable.
            TypeError: if the model cannot rank.
        """
        model = self.spec.load()
        if isinstance(model, OpenAIEndpoint):
            return EndpointRanker(model)
        if not isinstance(model, TransformersModel):
            raise TypeError(f"{self.spec.model} cannot rank a closed set")
        return model


class ClosedSetRanker(Protocol):
    """A model that ranks the members of a closed set; see `TransformersModel.top`, `EndpointRanker.top`."""

    def top(
        self,
        prompts: Sequence[str],
        closed_set: ClosedSet,
        number: int,
        excluded: Mask | None = None,
        score: ScoreName = "renormalized",
    ) -> tuple[Indices, LogProbs]:
        """Return the first members after each prompt, and their scores."""
        ...


def prompts_of(contexts: Codes, descriptions: Sequence[str]) -> list[str]:
    """Return the prompt of each context.

    Args:
        contexts: int32, shape (contexts, K).
        descriptions: of each cluster.
    """
    return [render_prompt([descriptions[cluster] for cluster in context]) for context in contexts.tolist()]


def contexts_to_rank(block: Block, clusters: pa.RecordBatch, selected: pa.StringArray | None = None) -> Codes:
    """Return the contexts of a block that leave a cluster to recommend, int32, shape (contexts, K).

    Args:
        block: contexts of at least one cluster.
        clusters: rows of `clusters` of one level.
        selected: texts of the contexts to return; None: all.
    """
    contexts = contexts_of(block, clusters.num_rows)
    if block.size >= clusters.num_rows or not len(contexts):
        return contexts[:0]
    if selected is None:
        return contexts
    return contexts[pc.is_in(_format(contexts, clusters), selected).to_numpy(zero_copy_only=False)]


def rank_by_model(
    model: ClosedSetRanker, ranking: ModelRanking, contexts: Codes, clusters: pa.RecordBatch
) -> pa.RecordBatch:
    """Rank the next clusters of contexts, as rows of `lookup`.

    Args:
        model: the model of the ranking.
        ranking: the ranking.
        contexts: int32, shape (contexts, K): at least one, each of at least one cluster, but not of all.
        clusters: rows of `clusters` of one level; the position of a cluster is its code.
    """
    descriptions = clusters["description"].to_pylist()
    prompts = prompts_of(contexts, descriptions)
    excluded = np.zeros((len(contexts), len(descriptions)), bool)
    np.put_along_axis(excluded, contexts.astype(np.int64), values=True, axis=1)
    number = min(ranking.top, len(descriptions) - contexts.shape[1])
    members, scores = model.top(prompts, ClosedSet(tuple(descriptions)), number, excluded, ranking.score)
    owners = np.repeat(np.arange(len(contexts)), number)
    return pa.RecordBatch.from_arrays(
        [
            _format(contexts[owners], clusters),
            pa.array(np.tile(np.arange(1, number + 1, dtype=np.int32), len(contexts))),
            clusters["cluster_id"].take(pa.array(members.ravel())),
            pa.array(scores.ravel().astype(np.float32)),
            pa.array([SOURCE] * len(owners), pa.string()),
        ],
        schema=LOOKUP.arrow,
    )


def _format(contexts: Codes, clusters: pa.RecordBatch) -> pa.StringArray:
    return format_contexts([clusters["cluster_id"].take(pa.array(place)) for place in contexts.T])


@with_output_types(pa.RecordBatch, counts=Count)
class RankByModel(beam.DoFn):
    """Blocks of contexts -> rows of `lookup` by a language model; counts as a side output.

    The rows of a block are kept in a checkpoint as soon as they are computed, so that a job that was killed ranks no
    block twice. The threads of a process share one copy of the model, which is loaded for the first block that the
    checkpoint lacks.

    Args:
        ranking: the ranking.
        fingerprint: its fingerprint.
        checkpoint: where the rows of blocks are kept until the job is committed.
        progress: receives the number of contexts ranked.
    """

    def __init__(self, ranking: ModelRanking, fingerprint: str, checkpoint: RowCheckpoint, progress: Progress) -> None:
        self.ranking = ranking
        self.fingerprint = fingerprint
        self.checkpoint = checkpoint
        self.progress = progress
        self.shared = Shared()

    def process(self, block: Block, clusters: pa.RecordBatch, selected: pa.StringArray | None = None) -> Iterator[Any]:
        contexts = contexts_to_rank(block, clusters, selected)
        if not len(contexts):
            return
        key = pa.array([f"{self.fingerprint} {content_of(clusters)}", *_format(contexts, clusters).to_pylist()])
        rows = self.checkpoint.read(key)
        name = "contexts_resumed" if rows.num_rows else "contexts_ranked"
        if not rows.num_rows:
            rows = rank_by_model(self.shared.acquire(self.ranking.load), self.ranking, contexts, clusters)
            self.checkpoint.write(key, rows)
        self.progress.add("contexts", len(contexts))
        yield TaggedOutput(COUNTS_TAG, count("contexts", len(contexts)))
        yield TaggedOutput(COUNTS_TAG, count(name, len(contexts)))
        yield rows


def content_of(clusters: pa.RecordBatch) -> str:
    """Compute a hash of ids and descriptions of clusters."""
    columns = (clusters[name].to_pylist() for name in ("cluster_id", "description"))
    return content_hash("\n".join(f"{cluster} {text}" for cluster, text in zip(*columns, strict=True)), "clusters")
