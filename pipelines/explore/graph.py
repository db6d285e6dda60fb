"""The graph of `explore`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from pipelines.explore.refresh import TRANSITIONS_BEFORE
from schemas import CLUSTER_HISTORIES, CLUSTERS, LOOKUP, TRANSITIONS
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.datasets.writing import PartWriter
from transforms.exploration.explore import BuildTable, RefreshInputs
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
        rows.get(LOOKUP.name) if job.refresh is None else None,
        RowCheckpoint(job.checkpoint_dir, LOOKUP),
        progress,
        _refresh_inputs(job, rows),
    )
    side_outputs.counts.append(table.counts)
    side_outputs.metrics.append(table.metrics)
    commit_job(job, {LOOKUP.name: table.lookup}, side_outputs, writer)


def _refresh_inputs(job: ExploreJob, rows: Mapping[str, beam.PCollection]) -> RefreshInputs | None:
    if job.refresh is None:
        return None
    return RefreshInputs(rows[LOOKUP.name], rows[TRANSITIONS_BEFORE], rows[TRANSITIONS.name], job.refresh.threshold)
