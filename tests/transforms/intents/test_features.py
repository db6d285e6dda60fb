"""Features by hand, and against a plain reference that recomputes each from the past."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.intents.config import IntentConfig
from transforms.intents.features import (
    FEATURES,
    RECENT,
    UNKNOWN,
    Events,
    Examples,
    cluster_fractions,
    compute_examples,
)
from transforms.recommendation.histories import ItemHistories

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
NAMES = [feature.name for feature in FEATURES]
ITEM_CLUSTERS = np.array([0, 0, 1, 1, 2, UNKNOWN], np.int32)
ITEM_CREATORS = np.array([0, 1, 0, UNKNOWN, 2, 2], np.int32)
FRACTIONS = cluster_fractions(ITEM_CLUSTERS, 3)

Interaction = tuple[int, int, float]
"""Time, item, dwell time."""


def events_of(histories: Sequence[Sequence[Interaction]]) -> Events:
    rows = [each for own in histories for each in sorted(own)]
    offsets = np.cumsum([0, *(len(own) for own in histories)]).astype(np.int64)
    times, items = np.array([each[0] for each in rows], np.int64), np.array([each[1] for each in rows], np.int32)
    dwell = np.array([each[2] for each in rows], np.float64)
    return Events(ItemHistories(offsets, items, times), ITEM_CLUSTERS[items], ITEM_CREATORS[items], dwell)


def compute(histories: Sequence[Sequence[Interaction]], now: int, config: IntentConfig | None = None) -> Examples:
    return compute_examples(events_of(histories), FRACTIONS, now, config or IntentConfig())


def reference(past: Sequence[Interaction], time: int, config: IntentConfig) -> list[float]:
    """All features at a time, from the interactions before it, one after another."""
    gap, active = config.session_gap_minutes * MINUTE, config.activity_days * DAY
    times = sorted({each[0] for each in past})
    visits = list(zip([*times, time], [None, *times], strict=True))
    starts = [each for each, before in visits if before is None or each - before > gap]
    start = starts[-1]
    gaps = [each - max(before for before in times if before < each) for each in starts[1:]]
    since = gaps[-1] if gaps else 0
    clusters = [int(ITEM_CLUSTERS[item]) for _, item, _ in past]
    with_cluster = [place for place, cluster in enumerate(clusters) if cluster != UNKNOWN]

    def is_new(place: int) -> bool:
        return clusters[place] not in {clusters[other] for other in range(len(past)) if past[other][0] < past[place][0]}

    recent = with_cluster[-RECENT:]
    creators = {int(ITEM_CREATORS[item]) for _, item, _ in past} - {UNKNOWN}
    dwells = [dwell for *_, dwell in past if not math.isnan(dwell)]
    repeats = sum(any(other[1] == item and other[0] < when for other in past) for when, item, _ in past)
    consumed = {clusters[place] for place in with_cluster}
    return [
        math.log1p(len(consumed)),
        math.log1p(len(creators)),
        math.log1p((time - start) / MINUTE),
        math.log1p(sum(each[0] >= start for each in past)),
        math.log1p(since / HOUR),
        len({clusters[place] for place in recent}) / max(len(recent), 1),
        math.log1p(sum(dwells) / len(dwells)) if dwells else 0.0,
        math.log1p(sum(each[0] > time - active for each in past)),
        math.log1p(repeats),
        repeats / max(len(past), 1),
        sum(map(is_new, recent)) / max(len(recent), 1),
        sum(FRACTIONS[cluster] for cluster in consumed),
        math.log1p(len(past)),
    ]


def test_by_hand() -> None:
    nan = math.nan
    history = [(0, 0, 30.0), (10 * MINUTE, 2, nan), (2 * HOUR, 1, 60.0), (2 * HOUR + MINUTE, 0, nan)]
    found = compute([history], now=40 * DAY)
    last = dict(zip(NAMES, found.features[3].tolist(), strict=True))
    assert last == pytest.approx(
        {
            "clusters_consumed": math.log(3),
            "creators_consumed": math.log(3),
            "session_minutes": math.log(2),
            "session_interactions": math.log(2),
            "hours_since_last_session": math.log1p(110 / 60),
            "diversity": 2 / 3,
            "mean_dwell": math.log(46),
            "activity": math.log(4),
            "repeats": 0.0,
            "repeat_fraction": 0.0,
            "new_cluster_fraction": 2 / 3,
            "catalogue_fraction": 4 / 6,
            "history_length": math.log(4),
        },
        rel=1e-6,
    )
    assert found.labels.tolist() == [[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 0]]
    assert found.has_past.tolist() == [False, True, True, True]
    serving = dict(zip(NAMES, found.serving[0].tolist(), strict=True))
    assert serving["session_interactions"] == 0
    assert serving["activity"] == 0
    assert serving["repeat_fraction"] == 0.25
    assert serving["hours_since_last_session"] == pytest.approx(math.log1p(40 * 24 - 2 - 1 / 60), rel=1e-6)


def test_items_consumed_at_the_same_time_do_not_know_of_each_other() -> None:
    found = compute([[(0, 4, math.nan), (DAY, 0, math.nan), (DAY, 1, math.nan), (2 * DAY, 0, math.nan)]], now=2 * DAY)
    assert found.labels[:, 0].tolist() == [1, 1, 1, 0]
    assert found.features[1].tolist() == found.features[2].tolist()


def test_an_item_without_a_cluster_or_a_creator_has_no_label_of_it() -> None:
    found = compute([[(0, 5, math.nan), (DAY, 3, math.nan)]], now=DAY)
    assert found.labels.tolist() == [[UNKNOWN, 1, 1], [1, UNKNOWN, 1]]


def test_users_without_interactions() -> None:
    found = compute([[], [(0, 0, math.nan)], []], now=DAY)
    assert found.serving.shape == (3, len(FEATURES))
    assert not found.serving[[0, 2]].any()
    assert found.serving[1].any()


_minutes = st.integers(0, 400).map(lambda minute: minute * 7 * MINUTE)
_dwell = st.one_of(st.just(math.nan), st.floats(0, 500))
_history = st.lists(
    st.tuples(_minutes, st.integers(0, 5), _dwell), max_size=40, unique_by=lambda each: (each[0], each[1])
)


@given(st.lists(_history, max_size=4), st.sampled_from([5.0, 30.0, 600.0]), st.sampled_from([0.5, 28.0]))
def test_equal_to_a_plain_reference(histories: list[list[Interaction]], gap: float, days: float) -> None:
    config = IntentConfig(session_gap_minutes=gap, activity_days=days)
    now = 500 * 7 * MINUTE
    found = compute(histories, now, config)
    row = 0
    for user, own in enumerate(histories):
        ordered = sorted(own, key=lambda each: each[:2])
        for time, item, _ in ordered:
            past = [each for each in ordered if each[0] < time]
            assert found.features[row].tolist() == pytest.approx(reference(past, time, config), rel=1e-5, abs=1e-6)
            assert bool(found.has_past[row]) == bool(past)
            assert found.labels[row, 2] == (item not in {each[1] for each in past})
            row += 1
        if own:
            assert found.serving[user].tolist() == pytest.approx(reference(ordered, now, config), rel=1e-5, abs=1e-6)


@given(_history.filter(lambda own: len(own) > 2))
def test_the_future_changes_nothing(history: list[Interaction]) -> None:
    ordered = sorted(history, key=lambda each: each[:2])
    middle = ordered[len(ordered) // 2][0]
    kept = [each for each in ordered if each[0] <= middle]
    whole, part = compute([ordered], 10 * DAY), compute([kept], 10 * DAY)
    assert np.array_equal(whole.features[: len(kept)], part.features)
    assert np.array_equal(whole.labels[: len(kept)], part.labels)
