"""The graph of `lifecycle`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import JOURNEYS, LIFECYCLES, SALIENT_TERMS
from transforms.datasets.writing import PartWriter
from transforms.lifecycle.stages import DescribeLifecycles
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.lifecycle.job import LifecycleJob


def build_lifecycle(root: beam.Pipeline, job: LifecycleJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    described = rows[JOURNEYS.name] | "DescribeLifecycles" >> DescribeLifecycles(
        rows[SALIENT_TERMS.name], job.confidence_model, job.lifecycle, job.parts
    )
    side_outputs.counts.append(described.counts)
    commit_job(job, {LIFECYCLES.name: described.rows}, side_outputs, writer)
