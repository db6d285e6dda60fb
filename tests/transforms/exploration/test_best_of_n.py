import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.exploration.alignment import AlignmentModel
from transforms.exploration.best_of_n import BestOfN, sample_candidates, uniform_numbers
from transforms.exploration.count_models import novel_probabilities, top_clusters
from transforms.exploration.transitions import NO_CLUSTER, Codes

COUNT = 6
ROW = (8.0, 4.0, 2.0, 1.0, 1.0, 4.0)


@dataclasses.dataclass(frozen=True)
class Given:
    """A source with given scores, whatever the context."""

    row: tuple[float, ...]

    @property
    def cluster_count(self) -> int:
        return len(self.row)

    def scores(self, contexts: Codes) -> np.ndarray:
        return np.repeat(np.array([self.row]), len(contexts), axis=0)


CONTEXTS = st.lists(
    st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=2, unique=True), min_size=1, max_size=20
).map(lambda rows: np.array(rows, np.int32))


@settings(max_examples=100)
@given(CONTEXTS, st.integers(1, 8), st.integers(-5, 5))
def test_a_sample_is_novel_and_depends_on_its_context_alone(contexts: Codes, count: int, seed: int) -> None:
    sampled, _ = sample_candidates(Given(ROW), contexts, count, seed)
    assert (sampled.sum(axis=1) == min(count, COUNT - 2)).all()
    for context, own in zip(contexts, sampled, strict=True):
        assert not own[context].any()
        alone, _ = sample_candidates(Given(ROW), context[None], count, seed)
        assert (alone[0] == own).all()
        more, _ = sample_candidates(Given(ROW), context[None], count + 1, seed)
        assert (more[0] >= own).all()


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_samples_have_the_probabilities_of_drawing_without_replacement(temperature: float) -> None:
    # Contexts of one of many clusters without scores, so that each has numbers of its own.
    source = Given((*ROW, *[0.0] * 1000))
    contexts = np.arange(COUNT, source.cluster_count, dtype=np.int32)[:, None]
    masses = novel_probabilities(source, np.full((1, 1), NO_CLUSTER, np.int32))[0] ** (1 / temperature)
    first = masses / masses.sum()
    # A cluster is first, or second after any other one.
    after = np.where(np.eye(len(first), dtype=bool), 0, first / (1 - first[:, None]))
    seeds = range(8)
    for count, expected in ((1, first), (2, first + first @ after)):
        found = sum(sample_candidates(source, contexts, count, seed, temperature)[0].mean(axis=0) for seed in seeds)
        error = np.sqrt(expected * (1 - expected) / (len(contexts) * len(seeds)))
        assert (np.abs(found / len(seeds) - expected)[:COUNT] < 4 * error[:COUNT]).all()


def test_numbers_of_contexts_look_independent() -> None:
    contexts = np.stack(np.meshgrid(np.arange(60), np.arange(60)), axis=-1).reshape(-1, 2).astype(np.int32)
    numbers = uniform_numbers(contexts, 60, seed=0)
    assert abs(numbers.mean() - 0.5) < 4.5 / np.sqrt(12 * numbers.size)
    counts = np.histogram(numbers, 16, (0, 1))[0]
    assert ((counts - numbers.size / 16) ** 2 / (numbers.size / 16)).sum() < 50
    other = uniform_numbers(contexts, 60, seed=1)
    for left, right in ((numbers, other), (numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.012


def test_the_order_of_sampled_and_other_clusters() -> None:
    merits = np.array([1.0, 5.0, 3.0, 9.0, 2.0, 4.0])
    alignment = AlignmentModel(np.repeat(merits[None], COUNT, axis=0))
    context = np.array([[3, 5]], np.int32)
    everything = BestOfN(Given(ROW), alignment, COUNT)
    assert top_clusters(everything, context, 4)[0].tolist() == [[1, 2, 4, 0]]
    for seed in range(20):
        sampled = np.flatnonzero(sample_candidates(Given(ROW), context, 2, seed)[0][0])
        ranked = top_clusters(BestOfN(Given(ROW), alignment, 2, seed), context, 4)[0][0]
        assert ranked[:2].tolist() == sorted(sampled.tolist(), key=lambda cluster: -merits[cluster])
        others = [cluster for cluster in (0, 1, 2, 4) if cluster not in sampled]
        assert ranked[2:].tolist() == others


def test_invalid_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="count must be at least 1 and temperature above 0, got 0 and 1"):
        sample_candidates(Given(ROW), np.zeros((1, 1), np.int32), 0)
    with pytest.raises(ValueError, match="got 1 and 0"):
        sample_candidates(Given(ROW), np.zeros((1, 1), np.int32), 1, temperature=0)
