import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.journeys.events import salient_terms
from transforms.encoders.quantized_vectors import quantize_vectors
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.catalogue import Catalogue, pack_catalogue, unpack_catalogue
from transforms.journeys.coherence import ITEM_FRACTION, UNRELATED, journey_coherence
from transforms.journeys.config import BayesianConfig
from transforms.journeys.form_journeys import journeys_from_labels

Vectors = npt.NDArray[np.floating]


def units(vectors: Vectors) -> Vectors:
    found = quantize_vectors(vectors).astype(np.float64)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(lengths > 0, lengths, 1)


def plain(item: int, journey: list[int], vectors: Vectors) -> float:
    """The formula of the module's docstring."""
    others = sum(vectors[other] for other in journey if other != item)
    return float(vectors[item] @ others) / math.sqrt(float(others @ others) + UNRELATED)


def reference(labels: list[int], vectors: Vectors, min_coherence: float) -> list[int]:
    """One user whose items are the rows of `vectors`."""
    found = [-1] * len(labels)
    for label in {label for label in labels if label >= 0}:
        journey = [item for item, each in enumerate(labels) if each == label]
        while len(journey) > 1:
            left = [item for item in journey if plain(item, journey, vectors) >= min_coherence * ITEM_FRACTION]
            if left == journey:
                break
            journey = left
        alone = labels.count(label) == 1
        if alone or (
            len(journey) > 1 and np.mean([plain(item, journey, vectors) for item in journey]) >= min_coherence
        ):
            for item in journey:
                found[item] = label
    order = list(dict.fromkeys(label for label in found if label >= 0))
    return [order.index(label) if label >= 0 else -1 for label in found]


ANY = {"assign_threshold": -1.0, "merge_threshold": -9.0, "merge_fraction": 1.0, "rounds": 0}
"""One journey for nearly all items."""


def left(vectors: Vectors, min_coherence: float, **changed: float) -> list[int]:
    """The journey of each row of `vectors`, items of one user."""
    items = np.arange(len(vectors), dtype=np.int32)
    config = BayesianConfig(min_coherence=min_coherence, **changed)  # type: ignore[arg-type]
    return cluster_histories(np.array([0, len(vectors)]), items, quantize_vectors(vectors), config).tolist()


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.01, 0.9), st.sampled_from([{}, ANY]))
def test_the_kernel_does_what_is_written_plainly(
    seed: int, items: int, min_coherence: float, changed: dict[str, float]
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(4, 8))[random.integers(4, size=items)] + random.normal(size=(items, 8))
    labels = left(vectors, 0, **changed)
    assert left(vectors, min_coherence, **changed) == reference(labels, units(vectors), min_coherence)


def test_an_item_that_fits_nowhere_is_left_out() -> None:
    vectors = np.eye(3)[[0, 0, 0, 0, 0, 1, 2, 2]]
    assert left(vectors, 0) == [0, 0, 0, 0, 0, 1, 2, 2]
    # Each of five equal items: 4 / sqrt(16 + 10) = 0.78. Each of two: 1 / sqrt(1 + 10) = 0.30.
    assert left(vectors, 0.5) == [0, 0, 0, 0, 0, 1, -1, -1]
    assert left(vectors, 0.3) == [0, 0, 0, 0, 0, 1, 2, 2]
    # One journey of six: with the one at right angles among the others, each of five equal items has 0.77.
    assert left(vectors[:6], 0, **ANY) == [0] * 6
    assert left(vectors[:6], 0.5, **ANY) == [0, 0, 0, 0, 0, -1]


def test_an_item_consumed_again_counts_once_and_users_do_not_know_each_other() -> None:
    random = np.random.default_rng(0)
    vectors = quantize_vectors(random.normal(size=(1, 6)) + random.normal(size=(9, 6)))
    config = BayesianConfig(min_coherence=0.25)
    once = np.array([0, 1, 2, 3, 4, 5], np.int32)
    found = cluster_histories(np.array([0, 6]), once, vectors, config)
    assert {-1, 0} <= set(found.tolist())
    items = np.concatenate([[8, 7], once, [0, 0, 5]]).astype(np.int32)
    more = cluster_histories(np.array([0, 2, 11]), items, vectors, config)
    assert more.tolist()[2:] == [*found, found[0], found[0], found[5]]


def catalogue(items: list[dict[str, float]], vectors: Vectors | None = None) -> Catalogue:
    found = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    return found if vectors is None else found._replace(vectors=quantize_vectors(vectors))


def test_coherence_of_journeys() -> None:
    random = np.random.default_rng(1)
    terms = random.random((10, 4)) * (random.random((10, 4)) < 0.6) + np.eye(10, 4)[:, ::-1] + [0.1, 0, 0, 0]
    vectors = random.normal(size=(1, 5)) + random.normal(size=(10, 5))
    by_terms = catalogue([{f"t{term}": float(w) for term, w in enumerate(row) if w > 0} for row in terms])
    by_vectors = by_terms._replace(vectors=quantize_vectors(vectors))
    offsets, items = np.array([0, 7, 11]), np.array([0, 1, 2, 3, 0, 4, 5, 6, 7, 8, 9], np.int32)
    labels = np.array([0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0])
    journeys = journeys_from_labels(offsets, items, labels, 10, min_size=1)
    members = [[0, 2, 3], [1, 4], [5], [6, 7, 8, 9]]
    scaled = terms.astype(np.float32).astype(np.float64)
    scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
    for each, rows in ((by_vectors, units(vectors)), (by_terms, scaled)):
        expected = [max(np.mean([plain(item, own, rows) for item in own]), 0) for own in members if len(own) > 1]
        found = journey_coherence(journeys, items, each)
        assert math.isnan(found[2])
        assert found[[0, 1, 3]].tolist() == pytest.approx(expected, abs=1e-4)


def test_coherence_does_not_depend_on_the_order() -> None:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(1, 33)) + random.normal(size=(50, 33))
    own = catalogue([{"tea": 1.0}] * 50, vectors)
    offsets, labels = np.array([0, 50]), np.zeros(50, np.int64)
    found = {
        float(journey_coherence(journeys_from_labels(offsets, items, labels, 50, min_size=3), items, own)[0])
        for items in (random.permutation(50).astype(np.int32) for _ in range(20))
    }
    assert len(found) == 1
