"""Graph of the job `naming_examples`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import COLLECTIONS, EMBEDDINGS, NAMING_EXAMPLES, TUNING_PAIRS
from transforms.datasets.writing import PartWriter
from transforms.naming.examples.balance import CapExamples
from transforms.naming.examples.leaks import RemoveLeakage
from transforms.naming.examples.quality import FilterByQuality
from transforms.naming.examples.selection import SelectCandidates
from transforms.naming.examples.terms import JoinTerms
from transforms.naming.training_examples import BuildTuningPairs
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms

if TYPE_CHECKING:
    from pipelines.naming_examples.job import NamingExamplesJob

_PARTS = 16
_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS, _MAX_BUCKETS = 4, 256


def build_naming_examples(root: beam.Pipeline, job: NamingExamplesJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    buckets = min(max(job.collections.size // _BYTES_PER_BUCKET, _MIN_BUCKETS), _MAX_BUCKETS)

    selected = rows[COLLECTIONS.name] | "SelectCandidates" >> SelectCandidates(
        job.examples, job.naming, buckets=buckets
    )
    filtered = selected.candidates | "FilterByQuality" >> FilterByQuality(
        job.examples, job.encoder, rows.get(EMBEDDINGS.name), buckets, progress
    )
    distinct, leak_counts = filtered.examples | "RemoveLeakage" >> RemoveLeakage(buckets)
    capped, cap_counts = distinct | "CapExamples" >> CapExamples(job.examples, buckets)
    salient, term_counts = selected.items | "SalientTerms" >> SalientTerms(job.salience, buckets)
    examples, example_counts = {"examples": capped, "salient": salient} | "JoinTerms" >> JoinTerms(buckets)
    pairs = examples | "BuildTuningPairs" >> BuildTuningPairs(job.naming, job.passes, job.seed, buckets)

    side_outputs.counts += [selected.counts, filtered.counts, leak_counts, cap_counts, term_counts, example_counts]
    batches = {EMBEDDINGS.name: filtered.embeddings, NAMING_EXAMPLES.name: examples, TUNING_PAIRS.name: pairs}
    commit_job(job, batches, side_outputs, PartWriter(job.workspace, _PARTS, progress))
