"""The default ranker of `recommend` as a method of the comparison."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.recommendation.config import CountRankerConfig
from transforms.recommendation.count_ranker import CountRanker, fit_count_ranker
from transforms.recommendation.histories import Integers, ItemHistories
from transforms.recommendation.protocol import take_users


@dataclasses.dataclass(frozen=True)
class CountsAndContent:
    """The scores of the ranker by counts and content, with the default options of `recommend`.

    Attributes:
        ranker: the ranker.
        past: the interactions of all users before the date.
    """

    ranker: CountRanker
    past: ItemHistories

    @classmethod
    def fit(cls, training: Training, seed: int) -> CountsAndContent:
        """Fit the ranker to what is before the date; its weights are chosen on the last part of that.

        Args:
            training: the training data.
            seed: random seed of the ranker.
        """
        catalogue = training.catalogue
        ids = pc.utf8_lpad(pa.array(np.arange(catalogue.item_count)).cast(pa.string()), 10, "0")
        content = catalogue.vectors if catalogue.vectors.any() else None
        ranker = fit_count_ranker(
            training.past,
            ids,
            catalogue.item_clusters,
            catalogue.cluster_count,
            content,
            CountRankerConfig(seed=seed),
        )
        return cls(ranker, training.past)

    def scores(self, users: Integers) -> Floats:
        vectors = self.ranker.user_vectors(take_users(self.past, users)).astype(np.float64)
        found: Floats = vectors @ self.ranker.item_vectors.astype(np.float64).T
        return found
