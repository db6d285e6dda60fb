"""The summary of a run of `salience`, read from the datasets that it committed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.run_metrics import print_counts, read_metrics
from schemas import SALIENT_TERMS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.salience.job import SalienceJob

_SHOWN_ITEMS = 5
_SHOWN_TERMS = 8
_COUNTS = (("items", "items"), ("items without any salient term", "items_without_terms"), ("salient terms", "terms"))


def print_salience(job: SalienceJob, seconds: float) -> None:
    """Print the metrics of a run, the terms of some items, and the location of the datasets."""
    console, workspace = Console(highlight=False), job.workspace
    values = read_metrics(job.name, workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    trained_on = next(slice_ for metric, slice_ in values if metric == "model_trained_on")
    console.print(f"  model trained on: {trained_on}", markup=False)
    if ("calibration_error", "after") in values:
        before, after = (values["calibration_error", when] for when in ("before", "after"))
        console.print(f"  expected calibration error: {after:.3f}, {before:.3f} before calibration", markup=False)
    source = resolve_source(FileSystems.join(workspace, SALIENT_TERMS.name))
    first = dataclasses.replace(source, files=source.files[:1])
    for row in read_dataset(SALIENT_TERMS, first).slice(0, _SHOWN_ITEMS).to_pylist():
        pairs = zip(row["terms"][:_SHOWN_TERMS], row["saliences"], strict=False)
        terms = ", ".join(f"{term} {salience:.2f}" for term, salience in pairs)
        console.print(f"  {row['item_id']}: {terms}", soft_wrap=True, markup=False)
    console.print(f"Written to {workspace}: salient_terms, salience_model, embeddings, metrics, errors", markup=False)
