"""Logs and catalogues that are hardly any: a correct result, or a message and nothing written."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.explore.job import ExploreJob
from pipelines.transitions.job import TransitionsJob
from schemas import (
    CLUSTER_HISTORIES,
    CLUSTERS,
    ITEM_CLUSTERS,
    LOOKUP,
    TIMESTAMP,
    TRANSITIONS,
    TUNING_PAIRS,
)
from schemas.context import parse_context
from tests.pipelines.logs import content, rows, write
from tests.pipelines.topics import ITEM_COUNT, ITEMS, START, USERS, log, run, run_all
from transforms.datasets.error_rate import DataError
from transforms.exploration.open_table import open_table


def contexts(clusters: int) -> int:
    """Number of contexts of up to two clusters with a cluster outside of them."""
    return 1 + (clusters if clusters > 1 else 0) + (clusters * (clusters - 1) if clusters > 2 else 0)


def test_equal_times_are_all_of_the_test_period(tmp_path: Path) -> None:
    table = log()
    times = pa.array([START] * table.num_rows, TIMESTAMP)
    equal = table.set_column(table.schema.get_field_index("timestamp"), "timestamp", times)
    folder = write(tmp_path, {"log.parquet": equal, "items.parquet": ITEMS})
    workspace = run_all(folder, "--levels=6")
    assert len(rows(workspace, CLUSTER_HISTORIES)) == USERS
    assert {row["split"] for row in rows(workspace, TRANSITIONS)} == {"test"}
    assert {row["split"] for row in rows(workspace, TUNING_PAIRS)} == {"test"}
    assert len({row["context"] for row in rows(workspace, LOOKUP)}) == contexts(6)


def test_clusters_without_traffic_are_candidates_too(tmp_path: Path) -> None:
    table = log()
    few = table.filter(pc.is_in(table["item_id"], pa.array([f"i{item:02}" for item in (0, 1, 2, 6, 7, 8)])))
    folder = write(tmp_path, {"log.parquet": few, "items.parquet": ITEMS.slice(0, 48)})
    workspace = run_all(folder, "--levels=6")
    clusters = rows(workspace, CLUSTERS)
    idle = {row["cluster_id"] for row in clusters if not row["traffic"]}
    assert idle
    assert sum(int(str(row["items"])) for row in clusters) == 48
    assert all(row["items"] for row in clusters)
    lookup = rows(workspace, LOOKUP)
    assert len({row["context"] for row in lookup}) == contexts(6)
    assert idle <= {row["next"] for row in lookup}
    for row in lookup:
        assert row["next"] not in parse_context(str(row["context"]))
    first = {row["next"] for row in lookup if row["rank"] == 1 and not set(parse_context(str(row["context"]))) & idle}
    assert not first & idle


def test_descriptions_that_would_collide_are_different(tmp_path: Path) -> None:
    titles = pa.array([("The Same Title", "the same title")[item % 2] for item in range(ITEM_COUNT)])
    vectors = np.random.default_rng(5).normal(size=(ITEM_COUNT, 8)).tolist()
    files = {
        "log.parquet": log(),
        "items.parquet": pa.table({"item_id": ITEMS["item_id"], "title": titles}),
        "vectors.parquet": pa.table({"item_id": ITEMS["item_id"], "embedding": vectors}),
    }
    folder = write(tmp_path, files)
    workspace = run_all(folder, "--levels=3,12", f"--item_embeddings={folder / 'vectors.parquet'}")
    descriptions = [str(row["description"]).casefold() for row in rows(workspace, CLUSTERS)]
    assert len(set(descriptions)) == len(descriptions) == 15
    by_id = {row["cluster_id"]: row["description"] for row in rows(workspace, CLUSTERS)}
    assert {row["completion"] for row in rows(workspace, TUNING_PAIRS)} <= set(by_id.values())


def test_items_that_moved_since_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folder = write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    workspace = run_all(folder, "--levels=6")
    table, moved = content(workspace, LOOKUP), ITEMS.set_column(1, "title", pa.array(ITEMS["title"].to_pylist()[::-1]))
    write(tmp_path, {"items.parquet": moved})
    before = rows(workspace, ITEM_CLUSTERS)
    given = (f"--workspace={workspace}", f"--items={folder / 'items.parquet'}")
    run(ClusterJob, *given, f"--tree={workspace}")
    assert rows(workspace, ITEM_CLUSTERS) != before
    printed = run(ExploreJob, f"--workspace={workspace}", code=2)
    assert "items may have moved between clusters; run `transitions` again" in printed
    assert content(workspace, LOOKUP) == table
    with pytest.raises(DataError, match="another tree"):
        open_table(str(workspace))
    run(TransitionsJob, f"--interactions={folder / 'log.parquet'}", f"--workspace={workspace}")
    run(ExploreJob, f"--workspace={workspace}")
    assert open_table(str(workspace)).next_clusters([0])
