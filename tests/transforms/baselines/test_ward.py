import numpy as np
import pytest

from tests.transforms.baselines.vectors import GROUPS, grouped
from transforms.baselines.labels import renumber
from transforms.baselines.ward import average_labels, ward_labels


def test_groups_are_found_whatever_the_lengths_of_the_vectors() -> None:
    expected = renumber(np.array(GROUPS)).tolist()
    assert ward_labels(grouped(GROUPS), 1.5).tolist() == expected
    assert average_labels(grouped(GROUPS), 0.5).tolist() == expected


def test_thresholds_are_heights() -> None:
    # Two vectors at a right angle are sqrt(2) apart; their cosine is 0.
    right_angle = np.array([[2, 0], [0, 1]], np.float32)
    assert ward_labels(right_angle, 1.42).tolist() == average_labels(right_angle, 1.01).tolist() == [0, 0]
    assert ward_labels(right_angle, 1.41).tolist() == average_labels(right_angle, 0.99).tolist() == [0, 1]


@pytest.mark.parametrize("count", [0, 1])
def test_few_items(count: int) -> None:
    assert ward_labels(np.ones((count, 3)), 1.0).tolist() == [0] * count
    assert average_labels(np.ones((count, 3)), 1.0).tolist() == [0] * count
