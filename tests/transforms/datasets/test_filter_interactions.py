from typing import Any

import pyarrow as pa
import pytest

from schemas import INTERACTIONS
from transforms.datasets.coercion import with_provenance
from transforms.datasets.filter_interactions import filter_interactions
from transforms.datasets.interaction_filter import InteractionFilter

LOCATED = with_provenance(INTERACTIONS)


def located(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    place = {"user_id": "u", "item_id": "i", "timestamp": 0, "file": "log.parquet"}
    return pa.RecordBatch.from_pylist([place | {"row": number} | row for number, row in enumerate(rows)], LOCATED)


LOG = [
    {"event": "buy", "value": 5.0, "dwell_seconds": 60.0, "interest": 0.5},  # 0
    {"event": "view", "value": 5.0, "dwell_seconds": 60.0, "interest": 1.0},  # 1
    {"event": "buy", "value": 2.0, "dwell_seconds": 60.0, "interest": 0.25},  # 2
    {"event": "buy", "value": 5.0, "dwell_seconds": 9.5},  # 3
    {"event": None, "value": None, "dwell_seconds": None},  # 4
    {"event": "rent", "value": 3.0, "dwell_seconds": 10.0},  # 5
    {"event": "view", "value": 1.0, "dwell_seconds": 1.0},  # 6
]


@pytest.mark.parametrize(
    ("wanted", "kept", "dropped"),
    [
        (InteractionFilter(), [0, 1, 2, 3, 4, 5, 6], {}),
        (InteractionFilter(keep_events=("buy", "rent")), [0, 2, 3, 5], {"event_not_kept": 3}),
        (InteractionFilter(min_value=3.0), [0, 1, 3, 5], {"below_min_value": 3}),
        (InteractionFilter(min_dwell_seconds=10.0), [0, 1, 2, 5], {"below_min_dwell_seconds": 3}),
        (
            InteractionFilter(("buy", "rent"), 3.0, 10.0),
            [0, 5],
            {"event_not_kept": 3, "below_min_value": 1, "below_min_dwell_seconds": 1},
        ),
        (InteractionFilter(min_interest=0.5), [0, 1], {"below_min_interest": 5}),
        (InteractionFilter(("buy",), min_interest=0.5), [0], {"event_not_kept": 4, "below_min_interest": 2}),
        (InteractionFilter(keep_events=("nothing",)), [], {"event_not_kept": 7}),
    ],
)
def test_keeps_what_passes_and_counts_the_rest_by_its_first_reason(
    wanted: InteractionFilter, kept: list[int], dropped: dict[str, int]
) -> None:
    rows, counts = filter_interactions(located(LOG), wanted)
    assert rows["row"].to_pylist() == kept
    assert {reason: number for (_, reason), number in counts} == dropped
    assert {metric for (metric, _), _ in counts} <= {"interactions_dropped"}


@pytest.mark.parametrize("wanted", [InteractionFilter(), InteractionFilter(("buy",), 0.0, 0.0)])
def test_filters_no_rows(wanted: InteractionFilter) -> None:
    rows, counts = filter_interactions(located([]), wanted)
    assert rows.num_rows == 0
    assert all(number == 0 for _, number in counts)
