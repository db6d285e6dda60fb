import dataclasses
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.encoders.quantized_vectors import quantize_vectors
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.config import BayesianConfig

Vectors = npt.NDArray[np.floating]
ROOT = math.sqrt(0.5)


def evidence(vectors: Vectors, config: BayesianConfig) -> float:
    """The formula of the module's docstring."""
    ratio = config.explained_variance / (1 - config.explained_variance)
    total = vectors.astype(np.float64).sum(axis=0)
    shrunk = 1 + len(vectors) * ratio
    return 0.5 * (ratio / (1 - config.explained_variance) * float(total @ total) / shrunk - math.log(shrunk))


def gain(first: list[int], second: list[int], vectors: Vectors, config: BayesianConfig) -> float:
    if not first or not second:
        return -math.inf
    return (
        evidence(vectors[first + second], config) - evidence(vectors[first], config) - evidence(vectors[second], config)
    )


def enough(
    gained: float, fraction: float, first: list[int], second: list[int], vectors: Vectors, config: BayesianConfig
) -> bool:
    """Whether a gain is above a fraction of that of two orthogonal sets with sums of the same lengths."""
    sums = [vectors[each].astype(np.float64).sum(axis=0) for each in (first, second)]
    ratio = config.explained_variance / (1 - config.explained_variance)

    def of(square: float, size: int) -> float:
        return 0.5 * (
            ratio / (1 - config.explained_variance) * square / (1 + size * ratio) - math.log(1 + size * ratio)
        )

    squares = [float(each @ each) for each in sums]
    separate = of(squares[0], len(first)) + of(squares[1], len(second))
    unrelated = of(sum(squares), len(first) + len(second)) - separate
    return unrelated >= 0 or gained > fraction * unrelated


def nearest(item: int, journeys: list[list[int]], vectors: Vectors, config: BayesianConfig) -> tuple[int, float]:
    gains = [gain(journey, [item], vectors, config) for journey in journeys]
    return max(((number, each) for number, each in enumerate(gains)), key=lambda pair: pair[1], default=(-1, -math.inf))


def reference(items: list[int], vectors: Vectors, config: BayesianConfig) -> list[int]:
    """One user, by lists and sums: the same steps, with nothing kept from one look to the next."""
    distinct = [item for item in dict.fromkeys(items) if vectors[item].any()]
    journeys: list[list[int]] = []
    for item in distinct:
        number, best = nearest(item, journeys, vectors, config)
        if best > config.assign_threshold:
            journeys[number].append(item)
        else:
            journeys.append([item])
    if config.refine:
        while True:
            pairs = [
                (gained, -younger, -older)
                for younger in range(len(journeys))
                for older in range(younger)
                if (gained := gain(journeys[younger], journeys[older], vectors, config)) > -math.inf
                and enough(gained, config.merge_fraction, journeys[younger], journeys[older], vectors, config)
            ]
            if not pairs or max(pairs)[0] <= config.merge_threshold:
                break
            _, younger, older = max(pairs)
            journeys[-older].extend(journeys[-younger])
            journeys[-younger] = []
        journeys += [[] for _ in range(len(distinct) + 1 - len(journeys))]
        for _ in range(config.rounds):
            moved = False
            for item in distinct:
                before = next(number for number, journey in enumerate(journeys) if item in journey)
                journeys[before].remove(item)
                number, best = nearest(item, journeys, vectors, config)
                if best == -math.inf or not enough(best, 1, journeys[number], [item], vectors, config):
                    number = before if not journeys[before] else journeys.index([])
                journeys[number].append(item)
                moved |= number != before
            if not moved:
                break
    journey_of = {item: number for number, journey in enumerate(journeys) for item in journey}
    first_seen = list(dict.fromkeys(journey_of[item] for item in distinct if item in journey_of))
    return [first_seen.index(journey_of[item]) if item in journey_of else -1 for item in items]


def label(items: list[int], vectors: Vectors, config: BayesianConfig) -> list[int]:
    compact = quantize_vectors(vectors)
    return cluster_histories(np.array([0, len(items)]), np.array(items, np.int32), compact, config).tolist()


def directions(vectors: Vectors) -> Vectors:
    """The vectors that the kernel sees: quantized, of length 1."""
    compact = quantize_vectors(vectors).astype(np.float64)
    lengths = np.linalg.norm(compact, axis=1, keepdims=True)
    return compact / np.where(lengths > 0, lengths, 1)


