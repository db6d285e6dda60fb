"""Statistics of journeys (2305.15498, experiment 1): how many users have, and how many items and days each spans."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import HISTORIES, JOURNEYS
from transforms.columnar import concatenate
from transforms.evaluation.bootstrap import Interval, mean_interval, ratio_interval
from transforms.evaluation.config import BootstrapConfig
from transforms.evaluation.dataset_inputs import HISTORIES_COUNT, JOURNEYS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row, point, value_cell
from transforms.report.table import Table, number_columns, row, text_columns
from transforms.shuffle import ApplyGlobally

JOURNEY_SIZES = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("interactions", pa.int64(), nullable=False),
        pa.field("span_days", pa.float64(), nullable=False),
    ]
)
"""One journey: its user, its numbers of distinct items and of interactions, and the days from its first to its last."""

ICPC = "ICPC"
MAX_JOURNEYS = 10
"""Users with this many journeys or more are counted together."""
FEW_JOURNEYS = (1, 3)
"""The numbers of journeys that 70 % of survey respondents say they pursue at a time (2305.15498)."""

_MICROSECONDS_A_DAY = 86_400_000_000
_QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
_FRACTION = "statistics_fraction_of_users"
_COLUMNS: dict[str, tuple[str, dict[str, object]]] = {
    "no journey": (_FRACTION, {"journeys": "0"}),
    "1–3 journeys": (_FRACTION, {"journeys": "1-3"}),
    "journeys a user": ("statistics_journeys_per_user", {"statistic": "mean"}),
    "items a journey": ("statistics_journey_items", {"statistic": "mean"}),
    "median": ("statistics_journey_items", {"statistic": "median"}),
    "p90": ("statistics_journey_items", {"statistic": "p90"}),
    "interactions a journey": ("statistics_journey_interactions", {"statistic": "mean"}),
    "days a journey": ("statistics_journey_span_days", {"statistic": "mean"}),
}
"""Title of each column: its metric and slice, without the method."""


def journey_sizes(journeys: pa.RecordBatch) -> pa.RecordBatch:
    """Compute rows of `JOURNEY_SIZES` of rows of `journeys`."""
    first, last = (journeys[f"{end}_timestamp"].cast(pa.int64()).to_numpy() for end in ("first", "last"))
    return pa.RecordBatch.from_arrays(
        [
            journeys["user_id"],
            journeys["size"].cast(pa.int64()),
            pc.list_value_length(journeys["item_ids"]).cast(pa.int64()),
            pa.array((last - first) / _MICROSECONDS_A_DAY),
        ],
        schema=JOURNEY_SIZES,
    )


def journey_statistics(sizes: Iterable[pa.RecordBatch], users: int, seed: int, method: str = ICPC) -> pa.RecordBatch:
    """Compute rows of `metrics` of all journeys.

    `statistics_fraction_of_users` has slices `journeys=0` to `journeys=10+`, and `journeys=1-3`.
    `statistics_journeys_per_user`, `statistics_journey_items`, `statistics_journey_interactions` and
    `statistics_journey_span_days` have slices `statistic=mean`, `statistic=median` and other quantiles. All are sliced
    by `method` first. Fractions and means have intervals, by bootstrap over users.

    Args:
        sizes: rows of `JOURNEY_SIZES`, in any order.
        users: number of users, including those without journeys; at least 1.
        seed: random seed of the intervals.
        method: the extraction method.

    Raises:
        ValueError: when there are no users, or fewer than have journeys.
    """
    rows = concatenate(sizes, JOURNEY_SIZES)
    rows = rows.sort_by([(name, "ascending") for name in JOURNEY_SIZES.names])
    encoded = rows["user_id"].dictionary_encode()
    owners = len(encoded.dictionary)
    if users < max(owners, 1):
        raise ValueError(f"users must be at least 1 and at least the {owners} that have journeys, got {users}")
    codes = encoded.indices.to_numpy()
    per_user = np.bincount(codes, minlength=users)
    found = [*_fractions(per_user, seed, method)]
    found += _statistics("statistics_journeys_per_user", per_user, mean_interval(per_user, seed), method)
    for name in JOURNEY_SIZES.names[1:]:
        values = rows[name].to_numpy()
        if len(values):
            mean = ratio_interval(np.bincount(codes, values, users), per_user, seed)
            found += _statistics(f"statistics_journey_{name}", values, mean, method)
    return metric_batch(found)


def _fractions(per_user: npt.NDArray[np.int64], seed: int, method: str) -> Iterator[dict[str, Any]]:
    low, high = FEW_JOURNEYS
    capped = np.minimum(per_user, MAX_JOURNEYS)
    groups = {f"{count}{'+' * (count == MAX_JOURNEYS)}": capped == count for count in range(MAX_JOURNEYS + 1)}
    groups[f"{low}-{high}"] = (per_user >= low) & (per_user <= high)
    for name, is_member in groups.items():
        yield metric_row(_FRACTION, mean_interval(is_member, seed), method=method, journeys=name)


def _statistics(metric: str, values: npt.NDArray[Any], mean: Interval, method: str) -> Iterator[dict[str, Any]]:
    yield metric_row(metric, mean, method=method, statistic="mean")
    quantiles = np.quantile(values, list(_QUANTILES.values())).tolist()
    for name, value in zip(_QUANTILES, quantiles, strict=True):
        yield metric_row(metric, point(value, len(values)), method=method, statistic=name)


@dataclasses.dataclass(frozen=True)
class Statistics(Experiment):
    """The experiment.

    Attributes:
        users: number of users, including those without journeys.
        seed: random seed of the intervals.
    """

    name: ClassVar[str] = "statistics"
    title: ClassVar[str] = "Statistics: journeys of users"
    summary: ClassVar[str] = "How many journeys users have, and how many items and days a journey spans."
    needs: ClassVar[Needs] = Needs(inputs=((JOURNEYS_INPUT, HISTORIES_COUNT),))
    configs: ClassVar[tuple[type, ...]] = (BootstrapConfig,)

    users: int
    seed: int = 0

    @classmethod
    def from_options(cls, options: Options) -> Self:
        manifest = options.sources[HISTORIES.name].manifest
        users = manifest.rows if manifest else 0
        if not users:
            raise ValueError(f"journeys: {options.values['journeys']!r} has no users")
        return cls(users, options.read(BootstrapConfig).seed)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        metrics = (
            inputs.rows[JOURNEYS.name]
            | "JourneySizes" >> beam.Map(journey_sizes).with_output_types(pa.RecordBatch)
            | "JourneyStatistics" >> ApplyGlobally(journey_statistics, (self.users, self.seed))
        )
        return ExperimentResult(metrics)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        rows = []
        for method in sorted({parts["method"] for parts in index.require(_FRACTION)}):
            cells = [
                value_cell(
                    index.get(metric, method=method, **parts), ("{:.1%}" if metric == _FRACTION else "{:.1f}").format
                )
                for metric, parts in _COLUMNS.values()
            ]
            rows.append(row(method, *cells))
        columns = (*text_columns("method"), *number_columns(*_COLUMNS))
        return [Table(columns, tuple(rows), transpose_on_terminal=True)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        del metrics
        text = (
            f"{self.users:,} users, including those without journeys. Fractions are of users; small numbers are "
            f"95 % intervals, by bootstrap over users with seed {self.seed}."
        )
        return [text]
