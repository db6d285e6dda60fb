"""The terms that explain a journey, in plain Python, on dictionaries.

It sums in the order that `transforms.journeys.explaining_terms` promises, so its weights are the same to the last bit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from benchmarks.plain_icpc import Terms
from transforms.inflection import singularize
from transforms.journeys.config import IcpcConfig
from transforms.journeys.explaining_terms import CANDIDATES_PER_TERM, MAX_LONE_TERMS, MIN_ITEMS, WIDER_FRACTION

Scored = list[tuple[str, float]]


def plain_terms(
    members: Iterable[str], history: Iterable[str], terms: Mapping[str, Terms], config: IcpcConfig
) -> Scored:
    """The terms that explain one journey, with their weights.

    Args:
        members: items of the journey, by time.
        history: items of its user.
        terms: the terms of each item.
        config: number of terms, and kind of the weights.
    """
    own = list(dict.fromkeys(members))
    others = set(history) - set(own)
    numbers = Counter(term for item in own for term in terms[item])
    elsewhere = Counter(term for item in others for term in terms[item])
    needed = min(MIN_ITEMS, len(own))
    shared = any(number >= needed for number in numbers.values())
    scored = []
    for term, number in numbers.items():
        if shared and number < needed:
            continue
        salience = 0.0  # not sum(), which rounds otherwise from Python 3.12 on
        for item in own:
            salience += terms[item].get(term, 0.0)
        inside = number / len(own)
        outside = elsewhere[term] / len(others) if others else 0.0
        contrast = inside / (inside + outside)
        scored.append((term, salience / len(own) * inside * contrast * contrast))
    scored.sort(key=lambda entry: (-entry[1], entry[0]))
    candidates = scored[: CANDIDATES_PER_TERM * config.journey_terms]
    chosen = _select(candidates, config.journey_terms if shared else min(config.journey_terms, MAX_LONE_TERMS))
    factor = len(own) if config.centroid == "sum" else 1
    return [(term, weight * factor) for term, weight in candidates if term in chosen]


def _select(candidates: Scored, count: int) -> set[str]:
    chosen: set[str] = set()
    used: set[str] = set()
    for position, (term, weight) in enumerate(candidates):
        if len(chosen) == count:
            break
        if words_of(term) & used:
            continue
        wider = (
            other
            for other, score in candidates[position + 1 :]
            if score >= WIDER_FRACTION * weight
            and len(_parts(other)) > len(_parts(term))
            and words_of(term) <= words_of(other)
            and not words_of(other) & used
        )
        best = next(wider, term)
        chosen.add(best)
        used |= words_of(best)
    return chosen


def words_of(term: str) -> set[str]:
    """The words of a term, singular."""
    return {singularize(word.casefold()) for word in _parts(term)}


def _parts(term: str) -> list[str]:
    return re.split(r"[\s-]+", term)
