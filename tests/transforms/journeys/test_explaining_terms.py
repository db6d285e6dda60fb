from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_terms import plain_terms, words_of
from tests.transforms.journeys.events import name_of, salient_terms
from transforms.columnar import list_offsets
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.config import IcpcConfig
from transforms.journeys.explaining_terms import MAX_LONE_TERMS, explain_journeys
from transforms.journeys.form_journeys import journeys_from_labels

Item = dict[str, float]
User = list[tuple[int, int]]
"""Pairs of an item and its journey, -1 for none."""


def explain(users: Sequence[User], items: Sequence[Item], config: IcpcConfig) -> list[list[tuple[str, float]]]:
    """The terms of each journey, in the order of users and journeys, by the kernels."""
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    offsets = list_offsets([len(user) for user in users])
    log = np.array([item for user in users for item, _ in user], np.int32)
    labels = np.array([label for user in users for _, label in user], np.int64)
    journeys = journeys_from_labels(offsets, log, labels, len(items), config.min_size)
    found = explain_journeys(journeys, offsets, log, catalogue, config)
    names = catalogue.vocabulary.to_pylist()
    pairs = [(names[term], weight) for term, weight in zip(found.terms.tolist(), found.weights.tolist(), strict=True)]
    return [pairs[start:end] for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def reference(users: Sequence[User], items: Sequence[Item], config: IcpcConfig) -> list[list[tuple[str, float]]]:
    terms = {name_of(number): item for number, item in enumerate(items)}
    found = []
    for user in users:
        history = [name_of(item) for item, _ in user]
        for journey in range(max((label for _, label in user), default=-1) + 1):
            members = [name_of(item) for item, label in user if label == journey]
            if len(set(members)) >= config.min_size:
                found.append(plain_terms(members, history, terms, config))
    return found


CONFIG = IcpcConfig(min_size=1)


def test_shared_terms_of_this_journey_rather_than_others_by_hand() -> None:
    items = [{"tea": 0.5, "red": 0.5, "pot": 1.0}, {"tea": 0.5, "red": 0.5}, {"red": 0.5}, {"red": 0.5, "ale": 1.0}]
    (first, second) = explain([[(0, 0), (1, 0), (0, 0), (2, 1), (3, 1)]], items, CONFIG)
    # All items have `red`: its contrast is 0.5. Only one of two items has `pot`, and `ale`.
    assert first == [("tea", 0.5), ("red", 0.125)]
    assert second == [("red", 0.125)]
    # Two of three items have `tea`, each with 0.5, and a third of the others: 1/3 * 2/3 * (2/3)^2.
    items = [{"tea": 0.5}, {"tea": 0.5}, {"cup": 0.5}, {"tea": 0.5}, {"cup": 0.25}, {"ale": 1.0}]
    (only, _) = explain([[(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]], items, CONFIG)
    assert [term for term, _ in only] == ["tea"]
    assert only[0][1] == pytest.approx(1 / 3 * 2 / 3 * (2 / 3) ** 2)


def test_words_are_not_repeated() -> None:
    item = {"super": 0.5, "super-resolution": 0.5, "Resolutions": 0.75, "NTIRE": 0.9, "NTIRE 2025": 0.8, "images": 0.4}
    (found,) = explain([[(0, 0), (1, 0)]], [item, item | {"image": 0.3}], CONFIG)
    # The bigrams take the places of their words; `image` has one item, but would also repeat `images`.
    assert [term for term, _ in found] == ["NTIRE 2025", "super-resolution", "images"]
    assert [weight for _, weight in found] == sorted((weight for _, weight in found), reverse=True)


def test_a_bigram_of_much_lower_score_does_not_take_the_place_of_its_word() -> None:
    item = {"tea": 0.9, "tea pot": 0.4}
    assert [term for term, _ in explain([[(0, 0), (1, 0)]], [item, item], CONFIG)[0]] == ["tea"]


def test_terms_of_single_items_only_where_there_are_no_others() -> None:
    items = [{"tea": 0.5, "pot": 0.9}, {"tea": 0.5}, {"cup": 0.4, "ale": 0.2, "gin": 0.1}, {"rum": 0.3}, {}]
    found = explain([[(0, 0), (1, 0)], [(2, 0), (3, 0)], [(2, 0)], [(4, 0)]], items, CONFIG)
    assert [[term for term, _ in terms] for terms in found] == [["tea"], ["cup", "rum"], ["cup", "ale", "gin"], []]
    assert MAX_LONE_TERMS == 2


def test_the_number_of_terms_and_the_kind_of_weights_can_be_set() -> None:
    items = [{"tea": 0.5, "pot": 0.25}] * 2
    log = [[(0, 0), (1, 0)]]
    assert explain(log, items, IcpcConfig(min_size=1, journey_terms=1)) == [[("tea", 0.5)]]
    assert explain(log, items, IcpcConfig(min_size=1, centroid="sum")) == [[("tea", 1.0), ("pot", 0.5)]]


WORDS = st.sampled_from(["tea", "teas", "Pot", "cup", "ale", "x"])
TERMS = WORDS | st.tuples(WORDS, st.sampled_from([" ", "-"]), WORDS).map("".join)
ITEMS = st.lists(st.dictionaries(TERMS, st.floats(2**-10, 1, width=32), max_size=8), min_size=1, max_size=9)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[User], list[Item]]:
    items = draw(ITEMS)
    users = []
    for _ in range(draw(st.integers(0, 3))):
        own = draw(st.lists(st.tuples(st.integers(0, len(items) - 1), st.integers(-1, 3)), max_size=12))
        numbers: dict[int, int] = {}
        users.append([(item, -1 if label < 0 else numbers.setdefault(label, len(numbers))) for item, label in own])
    return users, items


@settings(deadline=None, max_examples=300)
@given(
    logs(),
    st.builds(
        IcpcConfig,
        min_size=st.integers(1, 2),
        journey_terms=st.integers(1, 4),
        centroid=st.sampled_from(["mean", "sum"]),
    ),
)
def test_the_kernels_find_what_plain_python_finds(log: tuple[list[User], list[Item]], config: IcpcConfig) -> None:
    found = explain(*log, config)
    assert found == reference(*log, config)
    for terms in found:
        words = [word for term, _ in terms for word in words_of(term)]
        assert len(words) == len(set(words))
