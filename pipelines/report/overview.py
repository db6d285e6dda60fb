"""The parts of the page that are values and tables: headline, metrics, errors, provenance and curves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from pipelines.common.recorded_options import OPTIONS, to_flags
from pipelines.report.datasets import FoundDatasets
from pipelines.report.reading import read_batches, read_rows
from schemas import METRICS
from schemas.metric_slice import parse_slice
from transforms.datasets.files import Source
from transforms.page.content import Measured, Provenance
from transforms.page.line_chart import Curve, LineChart, line_chart
from transforms.page.text import shorten
from transforms.report.table import Table, number_columns, row, text_columns

MetricRow = Mapping[str, Any]
T = TypeVar("T")


class Headline(NamedTuple):
    """A main value.

    Attributes:
        label: what it is.
        pipeline: the job that measures it.
        metric: the metric.
        slice: its slice; None: every slice of the metric is one value, whose parts are added to the label.
    """

    label: str
    pipeline: str
    metric: str
    slice: str | None = ""


_HEADLINES = (
    Headline("interactions kept", "extract", "interactions_kept"),
    Headline("interactions in journeys", "extract", "interactions_in_journeys"),
    Headline("coherence of clusters", "cluster", "coherence", None),
    Headline("recall of the served table", "explore", "served_recall", None),
    Headline("users with recommendations", "recommend", "users"),
    Headline("recommended items", "recommend", "recommended_items", None),
    Headline("journeys a user, mean", "evaluate", "statistics_journeys_per_user", None),
    Headline("items a journey, mean", "evaluate", "statistics_journey_items", None),
)
_ROWS = (
    ("users", "histories"),
    ("journeys", "journeys"),
    ("named journeys", "journey_names"),
    ("clusters", "clusters"),
    ("rows of the lookup table", "lookup"),
    ("rows of recommendations", "recommendations"),
)
_MAX_METRICS = 1000
_MAX_REASONS = 200
_MAX_CONFIGURATION = 20_000
_MAX_LIST = 8
_MAX_CURVES = 6
_SWEEP = "sweep_"
_SWEEPS = (
    ("sweep_journeys_per_user", "journeys a user, mean"),
    ("sweep_journey_items", "items a journey, mean"),
    ("sweep_coverage", "fraction of interactions in journeys"),
    ("sweep_separation", "separation, silhouette"),
)
_TRAINING_CURVES = (
    ({"loss": "loss"}, "loss, nats a token"),
    ({"match_rate": "match rate"}, "match rate"),
    (
        {"recall_1": "recall@1", "recall_5": "recall@5", "recall_10": "recall@10", "chance_10": "chance@10"},
        "recall",
    ),
)


def read_metrics(metrics: Mapping[str, Source]) -> list[MetricRow]:
    """Read all values of `metrics`, in the order of workspaces and rows."""
    columns = [column.name for column in METRICS.columns]
    found: list[MetricRow] = []
    for source in metrics.values():
        rows = read_rows(source, columns, lambda batch: pa.array([True] * batch.num_rows))
        found += sorted(rows, key=lambda each: (each["pipeline"], each["metric"], each["slice"]))
    return found


def headline(found: FoundDatasets, metrics: Sequence[MetricRow]) -> tuple[Measured, ...]:
    """Return the main values: numbers of rows, and values of `metrics` with their intervals."""
    rows = [
        Measured(label, source.manifest.rows, origin=f"rows of {name}")
        for label, name in _ROWS
        if (source := found.sources.get(name)) is not None and source.manifest is not None
    ]
    return (*rows, *(value for each in _HEADLINES for value in _values_of(each, metrics)))


def _values_of(wanted: Headline, metrics: Sequence[MetricRow]) -> list[Measured]:
    found = [
        each
        for each in metrics
        if (each["pipeline"], each["metric"]) == (wanted.pipeline, wanted.metric)
        and wanted.slice in (None, each["slice"])
        and (not each["slice"] or parse_slice(each["slice"]).get("statistic", "mean") == "mean")
    ]
    return [_measured(each, _headline_label(wanted, each)) for each in sorted(found, key=_natural)]


def _natural(each: MetricRow) -> list[tuple[int, str]]:
    """Return a key by which numbers of a slice are sorted by their value."""
    return [(int(value), "") if value.isdigit() else (0, value) for value in parse_slice(each["slice"]).values()]


def _headline_label(wanted: Headline, each: MetricRow) -> str:
    parts = [
        f"{name} {value}" if name in ("k", "level") else value
        for name, value in parse_slice(each["slice"]).items()
        if name != "statistic"
    ]
    return ", ".join([wanted.label, *parts])


def _measured(each: MetricRow, label: str = "") -> Measured:
    origin = f"{each['metric']} {each['slice']}".strip()
    return Measured(
        label or origin,
        each["value"],
        each["low"],
        each["high"],
        each["n"],
        f"{each['pipeline']}: {origin}",
    )


def metric_tables(metrics: Sequence[MetricRow]) -> tuple[tuple[tuple[str, tuple[Measured, ...]], ...], list[str]]:
    """Return all values by pipeline, and notes on those that are not listed: of sweeps, and of very many."""
    by_pipeline: dict[str, list[Measured]] = {}
    of_sweeps = 0
    for each in metrics:
        if each["metric"].startswith(_SWEEP) and each["slice"]:
            of_sweeps += 1
        else:
            by_pipeline.setdefault(each["pipeline"], []).append(_measured(each))
    notes = [
        f"Of {len(values):,} metrics of {pipeline}, the first {_MAX_METRICS:,} are listed."
        for pipeline, values in by_pipeline.items()
        if len(values) > _MAX_METRICS
    ]
    if of_sweeps:
        notes.append(f"{of_sweeps:,} metrics of a sweep of thresholds are not listed; curves show the main ones.")
    return tuple((pipeline, tuple(values[:_MAX_METRICS])) for pipeline, values in by_pipeline.items()), notes


def error_table(errors: Mapping[str, Source]) -> Table:
    """Count the rows of `errors` by workspace, dataset and reason."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for workspace, source in errors.items():
        for batch in read_batches(source, ["dataset", "reason"]):
            grouped = pa.Table.from_batches([batch]).group_by(["dataset", "reason"]).aggregate([([], "count_all")])
            for each in grouped.to_pylist():
                counts[workspace, each["dataset"], each["reason"]] += each["count_all"]
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    notes = [f"There are no rows of errors in {workspace}." for workspace in errors if not _has(counts, workspace)]
    if len(ordered) > _MAX_REASONS:
        notes.append(f"The {_MAX_REASONS} most frequent of {len(ordered):,} reasons are listed.")
    return Table(
        (*text_columns("workspace", "dataset", "reason"), *number_columns("rows")),
        tuple(
            row(shorten(workspace), shorten(dataset), shorten(reason), f"{count:,}")
            for (workspace, dataset, reason), count in ordered[:_MAX_REASONS]
        ),
        notes=tuple(notes),
    )


