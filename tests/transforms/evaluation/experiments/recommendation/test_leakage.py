"""What follows the date changes nothing in what is fitted, chosen or recommended."""

import numpy as np

from tests.transforms.evaluation.experiments.recommendation.logs import ITEMS, catalogue, histories
from transforms.evaluation.experiments.recommendation.comparison import compare_methods, method_names
from transforms.evaluation.experiments.recommendation.measured import choose, earlier_training, measured_after
from transforms.evaluation.experiments.recommendation.methods import (
    OURS,
    Choices,
    FittedMethods,
    familiar_lists,
    fit_methods,
    novel_lists,
)
from transforms.evaluation.experiments.recommendation.training import Training, training_before
from transforms.exploration.config import TransitionConfig
from transforms.exploration.transitions import SplitTimes, split_times
from transforms.recommendation.histories import ItemHistories

LOG = histories()
DATES: SplitTimes = split_times(LOG.times, TransitionConfig())


def shuffled_future(log: ItemHistories) -> ItemHistories:
    """Replace every item after the date by a random one."""
    items = log.items.copy()
    later = log.times >= DATES.test
    items[later] = np.random.default_rng(7).integers(0, ITEMS, int(later.sum()))
    return log._replace(items=items)


def fitted(log: ItemHistories) -> tuple[Training, Choices, FittedMethods]:
    training = training_before(log, catalogue(), *DATES)
    choices = choose(fit_methods(earlier_training(training, 0.125), 2, 0), training, 0)
    return training, choices, fit_methods(training, 2, 0)


def test_a_shuffled_future_changes_no_list() -> None:
    (training, choices, methods), other = fitted(LOG), fitted(shuffled_future(LOG))
    assert other[1] == choices
    users = np.flatnonzero(np.diff(training.past.offsets) > 0)[:50]
    assert len(method_names(methods)) == 15
    for name in method_names(methods):
        lists = novel_lists(methods, choices, name, users)
        assert (lists == novel_lists(other[2], other[1], name, users)).all(), name
    assert (familiar_lists(methods, choices, users) == familiar_lists(other[2], other[1], users)).all()
    # The measures do change: they are all that the future determines.
    rows = {
        row["slice"]: row["value"]
        for row in compare_methods(methods, choices, measured_after(training, LOG, 100, 0), 0)
        if row["metric"] == "recommendation_novel_cluster_hit_rate"
    }
    shuffled = {
        row["slice"]: row["value"]
        for row in compare_methods(methods, choices, measured_after(training, shuffled_future(LOG), 100, 0), 0)
        if row["metric"] == "recommendation_novel_cluster_hit_rate"
    }
    own = f"method={OURS}/novel=0.3"
    assert rows[own] > shuffled[own]
    assert rows[own] > rows["method=random novel cluster/novel=0.3"]
