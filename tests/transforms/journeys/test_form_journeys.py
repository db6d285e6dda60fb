import numpy as np

from transforms.journeys.form_journeys import journeys_from_labels


def test_labels_become_journeys() -> None:
    offsets = np.array([0, 5, 5, 9])
    items, labels = np.array([4, 5, 4, 6, 7, 4, 5, 6, 4], np.int32), np.array([0, 1, 0, 0, -1, 0, 0, 0, 1])
    found = journeys_from_labels(offsets, items, labels, 8, 2)
    assert found.users.tolist() == [0, 2]
    assert found.sizes.tolist() == [2, 3]
    assert found.members.tolist() == [0, 2, 3, 5, 6, 7]
    assert found.member_offsets.tolist() == [0, 3, 6]
    everything = journeys_from_labels(offsets, items, labels, 8, 1)
    assert everything.users.tolist() == [0, 0, 2, 2]
    assert everything.members.tolist() == [0, 2, 3, 1, 5, 6, 7, 8]
