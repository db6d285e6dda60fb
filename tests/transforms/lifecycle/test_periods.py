import math

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.lifecycle.journeys import compressed, term_vectors
from transforms.journeys.catalogue import Catalogue
from transforms.lifecycle.periods import drifts, month_similarities, months_of, terms_of_months
from transforms.lifecycle.rhythm import DAY

MONTH = 31 * DAY
YARN, NEEDLE, CHESS = 0, 1, 2
VECTORS = term_vectors([{YARN: 1.0}, {YARN: 1.0, NEEDLE: 1.0}, {CHESS: 1.0}, {}], 3)
CATALOGUE = Catalogue(pa.array(["a", "b", "c", "d"]), pa.array(["yarn", "needle", "chess"]), VECTORS)


def test_months_by_hand() -> None:
    # The second journey begins before 1970, and has no interaction in January 1970.
    offsets, times = compressed([[0, 3 * DAY, MONTH], [-1, 2 * MONTH, 2 * MONTH + DAY], [5 * DAY]])
    months = months_of(offsets, times)
    assert months.offsets.tolist() == [0, 2, 4, 5]
    assert months.months.tolist() == [0, 1, -1, 2, 0]
    assert months.starts.tolist() == [0, 2, 3, 4, 6, 7]


def test_similarities_and_terms_of_months() -> None:
    offsets, times = compressed([[0, DAY, MONTH, MONTH + DAY, 2 * MONTH, 2 * MONTH + DAY], [0, MONTH]])
    items = np.array([0, 1, 0, 1, 2, 2, 2, 3])
    months = months_of(offsets, times)
    found = month_similarities(months, items, VECTORS)
    assert np.isnan(found[[0, 3]]).all()
    assert found[[1, 2, 4]].tolist() == [pytest.approx(1.0), 0.0, 0.0]  # the last month has no terms
    terms = terms_of_months(months, offsets, items, CATALOGUE, 5)
    names = [CATALOGUE.vocabulary[code].as_py() for code in terms.terms]
    by_month = [names[start:end] for start, end in zip(terms.offsets, terms.offsets[1:], strict=False)]
    # A month of a single item shares nothing between items; its terms are those of the item.
    assert by_month == [["yarn"], ["yarn"], ["chess"], ["chess"], []]


def test_a_journey_that_moved_has_drift_and_one_that_did_not_has_none() -> None:
    offsets, items = compressed([[0, 0, 0, 2, 2, 2], [0, 2, 2, 0, 0, 2, 2, 0], [0, 0, 2], [0, 0, 3, 3]])
    moved, steady, short, empty = drifts(offsets, items, VECTORS)
    # Odd and even items: two of three have yarn and one chess, or the other way round; but each item counts once.
    assert moved == pytest.approx(1.0)
    assert steady == pytest.approx(0.0)
    assert math.isnan(short)
    assert math.isnan(empty)


def test_items_in_random_order_have_no_drift_on_average() -> None:
    # Items in random order, each with its own terms besides a common one: no drift on average.
    random = np.random.default_rng(0)
    vectors = term_vectors([{0: 1.0, 1 + item: 1.0} for item in range(40)], 41)
    journeys = [random.permutation(40)[:8].tolist() for _ in range(2000)]
    found = drifts(*compressed(journeys), vectors)
    assert abs(found.mean()) < 0.01
