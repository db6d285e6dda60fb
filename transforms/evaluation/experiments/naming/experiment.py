"""The experiment on names from end to end, on Beam: held-out examples in, figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import CoGroupByBucket, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.encode import EncodeTexts
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.predictions import completions_by_hash, prompts_of_method, test_sample
from transforms.evaluation.experiments.naming.scoring import ScoringInputs, TextVectors, score_methods, texts_to_encode
from transforms.language_models.checkpoint import GenerationCheckpoint
from transforms.language_models.exclusive import ExclusiveModel
from transforms.language_models.generate import GenerateTexts, GenerationResult, distinct_generations
from transforms.language_models.spec import GenerationSpec
from transforms.progress import Progress

_BUCKETS = 16


@with_output_types(pa.RecordBatch, counts=Count)
class _Sample(beam.DoFn):
    """All examples -> those that are judged, in one batch; counts, beside."""

    def __init__(self, most: int) -> None:
        self.most = most

    def process(self, _: bytes, examples: Iterable[pa.RecordBatch]) -> Iterator[Any]:
        try:
            sample = test_sample(examples, self.most)
        except ValueError as error:
            raise DataError(f"{error}; nothing was committed") from error
        yield sample.rows
        yield TaggedOutput(COUNTS_TAG, count("naming_examples_held_out", sample.held_out))
        yield TaggedOutput(COUNTS_TAG, count("naming_examples_judged", sample.rows.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("naming_sources", pc.count_distinct(sample.rows["source"]).as_py()))


def _questions(
    _: bytes, examples: pa.RecordBatch, way: NamingMethod, _before: Iterable[pa.RecordBatch]
) -> pa.RecordBatch:
    return prompts_of_method(examples, way)


def _texts(
    _: bytes, examples: pa.RecordBatch, answers: Iterable[pa.RecordBatch], ways: tuple[NamingMethod, ...]
) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(texts_to_encode(examples, completions_by_hash(answers), ways))


def _judge(
    _: bytes,
    examples: pa.RecordBatch,
    answers: Iterable[pa.RecordBatch],
    encoded: Iterable[pa.RecordBatch] | None,
    config: NamingExperimentConfig,
) -> pa.RecordBatch:
    vectors = None if encoded is None else TextVectors(encoded)
    bleurt = config.bleurt.load() if config.bleurt else None
    return score_methods(ScoringInputs(examples, completions_by_hash(answers), vectors, bleurt), config)


def _once_each(bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[pa.RecordBatch]:
    yield from split_by_size(distinct_generations(bucket[1]["generations"]))


@dataclasses.dataclass
class EvaluateNaming(beam.PTransform):
    """Record batches of `naming_examples` -> how good the names are that several ways give to those held out.

    Models are asked one after another, each question once, and never again what is stored or in the journal. The
    examples are brought together in one process: a sample fits into memory.

    Attributes:
        config: the ways, and how they are judged.
        encoder: what makes vectors of names and titles; None: what needs them is not measured.
        embeddings: record batches of `embeddings` of an earlier run; None: none.
        generations: record batches of `generations` of an earlier run; None: none.
        checkpoint: where answers are kept while the job runs; None: nowhere.
        progress: where answers are counted.

    Returns:
        What was measured. Its `generations` are the answers of this run and all that were stored.

    Raises:
        ValueError: when a way needs vectors and nothing makes them.
    """

    config: NamingExperimentConfig
    encoder: EncoderSource | None = None
    embeddings: beam.PCollection | None = None
    generations: beam.PCollection | None = None
    checkpoint: GenerationCheckpoint | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def __post_init__(self) -> None:
        if self.config.needs_encoder and self.encoder is None:
            raise ValueError("the title that is nearest to the mean of all is found by vectors: give an encoder")

    def expand(self, examples: beam.PCollection) -> ExperimentResult:
        root = examples.pipeline
        sampled = (
            root
            | "Once" >> beam.Impulse()
            | "Sample"
            >> beam.ParDo(_Sample(self.config.most_examples), AsIter(examples)).with_outputs(COUNTS_TAG, main="sample")
        )
        answers, errors, counts = self._ask(sampled.sample, [sampled[COUNTS_TAG]])
        known = AsIter(answers)
        encoded, embeddings = None, None
        if self.encoder is not None:
            texts = _texts, AsSingleton(sampled.sample), known, self.config.ways
            found = (
                root
                | "OnceMore" >> beam.Impulse()
                | "Texts" >> beam.FlatMap(*texts).with_output_types(pa.RecordBatch)
                | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.embeddings)
            )
            encoded, embeddings = AsIter(found.vectors), found.embeddings
            counts.append(found.counts)
        judged = _judge, AsSingleton(sampled.sample), known, encoded, self.config
        metrics = root | "AtLast" >> beam.Impulse() | "Judge" >> beam.Map(*judged).with_output_types(pa.RecordBatch)
        return ExperimentResult(
            metrics,
            counts | "Counts" >> beam.Flatten(),
            embeddings,
            errors,
            answers if self.config.asks else None,
        )

    def _ask(
        self, sample: beam.PCollection, counts: list[beam.PCollection]
    ) -> tuple[beam.PCollection, beam.PCollection | None, list[beam.PCollection]]:
        """Answers of all ways' models, and those that were stored; errors, and counts with those that were there."""
        generation: list[GenerationResult] = []
        for way in self.config.ways:
            if way.generation is not None:
                generation.append(self._ask_one(sample, way, way.generation, generation[-1] if generation else None))
        if not generation:
            return sample.pipeline | "NoAnswers" >> beam.Create([], reshuffle=False), None, counts
        stored = [] if self.generations is None else [self.generations]
        answers = (
            {"generations": (*stored, *(each.generations for each in generation)) | "AllAnswers" >> beam.Flatten()}
            | "GroupAnswers" >> CoGroupByBucket("content_hash", _BUCKETS)
            | "OnceEach" >> beam.FlatMap(_once_each).with_output_types(pa.RecordBatch)
        )
        errors = [each.errors for each in generation] | "Errors" >> beam.Flatten()
        return answers, errors, counts + [each.counts for each in generation]

    def _ask_one(
        self, sample: beam.PCollection, way: NamingMethod, generation: GenerationSpec, before: GenerationResult | None
    ) -> GenerationResult:
        """Asks one model, when the one before has answered, so that one at a time is in memory."""
        waited_for = () if before is None else AsIter(before.generations)
        source = generation if generation.model.kind == "endpoint" else ExclusiveModel(generation)
        generate = GenerateTexts(source, 1, self.generations, self.checkpoint, self.progress)
        questions = beam.Map(_questions, AsSingleton(sample), way, waited_for).with_output_types(pa.RecordBatch)
        return (
            sample.pipeline
            | f"Once[{way.label}]" >> beam.Impulse()
            | f"Questions[{way.label}]" >> questions
            | f"Answers[{way.label}]" >> generate
        )
