"""The content of the page: datasets are read, and become views."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.common.recorded_options import command_of
from pipelines.common.titles import titles_of
from pipelines.report.datasets import PLACES, FoundDatasets, missing_note, stale_notes
from pipelines.report.experiments import experiment_sections
from pipelines.report.overview import (
    error_table,
    granularity_charts,
    headline,
    metric_tables,
    provenance,
    read_metrics,
    training_charts,
)
from pipelines.report.reading import read_batches, read_rows, rows_with, sample_of_groups
from pipelines.report.users import JOURNEY_COLUMNS, read_table, rows_of_users, sample_users
from schemas import (
    CLUSTERS,
    INTERACTIONS,
    ITEM_CLUSTERS,
    JOURNEY_NAMES,
    JOURNEYS,
    LIFECYCLES,
    LOOKUP,
    RECOMMENDATIONS,
)
from transforms.datasets.files import Source
from transforms.page.cluster_views import MAX_SUCCESSORS, clusters_of_table, view_table, view_tree
from transforms.page.config import PageConfig
from transforms.page.content import Page, ShownMap, ShownTable
from transforms.page.map_view import MapClusters, MapJourney, NoMapError, view_map
from transforms.page.sampling import HashSample
from transforms.page.tree_rows import TreeCluster
from transforms.page.user_views import References, UserRows, name_of, view_user

if TYPE_CHECKING:
    from pipelines.report.job import ReportJob

_MAP_TITLES = 3
_CLUSTER_TITLES = 5
_KEY = "\x1f"


class ReadClusters(NamedTuple):
    """The tree.

    Attributes:
        clusters: all clusters, by id.
        centroids: their centroids, shape (clusters, dimensions).
    """

    clusters: list[TreeCluster]
    centroids: npt.NDArray[np.float64]

    @property
    def levels(self) -> int:
        """The number of levels."""
        return max(each.level for each in self.clusters)


class SampledJourney(NamedTuple):
    """A journey of the map.

    Attributes:
        row: its row of `journeys`.
        name: its name.
    """

    row: Mapping[str, Any]
    name: str


def page_content(job: ReportJob) -> Page:
    """Read what the page shows, and return its content."""
    found, config = job.found, job.page
    tree = _read_tree(found.sources.get(CLUSTERS.name))
    users = rows_of_users(found.sources, sample_users(found.sources, config.users, config.seed))
    shown = _clusters_of_table(found, tree, config)
    table = read_table(found.sources, users, [each.cluster_id for each in shown], MAX_SUCCESSORS)
    journeys = _sample_journeys(found, config)
    cluster_items = _items_of_clusters(found, tree, config)
    titles = _titles(job, users, journeys, cluster_items)
    descriptions = {each.cluster_id: each.description for each in tree.clusters} if tree else {}
    references = References(titles, descriptions, table.rows, table.transitions, table.context_size)
    metrics = read_metrics(found.metrics)
    listed, metric_notes = metric_tables(metrics)
    title = job.workspace.rstrip("/").rpartition("/")[2]
    page = Page(
        title=f"Report on {title}",
        notes=(*_sample_notes(job, len(users), len(journeys)), *stale_notes(found), *metric_notes),
        headline=headline(found, metrics),
        users=tuple(view_user(number, rows, references) for number, rows in enumerate(users, start=1)),
        map=_map(job, tree, journeys, cluster_items, titles),
        tree=view_tree(tree.clusters, _has_log(found)) if tree else None,
        table=_table(table.rows, shown, tree, table.context_size),
        granularity=granularity_charts(metrics),
        tuning=training_charts(job.trainings),
        experiments=experiment_sections(found.metrics),
        errors=error_table(found.errors) if found.errors else None,
        datasets=provenance(found),
        metrics=listed,
    )
    return dataclasses.replace(page, missing=_missing(job, page))


def _sample_notes(job: ReportJob, users: int, journeys: int) -> list[str]:
    """Return sentences on what is sampled, and on titles."""
    config, sources = job.page, job.found.sources
    notes = []
    if users:
        notes.append(
            f"The page has {users:,} users, a sample with seed {config.seed}: --users and --seed choose others. Users "
            "who are in all datasets are preferred."
        )
    if JOURNEYS.name in sources and journeys:
        total = _rows(sources[JOURNEYS.name])
        notes.append(f"The map has {journeys:,} of {total:,} journeys, a sample with seed {config.seed}.")
    if job.items is None and sources:
        notes.append("Items are shown by their ids: no catalogue was given.")
    return notes


def _rows(source: Source | None) -> int:
    return source.manifest.rows if source is not None and source.manifest is not None else 0


def _read_tree(source: Source | None) -> ReadClusters | None:
    """Read the tree; None if it is missing or has no cluster."""
    columns = ("cluster_id", "level", "parent_id", "description", "items", "traffic", "centroid")
    rows = sorted(read_rows(source, columns, _all), key=lambda each: each["cluster_id"])
    if not rows:
        return None
    clusters = [TreeCluster(*(row[name] for name in columns[:-1])) for row in rows]
    return ReadClusters(clusters, np.array([row["centroid"] for row in rows], np.float64))


def _all(batch: pa.RecordBatch) -> pa.BooleanArray:
    return pa.array(np.ones(batch.num_rows, bool))


def _clusters_of_table(found: FoundDatasets, tree: ReadClusters | None, config: PageConfig) -> list[TreeCluster]:
    """Return the clusters of the picture of the lookup table; none if it or the tree is missing."""
    source = found.sources.get(LOOKUP.name)
    if source is None or source.manifest is None or tree is None:
        return []
    return clusters_of_table(tree.clusters, source.manifest.configuration["level"], config.table_clusters)


def _table(
    rows: Mapping[str, Any], shown: Sequence[TreeCluster], tree: ReadClusters | None, context_size: int
) -> ShownTable | None:
    size = min(context_size, 2)
    has_contexts = any(context.count(" ") == size - 1 and context for context in rows)
    if tree is None or not shown or not has_contexts:
        return None
    return view_table(rows, shown, tree.clusters, size)


def _sample_journeys(found: FoundDatasets, config: PageConfig) -> list[SampledJourney]:
    """Sample journeys for the map, sorted by user and rank, with their names."""
    source = found.sources.get(JOURNEYS.name)
    if source is None or not config.map_journeys:
        return []
    sample = HashSample(config.map_journeys, config.seed)
    for batch in read_batches(source, ["user_id", "journey_id"]):
        sample.add(_keys(batch))
    chosen = pa.array(sorted(sample.texts()), pa.string())

    def keep(batch: pa.RecordBatch) -> pa.BooleanArray:
        return pc.is_in(_keys(batch), chosen)

    rows = sorted(read_rows(source, JOURNEY_COLUMNS, keep), key=lambda each: (each["user_id"], each["rank"]))
    named = {
        row["journey_id"]: row
        for row in read_rows(found.sources.get(JOURNEY_NAMES.name), ("user_id", "journey_id", "name", "method"), keep)
    }
    return [SampledJourney(row, name_of(row, named)[0]) for row in rows]


def _keys(batch: pa.RecordBatch) -> pa.StringArray:
    return pc.binary_join_element_wise(batch["user_id"], batch["journey_id"], _KEY)


def _items_of_clusters(found: FoundDatasets, tree: ReadClusters | None, config: PageConfig) -> dict[str, list[str]]:
    """Sample a few items of each cluster of the last level."""
    source = found.sources.get(ITEM_CLUSTERS.name)
    if source is None or tree is None:
        return {}
    batches = (
        pa.RecordBatch.from_arrays([batch["item_id"], _last(batch["cluster_ids"])], names=["item_id", "cluster_id"])
        for batch in read_batches(source, ["item_id", "cluster_ids"])
    )
    return sample_of_groups(batches, "cluster_id", "item_id", _CLUSTER_TITLES, config.seed)


def _last(lists: pa.ListArray) -> pa.StringArray:
    """Return the last entry of each list; no list is empty or null."""
    return lists.values.take(pa.array(np.asarray(lists.offsets)[1:] - 1))


def _titles(
    job: ReportJob,
    users: Sequence[UserRows],
    journeys: Sequence[SampledJourney],
    cluster_items: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    """Read the titles of all items that the page shows."""
    if job.items is None:
        return {}
    wanted = {item for items in cluster_items.values() for item in items}
    wanted |= {item for each in journeys for item in _titled_items(each.row)}
    for user in users:
        wanted |= {item for journey in user.journeys for item in journey["item_ids"]}
        wanted |= {row["item_id"] for row in user.recommendations}
    return titles_of(pa.array(sorted(wanted), pa.string()), job.items, job.catalogue_columns, is_large=True)


def _titled_items(journey: Mapping[str, Any]) -> list[str]:
    """Return the latest distinct items of a journey of the map."""
    return list(dict.fromkeys(reversed(journey["item_ids"])))[:_MAP_TITLES]


def _map(
    job: ReportJob,
    tree: ReadClusters | None,
    journeys: Sequence[SampledJourney],
    cluster_items: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
) -> ShownMap | None:
    if tree is None and not journeys:
        return None
    clusters = _clusters_of_items(job.found, journeys) if tree else {}
    points = [
        MapJourney(
            heading=each.name,
            user_id=each.row["user_id"],
            size=each.row["size"],
            titles=tuple(titles.get(item, item) for item in _titled_items(each.row)),
            clusters=tuple(clusters[item] for item in dict.fromkeys(each.row["item_ids"]) if item in clusters),
            terms=tuple(zip(each.row["terms"], each.row["weights"], strict=True)),
        )
        for each in journeys
    ]
    total = _rows(job.found.sources.get(JOURNEYS.name))
    try:
        return view_map(_map_clusters(tree, cluster_items, titles), points, total, job.page.seed)
    except NoMapError:
        return None


def _map_clusters(
    tree: ReadClusters | None, cluster_items: Mapping[str, Sequence[str]], titles: Mapping[str, str]
) -> MapClusters | None:
    if tree is None:
        return None
    places = [number for number, each in enumerate(tree.clusters) if each.level == tree.levels]
    vectors = tree.centroids[places]
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return MapClusters(
        tree.clusters,
        [tree.clusters[place] for place in places],
        np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0),
        {cluster: [titles.get(item, item) for item in items] for cluster, items in cluster_items.items()},
    )


def _clusters_of_items(found: FoundDatasets, journeys: Sequence[SampledJourney]) -> dict[str, str]:
    """Return the cluster of the last level of each item of the map."""
    items = {item for each in journeys for item in each.row["item_ids"]}
    rows = rows_with(found.sources.get(ITEM_CLUSTERS.name), ("item_id", "cluster_ids"), "item_id", items)
    return {row["item_id"]: row["cluster_ids"][-1] for row in rows}


def _has_log(found: FoundDatasets) -> bool:
    manifest = found.sources[CLUSTERS.name].manifest
    return manifest is not None and INTERACTIONS.name in manifest.inputs


def _missing(job: ReportJob, page: Page) -> dict[str, str]:
    """Return what the page says where a section is empty: the command that writes its content."""
    found = job.found
    absent = {
        place.schema.name: missing_note(place.schema.name, found)
        for place in PLACES
        if place.schema.name not in found.sources
    }
    sections = {
        "users": absent.get(JOURNEYS.name),
        "names": absent.get(JOURNEY_NAMES.name),
        "lifecycles": absent.get(LIFECYCLES.name) if JOURNEYS.name in found.sources else None,
        "recommendations": absent.get(RECOMMENDATIONS.name),
        "map": absent.get(CLUSTERS.name),
        "tree": absent.get(CLUSTERS.name),
        "table": absent.get(LOOKUP.name) or (None if page.table else "The lookup table has no context of clusters."),
        "granularity": None if page.granularity else _no_sweep(job),
        "tuning": None if page.tuning else _no_training(),
        "experiments": None if page.experiments else _no_experiments(job),
        "errors": None if page.errors else "No workspace has errors of this version.",
        "metrics": None if page.metrics else "No workspace has metrics of this version.",
    }
    return {name: text for name, text in sections.items() if text}


def _no_sweep(job: ReportJob) -> str:
    command = command_of("extract", "--sweep", f"--workspace={job.found.workspaces['journeys'][0]}")
    return (
        "The metrics have no sweep of thresholds. A workspace has the metrics of the last job that wrote to it. A "
        f"sweep is written by: {command}"
    )


def _no_training() -> str:
    return f"No training was given: --tuned_models names folders that are written by: {command_of('tune')}"


def _no_experiments(job: ReportJob) -> str:
    journeys = job.found.workspaces["journeys"][0]
    command = command_of("evaluate", f"--journeys={journeys}", "--workspace=evaluation")
    return (
        f"There are no metrics of experiments in {', '.join(job.found.workspaces['evaluation'])}; --evaluation names "
        f"workspaces of experiments, such as one that is written by: {command}"
    )
