import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.recommendation.test_retrieval import histories
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.count_ranker import CountRanker, fit_count_ranker
from transforms.recommendation.factors import consumption_vectors, content_factors, recent_popularity
from transforms.recommendation.histories import ItemHistories

DAY = 86_400_000_000
USERS, GROUPS, PER_GROUP = 120, 4, 10
ITEMS = GROUPS * PER_GROUP
IDS = pa.array([f"i{item:02}" for item in range(ITEMS + 1)])
CLUSTERS = np.append(np.repeat(np.arange(GROUPS, dtype=np.int32), PER_GROUP), 0).astype(np.int32)


def log() -> ItemHistories:
    """Each user consumes six items of one group; the last item of the catalogue has no users."""
    generator = np.random.default_rng(3)
    lists = [(user % GROUPS) * PER_GROUP + generator.permutation(PER_GROUP)[:6] for user in range(USERS)]
    items = np.concatenate(lists).astype(np.int32)
    times = np.tile(np.arange(6) * DAY, USERS) + np.repeat(np.arange(USERS) * 60_000_000, 6)
    return ItemHistories(np.arange(USERS + 1) * 6, items, times.astype(np.int64))


def content() -> np.ndarray:
    vectors = np.zeros((ITEMS + 1, 8), np.int8)
    vectors[np.arange(ITEMS), CLUSTERS[:-1]] = 100
    vectors[:, 4:] = np.random.default_rng(5).integers(-9, 10, (ITEMS + 1, 4))
    vectors[-1, 0] = 100
    return vectors


@pytest.fixture(scope="module")
def ranker() -> CountRanker:
    return fit_count_ranker(log(), IDS, CLUSTERS, GROUPS, content(), CountRankerConfig(dimensions=8))


def best(ranker: CountRanker, own: ItemHistories, conditions: np.ndarray | None = None, count: int = 5) -> np.ndarray:
    scores = ranker.user_vectors(own, conditions).astype(np.int64) @ ranker.item_vectors.astype(np.int64).T
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]


def test_items_of_the_same_users_are_ranked_first(ranker: CountRanker) -> None:
    own = histories([[0, 1, 2], [30, 31]])
    assert (CLUSTERS[best(ranker, own)] == [[0], [3]]).mean() > 0.9


def test_an_item_without_users_is_found_by_its_content(ranker: CountRanker) -> None:
    user = ranker.user_vectors(histories([[0, 1, 2]])).astype(np.int64)
    scores = user[:, :-1] @ ranker.item_vectors[:, :-1].astype(np.int64).T  # without popularity, which it has none of
    others = scores[0, CLUSTERS != 0]
    assert ranker.weights.content > 0
    assert scores[0, -1] > others.max()


def test_a_condition_moves_the_user_to_the_cluster(ranker: CountRanker) -> None:
    own = histories([[0, 1, 2]] * 2)
    plain, conditioned = (CLUSTERS[best(ranker, own, condition)] for condition in (None, np.array([2, -1], np.int32)))
    assert (conditioned[0] == 2).sum() > (plain[0] == 2).sum()
    assert conditioned[1].tolist() == plain[1].tolist()


def test_a_user_without_history_has_popular_items(ranker: CountRanker) -> None:
    popularity = ranker.item_vectors[:, -1]
    if ranker.weights.popularity:
        assert best(ranker, histories([[]]), count=1)[0, 0] == np.argmax(popularity)
    assert not ranker.user_vectors(histories([[]]))[0, :-1].any()


def test_vectors_of_users_do_not_depend_on_the_batch(ranker: CountRanker) -> None:
    own = log()
    together = ranker.user_vectors(own)
    for user in range(0, USERS, 17):
        alone = ItemHistories(np.array([0, 6]), own.items[6 * user : 6 * user + 6], own.times[6 * user : 6 * user + 6])
        assert ranker.user_vectors(alone).tolist() == together[user : user + 1].tolist()


def test_the_same_log_gives_the_same_ranker(ranker: CountRanker) -> None:
    again = fit_count_ranker(log(), IDS, CLUSTERS, GROUPS, content(), CountRankerConfig(dimensions=8))
    assert again.item_vectors.tobytes() == ranker.item_vectors.tobytes()
    assert again.weights == ranker.weights


def test_a_log_too_small_for_any_choice_has_a_ranker() -> None:
    fitted = fit_count_ranker(histories([[1]]), IDS, CLUSTERS, GROUPS, None, CountRankerConfig())
    assert fitted.item_vectors.shape == (ITEMS + 1, 64 + 0 + 1)
    assert best(fitted, histories([[]]), count=1).tolist() == [[1]]


def test_recent_popularity_by_hand() -> None:
    items, times = np.array([0, 0, 1, -1], np.int32), np.array([0, 10, 10, 10])
    assert recent_popularity(items, times, 3, 10, 10.0).tolist() == pytest.approx([np.log1p(1.5), np.log1p(1.0), 0.0])
    assert recent_popularity(items, times, 3, 10, None).tolist() == pytest.approx([np.log1p(2.0), np.log1p(1.0), 0.0])


def test_items_consumed_by_the_same_users_have_similar_vectors() -> None:
    vectors = consumption_vectors(log(), ITEMS + 1, 8, 0)
    directions = vectors[:-1] / np.linalg.norm(vectors[:-1], axis=1, keepdims=True)
    cosines = directions @ directions.T
    same = CLUSTERS[:-1, None] == CLUSTERS[None, :-1]
    assert cosines[same].mean() > 0.7
    assert abs(cosines[~same].mean()) < 0.1
    assert not vectors[-1].any()


def test_content_keeps_the_nearest_items() -> None:
    factors = content_factors(content(), 4)
    nearest = np.argsort(-(factors @ factors.T), axis=1)[:, :5]
    assert (CLUSTERS[nearest] == CLUSTERS[:, None]).mean() > 0.9
