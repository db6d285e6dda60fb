import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.exploration.histories import CLUSTERS, USERS
from tests.transforms.exploration.test_blending import CENTROIDS, COUNT, FIRST, TRAINING, TRANSITIONS, VALIDATION
from tests.transforms.exploration.test_count_models import training
from transforms.exploration.count_models import Popularity, novel_probabilities, top_clusters
from transforms.exploration.network import (
    DEFAULT_EPOCHS,
    HIDDEN,
    Examples,
    Network,
    choose_epochs,
    examples_of,
    fit_network,
    gradients,
    start_network,
    train,
)
from transforms.exploration.recall import ranks_of_next
from transforms.exploration.transitions import take_transitions
from transforms.exploration.validation import Validation

CONTEXTS = np.array([[0, 1], [1, 2], [4, 3], [-1, 2], [-1, -1]], np.int32)
VECTORS = np.eye(CLUSTERS)[:, :3] - 0.2


def random_network(seed: int) -> Network:
    random = np.random.default_rng(seed)
    shapes = ((2, CLUSTERS, HIDDEN), (HIDDEN,), (HIDDEN, CLUSTERS), (CLUSTERS,))
    return Network(*(random.normal(size=shape) / 4 for shape in shapes))


def reference_probabilities(network: Network, context: list[int], kept: np.ndarray) -> np.ndarray:
    units = network.hidden.copy()
    for place, cluster in enumerate(context):
        units += network.places[place, cluster] if cluster >= 0 else 0
    exponentials = np.exp(network.logits + (np.maximum(units, 0) * kept) @ network.outputs)
    exponentials[[cluster for cluster in context if cluster >= 0]] = 0
    return exponentials / exponentials.sum()


@given(st.integers(0, 100))
def test_probabilities_are_those_of_the_definition(seed: int) -> None:
    network = random_network(seed)
    expected = [reference_probabilities(network, context, np.ones(HIDDEN)) for context in CONTEXTS.tolist()]
    np.testing.assert_allclose(network.scores(CONTEXTS), expected, rtol=1e-10)


EXAMPLES = Examples(
    CONTEXTS, np.array([0, 2, 3, 3, 4, 6]), np.array([2, 3, 4, 0, 1, 4], np.int32), np.array([2.0, 1, 3, 1, 5, 2])
)


def loss(network: Network, rows: list[int], kept: np.ndarray) -> float:
    """The mean negative log-likelihood, in plain loops."""
    value = total = 0.0
    for row, own in zip(rows, kept, strict=True):
        found = reference_probabilities(network, EXAMPLES.contexts[row].tolist(), own)
        for position in range(EXAMPLES.offsets[row], EXAMPLES.offsets[row + 1]):
            value -= EXAMPLES.weights[position] * np.log(found[EXAMPLES.next_clusters[position]])
            total += EXAMPLES.weights[position]
    return value / total


