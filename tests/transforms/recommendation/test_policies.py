import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.recommendation.histories import NO_ITEM
from transforms.recommendation.policies import (
    FAMILIAR,
    NOVEL,
    POPULAR,
    Candidates,
    allocate,
    by_score,
    by_weighted_score,
    cluster_weights,
    fill_lists,
    in_turn,
    lowest_scores,
    novel_places,
)
from transforms.recommendation.retrieval import Consumed, Retrieved

NOTHING = Consumed(np.zeros(2, np.int64), np.zeros(0, np.int32))


def retrieved() -> Retrieved:
    """One user with two requests of three items."""
    items = np.array([[7, 8, 9], [4, 5, NO_ITEM]], np.int32)
    return Retrieved(items, np.array([[3.0, 2.0, 1.0], [9.0, 2.0, -np.inf]]), np.array([0.0, 2.0]))


def candidates(*items: int) -> Candidates:
    row = np.array([[*items, NO_ITEM]], np.int32)
    return Candidates(row, np.zeros(row.shape), np.zeros(row.shape, np.int64))


def test_novel_items_are_taken_from_clusters_in_turn() -> None:
    found = in_turn(retrieved(), 2)
    assert found.items.tolist() == [[7, 4, 8, 5, 9, NO_ITEM]]
    assert found.columns.tolist()[0][:5] == [0, 1, 0, 1, 0]


def test_familiar_items_are_ordered_by_score_then_code() -> None:
    found = by_score(retrieved(), 2)
    assert found.items.tolist() == [[4, 7, 5, 8, 9, NO_ITEM]]
    assert found.columns.tolist()[0][:5] == [1, 0, 1, 0, 0]


def test_places_are_allocated_by_probability_and_score() -> None:
    # Above the lowest score, 0, the items have 3, 2, 1 and 9, 2. The second cluster is a quarter as probable.
    probabilities, origins = np.array([[0.4, 0.1]]), lowest_scores(retrieved(), 2)
    assert origins.tolist() == [0.0]
    halved = allocate(retrieved(), probabilities, 0.5, origins)
    assert halved.items.tolist() == [[4, 7, 8, 5, 9, NO_ITEM]]  # 9/2, 3, 2, 2/2 and 1: the lower code of equals first
    assert halved.columns.tolist()[0][:5] == [1, 0, 0, 1, 0]
    assert halved.scores.tolist()[0][:5] == [9.0, 3.0, 2.0, 2.0, 1.0]  # those of the ranker
    assert allocate(retrieved(), probabilities, 1.0, origins).items.tolist() == [[7, 4, 8, 9, 5, NO_ITEM]]
    assert allocate(retrieved(), probabilities, 3.0, origins).items.tolist() == [[7, 8, 9, 4, 5, NO_ITEM]]


def test_without_a_power_probabilities_do_not_count() -> None:
    probabilities = np.array([[0.1, 0.4]])
    assert allocate(retrieved(), probabilities, None).items.tolist() == in_turn(retrieved(), 2).items.tolist()
    assert allocate(retrieved(), probabilities, 0.0).items.tolist() == by_score(retrieved(), 2).items.tolist()


def test_scores_below_zero_do_not_favour_improbable_clusters() -> None:
    items = np.array([[1], [2]], np.int32)
    negative = Retrieved(items, np.array([[-1.0], [-2.0]]), np.array([-8.0, -9.0]))
    origins = lowest_scores(negative, 2)
    assert origins.tolist() == [-9.0]
    assert allocate(negative, np.array([[1.0, 0.01]]), 1.0, origins).items.tolist() == [[1, 2]]


def test_weights_by_hand() -> None:
    probabilities = np.array([[0.5, 0.125, 0.0], [0.0, 0.0, 0.0]])
    least = 1049 / 2**20  # the root of 1e-6, rounded
    assert cluster_weights(probabilities, 0.5).tolist() == [[1.0, 0.5, least], [least] * 3]
    assert cluster_weights(probabilities, 0.0).tolist() == [[1.0] * 3] * 2
    assert cluster_weights(probabilities, 9.0)[0].tolist() == [1.0, 4 / 2**20, 1 / 2**20]


