"""Comparison of models of exploration on a log in which users differ."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.transforms.evaluation.experiments.intents.logs import DAY, intents_log
from transforms.evaluation.experiments.intents.exploration import auc_interval, compare_exploration
from transforms.evaluation.metric_rows import MetricIndex, metric_batch
from transforms.intents.config import IntentConfig


@pytest.fixture(scope="module")
def index() -> MetricIndex:
    return MetricIndex([metric_batch(list(compare_exploration(intents_log(), 200 * DAY, IntentConfig(), seed=0)))])


@pytest.mark.parametrize("model", ["boosted_trees", "logistic_regression"])
def test_models_are_better_than_the_base_rate(index: MetricIndex, model: str) -> None:
    assert index.value("intents_auc", model="base_rate", intent="cluster") == 0.5
    assert index.value("intents_auc", model=model, intent="cluster") > 0.6
    difference = index.get("intents_log_loss_difference", model=model, rival="base_rate", intent="cluster")
    assert difference is not None
    assert difference.high < 0


def test_the_difference_is_that_of_the_losses(index: MetricIndex) -> None:
    losses = [
        index.value("intents_log_loss", model=model, intent="cluster") for model in ("boosted_trees", "base_rate")
    ]
    difference = index.value("intents_log_loss_difference", model="boosted_trees", rival="base_rate", intent="cluster")
    assert difference == pytest.approx(losses[0] - losses[1])


def test_the_calibration_curve_has_all_examples(index: MetricIndex) -> None:
    bins = [
        index.get("intents_calibration_observed", **parts)
        for parts in index.slices("intents_calibration_observed")
        if parts["model"] == "boosted_trees" and parts["intent"] == "cluster"
    ]
    positive = index.get("intents_positive", intent="cluster")
    assert positive is not None
    assert sum(each.n for each in bins if each) == positive.n
    assert sum(each.n * each.value for each in bins if each) / positive.n == pytest.approx(positive.value)


def test_correlations_have_the_sign_of_the_log(index: MetricIndex) -> None:
    found = {
        parts["feature"]: index.value("intents_correlation", **parts)
        for parts in index.slices("intents_correlation")
        if parts["intent"] == "cluster"
    }
    assert found["new_cluster_fraction"] > 0.05
    assert found["clusters_consumed"] > 0.05
    assert "mean_dwell" not in found  # the log has no dwell times


def test_the_area_and_its_interval() -> None:
    random = np.random.default_rng(0)
    labels, users = random.random(400) < 0.3, np.repeat(np.arange(80), 5)
    predicted = random.random(400) + 0.5 * labels
    found = auc_interval(predicted, labels, users, seed=0)
    assert found.value == pytest.approx(roc_auc_score(labels, predicted), abs=1e-12)
    assert found.low < found.value < found.high
    assert found == auc_interval(predicted, labels, users, seed=0)
    whole = auc_interval(predicted, labels, np.repeat(np.arange(10), 40), seed=0)
    assert whole.value == found.value
    assert whole != found
