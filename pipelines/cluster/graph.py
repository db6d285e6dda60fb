"""The graph of `cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import CLUSTERS, EMBEDDINGS, INTERACTIONS, ITEM_CLUSTERS, ITEM_EMBEDDINGS, ITEMS
from transforms.boilerplate.stages import RemoveBoilerplate
from transforms.clusters.stages import ClusterCatalogue
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.sample_items import SampleTexts
from transforms.datasets.writing import PartWriter
from transforms.encoders.encode import EncodeItems, EncodeWithoutCache
from transforms.encoders.quantized_vectors import quantize_rows
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms

if TYPE_CHECKING:
    from pipelines.cluster.job import ClusterJob

_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS = 4


def build_cluster(root: beam.Pipeline, job: ClusterJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    buckets = max(_MIN_BUCKETS, job.items.size // _BYTES_PER_BUCKET)
    items, *errors_and_counts = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(buckets)
    side_outputs.add_errors_and_counts(*errors_and_counts)
    sample = items | "SampleTexts" >> SampleTexts()
    items, counts = items | "RemoveBoilerplate" >> RemoveBoilerplate(sample)
    side_outputs.counts.append(counts)
    salient = None
    if job.given_tree is None:
        salient, counts = items | "SalientTerms" >> SalientTerms(job.salience, buckets, sample=sample)
        side_outputs.counts.append(counts)
    interactions = None
    if job.interactions is not None:
        interactions, counts = rows[INTERACTIONS.name] | "KeepInteractions" >> KeepInteractions(job.filter)
        side_outputs.counts.append(counts)
    batches = {}
    if job.item_embeddings is not None:
        vectors, *errors_and_counts = rows[ITEM_EMBEDDINGS.name] | "DeduplicateVectors" >> Deduplicate(
            buckets, ITEM_EMBEDDINGS
        )
        side_outputs.add_errors_and_counts(*errors_and_counts)
        column = "embedding"
    elif job.encoder.is_packaged:
        vectors, column = items | "EncodeItems" >> EncodeWithoutCache(job.encoder), "vector"
    else:
        vectors, batches[EMBEDDINGS.name], counts = items | "EncodeItems" >> EncodeItems(
            job.encoder, rows.get(EMBEDDINGS.name)
        )
        side_outputs.counts.append(counts)
        column = "vector"
    quantized = vectors | "Quantize" >> beam.Map(quantize_rows, column).with_output_types(pa.RecordBatch)
    clustered = items | "ClusterCatalogue" >> ClusterCatalogue(
        quantized,
        job.tree,
        job.name,
        salient=salient,
        given=rows.get(CLUSTERS.name),
        interactions=interactions,
        encoder=job.encoder if job.item_embeddings is None else None,
        buckets=buckets,
    )
    side_outputs.counts.append(clustered.counts)
    side_outputs.metrics.append(clustered.metrics)
    batches |= {CLUSTERS.name: clustered.clusters, ITEM_CLUSTERS.name: clustered.item_clusters}
    commit_job(job, batches, side_outputs, writer)
