"""Yesterday's workspace and today's log give what one run over everything gives."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest

from pipelines.common.run import run_job
from pipelines.extract.job import ExtractJob
from schemas import HISTORIES, JOURNEYS
from transforms.datasets.manifest import read_manifest

TOPICS = ("garden greenhouse hydroponics", "guitar chords strumming", "marathon training shoes", "sourdough bread oven")
ITEMS = pl.DataFrame(
    {
        "item_id": [f"i{number:02d}" for number in range(24)],
        "title": [f"{TOPICS[number % 4]} volume {number // 4}" for number in range(24)],
    }
)
START = datetime(2024, 1, 1, tzinfo=UTC)
LOGS = 8
"""A run of the command takes no longer for eight logs than for one."""

Slices = list[list["Interaction"]]


class Interaction(NamedTuple):
    user_id: str
    item_id: str
    timestamp: datetime


def sliced_log(random: np.random.Generator) -> Slices:
    """A log in three slices: by time as on three days, or in any order, which is what late events look like.

    Few users, items and times, so that ties, repeats and long histories occur.
    """
    rows = random.integers((5, len(ITEMS), 41), size=(random.integers(30, 121), 3)).tolist()
    log = [Interaction(f"u{user}", f"i{item:02d}", START + timedelta(hours=hour)) for user, item, hour in rows]
    if random.integers(2):
        log.sort(key=lambda interaction: interaction.timestamp)
    first, second = np.sort(random.choice(np.arange(1, len(log)), 2, replace=False)).tolist()
    return [log[:first], log[first:second], log[second:]]


def side_by_side(logs: Sequence[Slices]) -> Slices:
    """Sliced logs as one, each with users of its own: a user's journeys do not depend on other users."""
    return [
        [
            row._replace(user_id=f"{row.user_id} of log {number}")
            for number, slices in enumerate(logs)
            for row in slices[day]
        ]
        for day in range(3)
    ]


DIRECTIONS = np.random.default_rng(0).normal(size=(len(TOPICS), 16))
EMBEDDINGS = ITEMS.select("item_id").with_columns(
    pl.Series(
        "embedding",
        DIRECTIONS[np.arange(24) % 4] + np.random.default_rng(1).normal(size=(24, 16)) * 0.9 + 0.5,
        pl.Array(pl.Float32, 16),
    )
)


def extract(folder: Path, name: str, log: Sequence[Interaction], *options: str) -> Path:
    pl.DataFrame(log, schema=["user_id", "item_id", "timestamp"], orient="row").write_parquet(
        folder / f"{name}.parquet"
    )
    ITEMS.write_parquet(folder / "items.parquet")
    EMBEDDINGS.write_parquet(folder / "embeddings.parquet")
    workspace = folder / name
    arguments = [f"--interactions={folder / name}.parquet", f"--items={folder / 'items.parquet'}"]
    fixed = [f"--workspace={workspace}", "--runner=FnApiRunner", "--parts=4", "--max_history=12", "--min_size=2"]
    assert run_job(ExtractJob, [*arguments, *fixed, *options]) == 0
    return workspace


def content(workspace: Path, dataset: str) -> list[tuple[str, bytes]]:
    manifest = read_manifest(str(workspace / dataset))
    assert manifest is not None
    return [(part.name, (workspace / dataset / part.name).read_bytes()) for part in manifest.parts]


@pytest.mark.parametrize("by_vectors", [False, True], ids=["by terms", "by vectors"])
def test_three_slices_equal_one_run(by_vectors: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(by_vectors)
    slices = side_by_side([sliced_log(random) for _ in range(LOGS)])
    options = (
        [f"--item_embeddings={tmp_path / 'embeddings.parquet'}", "--half_life_days=.5"]
        if by_vectors
        else ["--cluster_by=terms"]
    )
    whole = extract(tmp_path, "whole", [interaction for part in slices for interaction in part], *options)
    workspace = extract(tmp_path, "day0", slices[0], *options)
    for day, part in enumerate(slices[1:], start=1):
        workspace = extract(tmp_path, f"day{day}", part, f"--previous={workspace}", *options)
    for dataset in (JOURNEYS, HISTORIES):
        assert content(workspace, dataset.name) == content(whole, dataset.name)


def sweep_of(workspace: Path) -> list[tuple[str, str, float]]:
    metrics = pl.read_parquet(workspace / "metrics" / "*.parquet")
    return metrics.filter(pl.col("metric").str.starts_with("sweep_")).select("metric", "slice", "value").rows()


def test_a_continued_log_finds_the_threshold_of_one_run(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    log = [
        Interaction(f"u{user}", f"i{item:02d}", START + timedelta(hours=int(hours)))
        for user, item, hours in zip(*(random.integers(0, stop, 120) for stop in (6, 24, 60)), strict=True)
    ]
    target = "--target_journeys_per_user=1"
    whole = extract(tmp_path, "whole", log, target)
    first = extract(tmp_path, "first", log[:70], target)
    continued = extract(tmp_path, "continued", log[70:], target, f"--previous={first}")
    assert sweep_of(continued) == sweep_of(whole) != sweep_of(first)
    assert content(continued, "journeys") == content(whole, "journeys")


def test_users_without_news_keep_their_journeys(tmp_path: Path) -> None:
    garden = [Interaction("u0", f"i{number:02d}", START + timedelta(days=number)) for number in range(0, 24, 4)]
    guitar = [Interaction("u1", f"i{number:02d}", START + timedelta(days=number)) for number in range(1, 24, 4)]
    first = extract(tmp_path, "first", garden)
    second = extract(tmp_path, "second", guitar, f"--previous={first}")
    before = pl.read_parquet(first / "journeys" / "*.parquet")
    after = pl.read_parquet(second / "journeys" / "*.parquet")
    assert before["user_id"].to_list() == ["u0"]
    assert after["user_id"].to_list() == ["u0", "u1"]
    assert after.head(1).equals(before)


def test_a_workspace_can_be_continued_in_place(tmp_path: Path) -> None:
    garden = [Interaction("u0", f"i{number:02d}", START + timedelta(days=number)) for number in range(0, 24, 4)]
    expected = extract(tmp_path, "whole", garden)
    extract(tmp_path, "daily", garden[:3])
    daily = extract(tmp_path, "daily", garden[3:], f"--previous={tmp_path / 'daily'}")
    assert content(daily, "journeys") == content(expected, "journeys")
    assert len(list((daily / "journeys").glob("part-*"))) == 1


def test_previous_must_be_a_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job(ExtractJob, [f"--previous={tmp_path}", f"--workspace={tmp_path / 'out'}"]) == 2
    assert "--previous" in capsys.readouterr().err
