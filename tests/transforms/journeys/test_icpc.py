import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.journeys.reference import Journey, Vector, icpc
from transforms.journeys.config import IcpcConfig
from transforms.journeys.icpc import TermVectors, extract_journeys

Histories = Sequence[Sequence[int]]


def read_only(values: Sequence[float], kind: type) -> Any:
    array = np.array(values, kind)
    array.flags.writeable = False  # as columns of Arrow are, so that one compilation serves tests and pipelines
    return array


def term_vectors(vectors: Sequence[Vector], vocabulary_size: int) -> TermVectors:
    return TermVectors(
        offsets=np.concatenate([[0], np.cumsum([len(vector) for vector in vectors])]).astype(np.int64),
        terms=read_only([term for vector in vectors for term in vector], np.int32),
        saliences=read_only([salience for vector in vectors for salience in vector.values()], np.float32),
        vocabulary_size=vocabulary_size,
    )


def kernel(histories: Histories, vectors: Sequence[Vector], config: IcpcConfig) -> list[list[Journey]]:
    """The journeys of the compiled kernel, in the format of the reference."""
    size = max((term for vector in vectors for term in vector), default=-1) + 1
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])]).astype(np.int64)
    items = read_only([item for history in histories for item in history], np.int32)
    found = extract_journeys(offsets, items, term_vectors(vectors, size), config)
    by_user: list[list[Journey]] = [[] for _ in histories]
    for index, user in enumerate(found.users.tolist()):
        members = found.members[found.member_offsets[index] : found.member_offsets[index + 1]] - offsets[user]
        inside = slice(found.term_offsets[index], found.term_offsets[index + 1])
        terms = zip(found.terms[inside].tolist(), found.weights[inside].tolist(), strict=True)
        by_user[user].append(Journey(tuple(members.tolist()), int(found.sizes[index]), tuple(terms)))
    assert found.users.tolist() == sorted(found.users.tolist())
    return by_user


def reference(histories: Histories, vectors: Sequence[Vector], config: IcpcConfig, **how: Any) -> list[list[Journey]]:
    return [icpc(history, vectors, config, **how) for history in histories]


def as_float32(vectors: list[dict[int, float]]) -> list[dict[int, float]]:
    return [{term: float(np.float32(salience)) for term, salience in vector.items()} for vector in vectors]


EIGHTHS = st.integers(1, 8).map(lambda eighths: eighths / 8)
ANY_SALIENCE = st.floats(2**-20, 1, width=32)
CONFIGS = st.builds(
    IcpcConfig,
    threshold=st.sampled_from([0.05, 0.25, 0.5, 1 / math.sqrt(2), 0.8, 1.0]) | st.floats(0.01, 1),
    assign=st.sampled_from(["best", "all"]),
    min_size=st.integers(1, 3),
    centroid=st.sampled_from(["mean", "sum"]),
    journey_terms=st.integers(1, 5),
)


@st.composite
def logs(draw: st.DrawFn, saliences: st.SearchStrategy[float]) -> tuple[list[list[int]], list[dict[int, float]]]:
    """Histories of several users over a catalogue with few terms or many; items repeat, some have no terms."""
    terms = st.integers(0, draw(st.sampled_from([0, 1, 3, 8, 1000])))
    vectors = draw(st.lists(st.dictionaries(terms, saliences, max_size=5), min_size=1, max_size=12))
    items = st.integers(0, len(vectors) - 1)
    return draw(st.lists(st.lists(items, max_size=25), max_size=4)), vectors


@settings(deadline=None, max_examples=400)
@given(logs(EIGHTHS), CONFIGS)
def test_the_kernel_finds_what_the_textbook_finds(
    log: tuple[list[list[int]], list[dict[int, float]]], config: IcpcConfig
) -> None:
    assert kernel(*log, config) == reference(*log, config)


@settings(deadline=None, max_examples=300)
@given(logs(ANY_SALIENCE), CONFIGS)
def test_the_kernel_rounds_as_it_promises(
    log: tuple[list[list[int]], list[dict[int, float]]], config: IcpcConfig
) -> None:
    assert kernel(*log, config) == reference(*log, config, running_norms=True)


