"""The experiment on synonyms on Beam."""

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
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.corpus import concatenate_collections, limit_sources
from transforms.evaluation.experiment import ExperimentResult
from transforms.evaluation.experiments.synonyms.scoring import SynonymData, evaluate_methods, replace_in_mixtures
from transforms.progress import Progress
from transforms.salience.config import LearnedSalienceConfig, SalienceConfig
from transforms.salience.learned_terms import align_to, dimensions_of, matrix, quantize_rows
from transforms.salience.model import SalienceModel, default_model

_ORIGINAL, _REPLACED = "plain ", "replaced "
"""Prefixes of the ids of texts without and with synonyms."""


@dataclasses.dataclass
class EvaluateSynonyms(beam.PTransform):
    """Evaluate methods on mixtures of `collections` before and after key words are replaced by synonyms.

    Attributes:
        mixtures: how collections are mixed.
        salience: configuration of the statistical scorer.
        learning: configuration of the learned scorer.
        encoder: where vectors of the items come from.
        encoder_name: the name by which the packaged model is chosen.
        stored: record batches of `embeddings` of an earlier run; None: none.
        progress: counts the texts that have a vector.
    """

    mixtures: MixtureConfig
    salience: SalienceConfig
    learning: LearnedSalienceConfig
    encoder: EncoderSource
    encoder_name: str
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, collections: beam.PCollection) -> ExperimentResult:
        root = collections.pipeline
        prepare = beam.Map(_prepare, AsIter(collections), self.mixtures)
        data = root | "Once" >> beam.Impulse() | "Prepare" >> prepare
        encoded = (
            data
            | "Texts" >> beam.FlatMap(_texts).with_output_types(pa.RecordBatch)
            | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.stored, progress=self.progress)
        )
        evaluate = beam.Map(
            _evaluate,
            AsSingleton(data),
            AsIter(encoded.vectors),
            self.mixtures,
            self.salience,
            self.learning,
            default_model(self.encoder_name),
        ).with_output_types(pa.RecordBatch)
        metrics = root | "OnceMore" >> beam.Impulse() | "Evaluate" >> evaluate
        return ExperimentResult(metrics, encoded.counts, encoded.embeddings)


def _prepare(_: bytes, collections: Iterable[pa.RecordBatch], mixtures: MixtureConfig) -> SynonymData:
    kept = limit_sources(concatenate_collections(collections), mixtures.max_collections_per_source)
    try:
        return replace_in_mixtures(kept, mixtures)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


def _texts(data: SynonymData) -> Iterator[pa.RecordBatch]:
    """Yield the texts of all items without synonyms, and of the changed ones with synonyms."""
    for prefix, rows in ((_ORIGINAL, data.items), (_REPLACED, data.replaced.filter(pa.array(data.changed)))):
        ids = pc.binary_join_element_wise(prefix, rows["item_id"], "")
        yield pa.RecordBatch.from_arrays([ids, item_text(rows)], schema=TEXTS)


def _evaluate(
    _: bytes,
    data: SynonymData,
    encoded: Iterable[pa.RecordBatch],
    mixtures: MixtureConfig,
    salience: SalienceConfig,
    learning: LearnedSalienceConfig,
    model: SalienceModel,
) -> pa.RecordBatch:
    batches = list(encoded)
    original = pc.binary_join_element_wise(_ORIGINAL, data.items["item_id"], "")
    changed = pc.binary_join_element_wise(_REPLACED, data.items["item_id"], "")
    replaced = pc.if_else(pa.array(data.changed), changed, original)
    vectors, replaced_vectors = (_vectors(batches, ids) for ids in (original, replaced))
    try:
        return evaluate_methods(data, vectors, replaced_vectors, mixtures, salience, learning, model)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


def _vectors(batches: list[pa.RecordBatch], ids: pa.StringArray) -> np.ndarray:
    found = align_to((quantize_rows(batch) for batch in batches), ids)
    return matrix(found, dimensions_of(found))
