import numpy as np

from tests.transforms.evaluation.experiments.recommendation.logs import catalogue
from transforms.evaluation.experiments.lifecycle.past_journeys import (
    Continuations,
    PastJourneys,
    continuations,
    latest,
    past_journeys,
)
from transforms.lifecycle.rhythm import DAY
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import before

DATE = 10 * DAY
# Item i is in cluster i % 8. User 0: clusters 2 and 5 before the date; after it another item of cluster 5, one of
# cluster 7, and the first one again. User 1: a single item before, of no journey. User 2: nothing after the date.
DAYS = np.array([0, 1, 2, 3, 4, 5, 12, 13, 40, 0, 11, 0, 1, 2])
ITEMS = np.array([2, 10, 18, 5, 13, 21, 29, 7, 29, 3, 11, 1, 9, 17], np.int32)
LOG = ItemHistories(np.array([0, 9, 11, 14]), ITEMS, DAYS * DAY)


def found() -> tuple[PastJourneys, Continuations]:
    journeys = past_journeys(before(LOG, DATE), catalogue())
    return journeys, continuations(journeys, LOG, catalogue(), DATE, limit=100)


def test_journeys_are_formed_from_what_is_before_the_date() -> None:
    journeys, _ = found()
    assert journeys.offsets.tolist() == [0, 2, 2, 3]
    assert journeys.users.tolist() == [0, 0, 2]
    assert journeys.clusters.tolist() == [2, 5, 1]
    assert journeys.sizes.tolist() == [3, 3, 3]
    assert journeys.items.tolist() == [2, 10, 18, 5, 13, 21, 1, 9, 17]
    assert (journeys.times < DATE).all()


def test_a_journey_is_continued_by_an_item_of_the_same_journey_of_the_whole_log() -> None:
    _, following = found()
    assert following.days.tolist() == [np.inf, 2.0, np.inf]
    assert following.cluster_days.tolist() == [np.inf, 2.0, np.inf]
    assert following.next_clusters.tolist() == [[0, 5], [0, 7], [1, 3]]


def test_nothing_follows() -> None:
    past = before(LOG, DATE)
    journeys = past_journeys(past, catalogue())
    following = continuations(journeys, past, catalogue(), DATE, limit=100)
    assert following.days.tolist() == [np.inf] * 3
    assert following.next_clusters.shape == (0, 2)


def test_the_latest_interactions_are_kept() -> None:
    kept = latest(LOG, 2)
    assert kept.offsets.tolist() == [0, 2, 4, 6]
    assert kept.items.tolist() == [7, 29, 3, 11, 9, 17]
    assert kept.times.tolist() == [13 * DAY, 40 * DAY, 0, 11 * DAY, DAY, 2 * DAY]
