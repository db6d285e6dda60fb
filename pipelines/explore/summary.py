"""The summary of a run of `explore`, read from what it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import CLUSTERS, LOOKUP
from schemas.context import parse_context
from schemas.metric_slice import parse_slice
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.explore.job import ExploreJob

_COUNTS = (("contexts", "contexts"), ("contexts resumed from a run that did not end", "contexts_resumed"))
_SHOWN_CONTEXTS = 3
_SHOWN_RANKS = 3


def print_explore(job: ExploreJob, seconds: float) -> None:
    """Print the recall of all sources on the test period, and the next clusters of a few contexts."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    _print_sources(console, values)
    _print_contexts(console, job)
    console.print(f"Written to {job.workspace}: {LOOKUP.name}, metrics, errors", soft_wrap=True, markup=False)
    console.print("Recommend items by it:")
    tree = job.clusters.path.removesuffix(f"/{CLUSTERS.name}")
    workspace = job.workspace.rstrip("/")
    given = () if tree == workspace else (f"--clusters={tree}", f"--table={workspace}")
    console.print(f"  {command_of('recommend', f'--workspace={workspace}', *given)}", soft_wrap=True, markup=False)


def _print_sources(console: Console, values: MetricValues) -> None:
    rows: dict[str, dict[str, float]] = {}
    for (metric, slice_), value in values.items():
        if metric in ("recall", "effective_clusters"):
            parts = parse_slice(slice_)
            rows.setdefault(parts["source"], {})[parts.get("k", "clusters")] = value
    if not rows:
        console.print("no transitions in the test period: recall is not measured", markup=False)
        return
    table = Table("source", "recall@1", "@5", "@10", "effective clusters in the top 3")
    for source, row in rows.items():
        table.add_row(source, *(f"{row[k]:.3f}" for k in ("1", "5", "10")), f"{row['clusters']:.1f}")
    console.print(table)
    served = {
        parse_slice(slice_)["k"]: value for (metric, slice_), value in values.items() if metric == "served_recall"
    }
    text = ", ".join(f"@{k} {served[k]:.3f}" for k in ("1", "5", "10"))
    console.print(f"recall of the table as it is served: {text}", markup=False)


def _print_contexts(console: Console, job: ExploreJob) -> None:
    clusters = read_dataset(CLUSTERS, job.clusters)
    names = dict(zip(*(clusters[name].to_pylist() for name in ("cluster_id", "description")), strict=True))
    lookup = read_dataset(LOOKUP, resolve_source(FileSystems.join(job.workspace, LOOKUP.name)))
    longest = lookup.filter(
        pc.and_(
            pc.equal(pc.count_substring(lookup["context"], " "), job.transitions.context_size - 1),
            pc.less_equal(lookup["rank"], _SHOWN_RANKS),
        )
    ).sort_by([("context", "ascending"), ("rank", "ascending")])
    contexts = longest["context"].unique().to_pylist()
    step = max(len(contexts) // _SHOWN_CONTEXTS, 1)
    for context in contexts[step // 2 :: step][:_SHOWN_CONTEXTS]:
        rows = longest.filter(pc.equal(longest["context"], context))
        console.print(" + ".join(names[cluster] for cluster in parse_context(context)), markup=False)
        for row in rows.to_pylist():
            console.print(f"  {row['rank']}. {names[row['next']]}", markup=False)
