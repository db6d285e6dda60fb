"""The graph of `tune`: what a model is to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import COLLECTIONS, EMBEDDINGS, NAMING_EXAMPLES
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.naming.examples.balance import CapExamples
from transforms.naming.examples.leaks import RemoveLeakage
from transforms.naming.examples.quality import FilterByQuality
from transforms.naming.examples.selection import SelectCandidates
from transforms.naming.examples.terms import JoinTerms
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms

if TYPE_CHECKING:
    from pipelines.tune.job import TuneJob

_PARTS = 16
_BYTES_PER_BUCKET = 1 << 20
_FEWEST_BUCKETS, _MOST_BUCKETS = 4, 256


def build_tune(root: beam.Pipeline, job: TuneJob, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    side_outputs = SideOutputs()
    schemas = {schema.name: schema for schema in (COLLECTIONS, EMBEDDINGS)}
    renamed = {COLLECTIONS.name: job.collection_columns}
    rows = {}
    for name, source in job.sources.items():
        rows[name], *besides = root | f"Read[{name}]" >> ReadRows(
            schemas[name], source, renamed.get(name, {}), progress=progress
        )
        side_outputs.add_errors_and_counts(*besides)
    buckets = min(max(job.collections.size // _BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)

    found = rows[COLLECTIONS.name] | "FindCandidates" >> SelectCandidates(job.examples, job.naming, buckets=buckets)
    good = found.candidates | "KeepGood" >> FilterByQuality(
        job.examples, job.encoder, rows.get(EMBEDDINGS.name), buckets
    )
    apart, apart_counts = good.examples | "KeepApart" >> RemoveLeakage(buckets)
    balanced, balance_counts = apart | "Balance" >> CapExamples(job.examples, buckets)
    salient, term_counts = found.items | "SalientTerms" >> SalientTerms(job.salience, buckets)
    examples, example_counts = {"examples": balanced, "salient": salient} | "BringTerms" >> JoinTerms(buckets)

    side_outputs.counts += [found.counts, good.counts, apart_counts, balance_counts, term_counts, example_counts]
    batches = {EMBEDDINGS.name: good.embeddings, NAMING_EXAMPLES.name: examples}
    commit_job(job, batches, side_outputs, PartWriter(job.workspace, _PARTS, progress))
