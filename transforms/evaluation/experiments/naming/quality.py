"""What names are by themselves: rare or worn, safe, all different."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from transforms.evaluation.bootstrap import Floats
from transforms.naming.safety.word_lists import SafetyFilter
from transforms.naming.text import normalize


def word_rarity(journeys: Sequence[Iterable[str]]) -> dict[str, float]:
    """How rare each word is among journeys, in [0, 1]: 0 where all have it, 1 where one has.

    It is the inverse document frequency, a journey being a document, as a share of the greatest there is:
    `1 - log(journeys that have the word) / log(journeys)`.

    Args:
        journeys: the texts of each, at least two.

    Raises:
        ValueError: when there are fewer than two journeys.
    """
    if len(journeys) < 2:
        raise ValueError(f"words are rare among two journeys or more, got {len(journeys)}")
    words = Counter(
        word for texts in journeys for word in {word for text in texts for word in normalize(text).split(" ")}
    )
    return {word: 1 - math.log(number) / math.log(len(journeys)) for word, number in words.items()}


def mean_idf(names: Sequence[str], rarity: dict[str, float]) -> Floats:
    """A proxy for whether a name would catch somebody's attention: the mean rarity of its words, in [0, 1].

    Nobody was asked. Worn words (`videos`, `best of`) score low, telling ones high; so do words that nobody uses, as
    one that is in no journey counts like one that is in one. Read it beside what tells whether a name is right.

    Args:
        names: a blank one has 0.
        rarity: of words, as `word_rarity` gives it.

    Returns:
        Shape (names,), dtype float64.
    """
    words = [normalize(name).split(" ") if name.strip() else [] for name in names]
    return np.array([sum(rarity.get(word, 1.0) for word in each) / len(each) if each else 0.0 for each in words])


def safe(names: Sequence[str], safety: SafetyFilter) -> Floats:
    """1 for each name that may be written, 0 for one that may not; shape (names,), dtype float64."""
    return np.array([float(not safety.unsafe_reason(name)) for name in names])


def uniqueness(names: Sequence[str]) -> Floats:
    """What each name adds to the share of different names: 1 / how many are the same; shape (names,), dtype float64.

    The mean is the number of different names over that of names. Case, punctuation and plurals make no difference.
    Among names that are drawn again, with replacement, more would be the same; these shares are fixed before.
    """
    times = Counter(map(normalize, names))
    return np.array([1 / times[normalize(name)] for name in names])
