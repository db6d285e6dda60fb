import numpy as np
import pytest

from tests.transforms.evaluation.experiments.recommendation.logs import CLUSTERS, ITEMS, training
from transforms.evaluation.experiments.recommendation.lists import rank_items
from transforms.evaluation.experiments.recommendation.rivals.bandits import fit_tree_bandit
from transforms.evaluation.experiments.recommendation.rivals.clusters import ClusterPopularity, NearClusters
from transforms.evaluation.experiments.recommendation.rivals.items import (
    Ease,
    ItemNeighbours,
    ItemPopularity,
    MatrixFactors,
    NearestContent,
)
from transforms.evaluation.experiments.recommendation.rivals.shipped import CountsAndContent
from transforms.evaluation.experiments.recommendation.training import ItemScorer
from transforms.exploration.transitions import recent_contexts
from transforms.recommendation.breadth_measures import DAY
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.members import all_items
from transforms.recommendation.protocol import take_users, users_of_rows
from transforms.recommendation.retrieval import Requests, consumed_items, top_items

TRAINING = training()
USERS = np.arange(TRAINING.past.user_count)


def dense() -> np.ndarray:
    matrix = np.zeros((TRAINING.past.user_count, ITEMS))
    matrix[users_of_rows(TRAINING.past), TRAINING.past.items] = 1
    return matrix


def test_popularity_counts_users_and_recent_days_go_first() -> None:
    matrix, past = dense(), TRAINING.past
    assert ItemPopularity.fit(TRAINING).counts.tolist() == matrix.sum(axis=0).tolist()
    recent = past.times >= TRAINING.date - 7 * DAY
    pairs = np.unique(np.stack([users_of_rows(past)[recent], past.items[recent]]), axis=1)
    counts = np.bincount(pairs[1], minlength=ITEMS)
    found = ItemPopularity.fit(TRAINING, 7).counts
    assert np.floor(found).tolist() == counts.tolist()
    assert 0 < pairs.shape[1] < (matrix > 0).sum()


def test_neighbours_are_cosines_of_columns() -> None:
    matrix = dense()
    lengths = np.sqrt(matrix.sum(axis=0))
    cosines = (matrix.T @ matrix) / np.maximum(np.outer(lengths, lengths), 1e-12)
    found = ItemNeighbours.fit(TRAINING, "cosine").scores(USERS)
    np.testing.assert_allclose(found, matrix @ cosines, atol=1e-6)


def test_ease_has_no_self_similarity_and_solves_its_ridge_regression() -> None:
    matrix, model = dense(), Ease.fit(TRAINING)
    weights = model.weights.astype(np.float64)
    assert (np.diagonal(weights) == 0).all()
    # Steck 2019: the gradient of the regularised squared error is zero outside of the diagonal.
    gradient = matrix.T @ (matrix @ weights - matrix) + 200.0 * weights
    np.fill_diagonal(gradient, 0.0)
    assert np.abs(gradient).max() < 1e-3


def test_ease_of_few_items_ranks_the_others_last() -> None:
    model = Ease.fit(TRAINING, limit=10)
    scores = model.scores(USERS[:5])
    others = np.setdiff1d(np.arange(ITEMS), model.kept)
    assert len(others) == ITEMS - 10
    assert (scores[:, others] < scores[:, model.kept].min(axis=1, keepdims=True)).all()


@pytest.mark.parametrize("scorer", [MatrixFactors.fit(TRAINING, 0), NearestContent.fit(TRAINING)])
def test_what_was_consumed_scores_above_average(scorer: ItemScorer) -> None:
    active = USERS[np.diff(TRAINING.past.offsets) > 0]
    scores, own = scorer.scores(active), dense()[active] > 0
    assert np.mean(scores[own]) > np.mean(scores[~own]) + 0.1


def test_the_shipped_ranker_ranks_as_recommend_retrieves() -> None:
    method = CountsAndContent.fit(TRAINING, 0)
    users = USERS[np.diff(TRAINING.past.offsets) > 0][:40]
    past = take_users(TRAINING.past, users)
    requests = Requests(np.arange(len(users), dtype=np.int64), np.zeros(len(users), np.int32))
    vectors = method.ranker.user_vectors(past)
    retrieved = top_items(vectors, method.ranker.item_vectors, all_items(ITEMS), requests, consumed_items(past), 10)
    weights = np.ones((len(users), CLUSTERS))
    assert rank_items(method, TRAINING, users, weights, 10).tolist() == retrieved.items.tolist()
    assert method.scores(users).dtype == np.float64
    assert (method.scores(users[::-1])[::-1] == method.scores(users)).all()


def test_the_shipped_ranker_uses_content_where_there_is_any() -> None:
    content = TRAINING.catalogue.vectors
    without = TRAINING._replace(catalogue=TRAINING.catalogue._replace(vectors=np.zeros_like(content)))
    with_content, other = (CountsAndContent.fit(each, 0).ranker for each in (TRAINING, without))
    assert with_content.widths[1] == CountRankerConfig().content_dimensions
    assert other.widths[1] == 0


def test_the_bandit_finds_the_rule_of_the_log() -> None:
    # After cluster c, mostly c + 1 follows: the bandit ranks it above a random cluster.
    last = recent_contexts(TRAINING.past.offsets, TRAINING.clusters, 1)[:, 0]
    active = USERS[np.diff(TRAINING.past.offsets) == 1]
    scores = fit_tree_bandit(TRAINING).scores(active)
    following = (last[active] + 1) % CLUSTERS
    below = (scores < scores[np.arange(len(active)), following][:, None]).sum(axis=1)
    assert len(active) > 5
    assert below.mean() > 0.75 * (CLUSTERS - 1)


def test_clusters_with_engagement_are_sampled_less() -> None:
    popular = ClusterPopularity.fit(TRAINING).scores(USERS[:2])
    assert (popular[0] == popular[1]).all()
    near = NearClusters.fit(TRAINING, 0)
    active = USERS[np.diff(TRAINING.past.offsets) > 3]
    first, again = near.scores(active), near.scores(active[::-1])[::-1]
    assert (first == again).all()  # a user's sample does not depend on the other users
    assert (first >= 0).all()
