"""A small log and catalogue, the real command run on them, and what it left behind."""

import datetime
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob, output_schemas
from schemas import ERRORS, METRICS, TIMESTAMP, DatasetSchema
from transforms.datasets.manifest import Manifest, read_manifest

TOPICS = (
    "alpine climbing",
    "sourdough bread",
    "modular synthesizer",
    "tropical orchid",
    "chess opening",
    "vintage motorcycle",
)
ITEM_COUNT, USER_COUNT, ROW_COUNT = 60, 8, 480


def _days() -> list[datetime.date]:
    """A day for each row, half of them before 1970, none so near to it that the unit of a number were in doubt."""
    early, late = datetime.date(1956, 3, 1), datetime.date(1996, 3, 1)
    half = ROW_COUNT // 2
    return [(early if row < half else late) + datetime.timedelta(days=7 * row) for row in range(ROW_COUNT)]


_chance = np.random.default_rng(7)
ITEMS = pa.table(
    {
        "item_id": [str(2000 + item) for item in range(ITEM_COUNT)],
        "title": [f"{TOPICS[item % len(TOPICS)]} {item}" for item in range(ITEM_COUNT)],
    }
)
LOG = pa.table(
    {
        "user_id": [str(1000 + user) for user in _chance.integers(0, USER_COUNT, ROW_COUNT)],
        "item_id": [str(2000 + item) for item in _chance.integers(0, ITEM_COUNT, ROW_COUNT)],
        "timestamp": pa.array(_days()).cast(TIMESTAMP),
    }
)
"""Ids are digits and times midnights, so that integers and dates can say the same; each row has a day of its own."""


def write(folder: Path, files: Mapping[str, pa.Table | bytes]) -> Path:
    """Writes files, tables as parquet, and gives the folder."""
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(file, bytes):
            path.write_bytes(file)
        else:
            pq.write_table(file, path)
    return folder


def parquet(table: pa.Table, **settings: object) -> bytes:
    """The content of a parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **settings)
    return sink.getvalue().to_pybytes()


def extract(workspace: Path, interactions: Path | str, items: Path | str, *options: str) -> int:
    """Runs the real command; gives its exit code."""
    paths = [f"--interactions={interactions}", f"--items={items}", f"--workspace={workspace}"]
    return run_job(ExtractJob, [*paths, "--runner=FnApiRunner", "--buckets=2", *options])


def manifest(workspace: Path, dataset: DatasetSchema) -> Manifest:
    found = read_manifest(str(workspace / dataset.name))
    assert found is not None
    return found


def content(workspace: Path, dataset: DatasetSchema) -> bytes:
    """The bytes of a dataset: its parts one after another."""
    return b"".join((workspace / dataset.name / part.name).read_bytes() for part in manifest(workspace, dataset).parts)


def rows(workspace: Path, dataset: DatasetSchema) -> list[dict[str, object]]:
    paths = [workspace / dataset.name / part.name for part in manifest(workspace, dataset).parts]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def errors(workspace: Path) -> dict[tuple[str, int | None], str]:
    """The reason of each row of `errors`, by name of the file and row."""
    found = [((Path(str(row["file"])).name, row["row"]), row["reason"]) for row in rows(workspace, ERRORS)]
    assert len(dict(found)) == len(found)
    return dict(found)


def metric_values(workspace: Path) -> dict[tuple[str, str], int]:
    """The value of each metric and slice."""
    return {(row["metric"], row["slice"]): int(row["value"]) for row in rows(workspace, METRICS)}


def snapshot(workspace: Path) -> dict[str, bytes]:
    """All manifests and the parts that they list."""
    files = {}
    for dataset in output_schemas(None):
        folder = workspace / dataset.name
        for name in ("_manifest.json", *(part.name for part in manifest(workspace, dataset).parts)):
            files[f"{dataset.name}/{name}"] = (folder / name).read_bytes()
    return files
