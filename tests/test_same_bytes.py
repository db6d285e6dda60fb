"""The same log gives the same bytes, however it is cut into files and whoever computes."""

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from pipelines.common.run import run_job
from pipelines.extract import checks
from pipelines.extract.job import ExtractJob
from schemas import HISTORIES, JOURNEYS, METRICS, SALIENT_TERMS
from transforms.datasets.manifest import read_manifest
from transforms.journeys.config import BayesianConfig, IcpcConfig, SweepConfig

SAMPLE = Path(__file__).parent.parent / "samples" / "online_retail"
COMPARED = (JOURNEYS, HISTORIES, SALIENT_TERMS, METRICS)
OPTIONS = ("--keep_events=purchase", "--min_value=2", "--max_history=150", "--parts=16")
BY_TERMS = ("--cluster_by=terms", "--threshold=0.1")
DIMENSIONS = 48


def vectors_of_words(items: pl.DataFrame) -> pl.DataFrame:
    """Vectors of items: each word of the title points somewhere, and all point a little the same way."""
    random = np.random.default_rng(0)
    words = {word for title in items["title"] for word in title.split()}
    directions = {word: random.normal(size=DIMENSIONS) + 0.5 for word in sorted(words)}
    vectors = [np.sum([directions[word] for word in title.split()], axis=0) for title in items["title"]]
    return items.select("item_id").with_columns(pl.Series("vector", vectors, pl.List(pl.Float64)))


def by_vectors(folder: Path, files: int) -> tuple[str, ...]:
    """The options for journeys by vectors, which are written as some files."""
    vectors = vectors_of_words(pl.read_parquet(SAMPLE / "items.parquet"))
    (folder / "vectors").mkdir(parents=True)
    for number in range(files):
        vectors[number::files].reverse().write_parquet(folder / "vectors" / f"{number}.parquet")
    return (f"--item_embeddings={folder / 'vectors'}", "--embedding_columns=embedding=vector")


def extract(folder: Path, log: pl.DataFrame, *options: str, files: int = 1) -> dict[str, list[tuple[str, bytes]]]:
    """Runs the real command on a log written as some files; gives the parts of each dataset."""
    (folder / "log").mkdir(parents=True)
    for number, rows in enumerate(np.array_split(np.arange(len(log)), files)):
        log[rows.tolist()].write_parquet(folder / "log" / f"{number}.parquet", row_group_size=1000)
    arguments = [f"--interactions={folder / 'log'}", f"--items={SAMPLE / 'items.parquet'}"]
    assert run_job(ExtractJob, [*arguments, f"--workspace={folder / 'out'}", *OPTIONS, *options]) == 0
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
    users = whole["user_id"].unique().sort().gather_every(32)
    rows = whole.filter(pl.col("user_id").is_in(users.implode()))
    return pl.concat([rows, rows.gather_every(50)])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, log: pl.DataFrame) -> dict[str, list[tuple[str, bytes]]]:
    return extract(tmp_path_factory.mktemp("expected"), log, "--runner=FnApiRunner", *BY_TERMS)


@pytest.fixture(scope="module")
def expected_by_vectors(
    tmp_path_factory: pytest.TempPathFactory, log: pl.DataFrame
) -> dict[str, list[tuple[str, bytes]]]:
    folder = tmp_path_factory.mktemp("expected")
    return extract(folder, log, "--runner=FnApiRunner", *by_vectors(folder, files=1))


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
        pytest.param(shuffled, 4, ["--runner=FnApiRunner"], id="shuffled rows in four files"),
        pytest.param(None, 1, ["--runner=FnApiRunner", "--buckets=1"], id="one bucket"),
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
    assert extract(tmp_path, change(log) if change else log, *options, *BY_TERMS, files=files) == expected


