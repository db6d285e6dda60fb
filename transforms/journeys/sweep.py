"""Sweep of thresholds: statistics of the journeys of a sample of users at each threshold, and the choice of one.

Only whole numbers are summed, so no metric depends on how users are distributed over buckets.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import METRICS
from schemas.metric_slice import format_slice
from transforms.columnar import concatenate
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.config import ExtractConfig
from transforms.journeys.form_journeys import form_journeys
from transforms.journeys.icpc import Journeys
from transforms.journeys.silhouettes import SEPARATION_UNIT, user_silhouettes

SWEEP_COUNTS = pa.schema(
    [
        pa.field("threshold", pa.float64(), nullable=False),
        pa.field("min_size", pa.int64(), nullable=False),
        pa.field("journeys", pa.int64(), nullable=False),
        pa.field("users", pa.int64(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("interactions", pa.int64(), nullable=False),
        pa.field("covered", pa.int64(), nullable=False),
        pa.field("separation", pa.int64(), nullable=False),
    ]
)
"""For each threshold, minimum size and number of `journeys` of a user: the number of such users; sums over them of the
distinct items of each journey, of interactions, of interactions in a journey, and of `user_silhouettes`."""

_KEY = ("threshold", "min_size", "journeys")
_SUMS = tuple(name for name in SWEEP_COUNTS.names if name not in _KEY)
_MAX_JOURNEYS_REPORTED = 10

Integers = npt.NDArray[np.int64]


def sweep(
    offsets: Integers, items: npt.NDArray[np.int32], catalogue: Catalogue, config: ExtractConfig
) -> pa.RecordBatch:
    """Compute rows of `SWEEP_COUNTS` for some users, at all thresholds and minimum sizes of the configuration.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): indices of items in the catalogue.
        catalogue: the catalogue; with `vectors` if `config.bayesian` is set.
        config: the configuration of the clustering.
    """
    return concatenate(
        (
            count_journeys(
                _all_journeys(offsets, items, catalogue, config, threshold),
                threshold,
                offsets,
                items,
                catalogue,
                config,
            )
            for threshold in config.swept_thresholds
        ),
        SWEEP_COUNTS,
    )


def _all_journeys(
    offsets: Integers, items: npt.NDArray[np.int32], catalogue: Catalogue, config: ExtractConfig, threshold: float
) -> Journeys:
    """Form the journeys of all sizes at a threshold."""
    icpc = dataclasses.replace(config.icpc, min_size=1)
    return form_journeys(offsets, items, catalogue, dataclasses.replace(config, icpc=icpc).with_threshold(threshold))


def count_journeys(
    journeys: Journeys,
    threshold: float,
    offsets: Integers,
    items: npt.NDArray[np.int32],
    catalogue: Catalogue,
    config: ExtractConfig,
) -> pa.RecordBatch:
    """Compute rows of `SWEEP_COUNTS` for journeys of all sizes at one threshold.

    Args:
        journeys: the journeys.
        threshold: the threshold.
        offsets: as for `sweep`.
        items: as for `sweep`.
        catalogue: as for `sweep`.
        config: its minimum sizes are used, and whether it clusters by vectors.
    """
    users, sizes = len(offsets) - 1, config.swept_min_sizes
    lengths = np.diff(offsets)
    separation = user_silhouettes(journeys, users, items, catalogue, sizes, by_vectors=config.bayesian is not None)
    largest = np.zeros(len(items), np.int64)
    np.maximum.at(largest, journeys.members, np.repeat(journeys.sizes, np.diff(journeys.member_offsets)))
    owners = np.repeat(np.arange(users), lengths)
    batches = []
    for number, min_size in enumerate(sizes):
        kept = journeys.sizes >= min_size
        per_user = np.bincount(journeys.users[kept], minlength=users)
        summed = {
            "users": np.ones(users, np.int64),
            "items": _sum_by(journeys.users[kept], journeys.sizes[kept], users),
            "interactions": lengths,
            "covered": np.bincount(owners[largest >= min_size], minlength=users),
            "separation": separation[:, number],
        }
        batches.append(_by_journeys(threshold, min_size, per_user, summed))
    return concatenate(batches, SWEEP_COUNTS)


def _sum_by(groups: Integers, values: Integers, count: int) -> Integers:
    """Sum values by group, int64, shape (count,)."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, groups, values)
    return sums