def test_the_last_bits_of_probabilities_change_no_weight() -> None:
    probabilities = np.exp(np.random.default_rng(0).normal(-3, 2, (50, 10)))
    for other in (np.nextafter(probabilities, 0), np.nextafter(probabilities, 1)):
        assert cluster_weights(other, 0.3).tobytes() == cluster_weights(probabilities, 0.3).tobytes()


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(-4, 4), max_size=4),  # scores of the items of a cluster
            st.sampled_from([0.0, 0.01, 0.1, 0.2, 0.4]),  # its probability
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]),
)
def test_the_order_is_that_of_a_plain_sort(clusters: list[tuple[list[int], float]], power: float) -> None:
    width, count = len(clusters), 4
    found = Retrieved.nothing(width, count)
    described = []
    for place, (scores, _) in enumerate(clusters):
        own = sorted(scores, reverse=True)
        codes = [place + width * position for position in range(len(own))]
        found.items[place, : len(own)], found.scores[place, : len(own)] = codes, own
        found.lowest[place] = min(own, default=np.inf)
        described += [(score, code, place) for score, code in zip(own, codes, strict=True)]
    probabilities = np.array([[probability for _, probability in clusters]])
    origins = lowest_scores(found, width)
    assert origins.tolist() == [min((score for score, _, _ in described), default=0.0)]
    weights = cluster_weights(probabilities, power)[0]
    expected = sorted(described, key=lambda each: (-weights[each[2]] * (each[0] - origins[0]), each[1]))
    candidates = allocate(found, probabilities, power, origins)
    filled = len(described)
    assert candidates.items[0, :filled].tolist() == [code for _, code, _ in expected]
    assert candidates.scores[0, :filled].tolist() == [score for score, _, _ in expected]
    assert candidates.columns[0, :filled].tolist() == [place for _, _, place in expected]
    assert (candidates.items[0, filled:] == NO_ITEM).all()


def test_a_batch_without_users_has_no_candidates() -> None:
    nothing = Retrieved.nothing(0, 3)
    for found in (by_weighted_score(nothing, np.ones((0, 2))), by_score(nothing, 2), in_turn(nothing, 2)):
        assert found.items.shape == (0, 6)
    assert lowest_scores(nothing, 2).shape == (0,)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (0, [20, 21, 22, 23]),
        (1, [20, 21, 22, 10]),
        (2, [20, 10, 21, 11]),
        (3, [20, 10, 11, 12]),
        (4, [10, 11, 12, 13]),
    ],
)
def test_places_of_novel_items_are_evenly_spaced(places: int, expected: list[int]) -> None:
    novel, familiar = candidates(10, 11, 12, 13), candidates(20, 21, 22, 23)
    lists = fill_lists(novel, familiar, np.zeros(0, np.int32), NOTHING, 4, np.array([places]))
    assert lists.items.tolist() == [expected]
    assert [POLICY[policy] for policy in lists.policies[0]] == ["n" if item < 20 else "f" for item in expected]


def test_more_places_for_those_who_explore() -> None:
    assert novel_places(10, 0.5, None, 2).tolist() == [5, 5]
    relative = np.array([0.0, 0.31, 1.0, 1.5, 3.0, np.nan])
    assert novel_places(10, 0.5, relative, 6).tolist() == [0, 2, 5, 8, 10, 5]


def test_each_user_has_places_of_their_own() -> None:
    novel, familiar = (
        Candidates(*(np.repeat(part, 2, axis=0) for part in candidates(*codes))) for codes in ((10, 11), (20, 21))
    )
    consumed = Consumed(np.zeros(3, np.int64), np.zeros(0, np.int32))
    lists = fill_lists(novel, familiar, np.zeros(0, np.int32), consumed, 2, np.array([0, 2]))
    assert lists.items.tolist() == [[20, 21], [10, 11]]


POLICY = {NOVEL: "n", FAMILIAR: "f", POPULAR: "p"}


def test_other_items_fill_a_list_in_which_one_kind_ends() -> None:
    popular = np.array([3, 20, 5, 6], np.int32)
    consumed = Consumed(np.array([0, 1]), np.array([3], np.int32))
    lists = fill_lists(candidates(10), candidates(20), popular, consumed, 5, np.array([4]))
    assert lists.items.tolist() == [[20, 10, 5, 6, NO_ITEM]]
    assert lists.policies.tolist()[0][:4] == [FAMILIAR, NOVEL, POPULAR, POPULAR]
    assert lists.places.tolist()[0][:4] == [0, 0, 2, 3]
