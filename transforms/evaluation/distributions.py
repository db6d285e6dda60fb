"""Experiment E1 (2305.15498): how many journeys users have, and how long these are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeAlias

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import ApplyGlobally, concatenate
from transforms.evaluation.bootstrap import Interval, mean_interval, ratio_interval
from transforms.evaluation.figures import certain, metric_batch, metric_row
from transforms.journeys.catalogue import rank_strings

MEASURED = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("interactions", pa.int64(), nullable=False),
        pa.field("span_days", pa.float64(), nullable=False),
    ]
)
"""One journey: its user, how many distinct items and interactions it has, and days from its first to its last."""

ICPC = "ICPC"
MOST_JOURNEYS_TOLD = 10
FEW_JOURNEYS = (1, 3)
"""The numbers of journeys that 70 % of people say they pursue at a time (2305.15498)."""

_Figure: TypeAlias = tuple[str, str, Interval]
"""Metric, slice without its method, figure."""

_MICROSECONDS_A_DAY = 86_400_000_000
_QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def measure_journeys(journeys: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `MEASURED` for rows of `journeys`."""
    first, last = (journeys[f"{end}_timestamp"].cast(pa.int64()).to_numpy() for end in ("first", "last"))
    return pa.RecordBatch.from_arrays(
        [
            journeys["user_id"],
            journeys["size"].cast(pa.int64()),
            pc.list_value_length(journeys["item_ids"]).cast(pa.int64()),
            pa.array((last - first) / _MICROSECONDS_A_DAY),
        ],
        schema=MEASURED,
    )


def journey_distributions(
    measured: Iterable[pa.RecordBatch], users: int, seed: int, method: str = ICPC
) -> pa.RecordBatch:
    """Rows of `metrics` on all journeys.

    `e1_share_of_users` is sliced by `<method>/journeys=0` to `<method>/journeys=10+`, and `<method>/journeys=1-3`.
    `e1_journeys_per_user`, `e1_journey_items`, `e1_journey_interactions` and `e1_journey_span_days` are sliced by
    `<method>/mean`, `<method>/median` and other quantiles. Shares and means have intervals, drawn by user.

    Args:
        measured: rows of `MEASURED`, in any order.
        users: number of users, those without journeys included; at least 1.
        seed: of the intervals.
        method: what found the journeys.

    Raises:
        ValueError: when there are no users, or fewer than have journeys.
    """
    rows = concatenate(measured, MEASURED)
    rows = rows.sort_by([(name, "ascending") for name in MEASURED.names])
    codes, owners = rank_strings(rows["user_id"])
    if users < max(len(owners), 1):
        raise ValueError(f"users must be at least 1 and all that have journeys, {len(owners)}, got {users}")
    per_user = np.bincount(codes, minlength=users)
    found = _shares(per_user, seed)
    found += _statistics("e1_journeys_per_user", per_user, mean_interval(per_user, seed))
    for name in MEASURED.names[1:]:
        values = rows[name].to_numpy()
        if len(values):
            mean = ratio_interval(np.bincount(codes, values, users), per_user, seed)
            found += _statistics(f"e1_journey_{name}", values, mean)
    return metric_batch([metric_row(metric, f"{method}/{name}", interval) for metric, name, interval in found])


def _shares(per_user: npt.NDArray[np.int64], seed: int) -> list[_Figure]:
    least, most = FEW_JOURNEYS
    told = np.minimum(per_user, MOST_JOURNEYS_TOLD)
    groups = {
        f"journeys={number}{'+' * (number == MOST_JOURNEYS_TOLD)}": told == number
        for number in range(MOST_JOURNEYS_TOLD + 1)
    }
    groups[f"journeys={least}-{most}"] = (per_user >= least) & (per_user <= most)
    return [("e1_share_of_users", name, mean_interval(has, seed)) for name, has in groups.items()]


def _statistics(metric: str, values: npt.NDArray[Any], mean: Interval) -> list[_Figure]:
    quantiles = np.quantile(values, list(_QUANTILES.values())).tolist()
    told = [(metric, name, certain(value, len(values))) for name, value in zip(_QUANTILES, quantiles, strict=True)]
    return [(metric, "mean", mean), *told]


@dataclasses.dataclass
class JourneyDistributions(beam.PTransform):
    """Record batches of `journeys` -> one of `metrics`.

    Attributes:
        users: number of users, those without journeys included.
        seed: of the intervals.
        method: what found the journeys.
    """

    users: int
    seed: int = 0
    method: str = ICPC

    def expand(self, journeys: beam.PCollection) -> beam.PCollection:
        return (
            journeys
            | "Measure" >> beam.Map(measure_journeys).with_output_types(pa.RecordBatch)
            | "Distributions" >> ApplyGlobally(journey_distributions, (self.users, self.seed, self.method))
        )
