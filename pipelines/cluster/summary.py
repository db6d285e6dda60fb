"""The summary of a run of `cluster`, read from what it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import CLUSTERS
from schemas.metric_slice import format_slice, parse_slice
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.cluster.job import ClusterJob

_COUNTS = (
    ("items read", "items_read"),
    ("interactions read", "interactions_read"),
    ("items in clusters", "items_clustered"),
    ("  of these without a vector", "items_without_vector"),
    ("interactions with items that are not in the catalogue", "interactions_without_item"),
)
_SHOWN_CLUSTERS = 12


def print_cluster(job: ClusterJob, seconds: float) -> None:
    """Print the balance of each level, the quality of the last one, the broadest clusters, and the next command."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    levels = Table("level", "clusters", "traffic, largest / mean")
    by_level = {
        parse_slice(slice_)["level"]: value for (metric, slice_), value in values.items() if metric == "imbalance"
    }
    for level, imbalance in sorted(by_level.items(), key=lambda each: int(each[0])):
        levels.add_row(level, f"{values['clusters', format_slice({'level': level})]:,.0f}", f"{imbalance:.2f}")
    console.print(levels)
    _print_quality(console, values, len(by_level))
    clusters = read_dataset(CLUSTERS, resolve_source(FileSystems.join(job.workspace, CLUSTERS.name)))
    broadest = clusters.filter(pc.equal(clusters["level"], 1)).sort_by([("traffic", "descending")])
    for row in broadest.slice(0, _SHOWN_CLUSTERS).to_pylist():
        console.print(f"  {row['cluster_id']}  {row['traffic']:>12,}  {row['description']}", markup=False)
    names = ", ".join(schema.name for schema in job.outputs)
    console.print(f"Written to {job.workspace}: {names}", soft_wrap=True, markup=False)
    console.print("Count the transitions between clusters:")
    log = () if job.interactions else ("--interactions=LOG",)
    console.print(f"  {command_of('transitions', f'--workspace={job.workspace}', *log)}", soft_wrap=True, markup=False)


def _print_quality(console: Console, values: MetricValues, level: int) -> None:
    """Print what was measured of a level; what is not defined is left out."""

    def value(metric: str, **parts: object) -> float | None:
        return values.get((metric, format_slice({"level": level, **parts})))

    own, random, k_means = (value("coherence", method=method) for method in ("tree", "random", "k_means"))
    if own is not None and random is not None and k_means is not None:
        console.print(
            f"cosine between items of a cluster at level {level}: {own:.3f}; of as many random items {random:.3f}, "
            f"by k-means without balance {k_means:.3f}",
            soft_wrap=True,
            markup=False,
        )
    words, longest = value("description_words"), value("longest_description_words")
    text = f"words of a description: {words:.1f} on average, at most {longest:.0f}"
    if (nearest := value("items_nearest_own_description")) is not None:
        text += f"; nearest to the description of their own cluster: {nearest:.0%} of the items"
    console.print(text, soft_wrap=True, markup=False)
