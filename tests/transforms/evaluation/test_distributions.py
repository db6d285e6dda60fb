import datetime
from typing import Any

import pyarrow as pa
import pytest

from schemas import JOURNEYS, METRICS
from tests.transforms.beam_testing import create, run_graph
from transforms.evaluation.distributions import JourneyDistributions, journey_distributions, measure_journeys

NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def journeys(*described: tuple[str, int, int, float]) -> pa.RecordBatch:
    """Journeys of (user, distinct items, interactions, days)."""
    rows = [
        {
            "user_id": user,
            "journey_id": f"{number:016x}",
            "rank": 1,
            "size": size,
            "item_ids": ["i"] * length,
            "timestamps": [NOON] * length,
            "terms": [],
            "weights": [],
            "first_timestamp": NOON,
            "last_timestamp": NOON + datetime.timedelta(days=days),
        }
        for number, (user, size, length, days) in enumerate(described)
    ]
    batch = pa.RecordBatch.from_pylist(rows, JOURNEYS.arrow)
    JOURNEYS.check(batch)
    return batch


ROWS = journeys(*[("many", 3, 4, 0.5)] * 12, ("one", 9, 9, 10), ("two", 3, 3, 1), ("two", 5, 6, 2))


def figures(metrics: pa.RecordBatch) -> dict[tuple[str, str], Any]:
    METRICS.check(metrics)
    assert {row["slice"].split("/")[0] for row in metrics.to_pylist()} == {"ICPC"}
    return {(row["metric"], row["slice"].split("/")[1]): row for row in metrics.to_pylist()}


def test_by_hand() -> None:
    found = figures(journey_distributions([measure_journeys(ROWS)], users=5, seed=0))
    shares = {slice_: row["value"] for (metric, slice_), row in found.items() if metric == "e1_share_of_users"}
    assert shares == {f"journeys={number}": 0.0 for number in range(10)} | {
        "journeys=0": 0.4,
        "journeys=1": 0.2,
        "journeys=2": 0.2,
        "journeys=10+": 0.2,
        "journeys=1-3": 0.4,
    }
    assert found["e1_journeys_per_user", "mean"]["value"] == 3
    assert found["e1_journeys_per_user", "median"]["value"] == 1
    assert found["e1_journey_items", "mean"]["value"] == pytest.approx((36 + 9 + 3 + 5) / 15)
    assert found["e1_journey_interactions", "mean"]["value"] == pytest.approx((48 + 9 + 3 + 6) / 15)
    assert found["e1_journey_span_days", "mean"]["value"] == pytest.approx((6 + 10 + 1 + 2) / 15)
    assert found["e1_journey_span_days", "median"]["value"] == 0.5
    assert found["e1_journey_items", "p90"]["value"] == pytest.approx(4.2)
    assert found["e1_journey_items", "p90"]["n"] == found["e1_journey_items", "mean"]["n"] == 15


def test_intervals_are_drawn_by_user() -> None:
    found = figures(journey_distributions([measure_journeys(ROWS)], users=3, seed=0))
    row = found["e1_journey_items", "mean"]
    assert row["low"] == 3  # the user of many short journeys alone
    assert row["high"] == 9  # the user of one long journey alone


def test_the_order_of_rows_does_not_matter() -> None:
    measured = measure_journeys(ROWS)
    pieces = [measured.slice(9), measured.slice(0, 9)]
    assert journey_distributions(pieces, 5, seed=0) == journey_distributions([measured], 5, seed=0)


def test_nobody_may_have_journeys() -> None:
    found = figures(journey_distributions([], users=2, seed=0))
    assert found["e1_share_of_users", "journeys=0"]["value"] == 1
    assert ("e1_journey_items", "mean") not in found


def test_there_are_as_many_users_as_have_journeys() -> None:
    with pytest.raises(ValueError, match="all that have journeys, 3, got 2"):
        journey_distributions([measure_journeys(ROWS)], users=2, seed=0)
    with pytest.raises(ValueError, match="at least 1"):
        journey_distributions([], users=0, seed=0)


def test_the_stage_gives_what_the_function_gives() -> None:
    expected = journey_distributions([measure_journeys(ROWS)], users=5, seed=0)
    found = run_graph(
        lambda pipeline: {
            "rows": create(pipeline, "Journeys", [ROWS.slice(5), ROWS.slice(0, 5)]) | JourneyDistributions(users=5)
        }
    )
    assert found["rows"] == [expected]
