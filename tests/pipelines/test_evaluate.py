"""The real command on small collections, on a log with tags and on journeys; and what it says when it cannot run."""

import contextlib
import dataclasses
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipelines.common.command_line import parse_command_line
from pipelines.common.run import run_job
from pipelines.evaluate import job as evaluate_job
from pipelines.evaluate.job import EvaluateJob
from schemas import EMBEDDINGS, ERRORS, METRICS, TIMESTAMP
from schemas.metric_slice import parse_slice
from tests.pipelines.logs import ITEMS as PLAIN_ITEMS
from tests.pipelines.logs import LOG, TOPICS, content, extract, manifest, rows, write
from tests.transforms.encoders.fake_encoder import ToySource
from tests.transforms.interest.synthetic import world
from tests.transforms.salience.topic_catalogue import TopicSource, rows_of_items
from transforms.evaluation.experiments.conformity.scoring import RULES
from transforms.evaluation.experiments.separation.experiment import Separation
from transforms.evaluation.registry import experiments
from transforms.extras import INSTALL_ENCODER, INSTALL_EVALUATION, INSTALL_REPORT

SIZE = 12
FEW = (
    "--collections_per_mixture=2,3",
    "--mixtures_per_k=6",
    "--min_collection_items=5",
    "--max_collection_items=8",
    "--runner=FnApiRunner",
)
JOURNEYS_PER_USER = ("statistics_journeys_per_user", "method=ICPC/statistic=mean")
WORDS = ("rope", "oven", "filter", "root", "queen", "engine")


def made_collections() -> pa.Table:
    """Two collections on each topic, of three sources; one source has more than the others, and one row is bad."""
    described = [
        (
            f"source {number % 3}",
            f"{TOPICS[number % 6]} {number}",
            [f"{TOPICS[number % 6]} {WORDS[item % 6]} {number} {item}" for item in range(SIZE)],
            [f"about {TOPICS[number % 6]}" if item % 2 else "" for item in range(SIZE)],
        )
        for number in range(12)
    ]
    described += [
        ("big", f"big {number}", [f"big thing {number} {item}" for item in range(SIZE)], None) for number in range(5)
    ]
    described.append(("bad", "bad", ["a", "b"], ["only one"]))
    names = ("source", "name", "item_titles", "item_descriptions")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in described])
    return table.append_column("licence", pa.array(["CC0"] * table.num_rows))


COLLECTIONS = made_collections()


@dataclasses.dataclass(frozen=True)
class Toy(ToySource):
    def __str__(self) -> str:
        return "some/folder/toy"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that a test leaves to their defaults lie in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """An encoder that the command takes for the one that `--encoder` names."""
    source = Toy(tmp_path)
    monkeypatch.setattr(evaluate_job, "resolve_encoder", lambda _option, _name: source)
    return source


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("in"), {"collections.parquet": COLLECTIONS}) / "collections.parquet"