@pytest.mark.parametrize("assign", ["best", "all"])
@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.6])
def test_many_users_with_long_histories(assign: Any, threshold: float) -> None:
    random = np.random.default_rng(5)
    vectors = [
        {int(term): float(random.random()) for term in random.choice(60, random.integers(0, 7), replace=False)}
        for _ in range(80)
    ]
    vectors = as_float32(vectors)
    histories = [random.integers(0, 80, random.integers(0, 120)).tolist() for _ in range(30)]
    config = IcpcConfig(threshold, assign, min_size=2, journey_terms=6)
    assert kernel(histories, vectors, config) == reference(histories, vectors, config, running_norms=True)


CAR, MOTOR, LOAN, TEA = range(4)
GARAGE = [
    {CAR: 1.0},  # 0
    {MOTOR: 1.0},  # 1
    {CAR: 0.5, MOTOR: 0.5},  # 2: as near to 0 as to 1, cosine 1/sqrt(2)
    {LOAN: 0.25, CAR: 0.25},  # 3
    {TEA: 1.0},  # 4
    {},  # 5
]


def test_two_journeys_by_hand() -> None:
    # 2 lies between the journeys of 0 and 1 and goes to the older one, whose sum is then (1.5 car, 0.5 motor):
    # cosine of 3 with it is 0.375 / sqrt(2.5 * 0.125) = 0.67, with (1 motor) it is 0. 1 comes again; 5 says nothing.
    found = kernel([[0, 1, 2, 4, 3, 5, 1]], GARAGE, IcpcConfig(threshold=0.5, min_size=1))
    cars = Journey((0, 2, 4), 3, ((CAR, 1.75 / 3), (MOTOR, 0.5 / 3), (LOAN, 0.25 / 3)))
    motors = Journey((1, 6), 1, ((MOTOR, 1.0),))
    tea = Journey((3,), 1, ((TEA, 1.0),))
    assert found == [[cars, motors, tea]]


def test_nearly_equal_journeys_are_merged_with_assign_all() -> None:
    """The first two items open a journey each; all others join both, so they have ten of twelve items in common."""
    vectors = [{0: 1.0}, {1: 1.0}, *({0: 1.0, 1: 1.0} for _ in range(10))]
    both = IcpcConfig(threshold=0.3, assign="all", min_size=2, centroid="sum")
    (found,) = kernel([list(range(12))], vectors, both)
    assert found == [Journey(tuple(range(12)), 12, ((0, 11.0), (1, 11.0)))]
    (separate,) = kernel([list(range(9))], vectors[:9], both)  # 7 of 9 items in common
    assert [journey.size for journey in separate] == [8, 8]


def test_an_item_with_two_topics_joins_both_journeys_with_assign_all() -> None:
    (found,) = kernel([[0, 1, 2]], GARAGE, IcpcConfig(threshold=0.5, assign="all", min_size=2, centroid="sum"))
    assert found == [
        Journey((0, 2), 2, ((CAR, 1.5), (MOTOR, 0.5))),
        Journey((1, 2), 2, ((MOTOR, 1.5), (CAR, 0.5))),
    ]


@pytest.mark.parametrize("assign", ["best", "all"])
def test_an_item_exactly_at_the_threshold_joins(assign: Any) -> None:
    at = 1 / math.sqrt(2)
    joined = kernel([[0, 2]], GARAGE, IcpcConfig(at, assign, min_size=1))
    separate = kernel([[0, 2]], GARAGE, IcpcConfig(math.nextafter(at, 1), assign, min_size=1))
    assert [journey.positions for journey in joined[0]] == [(0, 1)]
    assert [journey.positions for journey in separate[0]] == [(0,), (1,)]


def test_a_journey_counts_an_item_once() -> None:
    config = IcpcConfig(threshold=0.5, min_size=2)
    assert kernel([[0, 0, 0, 0]], GARAGE, config) == [[]]
    assert [journey.size for journey in kernel([[0, 2, 0, 2]], GARAGE, config)[0]] == [2]


def test_equal_weights_are_ordered_and_cut_by_term() -> None:
    vectors = [{7: 0.5, 2: 0.5, 9: 0.75, 4: 0.5}]
    (found,) = kernel([[0]], vectors, IcpcConfig(min_size=1, journey_terms=3))
    assert found[0].terms == ((9, 0.75), (2, 0.5), (4, 0.5))


