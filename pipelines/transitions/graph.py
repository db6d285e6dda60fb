"""The graph of `transitions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import CLUSTER_HISTORIES, CLUSTERS, INTERACTIONS, ITEM_CLUSTERS, TRANSITIONS, TUNING_PAIRS
from transforms.datasets.writing import PartWriter
from transforms.exploration.stages import FindTransitions
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.transitions.job import TransitionsJob


def build_transitions(root: beam.Pipeline, job: TransitionsJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    found = rows[INTERACTIONS.name] | "FindTransitions" >> FindTransitions(
        rows[CLUSTERS.name], rows[ITEM_CLUSTERS.name], job.transitions, job.filter, job.level, job.parts
    )
    side_outputs.add_errors_and_counts(found.errors, found.counts)
    batches = {
        CLUSTER_HISTORIES.name: found.histories,
        TRANSITIONS.name: found.transitions,
        TUNING_PAIRS.name: found.pairs,
    }
    commit_job(job, batches, side_outputs, writer)