def _by_journeys(threshold: float, min_size: int, per_user: Integers, summed: dict[str, Integers]) -> pa.RecordBatch:
    """Sum the columns over the users with each number of journeys: one row per number that occurs."""
    numbers, groups = np.unique(per_user, return_inverse=True)
    columns = {
        "threshold": np.full(len(numbers), threshold),
        "min_size": np.full(len(numbers), min_size),
        "journeys": numbers,
        **{name: _sum_by(groups, values, len(numbers)) for name, values in summed.items()},
    }
    return pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in SWEEP_COUNTS.names], schema=SWEEP_COUNTS)


def sum_counts(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Add rows of `SWEEP_COUNTS` of several groups of users: those of all users, sorted."""
    table = pa.Table.from_batches([concatenate(batches, SWEEP_COUNTS)])
    summed = table.group_by(list(_KEY)).aggregate([(name, "sum") for name in _SUMS])
    summed = summed.sort_by([(name, "ascending") for name in _KEY])
    columns = [summed[name if name in _KEY else f"{name}_sum"].combine_chunks() for name in SWEEP_COUNTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=SWEEP_COUNTS)


class Granularity(NamedTuple):
    """Statistics of the journeys in the sample, at a threshold and a minimum size.

    Attributes:
        threshold: the threshold.
        min_size: minimum number of distinct items of a journey.
        users: number of users in the sample.
        journeys: mean number of journeys per user, including users without any.
        median: median number of journeys per user.
        without: fraction of users without any journey.
        items: mean number of distinct items per journey; None: there is no journey.
        coverage: fraction of the interactions that are in a journey.
        separation: mean of `user_silhouettes` over users with at least two journeys; None: there are none.
        separated: number of users with at least two journeys.
        fractions: fractions of the users with 0, 1, ... journeys; the last one includes users with more.
    """

    threshold: float
    min_size: int
    users: int
    journeys: float
    median: float
    without: float
    items: float | None
    coverage: float
    separation: float | None
    separated: int
    fractions: tuple[float, ...]


def granularities(counts: pa.RecordBatch) -> Iterator[Granularity]:
    """Compute the statistics of each threshold and minimum size, in this order.

    Args:
        counts: rows of `SWEEP_COUNTS`, as `sum_counts` returns them.
    """
    thresholds, sizes = counts["threshold"].to_numpy(), counts["min_size"].to_numpy()
    for threshold in np.unique(thresholds).tolist():
        for size in np.unique(sizes).tolist():
            rows = counts.filter(pa.array((thresholds == threshold) & (sizes == size)))
            yield _granularity(threshold, size, {name: rows[name].to_numpy() for name in SWEEP_COUNTS.names[2:]})


def _granularity(threshold: float, min_size: int, rows: dict[str, Integers]) -> Granularity:
    numbers, users = rows["journeys"], rows["users"]
    total, journeys, separated = int(users.sum()), int((numbers * users).sum()), int(users[numbers > 1].sum())
    by_number = _sum_by(np.minimum(numbers, _MAX_JOURNEYS_REPORTED), users, _MAX_JOURNEYS_REPORTED + 1)
    return Granularity(
        threshold=threshold,
        min_size=min_size,
        users=total,
        journeys=journeys / total,
        median=_median(numbers, users),
        without=int(by_number[0]) / total,
        items=int(rows["items"].sum()) / journeys if journeys else None,
        coverage=int(rows["covered"].sum()) / int(rows["interactions"].sum()),
        separation=int(rows["separation"].sum()) / SEPARATION_UNIT / separated if separated else None,
        separated=separated,
        fractions=tuple((by_number / total).tolist()),
    )


def _median(numbers: Integers, users: Integers) -> float:
    """Compute the median of numbers, ascending, each weighted by its number of users."""
    ends, total = np.cumsum(users), int(users.sum())
    low, high = (numbers[np.searchsorted(ends, middle, side="right")] for middle in ((total - 1) // 2, total // 2))
    return (int(low) + int(high)) / 2


def choose_threshold(counts: pa.RecordBatch, config: ExtractConfig) -> float:
    """Choose the threshold of a run: the configured one, or the one nearest to the target.

    The mean includes users without any journey. The median of whole numbers would be too coarse as a target. Few
    journeys are also reached by leaving out most interactions; so only thresholds of at least `min_coverage` are
    considered. Ties: the lower threshold, which leaves out fewer interactions.

    Args:
        counts: rows of `SWEEP_COUNTS`, as `sum_counts` returns them.
        config: its threshold, minimum size and target are used.
    """
    target = config.sweep.target_journeys_per_user if config.sweep else None
    found = _at_min_size(counts, config)
    if target is None or not found:
        return config.threshold
    least = _min_coverage(found, config)
    enough = [each for each in found if each.coverage >= least]
    return min(enough, key=lambda each: (abs(each.journeys - target), each.threshold)).threshold


def min_coverage(counts: pa.RecordBatch, config: ExtractConfig) -> float:
    """Return the minimum coverage of a threshold that is chosen for a target; 0 without any user.

    It is `min_relative_coverage` of the coverage at the configured threshold, which is the default one.

    Args:
        counts: as for `choose_threshold`.
        config: its threshold, minimum size and `sweep` are used.
    """
    return _min_coverage(_at_min_size(counts, config), config)


def _at_min_size(counts: pa.RecordBatch, config: ExtractConfig) -> list[Granularity]:
    return [each for each in granularities(counts) if each.min_size == config.icpc.min_size]


def _min_coverage(found: Sequence[Granularity], config: ExtractConfig) -> float:
    fraction = config.sweep.min_relative_coverage if config.sweep else 0.0
    return fraction * max((each.coverage for each in found if each.threshold == config.threshold), default=0.0)


def sweep_slice(option: str, threshold: float, min_size: int) -> str:
    """Return the slice of metrics at a threshold and a minimum size: `threshold=0.05/min_size=3`."""
    # All digits of the threshold: those of a sweep may differ in the seventh. Adding 0.0 turns -0.0 into 0.0.
    return format_slice({option: str(threshold + 0.0).removesuffix(".0"), "min_size": min_size})


def sweep_metrics(counts: pa.RecordBatch, pipeline: str, config: ExtractConfig) -> pa.RecordBatch:
    """Convert a sweep to rows of `metrics`.

    `sweep_journeys_per_user`, `sweep_median_journeys_per_user`, `sweep_users_without_journeys`, `sweep_journey_items`,
    `sweep_coverage` and `sweep_separation` are sliced by `<option>=<threshold>/min_size=<size>`, where the option is
    `threshold` or `merge_threshold`, and `sweep_fraction_of_users` by the same and `/journeys=0` to `/journeys=10+`.
    `sweep_threshold` is the threshold of the run, sliced by the option; `sweep_target_journeys_per_user`, if set,
    is its target, and `sweep_min_coverage` the minimum coverage of a threshold chosen for it; `sweep_min_size` is the
    minimum size of the run; `sweep_users` is the number of sampled users.

    Args:
        counts: rows of `SWEEP_COUNTS`, as `sum_counts` returns them.
        pipeline: the job that measured it.
        config: the configuration.
    """
    metrics = [_row("sweep_threshold", config.threshold_option, choose_threshold(counts, config))]
    metrics.append(_row("sweep_min_size", "", config.icpc.min_size))
    found = list(granularities(counts))
    metrics.append(_row("sweep_users", "", found[0].users if found else 0))
    if config.sweep and config.sweep.target_journeys_per_user is not None:
        metrics.append(_row("sweep_target_journeys_per_user", "", config.sweep.target_journeys_per_user))
        metrics.append(_row("sweep_min_coverage", "", min_coverage(counts, config)))
    for each in found:
        metrics += _rows(each, sweep_slice(config.threshold_option, each.threshold, each.min_size))
    rows = pa.RecordBatch.from_pylist([{"pipeline": pipeline, **row} for row in metrics], METRICS.arrow)
    return rows.sort_by([(name, "ascending") for name in METRICS.sort_by])


def _rows(each: Granularity, slice_: str) -> Iterator[dict[str, Any]]:
    yield _row("sweep_journeys_per_user", slice_, each.journeys, each.users)
    yield _row("sweep_median_journeys_per_user", slice_, each.median, each.users)
    yield _row("sweep_users_without_journeys", slice_, each.without, each.users)
    yield _row("sweep_coverage", slice_, each.coverage)
    if each.items is not None:
        yield _row("sweep_journey_items", slice_, each.items)
    if each.separation is not None:
        yield _row("sweep_separation", slice_, each.separation, each.separated)
    for number, fraction in enumerate(each.fractions):
        more = "+" * (number == _MAX_JOURNEYS_REPORTED)
        yield _row("sweep_fraction_of_users", f"{slice_}/journeys={number}{more}", fraction, each.users)


def _row(metric: str, slice_: str, value: float, n: int | None = None) -> dict[str, Any]:
    return {"metric": metric, "slice": slice_, "value": float(value), "n": n}