@pytest.mark.parametrize("vectors", [[], [{}], GARAGE], ids=["no item", "no term", "items"])
def test_nothing_comes_of_nothing(vectors: list[dict[int, float]]) -> None:
    assert kernel([], vectors, IcpcConfig()) == []
    assert kernel([[], []], vectors, IcpcConfig()) == [[], []]


def test_a_history_without_terms_has_no_journeys() -> None:
    assert kernel([[0, 0], [0]], [{}], IcpcConfig(min_size=1)) == [[], []]


def test_users_do_not_see_each_other() -> None:
    random = np.random.default_rng(3)
    vectors = as_float32([{term: float(random.random()) for term in range(k % 5, k % 7)} for k in range(40)])
    histories = [random.integers(0, 40, 50).tolist() for _ in range(10)]
    config = IcpcConfig(threshold=0.3, min_size=1)
    together = kernel(histories, vectors, config)
    assert together == [kernel([history], vectors, config)[0] for history in histories]
    assert together == kernel(histories[::-1], vectors, config)[::-1]


def check_large(histories: Histories, vectors: Sequence[Vector], config: IcpcConfig) -> list[list[Journey]]:
    found = kernel(histories, vectors, config)
    assert found == reference(histories, vectors, config)
    return found


def test_more_journeys_than_there_is_room_for_at_first() -> None:
    vectors = [{3 * item: 1.0, 3 * item + 1: 0.5, 3 * item + 2: 0.25} for item in range(1100)]
    (found,) = check_large([range(1100)], vectors, IcpcConfig(min_size=1, journey_terms=2))
    assert len(found) == 1100
    by_user = kernel([[item, item + 1] for item in range(1099)], vectors, IcpcConfig(min_size=1))
    assert sum(map(len, by_user)) == 2198


def test_more_interactions_in_journeys_than_there_is_room_for_at_first() -> None:
    (found,) = check_large([[0, 1] * 5000], GARAGE, IcpcConfig(min_size=1))
    assert [len(journey.positions) for journey in found] == [5000, 5000]


def test_more_pairs_of_item_and_journey_than_interactions() -> None:
    corners = [{term: 1.0} for term in range(40)]
    centre = dict.fromkeys(range(40), 0.5)
    config = IcpcConfig(threshold=0.1, assign="all", min_size=1)
    (found,) = check_large([[*range(40), *[40] * 100]], [*corners, centre], config)
    assert [len(journey.positions) for journey in found] == [101] * 40


@pytest.mark.parametrize("assign", ["best", "all"])
def test_one_user_with_thousands_of_interactions(assign: Any) -> None:
    random = np.random.default_rng(11)
    vectors = [
        {int(term): int(random.integers(1, 9)) / 8 for term in random.choice(400, 4, replace=False)}
        for _ in range(1500)
    ]
    history = random.integers(0, 1500, 3000).tolist()
    (found,) = check_large([history], vectors, IcpcConfig(threshold=0.5, assign=assign, min_size=2))
    assert len(found) > 100


def test_journey_terms_may_exceed_the_number_of_terms() -> None:
    (found,) = kernel([[0, 2, 3]], GARAGE, IcpcConfig(threshold=0.5, min_size=1, journey_terms=50))
    assert [term for term, _ in found[0].terms] == [CAR, MOTOR, LOAN]


def test_room_that_is_not_used_is_not_computed_with() -> None:
    for _ in range(4):  # what was in memory before: numbers that signal when they are touched
        signals = [np.full(1024 * 10, 0x7FF0000000000001, np.uint64) for _ in range(4)]
        del signals
        with np.errstate(all="raise"):
            kernel([[0, 1]], GARAGE, IcpcConfig(min_size=1, journey_terms=10))


def test_mean_and_sum_differ_in_nothing_but_the_weights() -> None:
    mean, summed = (
        kernel([[0, 1, 2, 3]], GARAGE, IcpcConfig(0.5, min_size=1, centroid=centroid))[0]
        for centroid in ("mean", "sum")
    )
    for one, other in zip(mean, summed, strict=True):
        assert dataclasses.replace(one, terms=()) == dataclasses.replace(other, terms=())
        assert one.terms == tuple((term, weight / len(other.positions)) for term, weight in other.terms)
