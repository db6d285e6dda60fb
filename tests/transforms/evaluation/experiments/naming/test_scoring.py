"""Three small examples, of which every figure can be told by hand."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
import sacrebleu

from tests.transforms.encoders.fake_encoder import word_vector
from tests.transforms.evaluation.experiments.naming.builders import example, examples
from transforms.encoders.encode import vectors_schema
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.predictions import prompts_of_method
from transforms.evaluation.experiments.naming.quality import mean_idf, word_rarity
from transforms.evaluation.experiments.naming.scoring import (
    NameScorer,
    ScoringInputs,
    TextVectors,
    score_methods,
    texts_to_encode,
)
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
SAID = {"tea pots": "Pots for tea", "jazz piano": "jazz piano", "chess": "jazz piano"}
TUNED = NamingConfig(method="fine_tuned")
# Tokens of an endpoint's prompts are not known here, so that no tokenizer is needed.
MODEL = NamingMethod(
    "model", "fine_tuned", TUNED, GenerationSpec(ModelSpec("endpoint", "m", url="http://localhost/v1")), "m@1"
)
WAYS = (NamingMethod("reference", "reference"), NamingMethod("medoid", "medoid_title"), MODEL)


def answers(said: dict[str, str] = SAID) -> dict[str, list[Completion]]:
    """What the model says of each example, by the hash of its question."""
    hashes = prompts_of_method(ROWS, MODEL)["content_hash"].to_pylist()
    return {hashed: [Completion(said[name])] for hashed, name in zip(hashes, REFERENCES, strict=True) if name in said}


def encoded(texts: Sequence[str]) -> list[pa.RecordBatch]:
    """Vectors of texts by their words, in two batches and backwards."""
    rows = [{"item_id": text, "vector": word_vector(text.casefold())} for text in reversed(texts)]
    return [pa.RecordBatch.from_pylist(part, vectors_schema(256)) for part in (rows[:2], rows[2:])]


@pytest.fixture(scope="module")
def told() -> ScoringInputs:
    texts = texts_to_encode(ROWS, answers(), WAYS)["text"].to_pylist()
    return ScoringInputs(ROWS, answers(), TextVectors(encoded(texts)))


def figures(told: ScoringInputs, *ways: NamingMethod) -> dict[tuple[str, str], dict[str, object]]:
    rows = score_methods(told, NamingExperimentConfig(ways)).to_pylist()
    return {(row["metric"], row["slice"]): row for row in rows}


def test_all_texts_are_encoded_once() -> None:
    texts = texts_to_encode(ROWS, answers() | {"other": [Completion("never asked")]}, WAYS)["text"].to_pylist()
    titles = [title for of_one in ROWS["titles"].to_pylist() for title in of_one]
    assert texts == sorted({*titles, *REFERENCES, "Pots for tea"})


def test_vectors_are_looked_up() -> None:
    vectors = TextVectors(encoded(["a", "b", "c"]))
    found = vectors.of(["c", "", "a", "c"])
    assert found == pytest.approx(np.stack([word_vector("c"), np.zeros(256), word_vector("a"), word_vector("c")]))
    assert TextVectors([]).of(["", ""]).shape == (2, 0)
    with pytest.raises(KeyError):
        vectors.of(["d"])


def test_a_model_that_says_the_same_of_two(told: ScoringInputs) -> None:
    found = NameScorer(told).measure(MODEL)
    by_name = dict(zip(REFERENCES, range(3), strict=True))
    tea, jazz, chess = (by_name[name] for name in ("tea pots", "jazz piano", "chess"))
    assert found.values["recall_at_1"][[tea, jazz, chess]].tolist() == [1, 1, 0]
    assert found.values["mrr"][jazz] == 1
    assert found.values["over_broadness"][[tea, jazz]].tolist() == [0, 0]
    assert found.values["over_broadness"][chess] in (0.5, 1)
    assert found.values["similarity"][jazz] == pytest.approx(1)
    assert found.values["distinct"][[tea, jazz, chess]].tolist() == [1, 0.5, 0.5]
    assert found.values["safe"].tolist() == [1, 1, 1]
    assert found.refusals == ["", "", ""]
    texts = [[row["name"], *row["titles"]] for row in ROWS.to_pylist()]
    names = [SAID[name] for name in REFERENCES]
    assert found.values["interestingness"].tolist() == mean_idf(names, word_rarity(texts)).tolist()
    assert "prompt_tokens" not in found.values


def test_figures_and_differences_from_the_first(told: ScoringInputs) -> None:
    found = figures(told, *WAYS)
    names = [SAID[name] for name in REFERENCES]
    bleu = sacrebleu.corpus_bleu(names, [REFERENCES]).score
    assert found["naming_bleu", "model"]["value"] == pytest.approx(bleu)
    best = found["naming_bleu", "reference"]["value"]
    assert found["naming_bleu_difference", "model - reference"]["value"] == pytest.approx(bleu - float(str(best)))
    mrr = NameScorer(told).measure(MODEL).values["mrr"].mean()
    assert found["naming_mrr", "model"]["value"] == pytest.approx(mrr)
    assert found["naming_mrr_difference", "model - reference"]["value"] == pytest.approx(mrr - 1)
    assert found["naming_mrr", "medoid"]["n"] == 3
    assert found["naming_refused", "medoid/single_title"]["value"] == 1
    assert not [slice_ for _, slice_ in found if slice_.endswith("- medoid") or slice_.startswith("reference - ")]


def test_a_missing_answer_is_a_blank_name_that_finds_nothing() -> None:
    said = answers({"tea pots": "tea pots", "chess": "chess"})
    told = ScoringInputs(ROWS, said, TextVectors(encoded(texts_to_encode(ROWS, said, WAYS)["text"].to_pylist())))
    found, place = NameScorer(told).measure(MODEL), REFERENCES.index("jazz piano")
    assert found.refusals[place] == "no_completion"
    measures = ("similarity", "recall_at_1", "mrr", "over_broadness", "interestingness", "well_formed")
    assert [found.values[measure][place] for measure in measures] == pytest.approx([0, 0, 1 / 3, 1, 0, 0])


def test_without_vectors_what_needs_them_is_left_out(told: ScoringInputs) -> None:
    found = NameScorer(told._replace(vectors=None)).measure(MODEL)
    assert set(found.values) == {"interestingness", "safe", "distinct", "well_formed"}
    assert set(found.counts) == {"bleu", "chrf"}
