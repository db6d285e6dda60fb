"""`explore --previous`: a table of a language model that is refreshed in part."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.explore.job import ExploreJob
from pipelines.transitions.job import TransitionsJob
from schemas import CLUSTERS, LOOKUP, METRICS, TRANSITIONS
from tests.pipelines.logs import rows, write
from tests.pipelines.topics import ITEMS, log, run
from tests.transforms.language_models.endpoint_server import Reply, said, serving
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset
from transforms.exploration.refresh import contexts_to_refresh
from transforms.language_models.endpoint_ranking import FIELD

THRESHOLD = 0.6


def choosing(choose: Callable[..., str]) -> Callable[[dict[str, Any]], Reply]:
    """A model that chooses among the allowed descriptions."""

    def reply(body: dict[str, Any]) -> Reply:
        allowed = body["response_format"]["json_schema"]["schema"]["properties"][FIELD]["enum"]
        return said(json.dumps({FIELD: choose(allowed)}))

    return reply


class Tables(NamedTuple):
    """Workspaces, and the options of a run with the later model."""

    folder: Path
    before: Path
    now: Path
    given: tuple[str, ...]
    refreshed: Path
    requests: int


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    half = log().sort_by("timestamp").slice(0, 300)
    files = {"log.parquet": log(), "half.parquet": half, "items.parquet": ITEMS}
    folder = write(tmp_path_factory.mktemp("refresh"), files)
    items, before, now = f"--items={folder / 'items.parquet'}", folder / "before", folder / "now"
    run(ClusterJob, items, f"--workspace={folder / 'tree'}", "--levels=6")
    tree = f"--clusters={folder / 'tree'}"
    for workspace, name in ((before, "half"), (now, "log")):
        run(TransitionsJob, tree, f"--interactions={folder / name}.parquet", f"--workspace={workspace}")
    with serving() as server:
        given = (tree, "--source=language_model", f"--model={server.url}#some", "--top=2")
        server.default = choosing(max)
        run(ExploreJob, *given, f"--transitions={before}", f"--workspace={before}")
        server.default = choosing(min)
        run(ExploreJob, *given, f"--transitions={now}", f"--workspace={now}")
        requests = len(server.bodies)
        options = (f"--transitions={now}", f"--previous={before}", f"--refresh_below={THRESHOLD}")
        run(ExploreJob, *given, *options, f"--workspace={folder / 'refreshed'}")
        return Tables(folder, before, now, given, folder / "refreshed", len(server.bodies) - requests)


def by_context(workspace: Path) -> dict[object, list[tuple[object, ...]]]:
    found: dict[object, list[tuple[object, ...]]] = {}
    for row in rows(workspace, LOOKUP):
        found.setdefault(row["context"], []).append((row["rank"], row["next"], row["score"], row["source"]))
    return found


def test_changed_contexts_alone_are_ranked_again(tables: Tables) -> None:
    before, now, refreshed = (by_context(each) for each in (tables.before, tables.now, tables.refreshed))
    old, new = (
        pa.Table.from_pylist(rows(each, TRANSITIONS), TRANSITIONS.arrow).combine_chunks().to_batches()[0]
        for each in (tables.before, tables.now)
    )
    clusters = read_dataset(CLUSTERS, resolve_source(str(tables.folder / "tree" / "clusters")))
    ids = pa.array(sorted(clusters["cluster_id"].to_pylist()), pa.string())
    changed = set(contexts_to_refresh(old, new, 2, ids, THRESHOLD).to_pylist())
    assert 0 < len(changed) < 36
    assert refreshed.keys() == before.keys() == now.keys()
    for context, found in refreshed.items():
        assert found == (now if context in changed or not context else before)[context]
    assert before != now
    assert tables.requests == 2 * len(changed)
    values = {(row["metric"], row["slice"]): row["value"] for row in rows(tables.refreshed, METRICS)}
    assert values["contexts_ranked", ""] == len(changed)
    assert values["contexts_kept", ""] == 36 - len(changed)


def test_a_refreshed_table_is_refreshed_again(tables: Tables, tmp_path: Path) -> None:
    """Of the same transitions in another workspace: nothing changes, and no request is sent to the closed server."""
    options = (f"--interactions={tables.folder / 'log.parquet'}", f"--clusters={tables.folder / 'tree'}")
    run(TransitionsJob, *options, f"--workspace={tmp_path}")
    previous = (f"--previous={tables.refreshed}", f"--previous_transitions={tables.now}")
    run(ExploreJob, *tables.given, f"--transitions={tmp_path}", *previous, f"--workspace={tmp_path}")
    assert by_context(tmp_path) == by_context(tables.refreshed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--previous_transitions=NOW",), "--previous_transitions has an effect with --previous only"),
        (("--refresh_below=0.5",), "--refresh_below has an effect with --previous only"),
        (("--previous=BEFORE", "--top=3"), "--previous was computed with the top 2, this run has 3"),
        (("--previous=NOW",), "--previous_transitions holds the transitions of now"),
        (("--previous=REFRESHED", "--previous_transitions=BEFORE"), "not those that the table in --previous was"),
        (("--previous=BEFORE", "--dry_run"), "--dry_run estimates a whole table"),
        (("--previous=BEFORE", "--source=markov"), "--previous has an effect with --source=language_model only"),
    ],
)
def test_options_that_contradict_are_refused(tables: Tables, options: tuple[str, ...], message: str) -> None:
    folders = {"NOW": tables.now, "BEFORE": tables.before, "REFRESHED": tables.refreshed}
    for name, folder in folders.items():
        options = tuple(option.replace(name, str(folder)) for option in options)
    given = (*tables.given, f"--transitions={tables.now}", *options, f"--workspace={tables.folder / 'refused'}")
    if "--source=markov" in options:
        given = tuple(option for option in given if not option.startswith("--model"))
    assert message in " ".join(run(ExploreJob, *given, code=2).split())