def _has(counts: Mapping[tuple[str, str, str], int], workspace: str) -> bool:
    return any(each[0] == workspace for each in counts)


def provenance(found: FoundDatasets) -> tuple[Provenance, ...]:
    """Describe each dataset by its manifest."""
    sources = [*found.sources.values(), *found.metrics.values(), *found.errors.values()]
    return tuple(_provenance(each) for each in sources)


def _provenance(source: Source) -> Provenance:
    manifest = source.manifest
    assert manifest is not None, "only datasets with a manifest are found"
    configuration = {name: value for name, value in manifest.configuration.items() if name != OPTIONS}
    text = json.dumps(_shortened(configuration), indent=1, sort_keys=True, ensure_ascii=False)
    return Provenance(
        name=manifest.dataset,
        workspace=source.path.rstrip("/").rpartition("/")[0],
        rows=manifest.rows,
        bytes=source.size,
        digest=manifest.digest,
        code_version=manifest.code_version,
        inputs=tuple((name, _described(value)) for name, value in sorted(manifest.inputs.items())),
        options=" ".join(to_flags(manifest.configuration.get(OPTIONS, {}))),
        configuration=text if len(text) <= _MAX_CONFIGURATION else f"{text[:_MAX_CONFIGURATION]}\n…",
    )


def _described(value: Any) -> str:
    """Return the digest of an input, or its path with the number of its files."""
    return value if isinstance(value, str) else ", ".join(f"{name} {each}" for name, each in sorted(value.items()))


def _shortened(value: Any) -> Any:
    """Replace the rest of long lists, such as stop words, by their number."""
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        rest = [f"… {len(value) - _MAX_LIST:,} more"] if len(value) > _MAX_LIST else []
        return [_shortened(each) for each in value[:_MAX_LIST]] + rest
    return value


def granularity_charts(metrics: Sequence[MetricRow]) -> tuple[LineChart, ...]:
    """Return the charts of the sweep of `extract`: measures by threshold, with a curve for each minimum size."""
    charts = []
    for metric, title in _SWEEPS:
        curves: dict[str, dict[float, float]] = {}
        option = ""
        for each in metrics:
            if each["metric"] == metric:
                parts = parse_slice(each["slice"])
                size = parts.pop("min_size")
                ((option, threshold),) = parts.items()
                curves.setdefault(size, {})[float(threshold)] = each["value"]
        if curves:
            ordered = _evenly(sorted(curves.items(), key=lambda each: int(each[0])))
            found = [Curve(f"min_size {size}", tuple(sorted(values.items()))) for size, values in ordered]
            charts.append(line_chart(title.capitalize(), f"--{option}", title, found))
    return tuple(charts)


def _evenly(values: Sequence[T]) -> list[T]:
    """Return some of the values, the first and the last among them."""
    count = min(len(values), _MAX_CURVES)
    return [values[round(place * (len(values) - 1) / max(count - 1, 1))] for place in range(count)]


def training_charts(trainings: Sequence[Path]) -> tuple[LineChart, ...]:
    """Return the charts of trainings: the values of each evaluation by step."""
    charts = []
    for path in trainings:
        evaluations = json.loads(path.read_text(encoding="utf-8")).get("result", {}).get("evaluations", [])
        for labels, title in _TRAINING_CURVES:
            curves = [
                Curve(label, tuple((each["step"], each[name]) for each in evaluations if name in each))
                for name, label in labels.items()
            ]
            curves = [each for each in curves if each.values]
            if curves:
                charts.append(line_chart(f"{path.parent.name}: {title}", "step", title, curves))
    return tuple(charts)
