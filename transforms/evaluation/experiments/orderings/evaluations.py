"""Metrics of other evaluations, by the workspace in which they were committed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from schemas import METRICS
from schemas.metric_slice import parse_slice
from transforms.columnar import concatenate
from transforms.datasets.coercion import FILE
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.metric_rows import PIPELINE, MetricIndex


class Pattern(NamedTuple):
    """Rows of a metric whose slices have certain parts.

    Attributes:
        metric: the name of the metric.
        parts: the value of each part. A slice matches if it has the same parts, in any order, and each value is equal
            or begins with the given one and a comma, as `ICPC with refinement, static` for `ICPC with refinement`.
    """

    metric: str
    parts: Mapping[str, str]

    @classmethod
    def parse(cls, metric: str, slice_text: str = "") -> Self:
        """Return the pattern of a metric and a text like a slice, such as `method=few-shot/k=all`."""
        return cls(metric, parse_slice(slice_text))

    def matches(self, parts: Mapping[str, str]) -> bool:
        """Whether the parts of a slice match."""
        return parts.keys() == self.parts.keys() and all(
            found == self.parts[name] or found.startswith(f"{self.parts[name]}, ") for name, found in parts.items()
        )


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The metrics of one workspace.

    Attributes:
        name: the last part of the workspace's path.
        index: its metrics.
    """

    name: str
    index: MetricIndex

    def find(self, pattern: Pattern) -> Interval | None:
        """Return the value of the first row that matches, in the order of slices; None: there is none."""
        found = (parts for parts in self.index.slices(pattern.metric) if pattern.matches(parts))
        parts = next(found, None)
        return None if parts is None else self.index.get(pattern.metric, **parts)

    def by_seed(self, pattern: Pattern) -> dict[str, float]:
        """Return the values of the rows that match but for a further part, `seed`, by the value of that part."""
        values: dict[str, float] = {}
        for parts in self.index.slices(pattern.metric):
            others = {name: value for name, value in parts.items() if name != "seed"}
            if "seed" in parts and pattern.matches(others):
                values[parts["seed"]] = self.index.value(pattern.metric, **parts)
        return values

    def example_set(self) -> str | None:
        """Return the set of examples that was named: N1, N2 or N3; None: there is none."""
        sets = [parts["set"] for parts in self.index.slices("naming_example_set")]
        return sets[0] if sets else None


def read_evaluations(metrics: Iterable[pa.RecordBatch]) -> list[Evaluation]:
    """Return the metrics of `evaluate` by workspace, sorted by name.

    Args:
        metrics: rows of `metrics` with provenance, in any order.
    """
    by_name: dict[str, list[pa.RecordBatch]] = {}
    for rows in metrics:
        own = rows.filter(pc.equal(rows["pipeline"], PIPELINE))
        files = own[FILE.name].cast(pa.string())
        for file in pc.unique(files).to_pylist():
            chosen = own.filter(pc.equal(files, file)).select(METRICS.arrow.names).cast(METRICS.arrow)
            by_name.setdefault(workspace_name(file), []).append(chosen)
    ordered = {name: _sorted(batches) for name, batches in sorted(by_name.items())}
    return [Evaluation(name, MetricIndex([rows])) for name, rows in ordered.items()]


def _sorted(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    return concatenate(batches, METRICS.arrow).sort_by([(name, "ascending") for name in METRICS.sort_by])


def workspace_name(file: str) -> str:
    """Return the name of the workspace of a part of a dataset, such as `films` for `/data/films/metrics/part-0`."""
    return file.rstrip("/").split("/")[-3]
