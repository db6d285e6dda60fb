import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

from transforms.batching import Vectors
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import Told, render_prompt
from transforms.naming.selection import Candidate, NameSelector, NameSelectorConfig, candidate_names, select

CONFIG = NamingConfig("fine_tuned", "both")
TITLES = ["Pouring green tea", "Black tea in a pot", "My first oolong"]


class Counting:
    """An encoder whose vectors say how often each of some words is in a text."""

    WORDS = ("tea", "oolong", "garden")

    def __init__(self) -> None:
        self.encoded: list[str] = []

    @property
    def dimension(self) -> int:
        return len(self.WORDS)

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.encoded += texts
        counts = np.array([[text.casefold().count(word) for word in self.WORDS] for text in texts], np.float32)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


@dataclasses.dataclass(frozen=True)
class CountingSource:
    name: str = "counting"

    def fingerprint(self) -> str:
        return self.name

    def load(self) -> Counting:
        return Counting()


def told(titles: Sequence[str] = TITLES, terms: Sequence[str] = (), taken: Sequence[str] = ()) -> Told:
    return Told(list(titles), list(terms), list(taken))


def chosen(candidates: Sequence[tuple[str, float]], terms: Sequence[str] = (), taken: Sequence[str] = ()) -> str:
    chooser = NameSelectorConfig(CONFIG, CountingSource(), 8).load()
    (name,) = chooser([render_prompt(TITLES, terms, "both", taken)], [[Candidate(*each) for each in candidates]])
    return name


def test_a_name_near_the_titles_is_chosen_before_a_likelier_one() -> None:
    assert chosen([("Gardening", -1.0), ("Tea", -1.2)]) == "Tea"


def test_where_all_are_as_near_the_names_agree_on_one() -> None:
    # "Cakes" is likeliest, but three others say nearly the same; of these, the one that says what all of them say.
    assert chosen([("Cakes", -1.0), ("Brewing", -1.5), ("Brewing ways", -1.6), ("Brewings", -1.7)]) == "Brewing ways"


def test_what_is_taken_or_unfit_is_not_chosen() -> None:
    assert chosen([("Tea", -0.1), ("Garden tea", -3.0)], taken=["TEA"]) == "Garden tea"
    assert chosen([("My first oolong", -0.1), ("Garden", -3.0)]) == "Garden"
    assert chosen([("My first oolong", -0.1)]) == "My first oolong"  # nothing else: refused later, and counted


def test_terms_make_one_candidate_more() -> None:
    assert chosen([("Garden", -1.0)], terms=["tea"]) == "Tea"
    assert chosen([("Garden", -1.0)]) == "Garden"


def test_texts_that_come_down_to_one_name_add_their_chances() -> None:
    found = candidate_names([Candidate('"Tea"', math.log(0.2)), Candidate("Tea.", math.log(0.3))], told(), CONFIG)
    assert found == [Candidate("Tea", pytest.approx(math.log(0.5)), True)]


def test_without_any_name_the_answer_is_empty() -> None:
    assert chosen([("", -1.0), ("...", -2.0)]) == ""
    assert NameSelector(CONFIG, Counting())([], []) == []


def test_titles_may_be_missing() -> None:
    chooser = NameSelector(CONFIG, Counting())
    assert chooser(["Terms: tea\nInterest:"], [[Candidate("Cakes", -1.0), Candidate("Cake", -1.1)]]) == ["Cakes"]


def test_worth_by_hand() -> None:
    # chrF of "ab" and "abc": 1- and 2-grams, P = (1 + 1) / 2, R = (2/3 + 1/2) / 2 = 7/12, F2 = 5PR / (4P + R) = 7/11;
    # the other way P = 7/12, R = 1, F2 = 5 * 7/12 / (4 * 7/12 + 1) = 35/40. Chances of 1/4 and 1 weigh 1/2 to 1:
    # "ab" is worth 1/3 + 2/3 * 7/11 = .758, "abc" 1/3 * 7/8 + 2/3 = .958: a difference of .2, or .134 of a cosine.
    names = [Candidate("ab", math.log(0.25), True), Candidate("abc", 0.0, True)]
    assert select(names, np.array([0.133, 0.0])) == 1
    assert select(names, np.array([0.135, 0.0])) == 0


def test_a_choice_depends_on_its_question_alone() -> None:
    questions = [render_prompt(titles, ["tea"], "both") for titles in (TITLES, TITLES[:1], ["A garden", "Gardens"])]
    candidates = [[Candidate("Tea", -1.0), Candidate("Garden", -1.1)], [Candidate("Oolong", -2.0)], []]
    chooser = NameSelector(CONFIG, Counting())
    singles = [chooser([one], [some])[0] for one, some in zip(questions, candidates, strict=True)]
    assert chooser(questions, candidates) == singles


def test_the_fingerprint_follows_what_decides() -> None:
    choice = NameSelectorConfig(CONFIG, CountingSource(), 8)
    others = [
        dataclasses.replace(choice, naming=dataclasses.replace(CONFIG, max_words=3)),
        dataclasses.replace(choice, encoder=CountingSource("other")),
        dataclasses.replace(choice, candidates=4),
    ]
    assert len({each.fingerprint() for each in (choice, *others)}) == 4
    assert choice.fingerprint() == NameSelectorConfig(CONFIG, CountingSource(), 8).fingerprint()


@pytest.mark.parametrize("candidates", [1, 65])
def test_the_number_of_candidates_is_checked(candidates: int) -> None:
    with pytest.raises(ValueError, match=r"candidates must be in \[2, 64\]"):
        NameSelectorConfig(CONFIG, CountingSource(), candidates)
