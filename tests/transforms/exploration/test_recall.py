import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.exploration.histories import CLUSTERS, LOGS, USERS, Events, distinct, first_of
from tests.transforms.exploration.test_count_models import Given, all_sources, training
from transforms.evaluation.bootstrap import ratio_interval
from transforms.exploration import count_models
from transforms.exploration.count_models import novel_probabilities
from transforms.exploration.recall import breadth, is_seen, ranks_of_next, user_hits
from transforms.exploration.transitions import transitions_of

SCORES = Given((5, 4, 2, 2, 2))


def test_ranks_by_hand() -> None:
    first = first_of(USERS)
    transitions = transitions_of(first, 1)  # 0>1, 1>2, 2>3; 0>1, 1>2; 0>1, 1>2, 2>4
    assert ranks_of_next(SCORES, transitions).tolist() == [1, 2, 3, 1, 2, 1, 2, 4]
    assert ranks_of_next(SCORES, transitions, first).tolist() == [1, 1, 1, 1, 1, 1, 1, 2]


@given(LOGS, st.integers(1, 3), st.integers(1, 30))
def test_ranks_are_those_of_a_sorted_list(users: list[Events], size: int, block: int) -> None:
    first = first_of(users)
    transitions = transitions_of(first, size)
    histories = [[cluster for cluster, _ in distinct(events)] for events in users]
    for source in all_sources(USERS):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(count_models, "SCORES_PER_BLOCK", block)
            found = ranks_of_next(source, transitions, first), ranks_of_next(source, transitions)
        for row, (user, cluster) in enumerate(
            zip(transitions.users.tolist(), transitions.next_clusters.tolist(), strict=True)
        ):
            scores = novel_probabilities(source, transitions.contexts[row : row + 1])[0]
            before = histories[user][: histories[user].index(cluster)]
            for ranks, excluded in zip(found, (before, transitions.contexts[row].tolist()), strict=True):
                order = sorted(set(range(CLUSTERS)) - set(excluded), key=lambda code: (-scores[code], code))
                assert ranks[row] == order.index(cluster) + 1


def test_hits_are_summed_by_user() -> None:
    hits = user_hits(np.array([7, 3, 7, 7]), np.array([1, 6, 5, 11]))
    assert hits.hits.tolist() == [[0, 0, 1], [1, 2, 2]]
    assert hits.transitions.tolist() == [1, 3]
    assert hits.recall.tolist() == [0.25, 0.5, 0.75]
    interval = ratio_interval(hits.hits[:, 2], hits.transitions, 0)
    assert interval.value == hits.recall[2]
    assert interval.low <= interval.value <= interval.high


def test_recall_without_transitions_is_not_a_number() -> None:
    hits = user_hits(np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert hits.hits.shape == (0, 3)
    assert np.isnan(hits.recall).all()


def test_contexts_of_training_are_seen() -> None:
    contexts = np.array([[0, 1], [1, 0], [1, 2]], np.int32)
    assert is_seen(contexts, training(USERS).orders[2], CLUSTERS).tolist() == [True, False, True]


def test_breadth_is_the_effective_number_of_the_first_ranks() -> None:
    contexts = np.array([[0], [0], [1]], np.int32)
    assert breadth(SCORES, contexts, 1) == pytest.approx(np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))))
    assert breadth(SCORES, contexts[:2], 3) == pytest.approx(3)
    assert breadth(SCORES, contexts[:0]) == 0
