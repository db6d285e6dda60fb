from collections.abc import Sequence

import pytest

from transforms.language_models.choosing import Choosing
from transforms.language_models.endpoint_name import parse_endpoint
from transforms.language_models.spec import Answer, Candidate, Considered, DecodingConfig, GenerationSpec, ModelSpec


class Thinking:
    """Thinks of a question's words, and fails where it says so."""

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        raise AssertionError("it is to tell candidates")

    def consider(self, questions: Sequence[str], number: int) -> list[Considered]:
        return [
            Considered((), "RuntimeError: no")
            if question == "fail"
            else Considered(tuple(Candidate(word, -1.0) for word in question.split()[:number]))
            for question in questions
        ]


class Longest:
    """Chooses the longest text."""

    candidates = 2

    def fingerprint(self) -> str:
        return "longest"

    def load(self) -> "Longest":
        return self

    def __call__(self, questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[str]:
        assert len(questions) == len(candidates)
        return [max((each.text for each in some), key=len, default="") for some in candidates]


def test_the_choice_is_the_answer_and_a_failure_stays_one() -> None:
    model = Choosing(Thinking(), Longest(), 2)
    assert model.answer(["a bb ccc", "fail", "dd e"]) == [Answer("bb"), Answer(None, "RuntimeError: no"), Answer("dd")]
    assert model.answer([]) == []


def test_there_is_no_choice_among_what_is_drawn_or_told_by_an_endpoint() -> None:
    url, name = parse_endpoint("http://host:8000/v1#m")
    with pytest.raises(ValueError, match="likeliest answers of a model on this machine, got endpoint"):
        GenerationSpec(ModelSpec("endpoint", name, url=url), choice=Longest())
    with pytest.raises(ValueError, match=r"temperature of 0\.5"):
        GenerationSpec(ModelSpec("builtin"), decoding=DecodingConfig(temperature=0.5), choice=Longest())
