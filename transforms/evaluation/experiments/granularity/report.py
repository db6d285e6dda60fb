"""What `extract --sweep` found, for people: how wide journeys are at each threshold and each minimum size."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import METRICS
from transforms.columnar import concatenate
from transforms.evaluation.table_pieces import NOTHING_KNOWN, line
from transforms.journeys.config import BayesianConfig, IcpcConfig

_PREFIX = "sweep_"
_FEWEST_USERS = 10
"""Separations of fewer users are not shown."""

_DEFAULTS = {"threshold": IcpcConfig.threshold, "merge_threshold": BayesianConfig.merge_threshold}


class Measure(NamedTuple):
    """One of the figures of a sweep.

    Attributes:
        metric: its name in `metrics`.
        title: what it is called, with its unit.
        is_share: whether it is a share of a whole.
    """

    metric: str
    title: str
    is_share: bool


JOURNEYS_PER_USER = Measure("sweep_journeys_per_user", "journeys a user (mean)", is_share=False)
MEASURES = (
    JOURNEYS_PER_USER,
    Measure("sweep_journey_items", "items a journey (mean)", is_share=False),
    Measure("sweep_coverage", "interactions in journeys", is_share=True),
    Measure("sweep_separation", "separation (silhouette)", is_share=False),
)
"""What is drawn."""

_TOLD = (
    JOURNEYS_PER_USER,
    Measure("sweep_median_journeys_per_user", "median", is_share=False),
    Measure("sweep_users_without_journeys", "users without", is_share=True),
    *MEASURES[1:],
)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """The figures of a sweep.

    Attributes:
        option: the threshold that was varied, `threshold` or `merge_threshold`.
        used: the threshold of the run.
        target: the mean journeys of a user that were wanted; None: none were.
        min_size: the minimum size of the run.
        users: users in the sample.
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
        """The threshold of a run that is not told otherwise."""
        return _DEFAULTS[self.option]

    @property
    def thresholds(self) -> list[float]:
        """Those that were tried, ascending."""
        return sorted({threshold for _, threshold, _ in self.values})

    @property
    def min_sizes(self) -> list[int]:
        """Those that are told of, ascending."""
        return sorted({size for _, _, size in self.values})


def sweep_rows(metrics: pa.RecordBatch) -> pa.RecordBatch:
    """The rows of `metrics`, perhaps with their place, that speak of a sweep."""
    rows = metrics.select(METRICS.arrow.names)
    return rows.filter(pc.starts_with(rows["metric"], _PREFIX)).cast(METRICS.arrow)


def read_sweep(metrics: Iterable[pa.RecordBatch]) -> Sweep:
    """The sweep that metrics tell of.

    Args:
        metrics: rows of `metrics`, those of one sweep among them.

    Raises:
        ValueError: when there are no figures of a sweep.
    """
    rows = sweep_rows(concatenate(metrics, METRICS.arrow)).to_pylist()
    single = {row["metric"]: row for row in rows if "/" not in row["slice"]}
    if not single:
        raise ValueError("there are no figures of a sweep among the metrics")
    values = {}
    for row in rows:
        threshold, size, more = (*row["slice"].split("/"), "", "")[:3]
        if size and not more:
            key = (row["metric"], float(threshold.partition("=")[2]), int(size.partition("=")[2]))
            if row["metric"] != "sweep_separation" or row["n"] >= _FEWEST_USERS:
                values[key] = row["value"]
    target = single.get("sweep_target_journeys_per_user")
    return Sweep(
        option=single["sweep_threshold"]["slice"],
        used=single["sweep_threshold"]["value"],
        target=target["value"] if target else None,
        min_size=round(single["sweep_min_size"]["value"]),
        users=round(single["sweep_users"]["value"]),
        values=values,
    )


def about_sweep(sweep: Sweep) -> str:
    """What the tables and the curves show, as a paragraph."""
    wanted = f" That comes nearest to the {sweep.target:g} journeys a user that were wanted." if sweep.target else ""
    return (
        f"{sweep.users:,} users, those without a journey among them. `--{sweep.option}` was {sweep.used:g} in this run "
        f"and is {sweep.default:g} by default.{wanted} Separation is the mean silhouette of the items of users with "
        "two or more journeys: 1 where these are far apart, 0 where an item is as near to another as to its own.\n"
    )


def granularity_table(sweep: Sweep) -> str:
    """A Markdown table of all thresholds at the minimum size of the run; that of the run is bold."""
    lines = [line(["threshold", *(measure.title for measure in _TOLD)]), line(["---:"] * (len(_TOLD) + 1))]
    for threshold in sweep.thresholds:
        cells = [_cell(sweep, measure, threshold, sweep.min_size) for measure in _TOLD]
        lines.append(line(_marked([f"{threshold:g}", *cells], is_used=threshold == sweep.used)))
    return "\n".join(lines) + "\n"


def min_size_table(sweep: Sweep) -> str:
    """A Markdown table of the mean journeys of a user, by threshold and minimum size; the row of the run is bold."""
    lines = [line(["threshold", *(f"{size}" for size in sweep.min_sizes)])]
    lines.append(line(["---:"] * (len(sweep.min_sizes) + 1)))
    for threshold in sweep.thresholds:
        cells = [_cell(sweep, JOURNEYS_PER_USER, threshold, size) for size in sweep.min_sizes]
        lines.append(line(_marked([f"{threshold:g}", *cells], is_used=threshold == sweep.used)))
    return "\n".join(lines) + "\n"


def _cell(sweep: Sweep, measure: Measure, threshold: float, min_size: int) -> str:
    value = sweep.values.get((measure.metric, threshold, min_size))
    if value is None:
        return NOTHING_KNOWN
    return f"{value:.0%}".replace("%", " %") if measure.is_share else f"{value:.2f}"


def _marked(cells: list[str], *, is_used: bool) -> list[str]:
    return [f"**{cell}**" for cell in cells] if is_used else cells
