"""The summary of a run of `intents`, read from what it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import CLUSTERS, INTENTS
from schemas.metric_slice import format_slice
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.intents.features import INTENTS as INTENT_NAMES

if TYPE_CHECKING:
    from pipelines.intents.job import IntentsJob

_COUNTS = (("interactions read", "interactions_read"), ("examples", "examples"))
_MEASURES = {
    "examples with something new": "intent_positive_fraction",
    "AUC": "intent_auc",
    "log-loss": "intent_log_loss",
    "calibration error": "intent_calibration_error",
}
_QUANTILES = (0.1, 0.5, 0.9)


def print_intents(job: IntentsJob, seconds: float) -> None:
    """Print the measures of the model, the distribution of the exploration intent, and the next command."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    console.print(_measures(job, values))
    rows = read_dataset(INTENTS, resolve_source(FileSystems.join(job.workspace, INTENTS.name)))
    if rows.num_rows:
        found = ", ".join(f"{each:.2f}" for each in np.quantile(rows["cluster_probability"].to_numpy(), _QUANTILES))
        console.print(
            f"probability of a new cluster of {rows.num_rows:,} users, 10th, 50th and 90th percentile: {found}",
            markup=False,
        )
    names = ", ".join(schema.name for schema in job.outputs)
    console.print(f"Written to {job.workspace}: {names}", soft_wrap=True, markup=False)
    console.print("Recommend more novel items to those who explore:")
    tree = job.clusters.path.removesuffix(f"/{CLUSTERS.name}")
    command = command_of("recommend", f"--workspace={tree}", f"--intents={job.workspace}")
    console.print(f"  {command}", soft_wrap=True, markup=False)


def _measures(job: IntentsJob, values: MetricValues) -> Table:
    table = Table("new", *_MEASURES, title=f"{job.config.intent_model}, fitted before the last part of the log")
    for intent in INTENT_NAMES:
        part = format_slice({"intent": intent})
        if ("intent_positive_fraction", part) in values:
            cells = (values.get((metric, part)) for metric in _MEASURES.values())
            table.add_row(intent, *("" if value is None else f"{value:.3f}" for value in cells))
    return table
