from collections.abc import Sequence

import numpy as np
import pytest

from transforms.evaluation.bootstrap import (
    RESAMPLES,
    mean_interval,
    mean_of_groups,
    paired_difference,
    ratio_interval,
    resampled_sums,
    score_difference,
    score_interval,
)

NUMBERS = np.random.default_rng(0).normal(10, 2, 400)


def test_the_interval_of_a_mean_is_about_two_standard_errors() -> None:
    found = mean_interval(NUMBERS, seed=1)
    error = NUMBERS.std() / np.sqrt(len(NUMBERS))
    assert found.value == pytest.approx(NUMBERS.mean())
    assert [found.low, found.high] == pytest.approx(
        [found.value - 1.96 * error, found.value + 1.96 * error], abs=error / 5
    )
    assert found.n == 400


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    intervals = [mean_interval(random.exponential(1, 60), seed=number) for number in range(200)]
    covered = np.mean([each.low <= 1 <= each.high for each in intervals])
    assert 0.88 <= covered <= 0.98


def test_the_seed_decides() -> None:
    assert mean_interval(NUMBERS, seed=3) == mean_interval(NUMBERS, seed=3)
    assert mean_interval(NUMBERS, seed=3) != mean_interval(NUMBERS, seed=4)


def test_a_paired_difference_cancels_common_variation() -> None:
    better = NUMBERS + 0.1
    assert paired_difference(better, NUMBERS, seed=0) == pytest.approx((0.1, 0.1, 0.1, 400))
    separate = [mean_interval(each, seed=0) for each in (better, NUMBERS)]
    assert separate[0].low < separate[1].high


def test_groups_count_the_same_whatever_their_sizes() -> None:
    values, groups = np.array([1.0, 1.0, 1.0, 5.0]), np.array([2, 2, 2, 3])
    assert mean_of_groups(values, groups, seed=0) == (3.0, 3.0, 3.0, 4)


def test_a_ratio_varies_by_unit() -> None:
    # One user has a hundred journeys of length 10, a hundred users have one of length 1.
    lengths, journeys = np.array([1000.0] + [1.0] * 100), np.array([100.0] + [1.0] * 100)
    found = ratio_interval(lengths, journeys, seed=0)
    assert found.value == pytest.approx(1100 / 200)
    assert found.low == 1  # draws without the one user
    assert found.n == 200


def test_many_units_are_put_together_and_say_the_same() -> None:
    many = np.random.default_rng(5).normal(1, 1, 50_000)
    found = mean_interval(many, seed=0)
    error = 1 / np.sqrt(len(many))
    assert found.n == 50_000
    assert found.value == pytest.approx(many.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_no_observations_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no observations"):
        mean_interval([], seed=0)
    with pytest.raises(ValueError, match="no observations"):
        mean_of_groups([], [], seed=0)
    with pytest.raises(ValueError, match=r"got \(2,\) and \(1,\)"):
        paired_difference([1, 2], [1], seed=0)


def ratio_of_sums(sums: Sequence[int]) -> float:
    return sums[0] / sums[1]


class TestScoreOfSums:
    COUNTS = np.random.default_rng(5).integers(1, 9, (40, 2))

    def test_it_is_that_of_a_ratio(self) -> None:
        """A score that is a ratio of sums is measured otherwise elsewhere, on the same draws."""
        found = score_interval(self.COUNTS, ratio_of_sums, 3)
        other = ratio_interval(self.COUNTS[:, 0], self.COUNTS[:, 1], 3)
        assert found[:3] == pytest.approx(other[:3])
        assert found.n == 40

    def test_of_very_many_observations_neighbours_are_put_together(self) -> None:
        many = np.tile(self.COUNTS, (100, 1))
        sums = resampled_sums(many, 0)
        assert sums.shape == (RESAMPLES, 2)
        assert sums.mean(axis=0) == pytest.approx(many.sum(axis=0), rel=0.01)
        narrow, wide = score_interval(many, ratio_of_sums, 0), score_interval(self.COUNTS, ratio_of_sums, 0)
        assert narrow.high - narrow.low < (wide.high - wide.low) / 5
        assert narrow.n == 4000

    def test_differences_are_paired(self) -> None:
        """What is better by the same everywhere is better for sure, however much the two scatter."""
        better = self.COUNTS * [1, 1] + [[1, 0]]
        equal = np.stack([self.COUNTS[:, 1] * 3, self.COUNTS[:, 1]], axis=1)
        assert score_difference(equal, equal, ratio_of_sums, 0)[:3] == (0, 0, 0)
        found = score_difference(better, self.COUNTS, ratio_of_sums, 0)
        assert found.low > 0
        assert found.value == pytest.approx(40 / self.COUNTS[:, 1].sum())
        other = score_difference(better, np.random.default_rng(0).permutation(self.COUNTS), ratio_of_sums, 0)
        assert other.high - other.low > found.high - found.low

    def test_what_is_not_allowed_is_reported(self) -> None:
        with pytest.raises(ValueError, match=r"not be empty, got \(0, 2\)"):
            score_interval(np.zeros((0, 2)), ratio_of_sums, 0)
        with pytest.raises(ValueError, match="must have the same shape"):
            score_difference(self.COUNTS, self.COUNTS[1:], ratio_of_sums, 0)
