import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.evaluation.bootstrap import Interval, mean_interval
from transforms.evaluation.experiments.orderings.differences import (
    distance_to,
    has_interval,
    independent_difference,
    negated,
    proportion_interval,
    seed_difference,
)


def test_lengths_of_independent_intervals_add_as_vectors() -> None:
    first, second = Interval(0.9, 0.6, 1.3, 50), Interval(0.5, 0.2, 0.9, 30)
    found = independent_difference(first, second)
    assert found.value == pytest.approx(0.4)
    assert found.low == pytest.approx(0.4 - math.hypot(0.3, 0.4))  # first down, second up
    assert found.high == pytest.approx(0.4 + math.hypot(0.4, 0.3))
    assert found.n == 30
    assert independent_difference(second, first) == pytest.approx(negated(found))


def test_a_missing_interval_is_missing_in_the_difference() -> None:
    found = independent_difference(Interval(0.9, math.nan, math.nan, 5), Interval(0.5, 0.2, 0.9, 30))
    assert found.value == pytest.approx(0.4)
    assert not has_interval(found)


def test_the_interval_is_that_of_a_bootstrap_of_two_samples() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(1, 1, 400), random.normal(0, 2, 300)
    found = independent_difference(mean_interval(first, 0), mean_interval(second, 1))
    half = 1.96 * math.sqrt(first.var() / 400 + second.var() / 300)
    assert found.low == pytest.approx(found.value - half, abs=0.03)
    assert found.high == pytest.approx(found.value + half, abs=0.03)


def test_wilson_interval() -> None:
    assert proportion_interval(0, 10) == pytest.approx((0, 0, 0.2775, 10), abs=1e-4)
    assert proportion_interval(81, 263) == pytest.approx((0.308, 0.2553, 0.3662, 263), abs=1e-4)  # Newcombe 1998
    for count, total in ((-1, 10), (11, 10), (0, 0)):
        with pytest.raises(ValueError, match="a proportion needs"):
            proportion_interval(count, total)


@given(st.integers(1, 1000), st.data())
def test_a_proportion_lies_in_its_interval(total: int, data: st.DataObject) -> None:
    found = proportion_interval(data.draw(st.integers(0, total)), total)
    assert -1e-12 <= found.low <= found.value <= found.high <= 1 + 1e-12


def test_difference_over_seeds() -> None:
    found = seed_difference({"0": 1.0, "1": 2.0, "2": 3.0, "9": 100.0}, {"0": 0.0, "1": 0.0, "2": 0.0})
    # Mean 2, standard deviation 1, and 4.303 is the quantile of t with two degrees of freedom.
    assert found == pytest.approx((2, 2 - 4.3027 / math.sqrt(3), 2 + 4.3027 / math.sqrt(3), 3), abs=1e-3)
    assert not has_interval(seed_difference({"0": 1.0}, {"0": 0.0}))
    with pytest.raises(ValueError, match="no seed in common"):
        seed_difference({"0": 1.0}, {"1": 0.0})


def test_distance_to_a_number() -> None:
    assert distance_to(Interval(0.75, 0.65, 0.85, 9), 0.7) == pytest.approx((0.05, -0.05, 0.15, 9))
