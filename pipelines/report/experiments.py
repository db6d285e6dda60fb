"""The tables of experiments, from the metrics that `evaluate` committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from schemas import METRICS
from transforms.datasets.files import Source
from transforms.datasets.reading import read_dataset
from transforms.evaluation.registry import experiments
from transforms.report.table import Section

_PIPELINE = "evaluate"


def experiment_sections(metrics: Mapping[str, Source]) -> tuple[Section, ...]:
    """Return a section for each experiment of each workspace.

    Args:
        metrics: `metrics` by workspace; those of other jobs are ignored.
    """
    several = sum(bool(_suites(source)) for source in metrics.values()) > 1
    return tuple(
        section
        for workspace, source in metrics.items()
        for section in _sections(source, f" ({workspace.rstrip('/').rpartition('/')[2]})" if several else "")
    )


def _suites(source: Source) -> list[str]:
    """Return the experiments that a workspace has the metrics of."""
    return list(source.manifest.configuration.get("suites", ())) if source.manifest else []


def _sections(source: Source, suffix: str) -> list[Section]:
    suites = _suites(source)
    if not suites:
        return []
    rows: list[pa.RecordBatch] = read_dataset(METRICS, source).cast(METRICS.arrow).combine_chunks().to_batches()
    configuration: Mapping[str, Any] = source.manifest.configuration if source.manifest else {}
    return [
        Section(
            f"{kind.title}{suffix}",
            (kind.summary,),
            tables=tuple(kind.tables_of(rows, configuration.get(name, {}))),
        )
        for name, kind in experiments().items()
        if name in suites
    ]