def evaluate(*options: str) -> str:
    """Runs the command, which must succeed; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(EvaluateJob, [*FEW, "--max_error_rate=0.2", *options]) == 0
    return printed.getvalue()


def values(workspace: Path) -> dict[tuple[str, str], float]:
    return {(str(row["metric"]), str(row["slice"])): float(str(row["value"])) for row in rows(workspace, METRICS)}


def methods(metric_values: dict[tuple[str, str], float]) -> set[str]:
    return {parse_slice(slice_)["method"] for metric, slice_ in metric_values if metric == "separation_f1"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, collections: Path) -> tuple[Path, str]:
    """The workspace of a run without an encoder, with its page, and what it printed."""
    folder = tmp_path_factory.mktemp("plain")
    options = ["--max_collections_per_source=4", f"--workspace={folder / 'out'}", f"--report={folder / 'page.md'}"]
    return folder, evaluate(f"--collections={collections}", *options)


class TestSeparation:
    def test_metric_values(self, plain: tuple[Path, str]) -> None:
        workspace = plain[0] / "out"
        metric_values = values(workspace)
        assert methods(metric_values) == {"ICPC, statistical terms", "co-occurrence"}
        assert metric_values["separation_f1", "method=ICPC, statistical terms/k=all"] > 0.7
        assert metric_values["collections_read", ""] == 18
        assert metric_values["collections", ""] == 12
        assert metric_values["collections_left_out", ""] == 5
        assert metric_values["sources", ""] == 3
        assert metric_values["items", ""] == 12 * SIZE > metric_values["items_mixed", ""] > 0
        assert {row["pipeline"] for row in rows(workspace, METRICS)} == {"evaluate"}
        assert [row["reason"] for row in rows(workspace, ERRORS)] == [
            "item_titles_and_item_descriptions_differ_in_length"
        ]
        assert not (workspace / EMBEDDINGS.name).exists()

    def test_the_manifest_has_the_configuration(self, plain: tuple[Path, str]) -> None:
        configuration = manifest(plain[0] / "out", METRICS).configuration
        assert configuration["suites"] == ["separation"]
        assert configuration["separation"]["mixtures"]["collections_per_mixture"] == [2, 3]
        assert configuration["separation"]["mixtures"]["max_collections_per_source"] == 4
        assert configuration["encoder"] == ""
        assert len(configuration["separation"]["algorithms"]["co-occurrence"]) > 1

    def test_the_screen(self, plain: tuple[Path, str]) -> None:
        reported = plain[1]
        (line,) = re.findall(r"^ *ICPC, statistical.*$", reported, re.MULTILINE)
        assert len(re.findall(r"(?<![\d.–])[01]\.\d{3}(?![\d–])", line)) > 4
        assert "…" not in reported
        assert f"Written to {plain[0] / 'out'}: metrics, errors\n" in reported
        assert "<sub>" not in reported
        assert "**" not in reported

    def test_the_page(self, plain: tuple[Path, str]) -> None:
        page = (plain[0] / "page.md").read_text(encoding="utf-8")
        assert page.startswith("# Evaluation\n")
        assert "6 of each 2 and 3 collections without a common item, from 12 collections of 3 sources" in page
        assert "- Left out: 5 collections of sources with more than 4.\n" in page
        assert "- Vectors: none.\n" in page
        (curve,) = re.findall(r"^\| ICPC, statistical terms \| (\*\*.*\*\* \| 0\.0005: .*) \|$", page, re.MULTILINE)
        assert curve.count("**") == 2
        assert len(curve.split(" · ")) == 12
        assert "## Statistics" not in page

    @pytest.mark.parametrize(
        "options",
        [
            ("--runner=DirectRunner",),
            ("--direct_num_workers=2", "--direct_running_mode=multi_processing"),
        ],
        ids=["DirectRunner", "two processes"],
    )
    def test_same_bytes_whoever_computes_and_in_whatever_order(
        self, tmp_path: Path, plain: tuple[Path, str], options: tuple[str, ...]
    ) -> None:
        shuffled = COLLECTIONS.take(np.random.default_rng(3).permutation(COLLECTIONS.num_rows))
        folder = write(tmp_path / "in", {"a.parquet": shuffled.slice(0, 7), "b.parquet": shuffled.slice(7)})
        evaluate(f"--collections={folder}", "--max_collections_per_source=4", *options)
        assert content(tmp_path / "evaluation", METRICS) == content(plain[0] / "out", METRICS)

    def test_methods_thresholds_and_stability_can_be_requested(self, collections: Path, tmp_path: Path) -> None:
        evaluate(
            f"--collections={collections}",
            "--algorithms=icpc",
            "--fixed_thresholds=ICPC, statistical terms=0.04",
            "--measure_stability",
        )
        metric_values = values(tmp_path / "evaluation")
        assert methods(metric_values) == {"ICPC, statistical terms"}
        assert metric_values["separation_fixed_threshold", "method=ICPC, statistical terms"] == 0.04
        assert 0 < metric_values["separation_stability", "method=ICPC, statistical terms/k=all"] <= 1

    def test_a_log_with_tags(self, tmp_path: Path) -> None:
        """Each user consumed all items of all tags: a user's items of one topic are a collection."""
        items = pa.table(
            {
                "item_id": [f"i{number:03}" for number in range(72)] + ["i000"],
                "title": [f"{TOPICS[number % 6]} {number}" for number in range(72)] + ["zzz"],
                "tags": [[TOPICS[number % 6], "more"] for number in range(72)] + [["again"]],
            }
        )
        log = pa.table(
            {
                "user_id": [f"u{number % 2}" for number in range(72)] + ["u0"],
                "item_id": [f"i{number:03}" for number in range(72)] + ["nowhere"],
                "timestamp": pa.array(range(10**15, 10**15 + 73), pa.timestamp("us", "UTC")),
            }
        )
        folder = write(tmp_path / "in", {"log.parquet": log, "items.parquet": items})
        evaluate(
            f"--interactions={folder / 'log.parquet'}",
            f"--items={folder / 'items.parquet'}",
            "--collections_per_mixture=2",
        )
        metric_values = values(tmp_path / "evaluation")
        assert metric_values["collections", ""] == 6  # of even numbers and of odd ones: three topics for each user
        assert metric_values["items_invalid", "duplicate_item"] == 1
        assert metric_values["separation_recall", "method=ICPC, statistical terms/k=all"] > 0.8


