"""The summary of a run of `recommend`, read from what it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems
from rich.console import Console
from rich.table import Table

from pipelines.common.run_metrics import MetricValues, print_counts, read_metrics
from schemas import CLUSTERS, RECOMMENDATIONS
from schemas.context import parse_context
from schemas.metric_slice import format_slice
from schemas.recommendations import POLICIES
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

if TYPE_CHECKING:
    from pipelines.recommend.job import RecommendJob

_COUNTS = (
    ("interactions read", "interactions_read"),
    ("users", "users"),
    ("users who keep the rows of --previous", "users_kept"),
    ("users whose lists were computed", "users_computed"),
    ("users of --previous who are not among the users now, and are left out", "users_of_previous_left_out"),
    ("users without an item of a cluster, who get popular items", "users_without_items_of_clusters"),
    ("users without a row of the table, who get clusters by popularity", "users_without_context_in_the_table"),
    ("users without intents, who get as many novel items as a user of the mean", "users_without_intents"),
    ("looked-up clusters that a user has consumed completely", "clusters_consumed_completely"),
)
_OF_PREVIOUS = ("users_kept", "users_computed", "users_of_previous_left_out")


def print_recommend(job: RecommendJob, seconds: float) -> None:
    """Print the counts of a run, and the recommendations of one user."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    counts = _COUNTS if job.previous is not None else [each for each in _COUNTS if each[1] not in _OF_PREVIOUS]
    print_counts(console, job.name, seconds, values, counts)
    _print_policies(console, values)
    rows = read_dataset(RECOMMENDATIONS, resolve_source(FileSystems.join(job.workspace, RECOMMENDATIONS.name)))
    _print_user(console, job, rows)
    console.print(f"Written to {job.workspace}: {RECOMMENDATIONS.name}, metrics, errors", soft_wrap=True, markup=False)


def _print_policies(console: Console, values: MetricValues) -> None:
    counts = {policy: values.get(("recommended_items", format_slice({"policy": policy})), 0) for policy in POLICIES}
    total = sum(counts.values())
    text = ", ".join(f"{policy} {number:,.0f} ({number / max(total, 1):.0%})" for policy, number in counts.items())
    console.print(f"  recommended items: {text}", markup=False)
    clusters = values.get(("recommended_novel_clusters", ""), 0) / max(values.get(("users", ""), 0), 1)
    console.print(f"  novel clusters in a list, on average: {clusters:.2f}", markup=False)


def _print_user(console: Console, job: RecommendJob, rows: pa.Table) -> None:
    """Print the list of the first user who has items of all policies but `popular`, or of the first user."""
    if not rows.num_rows:
        return
    clusters = read_dataset(CLUSTERS, job.clusters)
    names = dict(zip(*(clusters[name].to_pylist() for name in ("cluster_id", "description")), strict=True))
    novel = rows.filter(pc.equal(rows["policy"], "novel"))["user_id"]
    user = (novel if len(novel) else rows["user_id"])[0].as_py()
    own = rows.filter(pc.equal(rows["user_id"], user)).sort_by("rank").to_pylist()
    context = " + ".join(names[cluster] for cluster in parse_context(own[0]["context"]))
    console.print(f"user {user}, after {context or 'no cluster'}:", markup=False)
    table = Table("rank", "item", "cluster", "reason")
    for row in own:
        rank = f", rank {row['table_rank']} of the table" if row["table_rank"] else ""
        table.add_row(str(row["rank"]), row["item_id"], names[row["cluster_id"]], row["policy"] + rank)
    console.print(table)
