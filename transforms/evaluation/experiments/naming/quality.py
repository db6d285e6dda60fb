"""Measures of names by themselves: rarity of their words, safety, uniqueness."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from transforms.evaluation.bootstrap import Floats
from transforms.naming.safety.word_lists import SafetyFilter
from transforms.naming.text import normalize


def word_rarity(journeys: Sequence[Iterable[str]]) -> dict[str, float]:
    """Compute the rarity of each word among journeys, in [0, 1]: 0 where all have it, 1 where one has.

    It is the inverse document frequency, a journey being a document, divided by its maximum:
    `1 - log(journeys that have the word) / log(journeys)`.

    Args:
        journeys: the texts of each journey, at least two.

    Raises:
        ValueError: when there are fewer than two journeys.
    """
    if len(journeys) < 2:
        raise ValueError(f"the rarity of words needs at least two journeys, got {len(journeys)}")
    words = Counter(
        word for texts in journeys for word in {word for text in texts for word in normalize(text).split(" ")}
    )
    return {word: 1 - math.log(number) / math.log(len(journeys)) for word, number in words.items()}


def mean_idf(names: Sequence[str], rarity: dict[str, float]) -> Floats:
    """Compute the mean rarity of the words of each name, in [0, 1].

    A proxy for interestingness without human ratings: common words (`videos`, `best of`) score low, rare ones high. A
    word of no journey counts like a word of one, so that nonsense scores high too: read it together with measures of
    correctness.

    Args:
        names: a blank one has 0.
        rarity: of words, as `word_rarity` computes it.

    Returns:
        Shape (names,), dtype float64.
    """
    words = [normalize(name).split(" ") if name.strip() else [] for name in names]
    return np.array([sum(rarity.get(word, 1.0) for word in each) / len(each) if each else 0.0 for each in words])


def safe(names: Sequence[str], safety: SafetyFilter) -> Floats:
    """Return 1 for each name that is safe and 0 for each other; shape (names,), dtype float64."""
    return np.array([float(not safety.unsafe_reason(name)) for name in names])


def safe_fractions(titles: Sequence[Sequence[str]], safety: SafetyFilter) -> Floats:
    """Compute the fraction of the titles of each journey that are safe; shape (journeys,), 1 without titles."""
    return np.array([float(safe(each, safety).mean()) if each else 1.0 for each in titles])


def uniqueness(names: Sequence[str]) -> Floats:
    """Compute for each name 1 / the number of names that equal it; shape (names,), dtype float64.

    The mean is the number of distinct names divided by the number of names. Case, punctuation and plurals make no
    difference. Bootstrap resamples repeat names, so the values are computed before resampling.
    """
    times = Counter(map(normalize, names))
    return np.array([1 / times[normalize(name)] for name in names])
