"""ICPC as in the paper, in plain Python: one user, dictionaries, every journey compared with every item."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from transforms.journeys.config import IcpcConfig

Vector = Mapping[int, float]
"""The salience of each term of an item; the order of the entries is the order in which products are summed."""


@dataclasses.dataclass
class OpenJourney:
    """A journey while the history is walked."""

    weights: dict[int, float]
    squared_norm: float
    positions: list[int]

    def add(self, vector: Vector, position: int, squared_norm: float) -> None:
        for term, salience in vector.items():
            self.weights[term] = self.weights.get(term, 0.0) + salience
        self.squared_norm = squared_norm
        self.positions.append(position)


@dataclasses.dataclass(frozen=True)
class Journey:
    """A journey at the end: positions in the history, number of distinct items."""

    positions: tuple[int, ...]
    size: int


def dot(first: Vector, second: Vector) -> float:
    """Summed one by one in the order of `first`; `sum` would compensate its rounding from Python 3.12 on."""
    total = 0.0
    for term, salience in first.items():
        total += salience * second.get(term, 0.0)
    return total


def icpc(
    history: Sequence[int], vectors: Sequence[Vector], config: IcpcConfig, *, running_norms: bool = False
) -> list[Journey]:
    """The journeys of one user, the oldest first.

    Args:
        history: the items, by time.
        vectors: the terms of each item.
        config: as for the kernel.
        running_norms: whether the squared norm of a centroid is carried along as `|c + i|^2 = |c|^2 + 2 c.i + |i|^2`,
            as the kernel promises to do, or taken from the centroid each time. Rounding apart it is the same.
    """
    journeys: list[OpenJourney] = []
    for position, item in enumerate(history):
        vector = vectors[item]
        norm = dot(vector, vector)
        if norm == 0:
            continue
        dots = [dot(vector, journey.weights) for journey in journeys]
        cosines = [product / math.sqrt(each.squared_norm * norm) for product, each in zip(dots, journeys, strict=True)]
        near = [index for index, cosine in enumerate(cosines) if cosine >= config.threshold]
        if config.assign == "best" and near:
            near = [max(near, key=lambda index: (cosines[index], -index))]
        if not near:
            journeys.append(OpenJourney({}, 0.0, []))
            near, dots = [len(journeys) - 1], [*dots, 0.0]
        for index in near:
            journey = journeys[index]
            journey.add(vector, position, journey.squared_norm + (2.0 * dots[index] + norm))
            if not running_norms:
                journey.squared_norm = dot(journey.weights, journey.weights)
    if config.assign == "all":
        journeys = _merge_equal(journeys, history, vectors)
    closed = [_close(journey, history) for journey in journeys]
    return [journey for journey in closed if journey.size >= config.min_size]


def _merge_equal(
    journeys: Sequence[OpenJourney], history: Sequence[int], vectors: Sequence[Vector]
) -> list[OpenJourney]:
    """Each journey absorbs the younger ones whose items have a Jaccard index of at least 0.8 with its own."""
    items = [{history[position] for position in journey.positions} for journey in journeys]
    left = list(range(len(journeys)))
    merged = []
    while left:
        older = left[0]
        equal = [other for other in left if len(items[older] & items[other]) >= 0.8 * len(items[older] | items[other])]
        left = [other for other in left if other not in equal]
        union = OpenJourney({}, 0.0, [])
        for position in sorted({position for other in equal for position in journeys[other].positions}):
            union.add(vectors[history[position]], position, 0.0)
        merged.append(union)
    return merged


def _close(journey: OpenJourney, history: Sequence[int]) -> Journey:
    return Journey(tuple(journey.positions), len({history[position] for position in journey.positions}))