@pytest.mark.parametrize(
    ("files", "options"),
    [
        pytest.param(4, ["--runner=FnApiRunner", "--buckets=1"], id="one bucket"),
        pytest.param(1, ["--runner=DirectRunner"], id="DirectRunner"),
        pytest.param(
            3,
            ["--runner=FnApiRunner", "--direct_num_workers=2", "--direct_running_mode=multi_processing"],
            id="two processes",
        ),
        pytest.param(2, ["--runner=FnApiRunner", "--catalogue_join=shuffle"], id="shuffled catalogue"),
    ],
)
def test_same_bytes_by_vectors(
    tmp_path: Path,
    log: pl.DataFrame,
    expected_by_vectors: dict[str, list[tuple[str, bytes]]],
    files: int,
    options: list[str],
) -> None:
    found = extract(tmp_path, shuffled(log), *options, *by_vectors(tmp_path, files), files=files)
    assert found == expected_by_vectors


@dataclasses.dataclass(frozen=True)
class SmallSweep(SweepConfig):
    users: int = 50


@pytest.fixture
def _sample_of_50(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SweepConfig", SmallSweep)


@pytest.mark.usefixtures("_sample_of_50")
@pytest.mark.parametrize(
    ("target", "given"),
    [pytest.param(2.0, False, id="by terms"), pytest.param(6.0, True, id="by vectors")],
)
def test_the_same_threshold_is_found(tmp_path: Path, log: pl.DataFrame, target: float, given: bool) -> None:
    def found(name: str, rows: pl.DataFrame, files: int, *options: str) -> dict[str, list[tuple[str, bytes]]]:
        vectors = by_vectors(tmp_path / name, files) if given else ("--cluster_by=terms",)
        return extract(tmp_path / name, rows, f"--target_journeys_per_user={target}", *vectors, *options, files=files)

    expected = found("expected", log, 1, "--runner=FnApiRunner")
    assert found("one bucket", shuffled(log), 3, "--runner=FnApiRunner", "--buckets=1") == expected
    joined = ("--runner=DirectRunner", "--catalogue_join=shuffle", "--buckets=8")
    assert found("shuffled catalogue", shuffled(log), 2, *joined) == expected
    few = found("few parts", shuffled(log), 2, "--runner=FnApiRunner", "--parts=3")
    assert rows_of(few["metrics"]).sort(METRICS.sort_by).equals(rows_of(expected["metrics"]).sort(METRICS.sort_by))
    metrics = {(row["metric"], row["slice"]): row["value"] for row in rows_of(expected["metrics"]).to_dicts()}
    assert metrics["sweep_users", ""] == 50 < metrics["users", ""]
    option = "merge_threshold" if given else "threshold"
    assert metrics["sweep_threshold", option] != (BayesianConfig.merge_threshold if given else IcpcConfig.threshold)


def test_vectors_and_terms_see_other_journeys_of_the_same_histories(
    expected: dict[str, list[tuple[str, bytes]]], expected_by_vectors: dict[str, list[tuple[str, bytes]]]
) -> None:
    assert expected_by_vectors["histories"] == expected["histories"]
    assert expected_by_vectors["salient_terms"] == expected["salient_terms"]
    journeys = rows_of(expected_by_vectors["journeys"])
    assert journeys.height > 200
    assert journeys["size"].min() == 3
    assert journeys["terms"].list.len().max() == 10
    assert not journeys.equals(rows_of(expected["journeys"]))


def test_the_number_of_parts_changes_the_files_alone(
    tmp_path: Path, log: pl.DataFrame, expected: dict[str, list[tuple[str, bytes]]]
) -> None:
    few = extract(tmp_path, shuffled(log), "--runner=FnApiRunner", "--parts=3", "--buckets=1", *BY_TERMS, files=3)
    assert len(expected["journeys"]) == len(expected["histories"]) == 16
    assert len(few["journeys"]) == 3
    for dataset, order in (("journeys", ["user_id", "rank"]), ("histories", ["user_id"])):
        assert rows_of(few[dataset]).sort(order).equals(rows_of(expected[dataset]).sort(order))
