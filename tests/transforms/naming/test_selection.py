import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

from transforms.batching import Vectors
from transforms.language_models.interface import Completion
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import PromptFields, select_fields
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


def fields_of(titles: Sequence[str] = TITLES, terms: Sequence[str] = (), taken: Sequence[str] = ()) -> PromptFields:
    return select_fields(titles, terms, "both", taken)


def chosen(candidates: Sequence[tuple[str, float]], terms: Sequence[str] = (), taken: Sequence[str] = ()) -> str:
    selector = NameSelectorConfig(CONFIG, CountingSource()).load()
    (name,) = selector.select([fields_of(TITLES, terms, taken)], [[Completion(*each) for each in candidates]])
    return name


def test_a_name_near_the_titles_is_chosen_before_a_likelier_one() -> None:
    assert chosen([("Gardening", -1.0), ("Tea", -1.2)]) == "Tea"


def test_where_all_are_as_near_the_names_agree_on_one() -> None:
    # "Cakes" is most probable, but three others say nearly the same; of these, the one that says what all of them say.
    assert chosen([("Cakes", -1.0), ("Brewing", -1.5), ("Brewing ways", -1.6), ("Brewings", -1.7)]) == "Brewing ways"


def test_what_is_taken_or_unfit_is_not_chosen() -> None:
    assert chosen([("Tea", -0.1), ("Garden tea", -3.0)], taken=["TEA"]) == "Garden tea"
    assert chosen([("My first oolong", -0.1), ("Garden", -3.0)]) == "Garden"
    assert chosen([("My first oolong", -0.1)]) == "My first oolong"  # nothing else: refused later, and counted


def test_terms_make_one_candidate_more() -> None:
    assert chosen([("Garden", -1.0)], terms=["tea"]) == "Tea"
    assert chosen([("Garden", -1.0)]) == "Garden"


def test_texts_that_come_down_to_one_name_add_their_chances() -> None:
    found = candidate_names(
        [Completion('"Tea"', math.log(0.2)), Completion("Tea.", math.log(0.3))], fields_of(), CONFIG
    )
    assert found == [Candidate("Tea", pytest.approx(math.log(0.5)), True)]


def test_without_any_name_the_completion_is_empty() -> None:
    assert chosen([("", -1.0), ("...", -2.0)]) == ""
    assert NameSelector(CONFIG, Counting()).select([], []) == []


def test_titles_may_be_missing() -> None:
    selector = NameSelector(CONFIG, Counting())
    completions = [Completion("Cakes", -1.0), Completion("Cake", -1.1)]
    assert selector.select([fields_of([], ["tea"])], [completions]) == ["Cakes"]


def test_worth_by_hand() -> None:
    # chrF of "ab" and "abc": 1- and 2-grams, P = (1 + 1) / 2, R = (2/3 + 1/2) / 2 = 7/12, F2 = 5PR / (4P + R) = 7/11;
    # the other way P = 7/12, R = 1, F2 = 5 * 7/12 / (4 * 7/12 + 1) = 35/40. Chances of 1/4 and 1 weigh 1/2 to 1:
    # "ab" is worth 1/3 + 2/3 * 7/11 = .758, "abc" 1/3 * 7/8 + 2/3 = .958: a difference of .2, or .134 of a cosine.
    names = [Candidate("ab", math.log(0.25), True), Candidate("abc", 0.0, True)]
    assert select(names, np.array([0.133, 0.0])) == 1
    assert select(names, np.array([0.135, 0.0])) == 0


def test_a_choice_depends_on_its_prompt_alone() -> None:
    fields = [fields_of(titles, ["tea"]) for titles in (TITLES, TITLES[:1], ["A garden", "Gardens"])]
    candidates = [[Completion("Tea", -1.0), Completion("Garden", -1.1)], [Completion("Oolong", -2.0)], []]
    selector = NameSelector(CONFIG, Counting())
    singles = [selector.select([one], [some])[0] for one, some in zip(fields, candidates, strict=True)]
    assert selector.select(fields, candidates) == singles


def test_the_fingerprint_follows_what_decides() -> None:
    config = NameSelectorConfig(CONFIG, CountingSource())
    others = [
        dataclasses.replace(config, naming=dataclasses.replace(CONFIG, max_words=3)),
        dataclasses.replace(config, encoder=CountingSource("other")),
    ]
    assert len({each.fingerprint() for each in (config, *others)}) == 3
    assert config.fingerprint() == NameSelectorConfig(CONFIG, CountingSource()).fingerprint()


def test_a_process_loads_one_selector() -> None:
    config = NameSelectorConfig(CONFIG, CountingSource())
    assert config.load() is NameSelectorConfig(CONFIG, CountingSource()).load()
