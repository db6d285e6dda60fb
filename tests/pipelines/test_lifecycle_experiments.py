"""The experiments `lifecycle` and `confidence` of the real command, on data whose values can be worked out by hand."""

import datetime
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.cluster.job import ClusterJob
from pipelines.evaluate.job import EvaluateJob
from pipelines.transitions.job import TransitionsJob
from schemas import ITEM_CLUSTERS, METRICS, TIMESTAMP
from schemas.metric_slice import parse_slice
from tests.pipelines.logs import content, manifest, rows, write
from tests.pipelines.topics import START, WORDS, run
from transforms.lifecycle.confidence import MODELS, NAMES

CLIMBING, BREAD, MUSIC, ORCHIDS, CHESS = range(5)
DATE = 110
"""Days from the start to the date: 90 days before the end of the log."""

BEFORE = {
    CLIMBING: [0, 20, 40, 60, 80, 100],
    BREAD: [1, 2, 3, 4, 5, 6, 7, 8],
    MUSIC: [101, 102, 103, 104, 105],
    ORCHIDS: [50, 51, 52, 53, 54, 55, 56],
}
"""The journeys of every user before the date: days of their interactions, each with another item."""

ITEMS = pa.table(
    {
        "item_id": [f"i{item:02}" for item in range(54)],
        "title": [f"{WORDS[item % 6]} {item // 6}" for item in range(54)],
    }
)
FILES = {"interactions": "log.parquet", "items": "items.parquet", "exploration": "tree"}
USERS, FAITHFUL = 8, 6
JOURNEYS = USERS * len(BEFORE)


def interactions() -> pa.Table:
    """All users take up climbing ten days after the date, the first six music after 50; chess ends the log."""
    found: list[dict[str, Any]] = []
    for user in range(USERS):
        days = {topic: list(of) for topic, of in BEFORE.items()} | {CHESS: [DATE + 90]}
        days[CLIMBING] += [DATE + 10]
        days[MUSIC] += [DATE + 50] if user < FAITHFUL else []
        for topic, of in days.items():
            for place, day in enumerate(of):
                time = START + datetime.timedelta(days=day)
                found.append({"user_id": f"u{user}", "item_id": f"i{topic + 6 * place:02}", "timestamp": time})
    return pa.Table.from_pylist(
        found, pa.schema({"user_id": pa.string(), "item_id": pa.string(), "timestamp": TIMESTAMP})
    )


Parts = frozenset[tuple[str, str]]


def values(workspace: Path) -> dict[tuple[str, Parts], float]:
    return {
        (str(row["metric"]), frozenset(parse_slice(str(row["slice"])).items())): float(str(row["value"]))
        for row in rows(workspace, METRICS)
    }


