import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.recommendation.histories import NO_ITEM, ItemHistories
from transforms.recommendation.members import all_items, members_of
from transforms.recommendation.retrieval import Requests, consumed_items, top_items

ITEMS, CLUSTERS = 12, 3


def histories(lists: list[list[int]]) -> ItemHistories:
    offsets = np.concatenate([[0], np.cumsum([len(items) for items in lists])]).astype(np.int64)
    items = np.array([item for own in lists for item in own], np.int32)
    return ItemHistories(offsets, items, np.arange(len(items), dtype=np.int64))


@given(
    st.lists(st.lists(st.integers(-1, ITEMS - 1), max_size=8), min_size=1, max_size=5),
    st.lists(st.integers(-1, CLUSTERS - 1), min_size=ITEMS, max_size=ITEMS),
    st.integers(1, 5),
    st.integers(0, 10),
)
def test_the_best_members_are_those_of_a_plain_sort(
    lists: list[list[int]], item_clusters: list[int], count: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.integers(-3, 4, (ITEMS, 4)).astype(np.int16)
    clusters = np.array(item_clusters, np.int32)
    users = np.repeat(np.arange(len(lists), dtype=np.int64), CLUSTERS)
    requests = Requests(users, np.tile(np.arange(CLUSTERS, dtype=np.int32), len(lists)))
    order = generator.permutation(len(users))
    requests = Requests(requests.users[order], requests.clusters[order])
    own = generator.integers(-3, 4, (len(lists), 4)).astype(np.int16)
    consumed = consumed_items(histories(lists))
    found = top_items(own[requests.users], vectors, members_of(clusters, CLUSTERS), requests, consumed, count)
    for row, (user, cluster) in enumerate(zip(*requests, strict=True)):
        scores = {item: int(own[user].astype(int) @ vectors[item].astype(int)) for item in range(ITEMS)}
        allowed = [item for item in range(ITEMS) if clusters[item] == cluster and item not in lists[user]]
        expected = sorted(allowed, key=lambda item, scores=scores: (-scores[item], item))[:count]
        assert found.items[row].tolist() == expected + [NO_ITEM] * (count - len(expected))
        assert found.scores[row, : len(expected)].tolist() == [scores[item] for item in expected]
        members = [scores[item] for item in range(ITEMS) if clusters[item] == cluster]
        assert found.lowest[row] == min(members, default=np.inf)


def test_products_of_the_largest_vectors_are_exact() -> None:
    vectors = np.full((2, 1024), 32_767, np.int16)
    vectors[1, -1] = 32_766
    requests = Requests(np.zeros(1, np.int64), np.zeros(1, np.int32))
    found = top_items(vectors[:1], vectors, all_items(2), requests, consumed_items(histories([[]])), 2)
    assert found.scores.tolist() == [[1024 * 32_767**2, 1024 * 32_767**2 - 32_767]]


def test_consumed_items_are_distinct_and_sorted() -> None:
    found = consumed_items(histories([[5, 2, 5, -1], [], [1]]))
    assert found.offsets.tolist() == [0, 2, 2, 3]
    assert found.items.tolist() == [2, 5, 1]
