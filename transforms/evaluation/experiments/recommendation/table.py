"""Our method: the lookup table chooses novel clusters, and a recommender restricted to them chooses items."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.experiments.recommendation.training import Floats, Training
from transforms.exploration.count_models import Source, novel_probabilities
from transforms.exploration.fitted_sources import BLEND, FittedSources, fit_sources
from transforms.exploration.network import Network
from transforms.exploration.training_counts import count_training, training_periods
from transforms.exploration.transitions import Codes, SplitTimes, recent_contexts
from transforms.exploration.validation import count_slices
from transforms.recommendation.histories import Integers


def fit_table(training: Training, size: int, seed: int) -> FittedSources:
    """Fit the sources of the next cluster to what is before the date, with parameters of the validation period.

    Args:
        training: the training data.
        size: number of clusters of a context, K.
        seed: random seed of the network.
    """
    first, count = training.first, training.catalogue.cluster_count
    slices = count_slices(first, count, size, SplitTimes(training.validation, training.date))
    before_date = count_training(first, count, size, training_periods(first.times, training.date))
    return fit_sources(slices, before_date, training.catalogue.centroids, seed)


def network_of(fitted: FittedSources) -> Network:
    """Return the network among the sources.

    Raises:
        TypeError: when the source of that name is no network.
    """
    found = fitted.by_name["network"]
    if not isinstance(found, Network):
        raise TypeError(f"the source `network` must be a Network, got {type(found).__name__}")
    return found


@dataclasses.dataclass(frozen=True)
class TableClusters:
    """The probabilities of the next clusters after the context of each user.

    Attributes:
        source: the source of the table.
        contexts: int32, shape (users, K): the contexts of all users.
    """

    source: Source
    contexts: Codes

    @classmethod
    def from_recent(cls, fitted: FittedSources, training: Training, size: int, name: str = BLEND) -> TableClusters:
        """Take the last `size` distinct clusters of each user as context."""
        contexts = recent_contexts(training.past.offsets, training.clusters, size)
        return cls(fitted.by_name[name], contexts)

    def scores(self, users: Integers) -> Floats:
        return novel_probabilities(self.source, self.contexts[users])
