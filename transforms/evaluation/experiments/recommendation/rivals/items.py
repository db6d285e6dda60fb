"""Rivals that score items: popularity, item-kNN and matrix factorisation of `implicit`, and EASE."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.evaluation.experiments.recommendation.rivals.clusters import unit_rows
from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.recommendation.breadth_measures import DAY
from transforms.recommendation.histories import Integers, ItemHistories
from transforms.recommendation.protocol import users_of_rows

EASE_ITEMS = 3000
"""The number of items that EASE scores, the most popular ones: its time is cubic in it."""

NEIGHBOURS, FACTORS, ITERATIONS = 100, 64, 15
EASE_REGULARIZATION = 200.0


@dataclasses.dataclass(frozen=True)
class ItemPopularity:
    """The same score for all users: the number of users who consumed an item.

    Attributes:
        counts: float64, shape (items,).
    """

    counts: Floats

    @classmethod
    def fit(cls, training: Training, days: int | None = None) -> ItemPopularity:
        """Count the distinct users of each item.

        Args:
            training: the training data.
            days: number of days before the date that are counted; None: all. Items without a user in these days are
                ranked by all users before them.
        """
        counts = _distinct_users(training, training.past.times >= np.iinfo(np.int64).min)
        if days is None:
            return cls(counts)
        recent = _distinct_users(training, training.past.times >= training.date - days * DAY)
        return cls(recent + counts / (counts.max(initial=0) + 1))

    def scores(self, users: Integers) -> Floats:
        return np.repeat(self.counts[None], len(users), axis=0)


def _distinct_users(training: Training, counted: npt.NDArray[np.bool_]) -> Floats:
    items = training.catalogue.item_count
    keys = users_of_rows(training.past)[counted] * items + training.past.items[counted]
    return np.bincount(np.unique(keys) % items, minlength=items).astype(np.float64)


def interaction_matrix(past: ItemHistories, item_count: int) -> Any:
    """Return the consumed items of users as 1 in a sparse matrix of float32, shape (users, items)."""
    from scipy.sparse import csr_matrix

    rows = users_of_rows(past)
    found = csr_matrix((np.ones(len(rows), np.float32), (rows, past.items)), shape=(past.user_count, item_count))
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


@dataclasses.dataclass(frozen=True)
class ItemNeighbours:
    """The similarities of an item to the items that a user consumed, summed (item-kNN of `implicit`).

    Attributes:
        matrix: what users consumed, sparse, shape (users, items).
        similarity: sparse, shape (items, items): the nearest neighbours of each item.
    """

    matrix: Any
    similarity: Any

    @classmethod
    def fit(cls, training: Training, weighting: str) -> ItemNeighbours:
        """Find the nearest neighbours of each item.

        Args:
            training: the training data.
            weighting: `cosine` or `bm25`.

        Raises:
            ImportError: when `implicit` is not installed.
        """
        from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
        from implicit.utils import ParameterWarning

        matrix = interaction_matrix(training.past, training.catalogue.item_count)
        kind = {"cosine": CosineRecommender, "bm25": BM25Recommender}[weighting]
        model = kind(K=NEIGHBOURS, num_threads=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ParameterWarning)  # it converts its own intermediate matrix
            model.fit(matrix, show_progress=False)
        return cls(matrix, model.similarity)

    def scores(self, users: Integers) -> Floats:
        return (self.matrix[users] @ self.similarity).toarray().astype(np.float64)


@dataclasses.dataclass(frozen=True)
class MatrixFactors:
    """The products of factors of users and items, by alternating least squares (ALS of `implicit`).

    Attributes:
        users: float32, shape (users, factors).
        items: float32, shape (items, factors).
    """

    users: npt.NDArray[np.float32]
    items: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, training: Training, seed: int) -> MatrixFactors:
        """Factorise what users consumed.

        Raises:
            ImportError: when `implicit` is not installed.
        """
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        matrix = interaction_matrix(training.past, training.catalogue.item_count)
        with threadpool_limits(1, "blas"):  # the library has threads of its own
            model = AlternatingLeastSquares(
                factors=FACTORS,
                regularization=0.05,
                alpha=10.0,
                iterations=ITERATIONS,
                num_threads=1,
                random_state=seed,
            )
            model.fit(matrix, show_progress=False)
        return cls(model.user_factors, model.item_factors)

    def scores(self, users: Integers) -> Floats:
        found: Floats = (self.users[users] @ self.items.T).astype(np.float64)
        return found


@dataclasses.dataclass(frozen=True)
class Ease:
    """A linear model without self-similarity in closed form (EASE, 1905.03375), over the most popular items.

    Other items have the lowest score.

    Attributes:
        matrix: what users consumed of these items, sparse, shape (users, kept).
        weights: float32, shape (kept, kept).
        kept: int64, shape (kept,): the items, ascending.
        item_count: number of items.
    """

    matrix: Any
    weights: npt.NDArray[np.float32]
    kept: Integers
    item_count: int

    @classmethod
    def fit(cls, training: Training, limit: int = EASE_ITEMS) -> Ease:
        """Solve the model for at most `limit` items."""
        items = training.catalogue.item_count
        counts = ItemPopularity.fit(training).counts
        kept = np.sort(np.argsort(-counts, kind="stable")[:limit])
        matrix = interaction_matrix(training.past, items)[:, kept]
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += EASE_REGULARIZATION
        inverse = np.linalg.inv(gram)
        weights = -inverse / np.diagonal(inverse)
        np.fill_diagonal(weights, 0.0)
        return cls(matrix, weights.astype(np.float32), kept, items)

    def scores(self, users: Integers) -> Floats:
        own = self.matrix[users] @ self.weights
        found = np.full((len(users), self.item_count), own.min(initial=0.0) - 1.0)
        found[:, self.kept] = own
        return found


@dataclasses.dataclass(frozen=True)
class NearestContent:
    """The cosine of the vector of an item with the sum of the vectors of what a user consumed.

    It also scores items without any interaction.

    Attributes:
        profiles: float32, shape (users, dimensions), unit rows.
        items: float32, shape (items, dimensions), unit rows.
    """

    profiles: npt.NDArray[np.float32]
    items: npt.NDArray[np.float32]

    @classmethod
    def fit(cls, training: Training) -> NearestContent:
        """Add up the vectors of what users consumed."""
        items = unit_rows(training.catalogue.vectors.astype(np.float64))
        profiles = interaction_matrix(training.past, len(items)).astype(np.float64) @ items
        return cls(unit_rows(profiles).astype(np.float32), items.astype(np.float32))

    def scores(self, users: Integers) -> Floats:
        found: Floats = (self.profiles[users] @ self.items.T).astype(np.float64)
        return found
