"""The same log gives the same bytes, however it is cut into files and whoever computes."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.extract import run
from schemas import HISTORIES, JOURNEYS, METRICS, SALIENT_TERMS
from transforms.datasets.manifest import read_manifest

SAMPLE = Path(__file__).parent.parent / "samples" / "online_retail"
COMPARED = (JOURNEYS, HISTORIES, SALIENT_TERMS, METRICS)
OPTIONS = ("--keep_events=purchase", "--min_value=2", "--max_history=150", "--threshold=0.1", "--parts=64")


def extract(folder: Path, log: pl.DataFrame, *options: str, files: int = 1) -> dict[str, list[tuple[str, bytes]]]:
    """Runs the real command on a log written as some files; gives the parts of each dataset."""
    (folder / "log").mkdir(parents=True)
    for number, rows in enumerate(np.array_split(np.arange(len(log)), files)):
        log[rows.tolist()].write_parquet(folder / "log" / f"{number}.parquet", row_group_size=5000)
    arguments = [f"--interactions={folder / 'log'}", f"--items={SAMPLE / 'items.parquet'}"]
    assert run([*arguments, f"--workspace={folder / 'out'}", *OPTIONS, *options]) == 0
    return {schema.name: list(parts(folder / "out" / schema.name)) for schema in COMPARED}


def parts(folder: Path) -> Iterable[tuple[str, bytes]]:
    manifest = read_manifest(str(folder))
    assert manifest is not None
    for part in manifest.parts:
        yield part.name, (folder / part.name).read_bytes()


def rows_of(content: list[tuple[str, bytes]]) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(part) for _, part in content)


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    """Whole customers of the shop: whole invoices at one time, customers beyond `--max_history`, repeated rows."""
    whole = pl.read_parquet(SAMPLE / "interactions.parquet")
    users = whole["user_id"].unique().sort().gather_every(8)
    rows = whole.filter(pl.col("user_id").is_in(users.implode()))
    return pl.concat([rows, rows.gather_every(50)])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, log: pl.DataFrame) -> dict[str, list[tuple[str, bytes]]]:
    return extract(tmp_path_factory.mktemp("expected"), log, "--runner=FnApiRunner")


def test_the_log_is_worth_comparing(expected: dict[str, list[tuple[str, bytes]]], log: pl.DataFrame) -> None:
    journeys, histories = rows_of(expected["journeys"]), rows_of(expected["histories"])
    assert journeys.height > 200
    assert histories["truncated"].sum() > 3
    assert log.is_duplicated().any()


def shuffled(log: pl.DataFrame) -> pl.DataFrame:
    return log.sample(fraction=1.0, shuffle=True, seed=7)


@pytest.mark.parametrize(
    ("change", "files", "options"),
    [
        pytest.param(None, 4, ["--runner=FnApiRunner"], id="four files"),
        pytest.param(shuffled, 1, ["--runner=FnApiRunner"], id="shuffled rows"),
        pytest.param(shuffled, 4, ["--runner=FnApiRunner"], id="shuffled rows in four files"),
        pytest.param(None, 1, ["--runner=FnApiRunner", "--buckets=1"], id="one bucket"),
        pytest.param(None, 1, ["--runner=FnApiRunner", "--buckets=64"], id="64 buckets"),
        pytest.param(None, 1, ["--runner=DirectRunner"], id="DirectRunner"),
        pytest.param(
            None,
            4,
            ["--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"],
            id="two processes",
        ),
        pytest.param(shuffled, 2, ["--runner=FnApiRunner", "--catalogue_join=shuffle"], id="shuffled catalogue"),
    ],
)
def test_same_bytes(
    tmp_path: Path,
    log: pl.DataFrame,
    expected: dict[str, list[tuple[str, bytes]]],
    change: Callable[[pl.DataFrame], pl.DataFrame] | None,
    files: int,
    options: list[str],
) -> None:
    assert extract(tmp_path, change(log) if change else log, *options, files=files) == expected


def test_the_number_of_parts_changes_the_files_alone(
    tmp_path: Path, log: pl.DataFrame, expected: dict[str, list[tuple[str, bytes]]]
) -> None:
    few = extract(tmp_path, shuffled(log), "--runner=FnApiRunner", "--parts=3", "--buckets=1", files=3)
    assert len(expected["journeys"]) == len(expected["histories"]) == 64
    assert len(few["journeys"]) == 3
    for dataset, order in (("journeys", ["user_id", "rank"]), ("histories", ["user_id"])):
        assert rows_of(few[dataset]).sort(order).equals(rows_of(expected[dataset]).sort(order))
