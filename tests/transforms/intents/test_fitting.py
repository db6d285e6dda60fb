"""Periods of examples, and what is measured on the last one."""

import numpy as np
import pytest

from tests.transforms.intents.test_exploration_models import sample
from transforms.intents.config import IntentConfig
from transforms.intents.features import FEATURES, INTENTS, Rows
from transforms.intents.fitting import fit_intents, split_periods


def test_no_time_is_in_two_periods() -> None:
    times = np.repeat(np.arange(20, dtype=np.int64), 5)
    features = np.repeat(times, len(FEATURES)).reshape(-1, len(FEATURES)).astype(np.float32)
    rows = Rows(features, np.zeros((100, len(INTENTS)), np.int8))
    config = IntentConfig(test_fraction=0.23, validation_fraction=0.11)
    found = [set(each.features[:, 0].tolist()) for each in split_periods(rows, times, config)]
    assert found == [set(range(13)), {13, 14}, {15, 16, 17, 18, 19}]


def test_measures_of_the_test_period() -> None:
    rows, _ = sample(6000, 0)
    found = fit_intents(rows, np.arange(6000, dtype=np.int64), IntentConfig())
    measured = {each.intent: each for each in found.measured}
    assert set(measured) == {"cluster", "item"}  # nothing has a creator
    assert measured["cluster"].examples == 1200
    assert measured["cluster"].auc > 0.8
    assert measured["cluster"].log_loss < 0.55
    assert measured["cluster"].positive == (rows.labels[-1200:, 0] == 1).mean()
    assert np.isnan(measured["item"].auc)
    assert found.example_count == 6000


def test_the_served_model_is_fitted_to_the_last_examples_too() -> None:
    rows, _ = sample(6000, 0)
    changed = rows.labels.copy()
    changed[4800:, 0] = 1 - changed[4800:, 0]
    times = np.arange(6000, dtype=np.int64)
    config = IntentConfig(intent_model="base_rate")
    before, after = (fit_intents(Rows(rows.features, labels), times, config) for labels in (rows.labels, changed))
    assert before.model.predict(rows.features[:1])[0, 0] != after.model.predict(rows.features[:1])[0, 0]


def test_too_few_examples() -> None:
    empty = Rows(np.zeros((0, len(FEATURES)), np.float32), np.zeros((0, len(INTENTS)), np.int8))
    with pytest.raises(ValueError, match="no examples of exploration"):
        fit_intents(empty, np.zeros(0, np.int64), IntentConfig())
