"""The graph of `cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
import pyarrow as pa

from pipelines.common.content_vectors import content_vectors
from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import CLUSTERS, EMBEDDINGS, INTERACTIONS, ITEM_CLUSTERS, ITEMS, JOURNEY_NAMES, JOURNEYS
from transforms.boilerplate.stages import RemoveBoilerplate
from transforms.clusters.model_descriptions import clusters_as_journeys, with_names
from transforms.clusters.quality_metrics import MeasureQuality
from transforms.clusters.representatives import SelectRepresentatives
from transforms.clusters.stages import ClusterCatalogue, Clustered
from transforms.columnar import concatenate
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.filter_interactions import KeepInteractions
from transforms.datasets.sample_items import SampleTexts
from transforms.datasets.writing import PartWriter
from transforms.language_models.generate import GenerateTexts
from transforms.naming.name_by_model import NameByModel
from transforms.naming.stages import PrepareInputs
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms
from transforms.shuffle import ApplyGlobally

if TYPE_CHECKING:
    from pipelines.cluster.descriptions import ModelDescriptions
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
    content = content_vectors(rows, items, job.encoder, side_outputs, buckets, progress)
    if content.embeddings is not None:
        batches[EMBEDDINGS.name] = content.embeddings
    clustered = items | "ClusterCatalogue" >> ClusterCatalogue(
        content.vectors,
        job.tree,
        job.name,
        salient=salient,
        given=rows.get(CLUSTERS.name),
        interactions=interactions,
        buckets=buckets,
    )
    clusters = clustered.clusters
    if job.descriptions is not None:
        clusters = _describe_by_model(job, job.descriptions, clustered, items, side_outputs, progress)
    encoder = job.encoder if job.item_embeddings is None else None
    quality = clustered.features | "MeasureQuality" >> MeasureQuality(clusters, encoder, job.tree.seed, job.name)
    side_outputs.counts.append(clustered.counts)
    side_outputs.metrics += [clustered.metrics, quality]
    batches |= {CLUSTERS.name: clusters, ITEM_CLUSTERS.name: clustered.item_clusters}
    commit_job(job, batches, side_outputs, writer)


def _describe_by_model(
    job: ClusterJob,
    descriptions: ModelDescriptions,
    clustered: Clustered,
    items: beam.PCollection,
    side_outputs: SideOutputs,
    progress: Progress,
) -> beam.PCollection:
    """Add the steps by which a language model describes clusters; return the rows of `clusters`."""
    naming = descriptions.context.config
    nearest = clustered.features | "SelectRepresentatives" >> SelectRepresentatives(clustered.tree, naming.max_items)
    journeys = clustered.clusters | "AsJourneys" >> beam.Map(
        clusters_as_journeys, beam.pvalue.AsSingleton(nearest)
    ).with_output_types(pa.RecordBatch)
    inputs, _ = {JOURNEYS.name: journeys, ITEMS.name: items} | "PrepareInputs" >> PrepareInputs(naming, _MIN_BUCKETS)
    generate = GenerateTexts(descriptions.generation, 1, progress=progress, check=descriptions.generation.check)
    named = inputs | "Describe" >> NameByModel(descriptions.context, generate, 1)
    side_outputs.add_errors_and_counts(named.errors, named.counts)
    names = named.names | "OneBatchOfNames" >> ApplyGlobally(concatenate, (JOURNEY_NAMES.arrow,))
    return clustered.clusters | "WithNames" >> beam.Map(with_names, beam.pvalue.AsSingleton(names)).with_output_types(
        pa.RecordBatch
    )
