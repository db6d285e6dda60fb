"""The graph of `recommend`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.content_vectors import content_vectors
from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import (
    CLUSTERS,
    INTENTS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    ITEM_EMBEDDINGS,
    ITEMS,
    JOURNEYS,
    LOOKUP,
    RECOMMENDATIONS,
    USERS,
)
from transforms.boilerplate.stages import RemoveBoilerplate
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.sample_items import SampleTexts
from transforms.datasets.writing import PartWriter
from transforms.progress import Progress
from transforms.recommendation.stages import RankerSource, RecommendToUsers

if TYPE_CHECKING:
    from pipelines.recommend.job import RecommendJob

_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS = 4


def build_recommend(root: beam.Pipeline, job: RecommendJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    found = rows[INTERACTIONS.name] | "Recommend" >> RecommendToUsers(
        rows[CLUSTERS.name],
        rows[ITEM_CLUSTERS.name],
        rows[LOOKUP.name],
        _vectors(rows, job, side_outputs, progress),
        rows.get(JOURNEYS.name),
        rows.get(INTENTS.name),
        rows.get(USERS.name),
        rows.get(RECOMMENDATIONS.name),
        job.filter,
        job.ranker,
        job.lists,
        trained=_trained(job),
        level=job.level,
        buckets=job.parts,
    )
    side_outputs.counts.append(found.counts)
    commit_job(job, {RECOMMENDATIONS.name: found.rows}, side_outputs, writer)


def _trained(job: RecommendJob) -> RankerSource | None:
    """Return the sequence recommender of the job; None: items are ranked by counts."""
    if job.model is None:
        return None
    from transforms.recommendation.sequence.sequence_ranker import SequenceRankerSource

    return SequenceRankerSource(str(job.model))


def _vectors(
    rows: Mapping[str, beam.PCollection], job: RecommendJob, side_outputs: SideOutputs, progress: Progress
) -> beam.PCollection | None:
    """Add the vectors of the catalogue, computed as `cluster` does; None: content is not used."""
    if ITEM_EMBEDDINGS.name in rows:
        own = rows[ITEM_EMBEDDINGS.name]
        return content_vectors(rows, own, job.encoder, side_outputs, _MIN_BUCKETS, progress).vectors
    if job.items is None:
        return None
    buckets = max(_MIN_BUCKETS, job.items.size // _BYTES_PER_BUCKET)
    items, *errors_and_counts = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(buckets)
    side_outputs.add_errors_and_counts(*errors_and_counts)
    items, counts = items | "RemoveBoilerplate" >> RemoveBoilerplate(items | "SampleTexts" >> SampleTexts())
    side_outputs.counts.append(counts)
    return content_vectors(rows, items, job.encoder, side_outputs, buckets, progress).vectors
