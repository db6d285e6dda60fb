"""The experiments on salience from end to end, on Beam: a catalogue with tags, or collections, in; figures out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsIter, AsSingleton

from transforms.datasets.error_rate import DataError
from transforms.encoders.encode import EncodeTexts
from transforms.encoders.interface import EncoderSource
from transforms.encoders.text import TEXTS, item_text
from transforms.evaluation.config import SeparationConfig
from transforms.evaluation.corpus import concatenate_collections, limit_sources
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.synonyms.scoring import SynonymData, evaluate_methods, replace_in_mixtures
from transforms.salience.config import LearnedSalienceConfig
from transforms.salience.learned_terms import align_to, dimensions_of, matrix, quantize_rows
from transforms.salience.model import SalienceModel

_PLAIN, _REPLACED = "plain ", "replaced "


def _prepare(_: bytes, collections: Iterable[pa.RecordBatch], config: SeparationConfig) -> SynonymData:
    kept = limit_sources(concatenate_collections(collections), config.mixtures.max_collections_of_source)
    try:
        return replace_in_mixtures(kept, config.mixtures)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


def _texts(trial: SynonymData) -> Iterator[pa.RecordBatch]:
    """The texts of all items as they are, and of those that were changed."""
    for kind, rows in ((_PLAIN, trial.items), (_REPLACED, trial.replaced.filter(pa.array(trial.changed)))):
        ids = pc.binary_join_element_wise(kind, rows["item_id"], "")
        yield pa.RecordBatch.from_arrays([ids, item_text(rows)], schema=TEXTS)


def _judge_synonyms(
    _: bytes,
    trial: SynonymData,
    encoded: Iterable[pa.RecordBatch],
    config: SeparationConfig,
    learning: LearnedSalienceConfig,
    default: SalienceModel,
) -> pa.RecordBatch:
    batches = list(encoded)
    plain = pc.binary_join_element_wise(_PLAIN, trial.items["item_id"], "")
    changed = pc.binary_join_element_wise(_REPLACED, trial.items["item_id"], "")
    replaced = pc.if_else(pa.array(trial.changed), changed, plain)
    vectors = [_vectors(batches, ids) for ids in (plain, replaced)]
    return evaluate_methods(trial, vectors[0], vectors[1], config, learning, default)


def _vectors(batches: list[pa.RecordBatch], ids: pa.StringArray) -> np.ndarray:
    found = align_to((quantize_rows(batch) for batch in batches), ids)
    return matrix(found, dimensions_of(found))


@dataclasses.dataclass
class EvaluateSynonyms(beam.PTransform):
    """Record batches of `collections` -> what is left of each method where key words are replaced by synonyms.

    Attributes:
        config: how collections are mixed, and how terms are found.
        encoder: what makes vectors of the items.
        learning: limits of the learned scorer.
        default: its model.
        stored: record batches of `embeddings` of an earlier run; None: none.
    """

    config: SeparationConfig
    encoder: EncoderSource
    learning: LearnedSalienceConfig
    default: SalienceModel
    stored: beam.PCollection | None = None

    def expand(self, collections: beam.PCollection) -> ExperimentResult:
        root = collections.pipeline
        trial = root | "Once" >> beam.Impulse() | "Prepare" >> beam.Map(_prepare, AsIter(collections), self.config)
        encoded = (
            trial
            | "Texts" >> beam.FlatMap(_texts).with_output_types(pa.RecordBatch)
            | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.stored)
        )
        metrics = (
            root
            | "OnceMore" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge_synonyms,
                AsSingleton(trial),
                AsIter(encoded.vectors),
                self.config,
                self.learning,
                self.default,
            ).with_output_types(pa.RecordBatch)
        )
        return ExperimentResult(metrics, encoded.counts, encoded.embeddings)