class TestEncoder:
    def test_vectors_are_made_kept_and_used_again(self, collections: Path, tmp_path: Path, toy: Toy) -> None:
        reported = evaluate(f"--collections={collections}", "--encoder=toy")
        first = tmp_path / "evaluation"
        metric_values = values(first)
        assert {
            "one pass, toy",
            "Ward, toy",
            "average linkage, toy",
            "HDBSCAN, toy",
            "k-means with oracle k, toy",
        } < methods(metric_values)
        assert not any(method.startswith("global") for method in methods(metric_values))
        assert metric_values["texts_encoded", ""] == metric_values["items_mixed", ""] == len(rows(first, EMBEDDINGS))
        assert "metrics, errors, embeddings" in reported
        assert manifest(first, METRICS).configuration["encoder_fingerprint"] == "toy"

        calls = toy.calls()
        evaluate(f"--collections={collections}", "--encoder=toy", f"--previous={first}", "--workspace=second")
        again = values(tmp_path / "second")
        assert toy.calls() == calls
        assert again["texts_reused", ""] == metric_values["texts_encoded", ""]
        assert content(tmp_path / "second", EMBEDDINGS) == content(first, EMBEDDINGS)
        scores = {name: value for name, value in metric_values.items() if name[0].startswith("separation_")}
        assert scores == {name: value for name, value in again.items() if name[0].startswith("separation_")}

    def test_slow_methods_run_on_request_only(self, collections: Path, tmp_path: Path, toy: Toy) -> None:
        evaluate(f"--collections={collections}", "--encoder=toy", "--algorithms=global;k-means")
        assert methods(values(tmp_path / "evaluation")) == {"global agglomerative, toy", "k-means with oracle k, toy"}