def parts(**of: object) -> Parts:
    return frozenset((name, str(value)) for name, value in of.items())


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the experiment `lifecycle`: `tree`, `out` and `page.md`."""
    folder = write(tmp_path_factory.mktemp("lives"), {"log.parquet": interactions(), "items.parquet": ITEMS})
    tree = f"--workspace={folder / 'tree'}"
    run(ClusterJob, f"--items={folder / 'items.parquet'}", "--levels=6", tree)
    run(TransitionsJob, f"--interactions={folder / 'log.parquet'}", tree)
    evaluate_lifecycle(folder, "out", f"--report={folder / 'page.md'}")
    return folder


def evaluate_lifecycle(folder: Path, workspace: str, *options: str, code: int = 0) -> str:
    read = (f"--{name}={folder / file}" for name, file in FILES.items())
    fixed = ("--suites=lifecycle", "--encoder=static", f"--workspace={folder / workspace}")
    return run(EvaluateJob, *fixed, *read, *options, code=code)


class TestLifecycle:
    def test_journeys_are_those_before_the_date(self, lives: Path) -> None:
        found = values(lives / "out")
        assert found["lifecycle_users", parts()] == USERS
        assert found["lifecycle_journeys", parts()] == JOURNEYS
        assert found["lifecycle_past_days", parts()] == pytest.approx(DATE)
        assert found["lifecycle_future_days", parts()] == 90
        # 100, 7, 4 and 6 days between 6, 8, 5 and 7 active days.
        assert found["lifecycle_mean_gap", parts()] == pytest.approx(117 / 22)

    def test_continued_journeys(self, lives: Path) -> None:
        found = values(lives / "out")
        within = {30: USERS / JOURNEYS, 90: (USERS + FAITHFUL) / JOURNEYS}
        for days, expected in within.items():
            assert found["lifecycle_continued", parts(days=days, judgement="journey")] == pytest.approx(expected)

    @pytest.mark.parametrize("rule", ["own gaps", "gaps of the log", "30 days"])
    def test_climbing_and_music_are_ongoing_by_their_silence(self, lives: Path, rule: str) -> None:
        """They are silent for 10 and 5 days, the others for 54 and 102; the limits are at least 15 days."""
        found = values(lives / "out")
        near, far = (parts(days=days, judgement="journey", rule=rule) for days in (30, 90))
        assert found["lifecycle_ongoing", near] == found["lifecycle_ongoing", far] == 0.5
        assert found["lifecycle_precision", near] == 0.5
        assert found["lifecycle_precision", far] == pytest.approx((USERS + FAITHFUL) / (2 * USERS))
        assert found["lifecycle_recall", near] == found["lifecycle_recall", far] == 1

    def test_other_rules(self, lives: Path) -> None:
        """90 days take orchids for ongoing too; the last journey is music alone."""
        found = values(lives / "out")
        fixed, last = (parts(days=90, judgement="journey", rule=rule) for rule in ("90 days", "last journey"))
        assert found["lifecycle_ongoing", fixed] == 0.75
        assert found["lifecycle_precision", fixed] == pytest.approx((USERS + FAITHFUL) / (3 * USERS))
        assert found["lifecycle_ongoing", last] == 0.25
        assert found["lifecycle_precision", last] == FAITHFUL / USERS
        assert found["lifecycle_recall", last] == pytest.approx(FAITHFUL / (USERS + FAITHFUL))
        soon = parts(days=30, judgement="journey", rule="last journey")
        assert found["lifecycle_recall", soon] == found["lifecycle_f1", soon] == 0
        difference = found["lifecycle_f1_difference", parts(days=30, judgement="journey", rival="last journey")]
        assert difference == pytest.approx(2 / 3)

    def test_scores(self, lives: Path) -> None:
        """Of the journeys that are not continued within 30 days, music alone is more recent than climbing."""
        found = values(lives / "out")
        assert found["lifecycle_auc", parts(days=30, judgement="journey", score="recency")] == pytest.approx(2 / 3)
        # Sizes are 6 for climbing; 8, 5 and 7 for the others.
        assert found["lifecycle_auc", parts(days=30, judgement="journey", score="size")] == pytest.approx(1 / 3)

    def test_recurrence(self, lives: Path) -> None:
        """Climbing was active in four months, with 2, 1, 2 and 1 days: 3.6 effective ones."""
        found = values(lives / "out")
        returned = {
            (stage, recurrence): found.get(("lifecycle_returned", parts(recurrence=recurrence, stage=stage)))
            for stage in ("ongoing", "ended")
            for recurrence in ("evergreen", "situational")
        }
        assert returned == {
            ("ongoing", "evergreen"): 1,
            ("ongoing", "situational"): FAITHFUL / USERS,
            ("ended", "evergreen"): None,
            ("ended", "situational"): 0,
        }

    def test_lists_of_three(self, lives: Path) -> None:
        """By recency: music, climbing, orchids. By size: bread, orchids, climbing."""
        found = values(lives / "out")
        covered = {
            order: found["lifecycle_coverage", parts(covered="journeys", length=3, order=order)]
            for order in ("recency", "size", "importance, diverse")
        }
        by_size = (FAITHFUL / 2 + USERS - FAITHFUL) / USERS
        assert covered == {"recency": 1, "size": pytest.approx(by_size), "importance, diverse": 1}
        gain = found["lifecycle_coverage_difference", parts(covered="journeys", length=3, rival="size")]
        assert gain == pytest.approx(1 - by_size)
        assert ("lifecycle_coverage", parts(covered="journeys", length=5, order="size")) not in found

    def test_lists_cover_clusters(self, lives: Path) -> None:
        """Chess, which all consume after the date, is in no list; climbing and music are in that by recency."""
        topics: dict[object, set[int]] = {}
        for row in rows(lives / "tree", ITEM_CLUSTERS):
            topics.setdefault(row["cluster_ids"][-1], set()).add(int(str(row["item_id"])[1:]) % 6)  # type: ignore[index]
        assert sorted(map(len, topics.values())) == [1] * 6
        found = values(lives / "out")
        recency = found["lifecycle_coverage", parts(covered="clusters", length=3, order="recency")]
        assert recency == pytest.approx((FAITHFUL * 2 / 3 + (USERS - FAITHFUL) / 2) / USERS)

    def test_the_page_and_the_manifest(self, lives: Path) -> None:
        page = (lives / "page.md").read_text(encoding="utf-8")
        assert f"{JOURNEYS} journeys of {USERS} users, formed from {DATE} days before the date" in page
        assert "### Recurrence: which journeys come back?" in page
        assert manifest(lives / "out", METRICS).configuration["lifecycle"]["future_days"] == 90

    def test_nothing_is_continued_after_a_later_date(self, lives: Path) -> None:
        evaluate_lifecycle(lives, "later", "--future_days=30")
        found = values(lives / "later")
        assert found["lifecycle_past_days", parts()] == pytest.approx(DATE + 60)
        assert found["lifecycle_continued", parts(days=30, judgement="journey")] == 0
        assert found["lifecycle_recall", parts(days=30, judgement="journey", rule="30 days")] == 0
        assert not [of for metric, of in found if metric == "lifecycle_auc" or ("days", "90") in of]

    def test_two_runs_give_the_same_bytes(self, lives: Path) -> None:
        evaluate_lifecycle(lives, "again")
        assert content(lives / "again", METRICS) == content(lives / "out", METRICS)

    def test_a_log_without_a_journey_before_the_date(self, lives: Path) -> None:
        printed = evaluate_lifecycle(lives, "none", "--future_days=199", code=1)
        assert "no user has a journey 199 days before the end of the log" in " ".join(printed.split())


SIZE, MIXTURES = 8, 12
MIXING = (
    "--suites=confidence",
    "--collections_per_mixture=2",
    f"--mixtures_per_k={MIXTURES}",
    f"--min_collection_items={SIZE}",
    f"--max_collection_items={SIZE}",
    "--noise_fractions=0",
)


SOURCES = {"forum g": WORDS[:3], "forum a": WORDS[3:]}
"""Two sources, one in each half, with topics of their own."""


def collections(each_topic: int) -> pa.Table:
    """Collections of eight items; two of one topic are one journey in a mixture."""
    described = [
        {
            "source": source,
            "name": f"{words} {number} {source}",
            "item_titles": [f"{words} {number * SIZE + item}" for item in range(SIZE)],
            "item_descriptions": None,
            "licence": "CC0",
        }
        for source, topics in SOURCES.items()
        for words in topics
        for number in range(each_topic)
    ]
    return pa.Table.from_pylist(described)


def evaluate_confidence(folder: Path, collections: pa.Table, *options: str, code: int = 0) -> str:
    write(folder, {"collections.parquet": collections})
    read = (f"--collections={folder / 'collections.parquet'}", f"--workspace={folder / 'out'}")
    return run(EvaluateJob, *MIXING, *read, *options, code=code)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the experiment `confidence`, on two collections of each topic: `out` and `page.md`."""
    folder = tmp_path_factory.mktemp("mixed")
    evaluate_confidence(folder, collections(2), "--encoder=static", f"--report={folder / 'page.md'}")
    return folder


