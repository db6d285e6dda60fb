import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.journeys.events import salient_terms
from transforms.journeys.catalogue import Catalogue, pack_catalogue, unpack_catalogue
from transforms.journeys.icpc import Journeys
from transforms.journeys.silhouettes import SEPARATION_UNIT, user_silhouettes

Own = list[list[int]]
"""The items of each journey of a user."""


def journeys_of(users: Sequence[Own]) -> tuple[Journeys, npt.NDArray[np.int32]]:
    """Journeys with these items, and the items of a log that has them one journey after another."""
    flat = [journey for own in users for journey in own]
    lengths = [len(journey) for journey in flat]
    journeys = Journeys(
        users=np.repeat(np.arange(len(users)), [len(own) for own in users]),
        sizes=np.array([len(set(journey)) for journey in flat], np.int64),
        member_offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        members=np.arange(sum(lengths)),
    )
    return journeys, np.array([item for journey in flat for item in journey], np.int32)


def by_terms(items: Sequence[Mapping[str, float]]) -> Catalogue:
    return unpack_catalogue(pack_catalogue([salient_terms(items)]))


def by_vectors(vectors: Sequence[Sequence[int]]) -> Catalogue:
    catalogue = by_terms([{} for _ in vectors])
    return catalogue._replace(vectors=np.array(vectors, np.int8))


def separated(users: Sequence[Own], catalogue: Catalogue, min_sizes: Sequence[int]) -> list[list[float]]:
    journeys, items = journeys_of(users)
    vectors = catalogue.vectors is not None
    found = user_silhouettes(journeys, len(users), items, catalogue, min_sizes, by_vectors=vectors)
    return (found / SEPARATION_UNIT).tolist()


def plainly(own: Own, vectors: npt.NDArray[np.float64], min_size: int) -> float:
    """The separation of a user as the module says it."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = [sorted(set(journey)) for journey in own if len(set(journey)) >= min_size]
    if len(kept) < 2:
        return 0.0

    def distance(item: int, journey: list[int]) -> float:
        others = [other for other in journey if other != item]
        mean = unit[others].sum(axis=0)
        length = float(np.linalg.norm(mean))
        return 1 - float(unit[item] @ mean) / length if length > 1e-6 else 1.0

    silhouettes = []
    for number, journey in enumerate(kept):
        for item in journey:
            a = distance(item, journey)
            b = min(distance(item, other) for place, other in enumerate(kept) if place != number)
            silhouettes.append(0.0 if len(journey) == 1 or max(a, b) < 1e-9 else (b - a) / max(a, b))
    return float(np.mean(silhouettes))


def test_terms_by_hand() -> None:
    items = [{"tea": 1.0}, {"tea": 0.5}, {"tea": 1.0, "pot": 1.0}, {"pot": 1.0}]
    # Items 0 and 1 lie on each other, at 1 - 1/sqrt(2) from item 2, which is so from both journeys and from item 3.
    near = 1 - 1 / math.sqrt(2)
    (found,) = separated([[[0, 1], [2, 3]]], by_terms(items), [1, 2, 3])
    # Item 0: a = 0, b = distance to (item 2 + item 3); items 2: a = near, b = near; item 3: a = near, b = 1.
    first, third, fourth = 1.0, 0.0, 1 - near
    assert found == pytest.approx([(2 * first + third + fourth) / 4] * 2 + [0], abs=1e-9)


def test_vectors_by_hand() -> None:
    catalogue = by_vectors([[1, 0], [1, 0], [0, 1], [0, 1], [-1, 0]])
    assert separated([[[0, 1], [2, 3]]], catalogue, [1]) == [[1.0]]
    # The distance of the last item to the nearest journey is 1, but alone it has silhouette 0.
    assert separated([[[0, 1], [2, 3], [4]]], catalogue, [1, 2])[0] == pytest.approx([0.8, 1.0], abs=1e-8)
    # Each item is at a right angle to the other one of its journey, and at 45 degrees to the other journey.
    assert separated([[[0, 2], [1, 3]]], catalogue, [1])[0] == pytest.approx([-math.sqrt(0.5)], abs=1e-8)


def test_items_at_right_angles_are_not_near_to_a_mean_that_they_make_up() -> None:
    catalogue = by_vectors(np.eye(6, dtype=int).tolist())
    assert separated([[[0, 1, 2], [3, 4, 5]]], catalogue, [1, 3]) == [[0.0, 0.0]]
    separate = by_terms([{f"term{number}": 1.0} for number in range(6)])
    assert separated([[[0, 1, 2], [3, 4, 5]]], separate, [1, 3]) == [[0.0, 0.0]]


def test_who_has_one_journey_has_no_separation() -> None:
    catalogue = by_vectors([[1, 0], [1, 0], [0, 1]])
    assert separated([[], [[0, 1]], [[0, 1], [2]], [[0], [1, 2]]], catalogue, [2]) == [[0.0]] * 4


def test_vectors_must_be_there() -> None:
    journeys, items = journeys_of([[[0], [1]]])
    with pytest.raises(ValueError, match="the catalogue has no vectors"):
        user_silhouettes(journeys, 1, items, by_terms([{}, {}]), [1], by_vectors=True)


def users_with_journeys(*, overlapping: bool) -> st.SearchStrategy[list[Own]]:
    """Users of 12 items, some in no journey, in several where journeys may overlap; interactions repeat."""
    labels = st.lists(st.sampled_from([-1, 0, 1, 2, 3]), min_size=12, max_size=12)

    def own(sampled: list[list[int]]) -> Own:
        groups = [[item for item in range(12) for given in sampled if given[item] == number] for number in range(4)]
        return [group for group in groups if group]

    return st.lists(st.lists(labels, min_size=1, max_size=2 if overlapping else 1).map(own), min_size=1, max_size=4)


@given(users_with_journeys(overlapping=True), st.integers(0, 2**32 - 1))
def test_terms_as_written_plainly(users: list[Own], seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.uniform(0.1, 1, (12, 6)).astype(np.float32) * (random.random((12, 6)) < 0.5)
    weights[:, 0] += 0.05
    items = [{f"t{term}": float(row[term]) for term in np.flatnonzero(row)} for row in weights]
    expected = [[plainly(own, weights.astype(float), size) for size in (1, 2, 4)] for own in users]
    assert np.allclose(separated(users, by_terms(items), (1, 2, 4)), expected, atol=1e-6)


@given(users_with_journeys(overlapping=False), st.integers(0, 2**32 - 1))
def test_vectors_as_written_plainly(users: list[Own], seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(-127, 127, (12, 5))
    vectors[:, 0] += vectors[:, 0] == 0
    expected = [[plainly(own, vectors.astype(float), size) for size in (1, 2, 4)] for own in users]
    assert np.allclose(separated(users, by_vectors(vectors.tolist()), (1, 2, 4)), expected, atol=1e-6)


@pytest.mark.parametrize("vectors", [True, False])
def test_users_do_not_know_each_other(vectors: bool) -> None:
    random = np.random.default_rng(0)
    catalogue = (
        by_vectors(random.integers(1, 100, (12, 5)).tolist())
        if vectors
        else by_terms([{f"t{random.integers(4)}": 0.5, f"t{4 + number % 3}": 1.0} for number in range(12)])
    )
    users = [[[0, 1, 2], [3, 4]], [[5, 6], [7, 0], [8]], [[9, 10, 11], [1, 2]]]
    separate = [separated([own], catalogue, [1, 2])[0] for own in users]
    assert separated(users, catalogue, [1, 2]) == separate
    assert separated(users[::-1], catalogue, [1, 2]) == separate[::-1]