class TestSalience:
    @pytest.fixture(autouse=True)
    @staticmethod
    def _topics(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(evaluate_job, "resolve_encoder", lambda _option, _name: TopicSource())

    def test_hidden_tags(self, tmp_path: Path) -> None:
        catalogue = pa.Table.from_pylist([row | {"description": None} for row in rows_of_items(400)])
        folder = write(tmp_path / "in", {"items.parquet": catalogue})
        options = ("--suites=salience", f"--items={folder}", "--encoder=topics", "--report=page.md")
        reported = evaluate(*options, "--max_items=350", "--workspace=out")
        metric_values = values(tmp_path / "out")
        assert metric_values["salience_auc", "scorer=statistical"] == 0.5
        assert metric_values["salience_auc", "scorer=learned, default model"] > 0.9
        assert metric_values["salience_items", ""] == 350
        assert metric_values["texts_encoded", ""] == len(rows(tmp_path / "out", EMBEDDINGS))
        assert "learned, default model" in reported
        assert "…" not in reported
        assert "## Salience: hidden tags" in (tmp_path / "page.md").read_text(encoding="utf-8")
        again = evaluate(*options, "--max_items=350", "--workspace=again", "--previous=out")
        assert again.splitlines()[1:-2] == reported.splitlines()[1:-2]
        assert values(tmp_path / "again")["texts_encoded", ""] == 0
        assert content(tmp_path / "again", EMBEDDINGS) == content(tmp_path / "out", EMBEDDINGS)

    def test_too_few_tags(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write(tmp_path / "in", {"items.parquet": pa.Table.from_pylist(rows_of_items(20, tagged=0.0))})
        assert (
            run_job(EvaluateJob, ["--suites=salience", f"--items={folder}", "--encoder=topics", "--runner=FnApiRunner"])
            == 1
        )
        assert "no item has a tag" in capsys.readouterr().err
        assert not (tmp_path / "evaluation" / METRICS.name / "_manifest.json").exists()

    def test_synonyms(self, tmp_path: Path) -> None:
        words = ("garden", "boat", "photo", "song", "puzzle", "house")
        described = [
            {"source": "s", "name": f"{number}", "item_titles": [f"{words[number % 6]} {number} {i}" for i in range(9)]}
            for number in range(12)
        ]
        folder = write(tmp_path / "in", {"collections.parquet": pa.Table.from_pylist(described)})
        reported = evaluate("--suites=synonyms", f"--collections={folder}", "--encoder=topics", "--report=page.md")
        metric_values = values(tmp_path / "evaluation")
        assert metric_values["synonyms_collections", ""] == 12
        assert metric_values["synonyms_drop", "method=ICPC, statistical terms/items=changed"] > 0
        assert metric_values["texts_encoded", ""] == 108 + metric_values["synonyms_items_changed", ""]
        assert "Synonyms: replaced key words" in reported
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "12 collections that have one of 6 key words" in page
        assert "fraction of the literal drop" in page


class TestInterest:
    def test_conformity(self, tmp_path: Path) -> None:
        described = [
            {
                "source": "s",
                "name": f"{n}",
                "item_titles": [f"{TOPICS[n % 6]} {WORDS[n % 6]} {n} {i}" for i in range(24)],
            }
            for n in range(12)
        ]
        folder = write(tmp_path / "in", {"collections.parquet": pa.Table.from_pylist(described)})
        options = (f"--collections={folder}", "--max_collections=8", "--popular_fraction=0.5", "--report=page.md")
        reported = evaluate("--suites=conformity", *options)
        metric_values = values(tmp_path / "evaluation")
        method = "scenario=noise/method=ICPC, statistical terms"
        f1 = {rule: metric_values["conformity_f1", f"{method}/rule={rule}"] for rule in RULES}
        assert f1["oracle"] > f1["none"]
        assert metric_values["conformity_mixtures", "scenario=noise"] == 12
        assert "Conformity: injected popular items" in reported
        assert not (tmp_path / "evaluation" / EMBEDDINGS.name).exists()
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "## Conformity: injected popular items" in page
        assert "genuine popular removed" in page
        assert manifest(tmp_path / "evaluation", METRICS).configuration["conformity"]["popular_fraction"] == 0.5

    def test_conformity_by_vectors(self, toy: Toy, tmp_path: Path) -> None:
        described = [
            {"source": "s", "name": f"{n}", "item_titles": [f"{TOPICS[n % 6]} {n} {i}" for i in range(24)]}
            for n in range(12)
        ]
        folder = write(tmp_path / "in", {"collections.parquet": pa.Table.from_pylist(described)})
        options = ("--suites=conformity", f"--collections={folder}", f"--encoder={toy}", "--max_collections=8")
        evaluate(*options, "--workspace=out")
        metric_values = values(tmp_path / "out")
        assert (
            "conformity_f1",
            "scenario=shared interest/method=ICPC with refinement, toy/rule=interest",
        ) in metric_values
        assert metric_values["texts_encoded", ""] == len(rows(tmp_path / "out", EMBEDDINGS)) > 0
        evaluate(*options, "--workspace=again", "--previous=out")
        assert values(tmp_path / "again")["texts_encoded", ""] == 0

    def test_intervention(self, tmp_path: Path) -> None:
        pairs = world()
        log = pa.table(
            {
                "user_id": [str(user) for user in pairs.users],
                "item_id": [str(item) for item in pairs.items],
                "timestamp": pa.array(range(10**15, 10**15 + len(pairs.items)), TIMESTAMP),
            }
        )
        folder = write(tmp_path / "in", {"a.parquet": log.slice(0, 500), "b.parquet": log.slice(500)})
        reported = evaluate("--suites=intervention", f"--interactions={folder}", "--report=page.md")
        metric_values = values(tmp_path / "evaluation")
        assert metric_values["intervention_users", ""] == len(pairs.offsets) - 1
        recall = {
            name: metric_values["intervention_recall", f"recommender={name}/test_set=intervened"]
            for name in ("DICE", "most popular")
        }
        assert recall["DICE"] > recall["most popular"]
        assert "Intervention: a test set without popularity bias" in reported
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "## Intervention: " in page
        assert "popularity overlap" in page

    def test_too_small_a_log(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write(tmp_path / "in", {"log.parquet": LOG.slice(0, 9)})
        assert run_job(EvaluateJob, ["--suites=intervention", f"--interactions={folder}", "--runner=FnApiRunner"]) == 1
        assert "lists of 20 items need at least 40" in capsys.readouterr().err.replace("\n", " ")


class TestDistributions:
    @pytest.fixture(scope="class")
    @classmethod
    def journeys(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = write(tmp_path_factory.mktemp("log"), {"log.parquet": LOG, "items.parquet": PLAIN_ITEMS})
        with contextlib.redirect_stdout(io.StringIO()):
            assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet") == 0
        return folder / "out"

    def test_metrics_and_page(self, journeys: Path, tmp_path: Path) -> None:
        reported = evaluate("--suites=statistics", f"--journeys={journeys}", "--report=page.md")
        metric_values = values(tmp_path / "evaluation")
        extracted = values(journeys)
        assert metric_values[JOURNEYS_PER_USER] == extracted["journeys", ""] / extracted["users", ""]
        assert "Statistics: journeys of users" in reported
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "8 users, including those without journeys." in page
        assert "## Separation" not in page

    def test_both_experiments_in_one_run(self, journeys: Path, collections: Path, tmp_path: Path) -> None:
        inputs = (f"--journeys={journeys}", f"--collections={collections}")
        evaluate("--suites=separation,statistics", *inputs, "--algorithms=ICPC")
        metric_values = values(tmp_path / "evaluation")
        assert ("statistics_fraction_of_users", "method=ICPC/journeys=1-3") in metric_values
        assert ("separation_f1", "method=ICPC, statistical terms/k=all") in metric_values
        assert set(manifest(tmp_path / "evaluation", METRICS).inputs) == {"journeys", "collections"}

    def test_a_workspace_of_extract_is_not_written_over(
        self, journeys: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_job(EvaluateJob, ["--suites=statistics", f"--journeys={journeys}", f"--workspace={journeys}"]) == 2
        assert "has journeys, whose metrics and errors would be replaced" in capsys.readouterr().err


class TestSweep:
    @pytest.fixture(scope="class")
    @classmethod
    def journeys(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = write(tmp_path_factory.mktemp("log"), {"log.parquet": LOG, "items.parquet": PLAIN_ITEMS})
        with contextlib.redirect_stdout(io.StringIO()):
            assert (
                extract(
                    folder / "out", folder / "log.parquet", folder / "items.parquet", "--cluster_by=terms", "--sweep"
                )
                == 0
            )
        return folder / "out"

    def test_metrics_and_screen(self, journeys: Path, tmp_path: Path) -> None:
        reported = evaluate("--suites=statistics,granularity", f"--journeys={journeys}")
        found, extracted = values(tmp_path / "evaluation"), values(journeys)
        at_default = ("sweep_journeys_per_user", "threshold=0.01/min_size=3")
        assert found[at_default] == extracted[at_default] == found[JOURNEYS_PER_USER]
        assert {name for name in found if name[0].startswith("sweep_")} == {
            name for name in extracted if name[0].startswith("sweep_")
        }
        assert "At the minimum size 3" in reported
        assert set(manifest(tmp_path / "evaluation", METRICS).inputs) == {"journeys", "metrics"}

    def test_the_page_and_its_picture(self, journeys: Path, tmp_path: Path) -> None:
        evaluate("--suites=granularity", f"--journeys={journeys}", "--report=page.md")
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "(page.svg)" in page
        assert "### At the minimum size 3" in page
        assert (tmp_path / "page.svg").read_text(encoding="utf-8").startswith("<?xml")

    def test_packages_that_draw_are_named(
        self, journeys: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "matplotlib" else object())
        assert run_job(EvaluateJob, ["--suites=granularity", f"--journeys={journeys}", "--report=page.md"]) == 2
        reported = capsys.readouterr().err
        assert f"granularity has plots, which need matplotlib: {INSTALL_REPORT}" in reported

    def test_what_is_not_allowed_is_reported(
        self, journeys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        folder = write(tmp_path / "in", {"log.parquet": LOG, "items.parquet": PLAIN_ITEMS})
        assert extract(tmp_path / "plain", folder / "log.parquet", folder / "items.parquet") == 0
        for options, message in (
            ([f"--journeys={tmp_path / 'plain'}"], "has no sweep: run extract with --sweep"),
            ([f"--journeys={tmp_path / 'in'}"], "--journeys: no such file or folder"),
            ([f"--journeys={journeys}", "--report=a.svg"], "--report must not end in .svg, the suffix of the plots"),
            ([], "granularity needs --journeys: Workspace that `extract` wrote."),
        ):
            assert run_job(EvaluateJob, ["--suites=granularity", *options]) == 2
            assert message in capsys.readouterr().err


class TestUsage:
    COLLECTIONS = ("--collections=in.parquet",)

    @pytest.fixture(autouse=True)
    @staticmethod
    def _inputs(_elsewhere: None, tmp_path: Path) -> None:
        write(tmp_path, {"in.parquet": COLLECTIONS})

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                ("--suites=E3",),
                f"--suites must be some of {', '.join(experiments())}, got 'E3'",
            ),
            (
                ("--suites=",),
                f"--suites must be some of {', '.join(experiments())}, got ''",
            ),
            (("--suites=salience",), "salience needs --items"),
            (("--suites=salience", "--items=in.parquet"), "salience needs --encoder"),
            (("--suites=conformity",), "conformity needs --collections"),
            (("--suites=intervention",), "intervention needs --interactions"),
            (("--suites=conformity,separation", *COLLECTIONS), "conformity runs alone"),
            ((*COLLECTIONS, "--popular_fraction=0"), "argument --popular_fraction: must be a number in (0, 1]"),
            (("--suites=synonyms", "--encoder=minilm"), "synonyms needs --collections"),
            (("--suites=synonyms,separation", *COLLECTIONS), "synonyms runs alone, without other --suites"),
            (
                ("--suites=salience", *COLLECTIONS),
                "--collections is for separation, confidence, synonyms, conformity; none",
            ),
            ((), "separation needs either --collections, or --interactions and --items"),
            ((*COLLECTIONS, "--interactions=a", "--items=b"), "separation needs either --collections, or"),
            (("--interactions=a",), "separation needs --interactions and --items together"),
            (("--suites=statistics",), "statistics needs --journeys"),
            (
                ("--journeys=x", *COLLECTIONS),
                "--journeys is for statistics, granularity, naming; none of them",
            ),
            (("--suites=statistics", "--journeys=x", *COLLECTIONS), "--collections is for separation"),
            (("--suites=statistics", "--journeys=nowhere"), "--journeys: no such file or folder"),
            (("--collections=nowhere",), "--collections: no such file or folder"),
            ((*COLLECTIONS, "--encoder=mini"), "--encoder: no encoder 'mini'; allowed are 'static'"),
            ((*COLLECTIONS, "--previous=x"), "--previous is reused for its embeddings: give the --encoder too"),
            (
                (*COLLECTIONS, "--collections_per_mixture=2,2"),
                "argument --collections_per_mixture: must be distinct values with commas between them, got '2,2'",
            ),
            (
                (*COLLECTIONS, "--collections_per_mixture=0"),
                "argument --collections_per_mixture: must be a whole number, at least 1, got '0'",
            ),
            ((*COLLECTIONS, "--max_collection_items=5"), "--max_collection_items must be at least 8, got 5"),
            ((*COLLECTIONS, "--algorithms=Ward"), "--algorithms: 'Ward' needs vectors: give --encoder"),
            (
                (*COLLECTIONS, "--algorithms=Word"),
                "--algorithms: 'Word' is not one of ICPC, statistical terms; co-occ",
            ),
            ((*COLLECTIONS, "--fixed_thresholds=0.1"), "must be ALGORITHM=VALUE;..., got '0.1'"),
            ((*COLLECTIONS, "--fixed_thresholds=ICPC=0.1"), "--fixed_thresholds: 'ICPC' is not one of ICPC, stat"),
            ((*COLLECTIONS, "--fixed_thresholds=ICPC=x"), "must be a number after '=', got 'x'"),
            ((*COLLECTIONS, "--fixed_thresholds=ICPC=0"), "a threshold must not be 0, got 'ICPC=0'"),
            ((*COLLECTIONS, "--report=nowhere/page.md"), "--report must be a file in a folder of this machine"),
            ((*COLLECTIONS, "--tresholds=1"), "unknown option --tresholds"),
        ],
    )
    def test_what_is_not_allowed_is_reported(
        self, capsys: pytest.CaptureFixture[str], options: Sequence[str], message: str
    ) -> None:
        assert run_job(EvaluateJob, options) == 2
        reported = capsys.readouterr().err
        assert reported.startswith("evaluate: ")
        assert message in reported
        assert len(reported.splitlines()) == 1

    @pytest.mark.parametrize(
        ("options", "missing", "message"),
        [
            (
                ("--encoder=minilm",),
                "torch",
                f"--encoder: 'minilm' needs torch: {INSTALL_ENCODER}",
            ),
            ((), "scipy", f"separation needs scipy: {INSTALL_EVALUATION}"),
        ],
    )
    def test_missing_packages_are_named(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        options: tuple[str, ...],
        missing: str,
        message: str,
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
        assert run_job(EvaluateJob, [*self.COLLECTIONS, *options]) == 2
        assert message in capsys.readouterr().err

    def test_too_few_collections_are_reported_with_what_was_unusable(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert (
            run_job(EvaluateJob, [*FEW, *self.COLLECTIONS, "--min_collection_items=13", "--max_collection_items=20"])
            == 1
        )
        reported = capsys.readouterr().err
        assert "a mixture of k=2 needs 2 collections of at least 13 items" in reported
        assert "item_titles_and_item_descriptions_differ_in_length: " in reported
        assert "in.parquet, row 17" in reported

    def test_too_many_bad_rows_commit_nothing(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run_job(EvaluateJob, [*FEW, *self.COLLECTIONS, "--algorithms=ICPC", "--max_error_rate=0.01"]) == 1
        assert "1 of 18 rows of collections are invalid" in capsys.readouterr().err
        assert not list((tmp_path / "evaluation").glob("*/_manifest.json"))

    def test_beam_has_its_own_experiments(self) -> None:
        args, beam = parse_command_line(EvaluateJob, [*self.COLLECTIONS, "--suites=separation", "--experiments=a"])
        assert args.suites == ("separation",)
        assert "workspace" not in beam.get_all_options()
        assert beam.get_all_options()["experiments"] == ["a"]

    def test_the_job_of_a_command_line(self, tmp_path: Path) -> None:
        job = EvaluateJob.from_options(parse_command_line(EvaluateJob, self.COLLECTIONS)[0])
        (separation,) = job.experiments
        assert isinstance(separation, Separation)
        assert job.workspace == str(tmp_path / "evaluation")
        assert separation.config.mixtures.collections_per_mixture == (2, 3, 5)
        assert separation.config.mixtures.mixtures_per_k == 200
        assert job.encoder is None
        assert list(job.sources) == ["collections"]