@settings(max_examples=20)
@given(st.integers(0, 100), st.integers(0, 3))
def test_gradients_are_those_of_the_loss(seed: int, parameter: int) -> None:
    random = np.random.default_rng(seed)
    network, rows = random_network(seed), [4, 0, 1, 3]
    kept = (random.random((4, HIDDEN)) < 0.7) / 0.7
    found = gradients(network, EXAMPLES, np.array(rows), kept)[parameter]
    name = [field.name for field in dataclasses.fields(Network)][parameter]
    direction = random.normal(size=found.shape)
    step = 1e-6
    moved = [
        dataclasses.replace(network, **{name: getattr(network, name) + sign * step * direction}) for sign in (1, -1)
    ]
    slope = (loss(moved[0], rows, kept) - loss(moved[1], rows, kept)) / (2 * step)
    assert (found * direction).sum() == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_examples_by_hand() -> None:
    # First occurrences before 50: 0 1 2 3; 0 1; 1; 0 1 2. In the recent period, from 20: 1 2 3; 1; -; 1 2.
    examples = examples_of(training(USERS))
    rows = {
        tuple(context): dict(zip(*columns, strict=True))
        for context, columns in zip(
            examples.contexts.tolist(),
            (
                (examples.next_clusters[start:stop].tolist(), examples.weights[start:stop].tolist())
                for start, stop in itertools.pairwise(examples.offsets.tolist())
            ),
            strict=True,
        )
        if context != [-1, 0] and context != [-1, 1]
    }
    assert rows[-1, -1] == {0: 3, 1: 4, 2: 2, 3: 1}
    assert rows[0, 1] == {2: 2}
    assert rows[1, 2] == {3: 1}
    # Successors: 0 > 1 three times, 0 > 2 and 1 > 2 twice, 0 > 3, 1 > 3 and 2 > 3 once; ten in all. In each of two
    # places they have half of the weight of the three transitions after two clusters.
    weight = 3 / 2 / 10
    assert rows[0, -1] == pytest.approx({1: 3 * weight, 2: 2 * weight, 3: weight})
    assert rows[1, -1] == pytest.approx({2: 2 * weight, 3: weight})
    assert len(examples.contexts) == 1 + 3 + 2 + 2 * 3


def test_the_network_learns_which_cluster_follows() -> None:
    network = fit_network(TRAINING, CENTROIDS, epochs=60)
    found, _ = top_clusters(network, np.stack([np.full(COUNT, -1), np.arange(COUNT)], axis=1).astype(np.int32), 1)
    assert (found[:, 0] == (np.arange(COUNT) + 1) % COUNT).mean() > 0.75
    test = take_transitions(TRANSITIONS, TRANSITIONS.times >= 800)
    ranks = [ranks_of_next(source, test, FIRST) for source in (network, Popularity.fit(TRAINING))]
    assert (ranks[0] == 1).mean() > (ranks[1] == 1).mean() + 0.1


def test_the_same_seed_gives_the_same_network() -> None:
    one, same, other = (fit_network(training(USERS), VECTORS, 3, seed).scores(CONTEXTS) for seed in (0, 0, 1))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_clusters_of_equal_content_start_equal() -> None:
    start = start_network(training(USERS), np.array([[1.0, 2], [1, 2], [0, 1], [5, 0], [0, 0]]), seed=0)
    np.testing.assert_allclose(start.places[:, 0], start.places[:, 1])
    assert not np.allclose(start.places[:, 0], start.places[:, 2])
    assert start.scores(CONTEXTS[-1:])[0, 1] == start.scores(CONTEXTS[-1:])[0].max()  # the most popular cluster


def test_the_number_of_epochs_is_the_best_one_of_the_validation_period() -> None:
    chosen = choose_epochs(TRAINING, VALIDATION, CENTROIDS)
    networks = train(examples_of(TRAINING), start_network(TRAINING, CENTROIDS, 0), 0)
    quality = [
        (1 / (10 + ranks_of_next(network, *VALIDATION))).mean() for network in itertools.islice(networks, chosen + 5)
    ]
    assert chosen == np.argmax(quality) + 1


def test_without_validation_the_default_is_used() -> None:
    nothing = Validation(take_transitions(TRANSITIONS, np.zeros(0, np.int64)), FIRST)
    assert choose_epochs(TRAINING, nothing, CENTROIDS) == DEFAULT_EPOCHS


def test_without_training_the_start_is_used() -> None:
    network = fit_network(training([[]]), VECTORS, 2)
    assert novel_probabilities(network, CONTEXTS).sum(axis=1) == pytest.approx(1)


def test_a_context_of_all_clusters_has_no_next_one() -> None:
    network = Network(np.ones((2, 2, HIDDEN)), np.ones(HIDDEN), np.ones((HIDDEN, 2)), np.zeros(2))
    assert network.scores(np.array([[0, 1], [-1, 1]], np.int32)).tolist() == [[0, 0], [1, 0]]
