"""The graph of `ingest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import INTERACTIONS, ITEMS
from transforms.datasets.writing import PartWriter
from transforms.ingestion.stages import IngestFiles, ItemsOfCatalogue, ItemsOfLog
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.ingest.job import IngestJob

_BYTES_PER_BUCKET = 32 << 20
_MIN_BUCKETS = 4


def build_ingest(root: beam.Pipeline, job: IngestJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    plan = job.plan
    ingested = root | "Ingest" >> IngestFiles(plan.files_to_read, plan.layouts, plan.has_catalogue, progress)
    side_outputs.add_errors_and_counts(ingested.errors, ingested.counts)
    size = sum(source.size for source in plan.sources.values())
    buckets = max(size // _BYTES_PER_BUCKET, _MIN_BUCKETS)
    if plan.has_catalogue:
        catalogue = ItemsOfCatalogue(ingested.item_tags, ingested.votes, buckets, job.max_error_rate, plan.has_titles)
        items, *errors_and_counts = ingested.items | "ItemsOfCatalogue" >> catalogue
        side_outputs.add_errors_and_counts(*errors_and_counts)
    else:
        items, counts = ingested.votes | "ItemsOfLog" >> ItemsOfLog(buckets, job.max_error_rate, plan.has_titles)
        side_outputs.counts.append(counts)
    commit_job(job, {INTERACTIONS.name: ingested.interactions, ITEMS.name: items}, side_outputs, writer)
