"""Rows of the latent intent model by hand, and the comparison on a small log."""

import math

import numpy as np
import pytest

from tests.transforms.evaluation.experiments.intents.logs import DAY, intents_log
from transforms.evaluation.experiments.intents import latent
from transforms.evaluation.experiments.intents.latent import first_moments
from transforms.evaluation.metric_rows import MetricIndex, metric_batch
from transforms.intents.latent.config import LatentConfig
from transforms.recommendation.histories import ItemHistories


def histories(*own: list[tuple[int, int]]) -> ItemHistories:
    rows = [each for one in own for each in one]
    offsets = np.cumsum([0, *(len(one) for one in own)]).astype(np.int64)
    return ItemHistories(
        offsets, np.array([item for _, item in rows], np.int32), np.array([time for time, _ in rows], np.int64)
    )


def test_the_first_moment_of_each_user_with_a_past() -> None:
    found = first_moments(histories([(1, 0), (5, 1), (7, 2)], [(6, 0), (8, 1)], [(2, 0), (3, 1)], [(5, 0), (5, 1)]), 5)
    assert found.users.tolist() == [0]
    assert found.places.tolist() == [1]


def test_rows_have_the_next_new_items_and_nothing_of_the_future() -> None:
    log = intents_log()
    scene = latent._scene(log, 140 * DAY)
    moments = first_moments(log.events.histories, 160 * DAY)
    found = latent.rows_at(scene, moments, end=180 * DAY)
    own = log.events.histories
    for row, (user, place) in enumerate(zip(*found.moments, strict=True)):
        start, end = own.offsets[user], own.offsets[user + 1]
        past = set(own.items[start:place].tolist())
        expected: list[int] = []
        for at in range(place, min(place + latent.FOLLOWING, end)):
            item = int(own.items[at])
            if own.times[at] < 180 * DAY and item not in past and item not in expected:
                expected.append(item)
        offsets = found.rows.following.offsets
        assert found.rows.following.items[offsets[row] : offsets[row + 1]].tolist() == scene.codes[expected].tolist()
    later = own.times >= 160 * DAY
    changed = own.items.copy()
    changed[later] = (changed[later] + 7) % len(log.item_ids)
    other = log._replace(events=log.events._replace(histories=own._replace(items=changed)))
    again = latent.rows_at(latent._scene(other, 140 * DAY), moments, end=1 << 62)
    whole = latent.rows_at(scene, moments, end=1 << 62)
    both = np.intersect1d(again.moments.places, whole.moments.places)
    first, second = (np.isin(each.moments.places, both) for each in (again, whole))
    assert len(both) > 50
    assert np.array_equal(again.rows.contexts[first], whole.rows.contexts[second])


@pytest.mark.models
def test_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    small = {"max_epochs": 3, "warm_up_epochs": 1, "hidden": 8}
    variants = {latent.WITHOUT: LatentConfig(latent_dimensions=0, **small), "latent": LatentConfig(**small)}
    monkeypatch.setattr(latent, "VARIANTS", variants)
    first, second = (
        metric_batch(list(latent.compare_latent(intents_log(), (140 * DAY, 160 * DAY), 1000, seed=0))) for _ in range(2)
    )
    assert first == second
    index = MetricIndex([first])
    assert index.value("intents_latent_active_units", variant=latent.WITHOUT) == 0
    assert math.isfinite(index.value("intents_latent_elbo", variant="latent"))
    for lists in (latent.FROM_MEAN, latent.FROM_SAMPLES):
        recall = index.get("intents_list_recall", variant="latent", lists=lists)
        assert recall is not None
        assert 0 < recall.value < 1
    without = {"variant": latent.WITHOUT, "lists": latent.WITHOUT}
    assert index.value("intents_list_recall_difference", **without) == 0
