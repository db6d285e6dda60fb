import numpy as np

from tests.transforms.evaluation.experiments.recommendation.logs import CLUSTERS, catalogue
from transforms.evaluation.experiments.recommendation.similarity import journey_similarities
from transforms.evaluation.experiments.recommendation.training import Training
from transforms.evaluation.experiments.recommendation.user_journeys import (
    UserJourneys,
    journey_contexts,
    user_journeys,
)
from transforms.recommendation.histories import ItemHistories

# User 0: three items of cluster 2, then three of cluster 5, with one of cluster 2 at the end; user 1: a single item.
ITEMS = np.array([2, 10, 18, 5, 13, 21, 26, 3], np.int32)
PAST = ItemHistories(np.array([0, 7, 8]), ITEMS, np.arange(8) * 10)
TRAINING = Training(PAST, catalogue(), 50, 100)


def test_journeys_are_formed_from_the_past_and_sorted_by_their_last_interaction() -> None:
    found = user_journeys(TRAINING, np.array([0, 1]))
    assert found.offsets.tolist() == [0, 2, 2]
    assert found.clusters.tolist() == [5, 2]
    np.testing.assert_allclose(found.centroids, np.eye(CLUSTERS)[[5, 2]], atol=1e-6)
    assert journey_contexts(found, 3).tolist() == [[-1, 5, 2], [-1, -1, -1]]
    assert journey_contexts(found, 1).tolist() == [[2], [-1]]


def test_journeys_of_one_cluster_count_once_in_a_context() -> None:
    given = UserJourneys(np.array([0, 4]), np.array([1, 7, 4, 7], np.int32), np.zeros((4, 2), np.float32))
    assert journey_contexts(given, 2).tolist() == [[4, 7]]
    assert journey_contexts(given, 3).tolist() == [[1, 4, 7]]


def test_similarity_is_that_with_the_nearest_journey() -> None:
    journeys = UserJourneys(
        np.array([0, 2, 2]), np.array([0, 1], np.int32), np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    )
    vectors = np.array([[3, 4], [5, 0], [-1, 0], [0, 0]], np.int8)
    found = journey_similarities(np.array([[0, 1, 2, 3, -1], [0, 1, -1, -1, -1]], np.int32), journeys, vectors)
    np.testing.assert_allclose(found[0, :4], [0.8, 1.0, 0.0, 0.0], atol=1e-7)
    assert np.isnan(found[0, 4])
    assert np.isnan(found[1]).all()  # no journey
