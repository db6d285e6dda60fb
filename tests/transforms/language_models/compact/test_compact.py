from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("safetensors")

from tests.transforms.language_models.compact.made import NAMES, load, make_compact, question
from transforms.encoders.spec import EncoderSpec
from transforms.language_models.compact.compact import Compact
from transforms.language_models.spec import Answer

QUESTIONS = [question(titles) for titles in NAMES.values()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EncoderSpec]:
    return make_compact(tmp_path_factory.mktemp("compact"))


@pytest.fixture(scope="module")
def model(made: tuple[Path, EncoderSpec]) -> Compact:
    return load(made)


def test_ten_examples_are_learnt(model: Compact) -> None:
    assert [answer.text for answer in model.answer(QUESTIONS)] == list(NAMES)


def test_an_answer_depends_on_its_question_alone(model: Compact) -> None:
    odd = ["Terms: red, tea\nInterest:", question(["a", "tea " * 20]), question(["red " * 30] * 9)]
    together = model.answer(odd + QUESTIONS)
    assert together == [model.answer([each])[0] for each in odd + QUESTIONS]
    assert together[::-1] == model.answer((odd + QUESTIONS)[::-1])


def test_batches_are_cut_by_their_size(model: Compact, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.answer(QUESTIONS)
    monkeypatch.setattr(model, "max_batch_pieces", 1)
    assert model.answer(QUESTIONS) == whole


def test_names_that_are_taken_are_not_given_again(model: Compact) -> None:
    asked = QUESTIONS[0].replace("Interest:", "Taken already, say how this one differs: red TEA; x\nInterest:")
    (first,), (other,) = model.answer([QUESTIONS[0]]), model.answer([asked])
    assert first.text == "Red tea"
    assert other.text
    assert other.text.casefold() != "red tea"


def test_candidates_are_told_the_best_first(model: Compact) -> None:
    considered = model.consider(QUESTIONS, 3)
    assert [each.candidates[0].text for each in considered] == list(NAMES)
    for each in considered:
        assert len({candidate.text for candidate in each.candidates}) > 1
        assert all(candidate.log_probability <= 0 for candidate in each.candidates)
        assert max(each.candidates, key=lambda candidate: candidate.log_probability).text == each.candidates[0].text


def test_a_question_that_says_nothing_fails_alone(model: Compact) -> None:
    answers = model.answer(["Titles:\nInterest:", QUESTIONS[1]])
    assert answers == [Answer(None, "ValueError: a question without a text"), Answer("Blue cars")]
    assert model.answer([]) == []


def test_what_is_raised_costs_one_answer(model: Compact, monkeypatch: pytest.MonkeyPatch) -> None:
    find = model._found

    def find_or_raise(texts: object, chosen: list[list[int]], questions: list[str], beams: int) -> object:
        if QUESTIONS[3] in questions:
            raise RuntimeError("no power")
        return find(texts, chosen, questions, beams)

    whole = model.answer(QUESTIONS)
    monkeypatch.setattr(model, "_found", find_or_raise)
    whole[3] = Answer(None, "RuntimeError: no power")
    assert model.answer(QUESTIONS) == whole


def test_texts_without_a_piece_are_named_all_the_same(model: Compact) -> None:
    (answer,) = model.answer([question(["\u200b"])])
    assert answer.failure == ""


def test_names_are_drawn_by_question_and_seed(made: tuple[Path, EncoderSpec]) -> None:
    drawn = load(made, temperature=3.0).answer(QUESTIONS)
    again = load(made, temperature=3.0)
    assert drawn == [again.answer([each])[0] for each in QUESTIONS]
    assert drawn != load(made, temperature=3.0, seed=1).answer(QUESTIONS)
    assert drawn != load(made).answer(QUESTIONS)


def test_names_are_cut_after_so_many_tokens(made: tuple[Path, EncoderSpec]) -> None:
    answers = load(made, max_new_tokens=1).answer(QUESTIONS)
    assert {len(answer.text.split()) for answer in answers} == {1}
