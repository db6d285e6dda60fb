import dataclasses
import statistics
import types
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import METRICS
from tests.transforms.journeys.events import events, salient_terms
from tests.transforms.journeys.sweeping import CATALOGUE, LOG, config, sweep_log
from transforms.columnar import concatenate
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.config import BayesianConfig, IcpcConfig
from transforms.journeys.form_journeys import form_journeys
from transforms.journeys.histories import build_histories
from transforms.journeys.interactions import EVENTS
from transforms.journeys.silhouettes import SEPARATION_UNIT
from transforms.journeys.sweep import (
    SWEEP_COUNTS,
    Granularity,
    choose_threshold,
    count_journeys,
    granularities,
    min_coverage,
    sum_counts,
    sweep_metrics,
)


def at(rows: pa.RecordBatch, threshold: float, min_size: int) -> list[dict[str, int]]:
    return [
        {name: row[name] for name in SWEEP_COUNTS.names[2:]}
        for row in rows.to_pylist()
        if (row["threshold"], row["min_size"]) == (threshold, min_size)
    ]


def test_tallies_by_hand() -> None:
    rows = sweep_log(LOG, CATALOGUE, config())
    assert rows.schema == SWEEP_COUNTS
    # Of a's six items five are like the others of their journey and unlike those of other journeys; the sixth is alone.
    separate = round(5 / 6 * SEPARATION_UNIT) + round(2 / 3 * SEPARATION_UNIT)
    assert at(rows, 0.05, 1) == [
        {"journeys": 0, "users": 1, "items": 0, "interactions": 1, "covered": 0, "separation": 0},
        {"journeys": 1, "users": 1, "items": 2, "interactions": 4, "covered": 3, "separation": 0},
        {"journeys": 2, "users": 1, "items": 3, "interactions": 3, "covered": 3}
        | {"separation": separate - round(5 / 6 * SEPARATION_UNIT)},
        {"journeys": 3, "users": 1, "items": 6, "interactions": 7, "covered": 7}
        | {"separation": round(5 / 6 * SEPARATION_UNIT)},
    ]
    assert at(rows, 0.05, 2) == [
        {"journeys": 0, "users": 1, "items": 0, "interactions": 1, "covered": 0, "separation": 0},
        {"journeys": 1, "users": 2, "items": 4, "interactions": 7, "covered": 5, "separation": 0},
        {"journeys": 2, "users": 1, "items": 5, "interactions": 7, "covered": 6, "separation": SEPARATION_UNIT},
    ]
    assert at(rows, 0.05, 4) == [
        {"journeys": 0, "users": 4, "items": 0, "interactions": 15, "covered": 0, "separation": 0}
    ]


def test_all_thresholds_and_minimum_sizes_are_counted() -> None:
    given = dataclasses.replace(config(), icpc=IcpcConfig(threshold=0.123, min_size=15))
    rows = sweep_log(LOG, CATALOGUE, given)
    thresholds, sizes = set(rows["threshold"].to_pylist()), set(rows["min_size"].to_pylist())
    assert {0.01, 0.123} <= thresholds == set(given.swept_thresholds)
    assert sizes == {*range(1, 11), 15}
    by_vectors = dataclasses.replace(given, bayesian=BayesianConfig())
    assert -0.3 in by_vectors.swept_thresholds
    assert 0.01 in config().swept_thresholds == tuple(sorted(config().swept_thresholds))


def test_an_item_in_several_journeys_is_covered_once() -> None:
    items = [{"tea": 1.0}, {"tea": 1.0}, {"rope": 1.0}, {"rope": 1.0}, {"tea": 1.0, "rope": 1.0}]
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    log = [("a", time, item) for time, item in enumerate([0, 1, 2, 3, 4])]
    every = dataclasses.replace(config(), icpc=IcpcConfig(assign="all", min_size=2))
    (row,) = at(sweep_log(log, catalogue, every), 0.05, 3)
    assert (row["journeys"], row["items"], row["covered"], row["interactions"]) == (2, 6, 5, 5)


def test_journeys_are_those_of_a_run_at_this_threshold() -> None:
    random = np.random.default_rng(3)
    items = [{f"t{term}": float(random.uniform(0.1, 1)) for term in random.integers(0, 9, 3)} for _ in range(40)]
    vectors = random.integers(-100, 100, (40, 8)).astype(np.int8)
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))._replace(vectors=vectors)
    log = [(f"u{random.integers(9)}", time, int(random.integers(40))) for time in range(400)]
    histories = build_histories([events(log)], EVENTS, 1000)
    numbers = histories.events["item"].to_numpy()
    for each_config in (config(), dataclasses.replace(config(), bayesian=BayesianConfig())):
        for each in granularities(sum_counts([sweep_log(log, catalogue, each_config)])):
            wanted = each_config.with_threshold(each.threshold)
            wanted = dataclasses.replace(wanted, icpc=dataclasses.replace(wanted.icpc, min_size=each.min_size))
            journeys = form_journeys(histories.offsets, numbers, catalogue, wanted)
            per_user = np.bincount(journeys.users, minlength=9)
            assert each.journeys == per_user.mean()
            assert each.median == statistics.median(per_user.tolist())
            assert each.without == (per_user == 0).mean()
            assert each.items == (journeys.sizes.mean() if len(journeys.sizes) else None)
            assert each.coverage == len(set(journeys.members.tolist())) / len(numbers)
            assert sum(each.fractions) == pytest.approx(1)


@settings(max_examples=20)
@given(st.permutations("abcd"), st.integers(0, 4), st.integers(0, 4))
def test_counts_of_groups_of_users_can_be_added(order: list[str], first: int, second: int) -> None:
    cuts = sorted([first, second])
    groups = [order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] :]]
    counts = [sweep_log([event for event in LOG if event[0] in group], CATALOGUE, config()) for group in groups]
    assert sum_counts(counts) == sum_counts([sweep_log(LOG, CATALOGUE, config())])


