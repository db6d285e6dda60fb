"""ICPC in plain Python, on dictionaries: as in the papers, and optimized within Python.

The second sums in the order that `transforms.journeys.icpc` promises, so its journeys are the same to the last bit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping

from transforms.journeys.icpc import IcpcConfig

Terms = Mapping[str, float]


@dataclasses.dataclass
class PlainJourney:
    """A journey that is being formed.

    Attributes:
        opened: how many journeys of the user were opened before.
        weights: the sum of its items' terms.
        squared_norm: of `weights`.
        events: positions of its interactions in the history.
        items: its distinct items.
    """

    opened: int
    weights: dict[str, float]
    squared_norm: float
    events: list[int]
    items: set[str]

    def dot(self, terms: Terms) -> float:
        """Dot product of an item's terms and the journey's weights."""
        product = 0.0  # not sum(), which rounds otherwise from Python 3.12 on
        for term, salience in terms.items():
            if term in self.weights:
                product += salience * self.weights[term]
        return product

    def add(self, event: int, item: str, terms: Terms, dot: float, squared_norm: float) -> None:
        """Lets an item join."""
        for term, salience in terms.items():
            self.weights[term] = self.weights.get(term, 0.0) + salience
        self.squared_norm += 2.0 * dot + squared_norm
        self.events.append(event)
        self.items.add(item)


def cosine(one: Terms, other: Terms) -> float:
    """Cosine of two sparse vectors, neither of which is empty."""
    dot = sum(weight * other[term] for term, weight in one.items() if term in other)
    return dot / (math.hypot(*one.values()) * math.hypot(*other.values()))


def textbook_journeys(history: Iterable[tuple[str, Terms]], config: IcpcConfig) -> list[list[int]]:
    """Positions of the interactions of each journey of one user: each item is compared with every journey.

    Args:
        history: items with their terms, by time.
        config: threshold and minimum size.
    """
    centroids: list[dict[str, float]] = []
    events: list[list[int]] = []
    items: list[set[str]] = []
    for event, (item, terms) in enumerate(history):
        if not terms:
            continue
        similarities = [cosine(terms, centroid) for centroid in centroids]
        best = max(similarities, default=0.0)
        if best < config.threshold:
            centroids.append({})
            events.append([])
            items.append(set())
        nearest = similarities.index(best) if best >= config.threshold else -1
        for term, salience in terms.items():
            centroids[nearest][term] = centroids[nearest].get(term, 0.0) + salience
        events[nearest].append(event)
        items[nearest].add(item)
    return [own for own, distinct in zip(events, items, strict=True) if len(distinct) >= config.min_size]


def plain_journeys(history: Iterable[tuple[str, Terms]], config: IcpcConfig) -> list[PlainJourney]:
    """The journeys of one user, in the order in which they were opened; norms are kept, not computed anew.

    Args:
        history: items with their terms, by time.
        config: threshold and minimum size.
    """
    journeys: list[PlainJourney] = []
    for event, (item, terms) in enumerate(history):
        squared_norm = 0.0
        for salience in terms.values():
            squared_norm += salience * salience
        if not squared_norm:
            continue
        nearest, best, best_dot = None, 0.0, 0.0
        for journey in journeys:
            dot = journey.dot(terms)
            cosine = dot / math.sqrt(journey.squared_norm * squared_norm)
            if cosine >= config.threshold and cosine > best:
                nearest, best, best_dot = journey, cosine, dot
        if nearest is None:
            journeys.append(PlainJourney(len(journeys), dict(terms), squared_norm, [event], {item}))
        else:
            nearest.add(event, item, terms, best_dot, squared_norm)
    return [journey for journey in journeys if len(journey.items) >= config.min_size]