def random_vectors(seed: int, items: int, dimensions: int, topics: int) -> Vectors:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(topics, dimensions))[random.integers(topics, size=items)]
    vectors += random.normal(size=vectors.shape) * random.uniform(0.2, 1.5)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 11), max_size=25),
    st.floats(-0.5, 0.5),
    st.floats(-0.6, 0.4),
    st.floats(0, 1),
    st.floats(0.1, 0.7),
    st.integers(0, 3),
    st.booleans(),
)
def test_the_kernel_does_what_is_written_plainly(
    seed: int,
    items: list[int],
    to_pass: float,
    to_merge: float,
    merge_fraction: float,
    explained: float,
    rounds: int,
    refine: bool,
) -> None:
    vectors = random_vectors(seed, 12, 5, 3)
    vectors[11] = 0
    config = BayesianConfig(to_pass, to_merge, merge_fraction, 0, explained, rounds, refine)
    assert label(items, vectors, config) == reference(items, directions(vectors), config)


def test_by_hand() -> None:
    # r = 1 and explained variance 1/2: E(sum, n) = (2 |sum|^2 / (1 + n) - log(1 + n)) / 2
    config = BayesianConfig(assign_threshold=0.0, explained_variance=0.5, refine=False, min_coherence=0)
    vectors = np.array([[1, 0], [1, 0], [0, 1], [ROOT, ROOT]], np.float32)
    # two equal items gain 4/3 - log(3)/2 - 2 (1/2 - log(2)/2) = 0.477; two at right angles 2/3 - 1 + 0.144 = -0.190
    assert label([0, 1, 2], vectors, config) == [0, 0, 1]
    assert gain([0], [1], vectors, config) == pytest.approx(4 / 3 - math.log(3) / 2 - 1 + math.log(2))
    # the diagonal gains (2 + sqrt 2)/3 - log(3)/2 - 1 + log 2 = 0.282 with either of the other two: the older wins
    assert label([0, 2, 3], vectors, config) == [0, 1, 0]


def test_the_second_look_mends_what_the_order_did() -> None:
    """Of a loose journey the pass makes several, and the one item that is about something else stays by itself."""
    rng = np.random.default_rng(0)
    centre, away = np.zeros(200), np.zeros(200)
    centre[0], away[1] = 1, 1
    near = np.stack([centre + rng.normal(size=200) * 0.1 for _ in range(12)] + [away + rng.normal(size=200) * 0.02])
    vectors = (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)
    one_pass = label(list(range(13)), vectors, BayesianConfig(refine=False))
    looked = label(list(range(13)), vectors, BayesianConfig())
    assert len(set(one_pass)) > 2
    assert looked == [0] * 12 + [1]


def test_a_journey_without_coherence_is_none() -> None:
    """Three items at right angles, merged by force, say nothing together."""
    forced = BayesianConfig(merge_threshold=-1e9, merge_fraction=1, min_coherence=0, rounds=0)
    vectors = np.eye(5)
    vectors[3] = vectors[0] + vectors[1] + vectors[2]
    items = [0, 1, 2, 3, 4]
    assert label(items, vectors, forced) == [0, 0, 0, 0, 1]
    assert label(items, vectors, dataclasses.replace(forced, min_coherence=0.5)) == [-1, -1, -1, -1, 0]


def test_an_item_consumed_again_speaks_once() -> None:
    vectors = random_vectors(1, 8, 6, 2)
    once = label(list(range(8)), vectors, BayesianConfig())
    again = label([*range(8), 0, 0, 0, 5], vectors, BayesianConfig())
    assert again == [*once, once[0], once[0], once[0], once[5]]


def test_users_do_not_know_each_other() -> None:
    vectors = random_vectors(2, 40, 8, 5)
    random = np.random.default_rng(3)
    histories = [random.integers(0, 40, size).tolist() for size in (0, 1, 17, 30, 0, 9)]
    offsets = np.cumsum([0, *map(len, histories)])
    items = np.array([item for history in histories for item in history], np.int32)
    together = cluster_histories(offsets, items, quantize_vectors(vectors), BayesianConfig()).tolist()
    assert together == [each for history in histories for each in label(history, vectors, BayesianConfig())]


def test_thresholds_at_both_ends() -> None:
    vectors = random_vectors(4, 20, 6, 4)
    together = BayesianConfig(assign_threshold=-1e9, rounds=0, min_coherence=0)
    assert set(label(list(range(20)), vectors, together)) == {0}
    separate = BayesianConfig(assign_threshold=1e9, merge_threshold=1e9, rounds=0)
    assert label(list(range(20)), vectors, separate) == list(range(20))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"merge_threshold": math.nan}, "merge_threshold must be finite, got nan"),
        ({"explained_variance": 1.0}, r"explained_variance must be in \(0, 1\), got 1.0"),
        ({"merge_fraction": -0.1}, r"merge_fraction must be in \[0, 1\], got -0.1"),
        ({"min_coherence": math.nan}, r"min_coherence must be in \[0, 1\), got nan"),
        ({"rounds": -1}, "rounds must be at least 0, got -1"),
    ],
)
def test_wrong_numbers_are_rejected(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BayesianConfig(**wrong)  # type: ignore[arg-type]
