"""The sweep of `extract` as values and tables: the number and size of journeys by threshold and minimum size."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import METRICS
from schemas.metric_slice import parse_slice
from transforms.columnar import concatenate
from transforms.journeys.config import BayesianConfig, IcpcConfig
from transforms.report.table import MISSING, Cell, Table, number_columns

_PREFIX = "sweep_"
_MIN_USERS = 10
"""Separations of fewer users are not shown."""

_DEFAULTS = {"threshold": IcpcConfig.threshold, "merge_threshold": BayesianConfig.merge_threshold}


class Measure(NamedTuple):
    """A measure of a sweep.

    Attributes:
        metric: its name in `metrics`.
        title: its title, with its unit.
        is_fraction: whether it is a fraction of a whole.
    """

    metric: str
    title: str
    is_fraction: bool


JOURNEYS_PER_USER = Measure("sweep_journeys_per_user", "journeys a user (mean)", is_fraction=False)
MEASURES = (
    JOURNEYS_PER_USER,
    Measure("sweep_journey_items", "items a journey (mean)", is_fraction=False),
    Measure("sweep_coverage", "interactions in journeys", is_fraction=True),
    Measure("sweep_separation", "separation (silhouette)", is_fraction=False),
)
"""The measures of the plot."""

_COLUMNS = (
    JOURNEYS_PER_USER,
    Measure("sweep_median_journeys_per_user", "median", is_fraction=False),
    Measure("sweep_users_without_journeys", "users without", is_fraction=True),
    *MEASURES[1:],
)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The values of a sweep.

    Attributes:
        option: the threshold that was varied, `threshold` or `merge_threshold`.
        used: the threshold of the run.
        target: the target for the mean number of journeys a user; None: there was none.
        min_size: the minimum size of the run.
        users: number of users of the sample.
        values: by metric, threshold and minimum size; without separations of fewer than ten users.
    """

    option: str
    used: float
    target: float | None
    min_size: int
    users: int
    values: dict[tuple[str, float, int], float]

    @property
    def default(self) -> float:
        """The default threshold."""
        return _DEFAULTS[self.option]

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, ascending."""
        return sorted({threshold for _, threshold, _ in self.values})

    @property
    def min_sizes(self) -> list[int]:
        """The minimum sizes, ascending."""
        return sorted({size for _, _, size in self.values})


def sweep_rows(metrics: pa.RecordBatch) -> pa.RecordBatch:
    """Select the rows of a sweep from rows of `metrics`, perhaps with provenance."""
    rows = metrics.select(METRICS.arrow.names)
    return rows.filter(pc.starts_with(rows["metric"], _PREFIX)).cast(METRICS.arrow)


def read_sweep(metrics: Iterable[pa.RecordBatch]) -> Sweep:
    """Read the sweep in rows of `metrics`.

    Args:
        metrics: rows of `metrics`, those of one sweep among them.

    Raises:
        ValueError: when there are no metrics of a sweep.
    """
    rows = sweep_rows(concatenate(metrics, METRICS.arrow)).to_pylist()
    single = {row["metric"]: row for row in rows if "=" not in row["slice"]}
    if not single:
        raise ValueError("the metrics have no sweep")
    option = single["sweep_threshold"]["slice"]
    values = {}
    for row in rows:
        parts = parse_slice(row["slice"]) if "=" in row["slice"] else {}
        if parts.keys() == {option, "min_size"} and (row["metric"] != "sweep_separation" or row["n"] >= _MIN_USERS):
            values[row["metric"], float(parts[option]), int(parts["min_size"])] = row["value"]
    target = single.get("sweep_target_journeys_per_user")
    return Sweep(
        option=option,
        used=single["sweep_threshold"]["value"],
        target=target["value"] if target else None,
        min_size=round(single["sweep_min_size"]["value"]),
        users=round(single["sweep_users"]["value"]),
        values=values,
    )


def describe_sweep(sweep: Sweep) -> str:
    """Describe the data and the threshold of the run in one paragraph."""
    nearest = f" It comes nearest to the target of {sweep.target:g} journeys a user." if sweep.target else ""
    return (
        f"{sweep.users:,} users, including those without journeys. `--{sweep.option}` was {sweep.used:g} in this run "
        f"and is {sweep.default:g} by default.{nearest} Separation is the mean silhouette of the items of users with "
        "two or more journeys: 1 if journeys are far from each other, 0 if an item is as near to another journey as to "
        "its own."
    )


def granularity_table(sweep: Sweep) -> Table:
    """Return a row for each threshold at the minimum size of the run; the threshold of the run is emphasized."""
    return Table(
        number_columns("threshold", *(measure.title for measure in _COLUMNS)),
        tuple(
            (
                _threshold(sweep, threshold),
                *(_cell(sweep, measure, threshold, sweep.min_size) for measure in _COLUMNS),
            )
            for threshold in sweep.thresholds
        ),
        title=f"At the minimum size {sweep.min_size}",
    )


def min_size_table(sweep: Sweep) -> Table:
    """Return the mean number of journeys a user by threshold (rows) and minimum size (columns)."""
    return Table(
        number_columns("threshold", *map(str, sweep.min_sizes)),
        tuple(
            (
                _threshold(sweep, threshold),
                *(_cell(sweep, JOURNEYS_PER_USER, threshold, size) for size in sweep.min_sizes),
            )
            for threshold in sweep.thresholds
        ),
        title="Journeys a user by minimum size",
        is_detail=True,
    )


def _threshold(sweep: Sweep, threshold: float) -> Cell:
    return Cell(f"{threshold:g}", is_emphasized=threshold == sweep.used)


def _cell(sweep: Sweep, measure: Measure, threshold: float, min_size: int) -> Cell:
    value = sweep.values.get((measure.metric, threshold, min_size))
    is_used = threshold == sweep.used
    if value is None:
        return Cell(MISSING, is_emphasized=is_used)
    if measure.is_fraction:
        return Cell(f"{100 * value:.0f} %", is_emphasized=is_used)
    return Cell(f"{value:.2f}", is_emphasized=is_used)
