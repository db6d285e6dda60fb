"""The ranker by counts and content, with which `recommend` ranks items where no model was trained."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.count_ranker import CountRanker, fit_count_ranker
from transforms.recommendation.histories import Integers, ItemHistories
from transforms.recommendation.protocol import take_users


@dataclasses.dataclass(frozen=True)
class CountRankerScores:
    """Scores of the fitted ranker.

    Attributes:
        ranker: the ranker.
        past: the histories of all users.
    """

    ranker: CountRanker
    past: ItemHistories

    @classmethod
    def fit(cls, training: Training, seed: int) -> CountRankerScores:
        """Fit the ranker to a training, with the default configuration of `recommend`."""
        catalogue = training.catalogue
        names = pa.array([f"{item:09}" for item in range(catalogue.item_count)])
        ranker = fit_count_ranker(
            training.past,
            names,
            catalogue.item_clusters,
            catalogue.cluster_count,
            catalogue.vectors,
            CountRankerConfig(seed=seed),
        )
        return cls(ranker, training.past)

    def scores(self, users: Integers) -> Floats:
        vectors = self.ranker.user_vectors(take_users(self.past, users)).astype(np.float64)
        found: Floats = vectors @ self.ranker.item_vectors.T.astype(np.float64)
        return found
