import numpy as np
import pytest

from transforms.journeys.config import IcpcConfig
from transforms.journeys.form_journeys import journeys_from_labels
from transforms.journeys.icpc import TermVectors


def test_labels_become_journeys() -> None:
    offsets = np.array([0, 5, 5, 9])
    items, labels = np.array([4, 5, 4, 6, 7, 4, 5, 6, 4]), np.array([0, 1, 0, 0, -1, 0, 0, 0, 1])
    terms = TermVectors(np.arange(9), np.arange(8, dtype=np.int32) // 2, np.full(8, 0.5, np.float32), 4)
    found = journeys_from_labels(offsets, items.astype(np.int32), labels, terms, IcpcConfig(min_size=2))
    assert found.users.tolist() == [0, 2]
    assert found.sizes.tolist() == [2, 3]
    assert found.members.tolist() == [0, 2, 3, 5, 6, 7]
    assert found.member_offsets.tolist() == [0, 3, 6]
    # Items 4 and 5 have term 2, items 6 and 7 term 3; item 4 occurs twice in the first journey and counts once.
    assert found.term_offsets.tolist() == [0, 2, 4]
    assert found.terms.tolist() == [2, 3, 2, 3]
    assert found.weights.tolist() == [0.25, 0.25, pytest.approx(1 / 3), pytest.approx(1 / 6)]
    everything = journeys_from_labels(offsets, items.astype(np.int32), labels, terms, IcpcConfig(min_size=1))
    assert everything.users.tolist() == [0, 0, 2, 2]
    assert everything.members.tolist() == [0, 2, 3, 1, 5, 6, 7, 8]
