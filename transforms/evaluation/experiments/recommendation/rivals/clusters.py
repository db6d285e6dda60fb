"""Rivals that choose novel clusters without learning: at random, by popularity, and near ones with low engagement."""

from __future__ import annotations

import dataclasses

import numpy as np

from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.recommendation.histories import Integers

_TEMPERATURE = 0.1


@dataclasses.dataclass(frozen=True)
class RandomClusters:
    """Random scores, fixed for each user by the seed.

    Attributes:
        count: number of clusters, C.
        seed: random seed.
    """

    count: int
    seed: int

    def scores(self, users: Integers) -> Floats:
        rows = [np.random.default_rng([self.seed, user]).random(self.count) for user in users.tolist()]
        return np.stack(rows) if rows else np.zeros((0, self.count))


@dataclasses.dataclass(frozen=True)
class ClusterPopularity:
    """The same score for all users: the number of users who consumed a cluster.

    Attributes:
        counts: float64, shape (C,).
    """

    counts: Floats

    @classmethod
    def fit(cls, training: Training) -> ClusterPopularity:
        """Count the distinct users of each cluster."""
        counts = np.bincount(training.first.clusters, minlength=training.catalogue.cluster_count)
        return cls(counts.astype(np.float64))

    def scores(self, users: Integers) -> Floats:
        return np.repeat(self.counts[None], len(users), axis=0)


@dataclasses.dataclass(frozen=True)
class NearClusters:
    """A sample of clusters whose content is near to a user's, those with little engagement first.

    This follows the rule of Exploration on Demand (2507.21884), which samples from clusters that are near and less
    engaged with, on the clusters of this tree: the probability of a cluster is proportional to
    `exp(cosine / 0.1) / (1 + engagement)`, where the cosine is that of its centroid with the mean of the centroids of
    what the user consumed, and the engagement is the number of the user's interactions with it.

    Attributes:
        consumed: float64, shape (users, C): the engagement.
        cosines: float64, shape (users, C).
        seed: random seed.
    """

    consumed: Floats
    cosines: Floats
    seed: int

    @classmethod
    def fit(cls, training: Training, seed: int) -> NearClusters:
        """Compute the engagement and the cosines."""
        consumed = training.consumed
        centroids = unit_rows(training.catalogue.centroids)
        return cls(consumed, unit_rows(consumed @ centroids) @ centroids.T, seed)

    def scores(self, users: Integers) -> Floats:
        # The largest of `log p + Gumbel noise` is a sample of p, and so are the next ones of what is left.
        logs = self.cosines[users] / _TEMPERATURE - np.log1p(self.consumed[users])
        noise = [np.random.default_rng([self.seed, 1, user]).gumbel(size=logs.shape[1]) for user in users.tolist()]
        noisy = logs + np.stack(noise) if noise else logs
        found: Floats = np.exp(noisy - noisy.max(axis=1, keepdims=True, initial=-np.inf))
        return found


def unit_rows(vectors: Floats) -> Floats:
    """Divide rows by their lengths; rows of zeros stay as they are."""
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    return vectors / np.where(lengths > 0, lengths, 1.0)
