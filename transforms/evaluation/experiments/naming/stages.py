"""The experiment on naming on Beam."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.encoders.encode import EncodeTexts
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.journey_examples import (
    JOURNEYS_TO_NAME,
    TAGGED_ITEMS,
    examples_of_journeys,
    select_columns,
)
from transforms.evaluation.experiments.naming.predictions import (
    PredictedNames,
    completions_by_hash,
    prompts_of_method,
    sample_examples,
)
from transforms.evaluation.experiments.naming.scoring import (
    ScoringInputs,
    TextVectors,
    predict_all,
    score_methods,
    texts_to_encode,
)
from transforms.language_models.exclusive import ExclusiveModel
from transforms.language_models.generate import GenerateTexts, GenerationResult, distinct_generations
from transforms.language_models.interface import accept_reply
from transforms.language_models.spec import GenerationSpec
from transforms.naming.validation import check_reply
from transforms.progress import Progress
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

_BUCKETS = 16


@with_output_types(pa.RecordBatch, counts=Count)
class _Sample(beam.DoFn):
    """Sample examples into one batch, and emit counts."""

    def __init__(self, max_examples: int) -> None:
        self.max_examples = max_examples

    def process(self, _: bytes, examples: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        try:
            sample = sample_examples(examples, self.max_examples)
        except ValueError as error:
            raise DataError(f"{error}; nothing was committed") from error
        yield sample.rows
        yield TaggedOutput(COUNTS_TAG, count("naming_examples_test", sample.available))
        yield TaggedOutput(COUNTS_TAG, count("naming_examples_scored", sample.rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("naming_sources", pc.count_distinct(sample.rows["source"]).as_py()))


def _prompts(
    _: bytes, examples: pa.RecordBatch, method: NamingMethod, _previous: Iterable[pa.RecordBatch]
) -> pa.RecordBatch:
    return prompts_of_method(examples, method)


def _distinct(bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(distinct_generations(bucket[1]["generations"]))


def _predict(
    _: bytes, examples: pa.RecordBatch, generations: Iterable[pa.RecordBatch], methods: tuple[NamingMethod, ...]
) -> dict[str, PredictedNames]:
    return predict_all(examples, completions_by_hash(generations), methods)


def _texts(
    predictions: dict[str, PredictedNames], examples: pa.RecordBatch, methods: tuple[NamingMethod, ...]
) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(texts_to_encode(examples, predictions, methods))


def _score(
    predictions: dict[str, PredictedNames],
    examples: pa.RecordBatch,
    encoded: Iterable[pa.RecordBatch] | None,
    config: NamingExperimentConfig,
) -> pa.RecordBatch:
    vectors = None if encoded is None else TextVectors(encoded)
    bleurt = config.bleurt.load() if config.bleurt else None
    return score_methods(ScoringInputs(examples, predictions, vectors, bleurt), config)


@dataclasses.dataclass
class ExamplesOfJourneys(beam.PTransform):
    """Record batches of `journeys` -> rows of `naming_examples`, one batch: journeys whose items share a tag.

    Journeys and the titles and tags of the catalogue are brought to one process.

    Attributes:
        items: record batches of `items`.
    """

    items: beam.PCollection

    def expand(self, journeys: beam.PCollection) -> beam.PCollection:
        columns = (beam.Map(select_columns, schema) for schema in (JOURNEYS_TO_NAME, TAGGED_ITEMS))
        to_name, tagged = (each.with_output_types(pa.RecordBatch) for each in columns)
        items = self.items | "TaggedItems" >> tagged
        build = ApplyGlobally(examples_of_journeys, (AsIter(items),))
        return journeys | "JourneysToName" >> to_name | "ExamplesOfJourneys" >> build


@dataclasses.dataclass
class EvaluateNaming(beam.PTransform):
    """Evaluate the names that several methods give to `naming_examples` of the test split.

    Language models run one after another, and complete each prompt once: never one that is stored or in the
    checkpoint. The examples are brought to one process: a sample fits into memory.

    Attributes:
        config: the methods, and how they are scored.
        encoder: where vectors of names and titles come from; None: measures of vectors are left out.
        embeddings: record batches of `embeddings` of an earlier run; None: none.
        generations: record batches of `generations` of an earlier run; None: none.
        checkpoint: keeps completions while the job runs; None: they are not kept.
        progress: counts completions.

    Returns:
        The result; its `generations` are the completions of this run and all stored ones.

    Raises:
        ValueError: when a method needs vectors and there is no encoder.
    """

    config: NamingExperimentConfig
    encoder: EncoderSource | None = None
    embeddings: beam.PCollection | None = None
    generations: beam.PCollection | None = None
    checkpoint: RowCheckpoint | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def __post_init__(self) -> None:
        if self.config.needs_encoder and self.encoder is None:
            raise ValueError("medoid_title needs an encoder: it compares titles by vectors")

    def expand(self, examples: beam.PCollection) -> ExperimentResult:
        root = examples.pipeline
        sample = beam.ParDo(_Sample(self.config.max_examples), AsIter(examples))
        sampled = root | "Once" >> beam.Impulse() | "Sample" >> sample.with_outputs(COUNTS_TAG, main="sample")
        chosen = AsSingleton(sampled.sample)
        generations, errors, counts = self._generate(sampled.sample, [sampled[COUNTS_TAG]])
        predictions = (
            root
            | "OnceMore" >> beam.Impulse()
            | "Predict" >> beam.Map(_predict, chosen, AsIter(generations), self.config.methods)
        )
        vectors, embeddings = None, None
        if self.encoder is not None:
            texts = beam.FlatMap(_texts, chosen, self.config.methods).with_output_types(pa.RecordBatch)
            encode = EncodeTexts(self.encoder, stored=self.embeddings, progress=self.progress)
            encoded = predictions | "Texts" >> texts | "EncodeTexts" >> encode
            vectors, embeddings = AsIter(encoded.vectors), encoded.embeddings
            counts.append(encoded.counts)
        score = beam.Map(_score, chosen, vectors, self.config).with_output_types(pa.RecordBatch)
        return ExperimentResult(
            predictions | "Score" >> score,
            counts | "Counts" >> beam.Flatten(),
            embeddings,
            errors,
            generations if self.config.uses_language_model else None,
        )

    def _generate(
        self, sample: beam.PCollection, counts: list[beam.PCollection]
    ) -> tuple[beam.PCollection, beam.PCollection | None, list[beam.PCollection]]:
        """Return completions of the models of all methods with stored ones, errors, and counts with those given."""
        results: list[GenerationResult] = []
        for method in self.config.methods:
            if method.generation is not None:
                results.append(self._run_model(sample, method, method.generation, results[-1] if results else None))
        if not results:
            return sample.pipeline | "NoGenerations" >> beam.Create([], reshuffle=False), None, counts
        stored = [] if self.generations is None else [self.generations]
        generations = (
            {"generations": (*stored, *(each.generations for each in results)) | "AllGenerations" >> beam.Flatten()}
            | "GroupGenerations" >> CoGroupByBucket("content_hash", _BUCKETS)
            | "Distinct" >> beam.FlatMap(_distinct).with_output_types(pa.RecordBatch)
        )
        errors = [each.errors for each in results] | "Errors" >> beam.Flatten()
        return generations, errors, counts + [each.counts for each in results]

    def _run_model(
        self,
        sample: beam.PCollection,
        method: NamingMethod,
        generation: GenerationSpec,
        previous: GenerationResult | None,
    ) -> GenerationResult:
        """Run one model after the previous one has finished, so that one at a time is in memory."""
        waits_for = () if previous is None else AsIter(previous.generations)
        is_endpoint = generation.model.kind == "endpoint"
        source = dataclasses.replace(generation, check=check_reply) if is_endpoint else ExclusiveModel(generation)
        check = check_reply if is_endpoint else accept_reply
        generate = GenerateTexts(source, 1, self.generations, self.checkpoint, self.progress, check)
        prompts = beam.Map(_prompts, AsSingleton(sample), method, waits_for).with_output_types(pa.RecordBatch)
        return (
            sample.pipeline
            | f"Once[{method.label}]" >> beam.Impulse()
            | f"Prompts[{method.label}]" >> prompts
            | f"Generate[{method.label}]" >> generate
        )
