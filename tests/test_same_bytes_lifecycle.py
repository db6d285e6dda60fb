"""The same journeys give the same lifecycles, however the log was cut into files and whoever computes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from pipelines.lifecycle.job import LifecycleJob
from schemas import LIFECYCLES, METRICS
from tests.pipelines.logs import content, manifest, rows
from tests.small_log import small_log, write_files


def lifecycles(folder: Path, files: int, seed: int | None, options: Sequence[str]) -> dict[str, bytes]:
    """Runs `extract` and `lifecycle` on the log and the catalogue, written as some files."""
    interactions, items = small_log()
    given = (
        f"--interactions={write_files(folder / 'interactions', interactions, files, seed)}",
        f"--items={write_files(folder / 'items', items, files, seed)}",
    )
    extracted, out = f"{folder / 'journeys'}", folder / "out"
    assert run_job(ExtractJob, [*given, f"--workspace={extracted}", *options]) == 0
    assert run_job(LifecycleJob, [f"--journeys={extracted}", f"--workspace={out}", *options]) == 0
    return {schema.name: content(out, schema) for schema in (LIFECYCLES, METRICS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("expected")


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, bytes]:
    return lifecycles(folder, 1, None, ["--runner=FnApiRunner"])


def test_the_log_is_worth_comparing(expected: dict[str, bytes], folder: Path) -> None:
    found = rows(folder / "out", LIFECYCLES)
    assert len(found) > 100
    assert len(manifest(folder / "out", LIFECYCLES).parts) > 4
    assert {row["stage"] for row in found} == {"ongoing", "ended"}
    assert max(len(row["periods"]) for row in found) > 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "seed", "options"),
    [
        pytest.param(4, 7, ["--runner=FnApiRunner"], id="shuffled rows in four files"),
        pytest.param(2, 8, ["--runner=DirectRunner"], id="DirectRunner, one worker"),
        pytest.param(
            3,
            9,
            ["--runner=DirectRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"],
            id="DirectRunner, two processes",
        ),
    ],
)
def test_same_bytes(tmp_path: Path, expected: dict[str, bytes], files: int, seed: int, options: list[str]) -> None:
    assert lifecycles(tmp_path, files, seed, options) == expected
