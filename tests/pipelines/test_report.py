"""`report` from end to end: the page has the numbers of the datasets, and titles of any kind do no harm."""

import html.parser
import json
import math
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pipelines.report.job import ReportJob
from pipelines.report.overview import training_charts
from pipelines.report.reading import sample_of_groups
from schemas import CLUSTERS, ERRORS, JOURNEYS, LIFECYCLES, LOOKUP, METRICS, RECOMMENDATIONS
from tests.pipelines.logs import rows
from tests.pipelines.page_workspace import ARABIC, EMOJI, LONG, SCRIPT, write_report, write_workspaces
from tests.pipelines.topics import USERS, run


class Document(html.parser.HTMLParser):
    """The elements of a page by section, with the text and the exact values inside of each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.section = ""
        self.article = ""
        self.tags: list[str] = []
        self.values: dict[str, list[float]] = {}
        self.texts: list[tuple[str, str, str]] = []
        self.scripts: dict[str, str] = {}
        self._script = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag == "section":
            self.section = str(attributes["id"])
        if tag == "article":
            self.article = str(attributes["id"])
        if tag == "data":
            self.values.setdefault(self.section, []).append(float(str(attributes["value"])))
        self._script = str(attributes.get("id", "")) if tag == "script" else ""

    def handle_endtag(self, tag: str) -> None:
        self._script = ""

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[self._script] = data
        elif data.strip():
            self.texts.append((self.section, self.article, data.strip()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_workspaces(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def text(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(folder, tmp_path_factory.mktemp("page") / "page.html", f"--users={USERS}", "--map_journeys=50")


@pytest.fixture(scope="module")
def document(text: str) -> Document:
    return Document(text)


def test_all_metrics_are_those_of_the_datasets(folder: Path, document: Document) -> None:
    found = [
        row
        for workspace in ("journeys", "out", "lists")
        for row in rows(folder / workspace, METRICS)
        if not (str(row["metric"]).startswith("sweep_") and row["slice"])
    ]
    expected = [row[name] for row in found for name in ("value", "low", "high", "n") if row[name] is not None]
    assert len(expected) > 50
    assert sorted(document.values["metrics"]) == sorted(map(float, expected))  # type: ignore[arg-type]


def test_headline_values_are_metrics_or_numbers_of_rows(folder: Path, document: Document) -> None:
    metrics = {
        row[name]
        for workspace in ("journeys", "out", "lists")
        for row in rows(folder / workspace, METRICS)
        for name in ("value", "low", "high")
    }
    counts = [len(rows(folder / "journeys", JOURNEYS)), USERS, len(rows(folder / "out", LOOKUP))]
    assert set(counts) <= set(document.values["overview"])
    counts += [len(rows(folder / "out", CLUSTERS)), len(rows(folder / "lists", RECOMMENDATIONS))]
    assert set(document.values["overview"]) <= metrics | set(counts)


def test_clusters_have_their_traffic_and_items(folder: Path, document: Document) -> None:
    expected = [row[name] for row in rows(folder / "out", CLUSTERS) for name in ("traffic", "items")]
    assert sorted(document.values["clusters"]) == sorted(map(float, expected))  # type: ignore[arg-type]


def test_the_script_has_the_successors_of_the_lookup_table(folder: Path, document: Document) -> None:
    data = json.loads(document.scripts["table-data"])
    ids, columns = data["ids"], data["columns"]
    assert columns == 6
    expected: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in sorted(rows(folder / "out", LOOKUP), key=lambda row: (str(row["context"]), int(str(row["rank"])))):
        context = str(row["context"]).split()
        if len(context) == 2 and int(str(row["rank"])) <= 5:
            score = round(-1000 * float(str(row["score"])))
            expected.setdefault((context[0], context[1]), []).append((str(row["next"]), score))
    shown = {
        (ids[place // columns], ids[place % columns]): [
            (ids[cell[entry]], cell[entry + 1]) for entry in range(0, len(cell), 2)
        ]
        for place, cell in enumerate(data["cells"])
        if cell
    }
    assert shown == expected


def test_a_user_has_the_journeys_and_the_list_of_the_datasets(folder: Path, document: Document) -> None:
    shown = [text for section, article, text in document.texts if (section, article) == ("users", "user-1")]
    user = shown[0]
    lists = [row for row in rows(folder / "lists", RECOMMENDATIONS) if row["user_id"] == user]
    assert [text for text in shown if text in ("novel", "familiar", "popular")] == [
        row["policy"] for row in sorted(lists, key=lambda row: int(str(row["rank"])))
    ]
    for row in rows(folder / "journeys", JOURNEYS):
        if row["user_id"] == user:
            assert f"{row['first_timestamp']:%Y-%m-%d}" in shown  # type: ignore[str-format]
            assert row["journey_id"] in shown
    context = next(str(row["context"]) for row in lists)
    table = {(row["context"], row["rank"]): float(str(row["score"])) for row in rows(folder / "out", LOOKUP)}
    score = table[context, 1]
    assert score in document.values["users"]
    assert f"{100 * math.exp(score):.1f} %" in shown


def test_texts_of_any_kind_do_no_harm(text: str, document: Document) -> None:
    assert "img" not in document.tags
    assert document.tags.count("script") == 4
    texts = [found for _, _, found in document.texts]
    assert SCRIPT in texts
    assert EMOJI in texts
    assert LONG not in text
    assert any(found.startswith("alpine climbing alpine") and found.endswith("…") for found in texts)
    assert re.search(rf'dir="auto">{ARABIC}<', text)


def test_two_runs_give_the_same_bytes(folder: Path, text: str, tmp_path: Path) -> None:
    assert write_report(folder, tmp_path / "again.html", f"--users={USERS}", "--map_journeys=50") == text


def test_another_seed_gives_other_users(folder: Path, tmp_path: Path) -> None:
    texts = [write_report(folder, tmp_path / f"{seed}.html", "--users=12", f"--seed={seed}") for seed in (0, 1)]
    users = [set(re.findall(r'<option value="user-\d+">(.*?)</option>', each)) for each in texts]
    assert len(users[0]) == len(users[1]) == 12
    assert users[0] != users[1]
    assert "a sample with seed 1" in texts[1]


def test_a_curve_has_the_values_of_the_sweep(folder: Path, document: Document) -> None:
    sweep = {
        row["value"]
        for row in rows(folder / "journeys", METRICS)
        if row["metric"] in ("sweep_journeys_per_user", "sweep_journey_items", "sweep_coverage", "sweep_separation")
    }
    thresholds = {
        float(str(row["slice"]).split("=")[1].split("/")[0])
        for row in rows(folder / "journeys", METRICS)
        if row["metric"] == "sweep_coverage"
    }
    values = document.values["curves"]
    assert len(values) > 20
    assert set(values) <= sweep | thresholds


def test_what_is_missing_is_stated_with_the_command_that_writes_it(folder: Path, tmp_path: Path) -> None:
    workspace = shutil.copytree(folder / "out", tmp_path / "alone")
    shutil.rmtree(workspace / "lookup")
    run(ReportJob, f"--workspace={workspace}", f"--output={tmp_path / 'page.html'}")
    text = html.unescape((tmp_path / "page.html").read_text(encoding="utf-8"))
    for name, job in (("journeys", "extract"), ("journey_names", "name"), ("lookup", "explore")):
        assert re.search(rf"There is no {name} in {workspace}\. It is written by: \S+ -m pipelines\.{job} ", text)
    assert re.search(r"There is no recommendations .* pipelines\.recommend --clusters=", text)
    assert 'id="map-picture"' in text


def test_a_table_of_another_tree_is_stated(folder: Path, tmp_path: Path) -> None:
    workspace = shutil.copytree(folder / "out", tmp_path / "stale")
    manifest = workspace / "lookup" / "_manifest.json"
    fields = json.loads(manifest.read_text(encoding="utf-8"))
    fields["inputs"]["clusters"] = "0" * 64
    manifest.write_text(json.dumps(fields), encoding="utf-8")
    run(ReportJob, f"--workspace={workspace}", f"--output={tmp_path / 'page.html'}")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "lookup was computed from another version of clusters than this page shows." in text


def test_invalid_rows_are_counted_by_reason(folder: Path, document: Document) -> None:
    assert rows(folder / "journeys", ERRORS) == []
    texts = [text for section, _, text in document.texts if section == "errors"]
    assert f"There are no rows of errors in {folder / 'journeys'}." in texts


def test_without_a_catalogue_ids_are_shown(folder: Path, tmp_path: Path) -> None:
    text = write_report(folder, tmp_path / "page.html", "--items=")
    assert "Items are shown by their ids" in text
    assert re.search(r"<bdi dir=\"auto\">i\d\d</bdi>", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--workspace=nowhere",), "no dataset that this version wrote in"),
        (("--users=0",), "--users: must be a whole number in [1, 500], got '0'"),
        (("--tuned_models=nowhere",), "--tuned_models: 'nowhere' has no tuning.json"),
        (("--output=pages/",), "--output must be a file, such as report.html, got 'pages/'"),
        (("--items=nowhere.parquet",), "--items: no such file or folder"),
    ],
)
def test_options_that_cannot_be_carried_out(folder: Path, options: tuple[str, ...], message: str) -> None:
    printed = run(ReportJob, f"--workspace={folder / 'out'}", *options, code=2)
    assert message in " ".join(printed.split())


def test_a_page_that_cannot_be_written_leaves_the_previous_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before", encoding="utf-8")
    printed = run(ReportJob, f"--workspace={folder / 'out'}", f"--output={tmp_path / 'file' / 'page.html'}", code=1)
    assert "report failed: cannot write" in printed
    assert (tmp_path / "file").read_text(encoding="utf-8") == "before"


def test_a_sample_of_groups_has_a_few_members_of_each_in_any_order() -> None:
    table = pa.table({"group": ["a", "b"] * 20, "member": [f"m{number:02}" for number in range(40)]})
    whole = sample_of_groups(table.to_batches(), "group", "member", 3, 0)
    reverse = table.take(pa.array(range(39, -1, -1))).to_batches(max_chunksize=7)
    assert sample_of_groups(reverse, "group", "member", 3, 0) == whole
    assert {name: len(members) for name, members in whole.items()} == {"a": 3, "b": 3}
    of_a = set(table.filter(pc.equal(table["group"], "a"))["member"].to_pylist())
    assert set(whole["a"]) <= of_a


def test_the_life_of_journeys_is_shown_where_it_was_computed(folder: Path, text: str, tmp_path: Path) -> None:
    page = write_report(
        folder, tmp_path / "page.html", f"--lifecycles={folder / 'lives'}", f"--users={USERS}", "--map_journeys=1"
    )
    shown = set(re.findall(r"Id <code>([0-9a-f]{16})</code>", page))
    lives = [row for row in rows(folder / "lives", LIFECYCLES) if row["journey_id"] in shown]
    assert len(shown) > 50
    for name in ("stage", "recurrence"):
        found = re.findall(r'<span class="life (?:ongoing|ended|evergreen|situational)">(\w+)</span>', page)
        for value in {row[name] for row in lives}:
            assert found.count(value) == sum(row[name] == value for row in lives)
    months = [each for row in lives for each in row["periods"]]  # type: ignore[attr-defined]
    assert page.count("<tr><td><time>") == len(months) >= len(shown)
    assert "python -m pipelines.lifecycle" not in page
    assert "python -m pipelines.lifecycle" in text
    assert 'class="life' not in text


def test_curves_of_a_training_have_the_names_of_their_measures(tmp_path: Path) -> None:
    evaluations = [
        {"step": step, "loss": 2.0 - step, "match_rate": 0.5, "recall_1": 0.1, "recall_10": 0.3, "chance_10": 0.2}
        for step in (0, 1)
    ]
    (tmp_path / "tuning.json").write_text(json.dumps({"result": {"evaluations": evaluations}}), encoding="utf-8")
    charts = training_charts([tmp_path / "tuning.json"])
    labels = {chart.title.partition(": ")[2]: [curve.label for curve in chart.curves] for chart in charts}
    assert labels == {
        "loss, nats a token": ["loss"],
        "match rate": ["match rate"],
        "recall": ["recall@1", "recall@10", "chance@10"],
    }
    assert charts[0].curves[0].values == ((0, 2.0), (1, 1.0))
