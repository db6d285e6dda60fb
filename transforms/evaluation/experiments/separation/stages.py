"""Graph of the experiment on separation: collections in, metrics out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import COLLECTIONS, ERRORS, INTERACTIONS, ITEMS
from transforms.columnar import concatenate, split_by_size
from transforms.datasets.coercion import with_provenance
from transforms.datasets.counts import Count, count
from transforms.datasets.deduplicate import deduplicate
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.datasets.writing import sample_errors
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.corpus import concatenate_collections, limit_sources, mix_collections
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.separation.config import SeparationConfig
from transforms.evaluation.experiments.separation.metrics import choose_thresholds, separation_metrics, sweep_metrics
from transforms.evaluation.experiments.separation.noise_metrics import noise_metrics
from transforms.evaluation.experiments.separation.run_methods import RunMethods
from transforms.evaluation.experiments.separation.run_noise import NoisySlice, RunWithNoise, split_noisy
from transforms.evaluation.item_features import CATALOGUE_TAG, ITEMS_TAG, BuildCorpus, emit_items
from transforms.evaluation.methods import Method
from transforms.evaluation.metric_rows import metric_batch
from transforms.evaluation.numbered_collections import collections_of_tags
from transforms.progress import Progress
from transforms.shuffle import ApplyGlobally


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch)
class _CollectTags(beam.DoFn):
    """The whole log and its catalogue -> slices of collections; repeated items go to `errors`."""

    def process(
        self, _: bytes, interactions: Iterable[pa.RecordBatch], items: Iterable[pa.RecordBatch]
    ) -> Iterator[Any]:
        unique = deduplicate(concatenate(items, with_provenance(ITEMS)))
        if unique.errors.num_rows:
            yield TaggedOutput(ERRORS_TAG, unique.errors)
        columns = pa.schema([("user_id", pa.string()), ("item_id", pa.string())])
        rows = [
            pa.RecordBatch.from_arrays([batch[name] for name in columns.names], schema=columns)
            for batch in interactions
        ]
        yield from split_by_size(
            collections_of_tags(pa.Table.from_batches(rows, columns), pa.Table.from_batches([unique.items]))
        )


@dataclasses.dataclass
class CollectionsOfLog(beam.PTransform):
    """Build collections from a log: the items that a user consumed under one tag.

    Log and catalogue are gathered in one process: an experiment is run on data that fit into memory.

    Attributes:
        items: rows of `items` with provenance; the first tag of each is used.

    Returns:
        A tuple of two collections: record batches of `collections`, record batches of `errors`.
    """

    items: beam.PCollection

    def expand(self, interactions: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        found = (
            interactions.pipeline
            | "Once" >> beam.Impulse()
            | "CollectTags"
            >> beam.ParDo(_CollectTags(), AsIter(interactions), AsIter(self.items)).with_outputs(
                ERRORS_TAG, main="collections"
            )
        )
        return found.collections, found[ERRORS_TAG]


NOISY_TAG = "noisy"


@with_output_types(pa.RecordBatch, catalogue=pa.RecordBatch, items=pa.RecordBatch, noisy=NoisySlice, counts=Count)
class _Mix(beam.DoFn):
    """All collections -> mixtures.

    Tagged outputs: the whole catalogue, the items of the mixtures, the mixtures with noise, and counts.

    If collections cannot be mixed, invalid rows may be the reason, so the error shows some of them.
    """

    def __init__(self, config: MixtureConfig, noise_fractions: tuple[float, ...]) -> None:
        self.config = config
        self.noise_fractions = noise_fractions

    def process(
        self, _: bytes, collections: Iterable[pa.RecordBatch], errors: Iterable[pa.RecordBatch]
    ) -> Iterator[Any]:
        whole = concatenate_collections(collections)
        kept = limit_sources(whole, self.config.max_collections_per_source)
        try:
            mixed = mix_collections(kept, self.config, self.noise_fractions)
        except ValueError as error:
            raise DataError("\n  ".join([f"{error}; nothing was committed", *_first_errors(errors)])) from error
        yield from emit_items(mixed.catalogue, mixed.items)
        yield mixed.mixtures
        for noisy in split_noisy(mixed.noisy):
            yield TaggedOutput(NOISY_TAG, noisy)
        yield TaggedOutput(COUNTS_TAG, count("collections", kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("collections_left_out", whole.num_rows - kept.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("sources", mixed.sources))
        yield TaggedOutput(COUNTS_TAG, count("items_mixed", mixed.items.num_rows))


def _first_errors(errors: Iterable[pa.RecordBatch]) -> list[str]:
    rows = concatenate(errors, ERRORS.arrow)
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in ("reason", "file", "row")])
    return list(sample_errors(rows.take(order)).values())


def _compute_metrics(results: Iterable[pa.RecordBatch], config: SeparationConfig) -> pa.RecordBatch:
    batches = list(results)
    separation = separation_metrics(batches, config.mixtures.seed, dict(config.fixed_thresholds))
    return metric_batch([*separation.to_pylist(), *sweep_metrics(batches).to_pylist()])


def _evaluated_thresholds(_: bytes, results: Iterable[pa.RecordBatch], config: SeparationConfig) -> dict[str, float]:
    """Return the threshold at which each method is evaluated, by its name."""
    chosen = choose_thresholds(results, dict(config.fixed_thresholds))
    return {method: each.threshold for method, each in chosen.items()}


def collections_of(rows: Mapping[str, beam.PCollection]) -> tuple[beam.PCollection, list[beam.PCollection]]:
    """Return the collections that are given, or those of a log.

    Args:
        rows: record batches of `collections`, or of `interactions` and `items`, by the name of the dataset.

    Returns:
        Record batches of `collections`, and collections of record batches of `errors`.
    """
    if COLLECTIONS.name in rows:
        return rows[COLLECTIONS.name], []
    found = rows[INTERACTIONS.name] | "CollectionsOfLog" >> CollectionsOfLog(rows[ITEMS.name])
    return found[0], [found[1]]


@dataclasses.dataclass
class SeparateCollections(beam.PTransform):
    """Evaluate methods on mixtures of collections, from `collections`, or from `interactions` and `items`.

    Terms are weighed against the items of all collections, as in a catalogue; only items of mixtures are encoded.

    Attributes:
        config: configuration of the experiment.
        methods: the methods to compare.
        by_min_coherence: a method whose thresholds are those of `min_coherence`, for a curve; None: there is none.
        errors: record batches of `errors` of reading.
        encoder: where vectors come from; None: there are none.
        encoder_name: their name in the corpus.
        stored: record batches of `embeddings` of an earlier run, perhaps with further columns; None: none.
        progress: counts the texts that have a vector.
    """

    config: SeparationConfig
    methods: tuple[Method, ...]
    by_min_coherence: Method | None
    errors: beam.PCollection
    encoder: EncoderSource | None = None
    encoder_name: str = ""
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, rows: Mapping[str, beam.PCollection]) -> ExperimentResult:
        collections, repeated = collections_of(rows)
        root = collections.pipeline
        all_errors = [self.errors, *repeated] | "AllErrors" >> beam.Flatten()
        mixed = (
            root
            | "Once" >> beam.Impulse()
            | "Mix"
            >> beam.ParDo(
                _Mix(self.config.mixtures, self.config.noise_fractions), AsIter(collections), AsIter(all_errors)
            ).with_outputs(CATALOGUE_TAG, ITEMS_TAG, NOISY_TAG, COUNTS_TAG, main="mixtures")
        )
        features = (mixed[CATALOGUE_TAG], mixed[ITEMS_TAG]) | "BuildCorpus" >> BuildCorpus(
            self.config.salience, self.encoder, self.encoder_name, self.stored, self.progress
        )
        seed = self.config.mixtures.seed if self.config.measure_stability else None
        results = mixed.mixtures | "RunMethods" >> RunMethods(features.corpus, self.methods, seed)
        thresholds = (
            root
            | "OnceThresholds" >> beam.Impulse()
            | "Thresholds" >> beam.Map(_evaluated_thresholds, AsIter(results), self.config)
        )
        noisy = mixed[NOISY_TAG] | "RunWithNoise" >> RunWithNoise(
            features.corpus, thresholds, self.methods, self.by_min_coherence
        )
        metrics = (
            results | "Metrics" >> ApplyGlobally(_compute_metrics, (self.config,)),
            noisy | "NoiseMetrics" >> ApplyGlobally(noise_metrics, (self.config.mixtures.seed,)),
        ) | "AllMetrics" >> beam.Flatten()
        counts = (mixed[COUNTS_TAG], features.counts) | "Counts" >> beam.Flatten()
        invalid = [features.errors, *repeated] | "Errors" >> beam.Flatten()
        return ExperimentResult(metrics, counts, features.embeddings, invalid)