def test_an_empty_log_has_no_counts() -> None:
    empty = sum_counts([])
    assert empty.schema == SWEEP_COUNTS
    assert list(granularities(empty)) == []
    assert choose_threshold(empty, config(target_journeys_per_user=3)) == IcpcConfig.threshold
    assert sweep_metrics(empty, "extract", config()).num_rows == 3


def curve(
    means: dict[float, float], users: int = 10, covered: Mapping[float, int] = types.MappingProxyType({})
) -> pa.RecordBatch:
    """A sweep whose mean journeys of a user, at minimum size 2, are given; in whole tenths.

    A half of the interactions is covered, where `covered` gives no other percentage.
    """
    rows = []
    for threshold, mean in means.items():
        many = round(mean * users)
        for journeys, count in ((many // users, users - many % users), (many // users + 1, many % users)):
            row = {"threshold": threshold, "min_size": 2, "journeys": journeys, "users": count, "items": 4 * journeys}
            rows.append(row | {"interactions": 100, "covered": covered.get(threshold, 50), "separation": 0})
    return sum_counts([pa.RecordBatch.from_pylist([row for row in rows if row["users"]], SWEEP_COUNTS)])


@pytest.mark.parametrize(
    ("target", "expected"),
    [(2.1, 0.02), (2.6, 0.03), (40, 0.03), (0.1, 0.1), (1.0, 0.05), (1.4, 0.01), (1.5, 0.01), (1.7, 0.01), (1.8, 0.02)],
)
def test_the_nearest_threshold_is_chosen_and_of_two_the_lower(target: float, expected: float) -> None:
    means = {0.01: 1.5, 0.02: 2.0, 0.03: 3.1, 0.05: 1.0, 0.1: 0.2}
    assert choose_threshold(curve(means), config(target_journeys_per_user=target)) == expected


def test_ties_go_to_the_lower_threshold() -> None:
    assert choose_threshold(curve({0.3: 1.0, 0.1: 1.0, 0.2: 3.0}), config(target_journeys_per_user=2)) == 0.1


def test_a_target_is_not_reached_by_leaving_out_interactions() -> None:
    means = {IcpcConfig.threshold: 3.0, 0.3: 2.0, 0.4: 1.0}
    counts = curve(means, covered={0.3: 40, 0.4: 39})  # 50 at the default
    assert choose_threshold(counts, config(target_journeys_per_user=1)) == 0.3
    assert min_coverage(counts, config(target_journeys_per_user=1)) == pytest.approx(0.4)
    assert choose_threshold(counts, config(target_journeys_per_user=1, min_relative_coverage=0)) == 0.4


def test_without_a_target_the_given_threshold_stays() -> None:
    given = dataclasses.replace(config(), icpc=IcpcConfig(threshold=0.07))
    assert choose_threshold(sweep_log(LOG, CATALOGUE, given), given) == 0.07


def test_the_median_of_an_even_number_of_users_lies_between_two() -> None:
    (half,) = granularities(curve({0.1: 1.5}))
    assert (half.median, half.journeys) == (1.5, 1.5)
    (low,) = granularities(curve({0.1: 1.4}))
    assert low.median == 1


def test_a_sweep_as_metrics() -> None:
    given = config(target_journeys_per_user=1)
    rows = sweep_metrics(sum_counts([sweep_log(LOG, CATALOGUE, given)]), "extract", given)
    METRICS.check(rows)
    assert rows.equals(rows.sort_by([(name, "ascending") for name in METRICS.sort_by]))
    metrics = {(row["metric"], row["slice"]): (row["value"], row["n"]) for row in rows.to_pylist()}
    at_default = "threshold=0.01/min_size=2"
    assert metrics["sweep_journeys_per_user", at_default] == (1.0, 4)
    assert metrics["sweep_median_journeys_per_user", at_default] == (1.0, 4)
    assert metrics["sweep_users_without_journeys", at_default] == (0.25, 4)
    assert metrics["sweep_fraction_of_users", f"{at_default}/journeys=1"] == (0.5, 4)
    assert metrics["sweep_fraction_of_users", f"{at_default}/journeys=10+"] == (0, 4)
    assert metrics["sweep_journey_items", at_default] == (9 / 4, None)
    assert metrics["sweep_coverage", at_default] == (11 / 15, None)
    assert metrics["sweep_separation", at_default] == (1.0, 1)
    assert metrics["sweep_threshold", "threshold"] == (0.001, None)
    assert metrics["sweep_target_journeys_per_user", ""] == (1, None)
    assert metrics["sweep_min_coverage", ""] == (pytest.approx(0.8 * 11 / 15), None)
    assert metrics["sweep_min_size", ""] == (2, None)
    assert metrics["sweep_users", ""] == (4, None)
    assert ("sweep_separation", "threshold=0.01/min_size=4") not in metrics
    assert ("sweep_journey_items", "threshold=0.01/min_size=4") not in metrics


def test_tallies_of_no_users() -> None:
    nothing = sweep_log([], CATALOGUE, config())
    assert nothing.num_rows == 0
    histories = build_histories([events([("d", 0, 6)])], EVENTS, 10)
    items = histories.events["item"].to_numpy()
    journeys = form_journeys(histories.offsets, items, CATALOGUE, config())
    rows = count_journeys(journeys, 0.05, histories.offsets, items, CATALOGUE, config())
    assert concatenate([rows], SWEEP_COUNTS)["covered"].to_pylist() == [0] * 10
    assert isinstance(next(granularities(sum_counts([rows]))), Granularity)
