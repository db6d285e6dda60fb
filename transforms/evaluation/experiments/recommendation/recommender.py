"""The recommender of the comparison: a method that scores items, with the popularity of recent days.

It ranks familiar items for all methods, and novel items for those that choose clusters. So the methods differ in the
novel clusters that they choose alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from transforms.evaluation.experiments.recommendation.training import Floats, ItemScorer
from transforms.recommendation.histories import Integers

POPULARITY_WEIGHTS = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Weights of recent popularity that are tried on the validation period."""


class RecommenderChoice(NamedTuple):
    """The method and the weight, as chosen on the validation period.

    Attributes:
        base: the name of the method that scores items.
        weight: the weight of recent popularity.
    """

    base: str
    weight: float


@dataclasses.dataclass(frozen=True)
class Recommender:
    """Scores of a method, scaled to [0, 1] for each user, plus recent popularity, scaled to [0, weight].

    Attributes:
        base: the method.
        popularity: the same scores for all users, not negative.
        weight: the weight of popularity.
    """

    base: ItemScorer
    popularity: ItemScorer
    weight: float

    def scores(self, users: Integers) -> Floats:
        found = self.base.scores(users)
        low = found.min(axis=1, keepdims=True, initial=np.inf)
        span = found.max(axis=1, keepdims=True, initial=-np.inf) - low
        popular = self.popularity.scores(users)
        popular *= self.weight / np.maximum(popular.max(initial=0.0), 1.0)
        return (found - low) / np.where(span > 0, span, 1.0) + popular


@dataclasses.dataclass(frozen=True)
class ComputedScores:
    """Scores of some users that were computed once, to be ranked several times.

    Attributes:
        users: int64, shape (users,): the users, ascending.
        table: float64, shape (users, items).
    """

    users: Integers
    table: Floats

    @classmethod
    def of(cls, scorer: ItemScorer, users: Integers) -> ComputedScores:
        """Compute the scores of some users, ascending."""
        return cls(users, scorer.scores(users))

    def scores(self, users: Integers) -> Floats:
        return self.table[np.searchsorted(self.users, users)]


def build_recommender(items: Mapping[str, ItemScorer], recent: str, choice: RecommenderChoice) -> Recommender:
    """Combine fitted methods.

    Args:
        items: fitted methods by name.
        recent: the name of recent popularity.
        choice: what was chosen.
    """
    return Recommender(items[choice.base], items[recent], choice.weight)
