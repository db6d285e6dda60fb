"""The graph of `intents`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import CLUSTERS, INTENTS, INTERACTIONS, ITEM_CLUSTERS, ITEMS
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.writing import PartWriter
from transforms.intents.stages import PredictIntents
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.intents.job import IntentsJob

_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS = 4


def build_intents(root: beam.Pipeline, job: IntentsJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    items = None
    if job.items is not None:
        buckets = max(_MIN_BUCKETS, job.items.size // _BYTES_PER_BUCKET)
        items, *errors_and_counts = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(buckets)
        side_outputs.add_errors_and_counts(*errors_and_counts)
    found = rows[INTERACTIONS.name] | "PredictIntents" >> PredictIntents(
        rows[CLUSTERS.name],
        rows[ITEM_CLUSTERS.name],
        items,
        job.filter,
        job.config,
        job.name,
        level=job.level,
        buckets=job.parts,
    )
    side_outputs.counts.append(found.counts)
    side_outputs.metrics.append(found.metrics)
    commit_job(job, {INTENTS.name: found.rows}, side_outputs, writer)
