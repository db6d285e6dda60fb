"""The graph of `explore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import CLUSTER_HISTORIES, CLUSTERS, LOOKUP
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.datasets.writing import PartWriter
from transforms.exploration.explore import BuildTable
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.explore.job import ExploreJob

_PARTS = 16


def build_explore(root: beam.Pipeline, job: ExploreJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, _PARTS, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    table = rows[CLUSTER_HISTORIES.name] | "BuildTable" >> BuildTable(
        rows[CLUSTERS.name],
        job.transitions,
        job.source,
        job.model,
        job.top,
        job.level,
        job.name,
        rows.get(LOOKUP.name),
        RowCheckpoint(job.checkpoint_dir, LOOKUP),
        progress,
    )
    side_outputs.counts.append(table.counts)
    side_outputs.metrics.append(table.metrics)
    commit_job(job, {LOOKUP.name: table.lookup}, side_outputs, writer)
