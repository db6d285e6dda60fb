from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from benchmarks.agreement import EXACT, MEMBERS, check_agreement, read_journeys
from benchmarks.beam_rows import main as run_beam_rows
from benchmarks.generator import NO_JOURNEY, ROWS_PER_ROW_GROUP, GeneratedLog, LogConfig, cached, generate, word
from benchmarks.single_process import run as run_single_process
from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from schemas import INTERACTIONS, ITEMS

CONFIG = LogConfig(interactions=20_000, seed=7)
LONG_JOURNEY = 20


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> GeneratedLog:
    return generate(CONFIG, tmp_path_factory.mktemp("generated") / "log")


@pytest.fixture(scope="module")
def truth(log: GeneratedLog) -> pl.DataFrame:
    return pl.read_parquet(log.truth / "*.parquet")


@pytest.fixture(scope="module")
def extracted(log: GeneratedLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("extracted")
    inputs = [f"--interactions={log.interactions}", f"--items={log.items}", f"--workspace={workspace}"]
    assert run_job(ExtractJob, ["--runner=FnApiRunner", *inputs]) == 0
    return workspace / "journeys"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


def test_a_seed_gives_the_same_bytes_and_another_seed_others(log: GeneratedLog, tmp_path: Path) -> None:
    first = content(log.items.parent)
    generate(CONFIG, tmp_path / "again")
    generate(LogConfig(interactions=20_000, seed=8), tmp_path / "other")
    other = content(tmp_path / "other")
    assert content(tmp_path / "again") == first
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_a_log_is_made_once_and_kept(tmp_path: Path) -> None:
    made = cached(LogConfig(interactions=500), tmp_path)
    before = made.items.stat().st_mtime_ns
    assert cached(LogConfig(interactions=500), tmp_path) == made
    assert made.items.stat().st_mtime_ns == before
    assert cached(LogConfig(interactions=500, seed=1), tmp_path) != made


@pytest.mark.parametrize("interactions", [1, 2, 1_000, ROWS_PER_ROW_GROUP + 1])
def test_a_log_has_the_requested_number_of_interactions(interactions: int, tmp_path: Path) -> None:
    made = generate(LogConfig(interactions), tmp_path / "log")
    files = [pq.ParquetFile(path) for path in made.interactions.iterdir()]
    assert sum(file.metadata.num_rows for file in files) == interactions
    groups = [
        file.metadata.row_group(group).num_rows for file in files for group in range(file.metadata.num_row_groups)
    ]
    assert max(groups) <= ROWS_PER_ROW_GROUP


def test_windows_of_time_make_one_log_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("benchmarks.generator.ROWS_PER_WINDOW", 1 << 12)
    made = generate(CONFIG, tmp_path / "log")
    paths = sorted(made.interactions.iterdir())
    times = pl.concat([pl.read_parquet(path) for path in paths])["timestamp"]
    assert len(paths) == 5
    assert len(times) == CONFIG.interactions
    assert times.is_sorted()


def test_interactions_and_items_are_what_extract_reads(log: GeneratedLog) -> None:
    for dataset, path in ((INTERACTIONS, log.interactions), (ITEMS, log.items)):
        columns = pq.read_schema(path if path.is_file() else next(path.iterdir()))
        assert set(dataset.required) <= set(columns.names)
        assert all(field.type == dataset.column(field.name).type for field in columns)


def test_every_item_is_in_the_catalogue_and_users_are_as_many_as_planned(
    log: GeneratedLog, truth: pl.DataFrame
) -> None:
    items = pl.read_parquet(log.items)
    assert items["item_id"].is_unique().all()
    assert len(items) == CONFIG.items
    assert truth["item_id"].is_in(items["item_id"].implode()).all()
    assert 0.9 * CONFIG.users <= truth["user_id"].n_unique() <= CONFIG.users


def test_truth_is_the_log_row_for_row(log: GeneratedLog, truth: pl.DataFrame) -> None:
    interactions = pl.read_parquet(log.interactions / "*.parquet")
    assert truth.select(interactions.columns).equals(interactions)
    assert truth.group_by("item_id").agg(pl.col("topic").n_unique())["topic"].max() == 1
    assert truth["topic"].n_unique() <= CONFIG.topics


def test_few_items_and_few_users_have_the_majority_of_interactions(truth: pl.DataFrame) -> None:
    for column, least in (("item_id", 0.35), ("user_id", 0.35)):
        counts = truth[column].value_counts(sort=True)["count"]
        assert counts.head(len(counts) // 10).sum() > least * len(truth)
    off_topic = truth.filter(journey=NO_JOURNEY)
    assert abs(len(off_topic) / len(truth) - CONFIG.off_topic_fraction) < 0.02


def test_journeys_begin_and_end_and_fade(truth: pl.DataFrame) -> None:
    year = truth["timestamp"].max() - truth["timestamp"].min()
    journeys = (
        truth.filter(pl.col("journey") != NO_JOURNEY)
        .group_by("user_id", "journey")
        .agg(
            pl.len(),
            first=pl.col("timestamp").min(),
            last=pl.col("timestamp").max(),
            middle=pl.col("timestamp").median(),
        )
        .filter(pl.col("len") >= LONG_JOURNEY)
    )
    spans = (journeys["last"] - journeys["first"]) / year
    earlier = (journeys["middle"] - journeys["first"]) / (journeys["last"] - journeys["first"])
    assert len(journeys) > 50
    assert spans.max() < 0.75
    assert ((journeys["first"] - truth["timestamp"].min()) / year).max() > 0.5
    assert earlier.mean() < 0.4


def test_some_journeys_drift_to_the_next_topic_and_do_not_come_back(truth: pl.DataFrame) -> None:
    journeys = (
        truth.filter(pl.col("journey") != NO_JOURNEY)
        .group_by("user_id", "journey", maintain_order=True)
        .agg("topic", pl.len())
        .filter(pl.col("len") >= LONG_JOURNEY)["topic"]
        .to_list()
    )
    drifted = [topics for topics in journeys if len(set(topics)) > 1]
    assert 0.05 < len(drifted) / len(journeys) < 0.4
    for topics in drifted:
        changes = np.flatnonzero(np.diff(topics))
        assert len(changes) == 1
        assert (topics[0] + 1) % CONFIG.topics == topics[-1]


def test_words_differ() -> None:
    assert len(set(word(np.arange(50_000)).tolist())) == 50_000


@pytest.mark.parametrize("given", [{"interactions": 0}, {"interactions": 9, "off_topic_fraction": 1.5}])
def test_an_invalid_configuration_is_rejected(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"must be (at least|in)"):
        LogConfig(**given)


def test_extract_finds_the_journeys_that_were_planted(extracted: Path, truth: pl.DataFrame) -> None:
    members = (
        pl.read_parquet(extracted / "*.parquet", columns=["user_id", "journey_id", "item_ids", "timestamps"])
        .explode("item_ids", "timestamps")
        .join(truth, left_on=["user_id", "item_ids", "timestamps"], right_on=["user_id", "item_id", "timestamp"])
    )
    pure = members.group_by("journey_id").agg(pl.col("topic").unique_counts().max(), pl.len())
    assert len(members) > 0.6 * len(truth)
    assert pure["topic"].sum() / pure["len"].sum() > 0.9


def test_the_program_for_one_process_finds_the_same_journeys(
    log: GeneratedLog, extracted: Path, tmp_path: Path
) -> None:
    run_single_process(log.interactions, log.items, tmp_path / "journeys.parquet")
    check_agreement(extracted, tmp_path / "journeys.parquet", EXACT)
    assert len(read_journeys(extracted, EXACT)) > 500


def test_the_program_for_rows_finds_the_same_journeys(log: GeneratedLog, extracted: Path, tmp_path: Path) -> None:
    run_beam_rows([f"--interactions={log.interactions}", f"--items={log.items}", f"--output={tmp_path}"])
    check_agreement(extracted, tmp_path, MEMBERS)