@pytest.mark.parametrize("kind", ["vectors", "terms"])
class TestConfidence:
    def test_items_that_belong(self, mixed: Path, kind: str) -> None:
        """A mixture is two journeys of one collection each, or one journey of two, of which half belongs to it."""
        found = values(mixed / "out")
        fitted, held_out = (
            found["confidence_journeys", parts(features=kind, half=half)] for half in ("fitted", "held out")
        )
        assert MIXTURES < fitted < 2 * MIXTURES
        assert MIXTURES < held_out < 2 * MIXTURES
        belongs = held_out / (2 * MIXTURES)
        assert found["confidence_belongs", parts(features=kind)] == pytest.approx(belongs)
        constant = fitted / (2 * MIXTURES)
        loss = -(belongs * math.log(constant) + (1 - belongs) * math.log(1 - constant))
        assert found["confidence_log_loss", parts(features=kind, model="constant")] == pytest.approx(loss)

    def test_order_of_journeys(self, mixed: Path, kind: str) -> None:
        """Pure journeys have half the size of the others, which the fitted model finds; a constant has no order."""
        found = values(mixed / "out")
        areas = {
            model: found["confidence_auc", parts(features=kind, of="journeys", model=model)]
            for model in ("fitted here", "constant")
        }
        assert areas == {"fitted here": 1, "constant": 0.5}
        losses = {
            model: found["confidence_log_loss", parts(features=kind, model=model)]
            for model in ("fitted here", "constant")
        }
        assert losses["fitted here"] < losses["constant"]

    def test_the_model_of_the_package_is_measured(self, mixed: Path, kind: str) -> None:
        found = values(mixed / "out")
        shipped = [found["confidence_coefficient", parts(features=kind, model="shipped", name=name)] for name in NAMES]
        assert shipped == pytest.approx(list(MODELS[kind]))  # type: ignore[index]
        bins = [float(value) for (metric, of), value in found.items() if metric == "confidence_curve_observed"]
        assert all(0 <= each <= 1 for each in bins)
        page = (mixed / "page.md").read_text(encoding="utf-8")
        assert f"Journeys by {kind}: " in page
        assert "### Calibration of the shipped model" in page


def test_without_an_encoder_journeys_by_terms_are_measured(mixed: Path, tmp_path: Path) -> None:
    evaluate_confidence(tmp_path, collections(2))
    found, whole = values(tmp_path / "out"), values(mixed / "out")
    measured = {key: value for key, value in found.items() if key[0].startswith("confidence_")}
    assert measured
    by_terms = {key: value for key, value in whole.items() if ("features", "terms") in key[1]}
    assert measured == by_terms


def test_pure_mixtures_fit_no_model(tmp_path: Path) -> None:
    printed = evaluate_confidence(tmp_path, collections(1), code=1)
    assert "nothing can be fitted; nothing was committed" in " ".join(printed.split())
    assert not (tmp_path / "out" / METRICS.name).exists()


def test_collections_of_one_half(tmp_path: Path) -> None:
    table = collections(2)
    printed = evaluate_confidence(tmp_path, table.filter(pc.equal(table["source"], "forum a")), code=1)
    assert "there are 0 and 0, in each half of the sources; nothing was committed" in " ".join(printed.split())
