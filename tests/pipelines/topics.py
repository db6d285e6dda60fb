"""A small log of users who go from topic to topic, its catalogue, and the jobs of exploration run on them."""

import contextlib
import datetime
import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from pipelines.cluster.job import ClusterJob
from pipelines.common.job import Job
from pipelines.common.run import run_job
from pipelines.explore.job import ExploreJob
from pipelines.transitions.job import TransitionsJob
from schemas import TIMESTAMP

WORDS = (
    "alpine climbing rope",
    "sourdough bread oven",
    "modular synthesizer patch",
    "tropical orchid garden",
    "chess opening gambit",
    "vintage motorcycle repair",
)
ASPECTS = (
    "history",
    "safety",
    "winter",
    "photography",
    "economics",
    "museum",
    "biography",
    "festival",
    "vocabulary",
    "philosophy",
    "childhood",
    "insurance",
    "medicine",
    "geography",
    "competition",
)
ITEM_COUNT, USERS = 90, 60
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
ITEMS = pa.table(
    {
        "item_id": [f"i{item:02}" for item in range(ITEM_COUNT)],
        "title": [f"{WORDS[item % 6]} {ASPECTS[item // 6]}" for item in range(ITEM_COUNT)],
    }
)


def log(order: Sequence[int] | None = None) -> pa.Table:
    """Users who mostly go from one topic to the next one, in their own time."""
    described = []
    for user in range(USERS):
        for step in range(8):
            topic = (user + step // 2) % 6 if (user + step) % 5 else (user * step) % 6
            described.append(
                {
                    "user_id": f"u{user:02}",
                    "item_id": f"i{topic + 6 * ((user + step) % 15):02}",
                    "timestamp": START + datetime.timedelta(hours=user + 24 * step),
                }
            )
    table = pa.Table.from_pylist(
        described, pa.schema({"user_id": pa.string(), "item_id": pa.string(), "timestamp": TIMESTAMP})
    )
    return table if order is None else table.take(pa.array(order))


def run(job: type[Job], *options: str, code: int = 0) -> str:
    """Run a job on the runner of the tests; return what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        assert run_job(job, [*options, "--runner=FnApiRunner"]) == code, printed.getvalue()
    return printed.getvalue()


def run_all(folder: Path, *options: str) -> Path:
    """Run all jobs on the log and the catalogue of a folder; return the workspace."""
    workspace = folder / "out"
    interactions, given = f"--interactions={folder / 'log.parquet'}", f"--workspace={workspace}"
    run(ClusterJob, interactions, f"--items={folder / 'items.parquet'}", given, *options)
    run(TransitionsJob, interactions, given)
    run(ExploreJob, given)
    return workspace
