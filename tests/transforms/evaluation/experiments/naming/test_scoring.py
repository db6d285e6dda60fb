"""Three small examples, whose scores are computed by hand."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import sacrebleu

from tests.transforms.encoders.fake_encoder import word_vector
from tests.transforms.evaluation.experiments.naming.builders import example, examples
from transforms.encoders.encode import vectors_schema
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.predictions import PredictedNames, prompts_of_method
from transforms.evaluation.experiments.naming.quality import mean_idf, word_rarity
from transforms.evaluation.experiments.naming.scoring import (
    NameScorer,
    ScoringInputs,
    TextVectors,
    predict_all,
    score_methods,
    texts_to_encode,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.language_models.interface import Completion
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.naming.config import NamingConfig

ROWS = examples(
    [
        example("tea pots", ["red tea pots", "tea pots again", "old tea"]),
        example("jazz piano", ["jazz piano solos", "piano jazz trios"]),
        example("chess", ["chess openings", "chess clubs"]),
    ]
)
REFERENCES = ROWS["name"].to_pylist()
TEXTS = {"tea pots": "Pots for tea", "jazz piano": "jazz piano", "chess": "jazz piano"}
TUNED = NamingConfig(method="fine_tuned")
# Prompts of an endpoint are not tokenized here, so that no tokenizer is needed.
MODEL = NamingMethod(
    "model", "fine_tuned", TUNED, GenerationSpec(ModelSpec("endpoint", "m", url="http://localhost/v1")), "m@1"
)
METHODS = (NamingMethod("reference", "reference"), NamingMethod("medoid", "medoid_title"), MODEL)


def predictions(texts: dict[str, str] = TEXTS) -> dict[str, PredictedNames]:
    """Names of all methods without vectors, where the model has a completion for some examples."""
    hashes = prompts_of_method(ROWS, MODEL)["content_hash"].to_pylist()
    named = [(hashed, name) for hashed, name in zip(hashes, REFERENCES, strict=True) if name in texts]
    completions = {hashed: [Completion(texts[name])] for hashed, name in named}
    return predict_all(ROWS, completions | {"other": [Completion("never requested")]}, METHODS)


def encoded(texts: Sequence[str]) -> list[pa.RecordBatch]:
    """Vectors of texts by their words, in two batches and backwards."""
    rows = [{"item_id": text, "vector": word_vector(text.casefold())} for text in reversed(texts)]
    return [pa.RecordBatch.from_pylist(part, vectors_schema(256)) for part in (rows[:2], rows[2:])]


@pytest.fixture(scope="module")
def inputs() -> ScoringInputs:
    texts = texts_to_encode(ROWS, predictions(), METHODS)["text"].to_pylist()
    return ScoringInputs(ROWS, predictions(), TextVectors(encoded(texts)))


def metrics(inputs: ScoringInputs, *methods: NamingMethod) -> MetricIndex:
    return MetricIndex([score_methods(inputs, NamingExperimentConfig(methods))])


def test_all_texts_are_encoded_once() -> None:
    texts = texts_to_encode(ROWS, predictions(), METHODS)["text"].to_pylist()
    titles = [title for of_one in ROWS["titles"].to_pylist() for title in of_one]
    assert texts == sorted({*titles, *REFERENCES, "Pots for tea"})


def test_lookup_of_vectors() -> None:
    vectors = TextVectors(encoded(["a", "b", "c"]))
    found = vectors.lookup(["c", "", "a", "c"])
    assert found == pytest.approx(np.stack([word_vector("c"), np.zeros(256), word_vector("a"), word_vector("c")]))
    assert TextVectors([]).lookup(["", ""]).shape == (2, 0)
    with pytest.raises(KeyError):
        vectors.lookup(["d"])


def test_a_model_with_one_name_for_two_journeys(inputs: ScoringInputs) -> None:
    found = NameScorer(inputs).score(MODEL)
    by_name = dict(zip(REFERENCES, range(3), strict=True))
    tea, jazz, chess = (by_name[name] for name in ("tea pots", "jazz piano", "chess"))
    assert found.values["recall_at_1"][[tea, jazz, chess]].tolist() == [1, 1, 0]
    assert found.values["mrr"][jazz] == 1
    assert found.values["over_broadness"][[tea, jazz]].tolist() == [0, 0]
    assert found.values["over_broadness"][chess] in (0.5, 1)
    assert found.values["similarity"][jazz] == pytest.approx(1)
    assert found.values["uniqueness"][[tea, jazz, chess]].tolist() == [1, 0.5, 0.5]
    assert found.values["safe"].tolist() == [1, 1, 1]
    assert found.rejections == ["", "", ""]
    texts = [[row["name"], *row["titles"]] for row in ROWS.to_pylist()]
    names = [TEXTS[name] for name in REFERENCES]
    assert found.values["mean_idf"].tolist() == mean_idf(names, word_rarity(texts)).tolist()
    assert "prompt_tokens" not in found.values


def test_metrics_and_differences_to_the_first(inputs: ScoringInputs) -> None:
    index = metrics(inputs, *METHODS)
    names = [TEXTS[name] for name in REFERENCES]
    bleu = sacrebleu.corpus_bleu(names, [REFERENCES]).score
    assert index.value("naming_bleu", method="model") == pytest.approx(bleu)
    best = index.value("naming_bleu", method="reference")
    difference = {"method": "model", "baseline": "reference"}
    assert index.value("naming_bleu_difference", **difference) == pytest.approx(bleu - best)
    mrr = NameScorer(inputs).score(MODEL).values["mrr"].mean()
    assert index.value("naming_mrr", method="model") == pytest.approx(mrr)
    assert index.value("naming_mrr_difference", **difference) == pytest.approx(mrr - 1)
    assert index.get("naming_mrr", method="medoid").n == 3  # type: ignore[union-attr]
    assert index.value("naming_rejected", method="medoid", reason="single_title") == 1
    differences = index.slices("naming_mrr_difference")
    assert {parts["baseline"] for parts in differences} == {"reference"}
    assert "reference" not in {parts["method"] for parts in differences}


def test_a_missing_completion_is_a_blank_name_that_retrieves_nothing() -> None:
    predicted = predictions({"tea pots": "tea pots", "chess": "chess"})
    texts = texts_to_encode(ROWS, predicted, METHODS)["text"].to_pylist()
    inputs = ScoringInputs(ROWS, predicted, TextVectors(encoded(texts)))
    found, index = NameScorer(inputs).score(MODEL), REFERENCES.index("jazz piano")
    assert found.rejections[index] == "no_completion"
    measures = ("similarity", "recall_at_1", "mrr", "over_broadness", "mean_idf", "well_formed")
    assert [found.values[measure][index] for measure in measures] == pytest.approx([0, 0, 1 / 3, 1, 0, 0])


def test_without_vectors_measures_of_vectors_are_left_out(inputs: ScoringInputs) -> None:
    found = NameScorer(inputs._replace(vectors=None)).score(MODEL)
    assert set(found.values) == {"mean_idf", "safe", "uniqueness", "well_formed"}
    assert set(found.counts) == {"bleu", "chrf"}
