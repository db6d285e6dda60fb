"""The experiments `naming` on journeys, `prompting` and `orderings` of the real command."""

import contextlib
import io
import itertools
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.common.run import run_job
from pipelines.evaluate import job as evaluate_job
from pipelines.evaluate import naming_methods
from pipelines.evaluate.job import EvaluateJob
from pipelines.extract.job import ExtractJob
from schemas import EMBEDDINGS, GENERATIONS, METRICS
from tests.pipelines.logs import ITEMS, LOG, content, manifest, rows, write
from tests.transforms.encoders.fake_encoder import WordSource
from tests.transforms.evaluation.experiments.naming.builders import made_examples, write_examples
from tests.transforms.evaluation.experiments.orderings.test_trainings import write_training
from tests.transforms.language_models.completions import completed
from transforms.language_models.interface import NBest
from transforms.language_models.spec import GenerationSpec, ModelSpec

PLAIN = "--methods=few-shot: salient;prompt-tuned: reference;fine-tuned: first_title"
TAGS = {2000 + item: ["harbour-" + str(item % 6), "all"] for item in range(60)}


class Words(WordSource):
    def __str__(self) -> str:
        return "words"


class Toy:
    """Replies with the last word of each title: one name for each group, or one for each title of a history."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        self.prompts += prompts
        return [completed("; ".join(self._names(prompt))) for prompt in prompts]

    @staticmethod
    def _names(prompt: str) -> list[str]:
        lines = prompt.splitlines()
        if lines[0].startswith("Group"):
            return [after for before, after in itertools.pairwise(lines) if before.startswith("Group")]
        return lines[1:2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    source = Words(tmp_path)
    monkeypatch.setattr(evaluate_job, "resolve_encoder", lambda _option, _name: source)
    return source


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A model that needs no weights."""
    model = Toy()
    monkeypatch.setattr(
        naming_methods, "resolve_language_model", lambda _option, name, _adapter="": ModelSpec("hub", name)
    )
    monkeypatch.setattr(GenerationSpec, "load", lambda _spec, _device=None: model)
    monkeypatch.setattr(GenerationSpec, "fingerprint", lambda spec: spec.template.fingerprint())
    return model


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples"), made_examples())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose items have tags, and the journeys that `extract` forms without them."""
    tags = pa.array([TAGS[int(item)] for item in ITEMS["item_id"].to_pylist()])
    others = {"item_id": [f"x{number}" for number in range(500)], "title": ["other"] * 500, "tags": [["all"]] * 500}
    files = {
        "log.parquet": LOG,
        "items.parquet": pa.concat_tables([ITEMS.append_column("tags", tags), pa.table(others)]),
    }
    folder = write(tmp_path_factory.mktemp("log"), files)
    given = [f"--interactions={folder / 'log.parquet'}", f"--items={folder / 'items.parquet'}"]
    options = ["--item_columns=tags=", f"--workspace={folder / 'out'}", "--runner=FnApiRunner"]
    assert run_job(ExtractJob, [*given, *options]) == 0
    return folder


def evaluate(*options: str, code: int = 0) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(EvaluateJob, ["--runner=FnApiRunner", *options]) == code
    return printed.getvalue()


def values(workspace: Path) -> dict[tuple[str, str], float]:
    return {(str(row["metric"]), str(row["slice"])): float(str(row["value"])) for row in rows(workspace, METRICS)}


def name_journeys(log: Path, *options: str, code: int = 0) -> str:
    given = (f"--journeys={log / 'out'}", f"--items={log / 'items.parquet'}", PLAIN)
    return evaluate("--suites=naming", *given, *options, code=code)


class TestNamesOfJourneys:
    def test_the_reference_is_a_tag_of_the_items(self, log: Path, tmp_path: Path) -> None:
        name_journeys(log, "--workspace=n3", "--report=page.md")
        found = values(tmp_path / "n3")
        assert found["naming_example_set", "set=N3"] == found["naming_examples_scored", ""] > 5
        assert found["naming_chrf", "method=prompt-tuned"] == pytest.approx(100)  # the reference
        assert found["naming_safe_titles", ""] == 1
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert "a proxy, as no one named the journeys" in " ".join(page.split())
        assert "| harbour 3 |" in page
        assert manifest(tmp_path / "n3", METRICS).configuration["naming"]["example_set"] == "N3"

    def test_each_runner_gives_the_same(self, log: Path, tmp_path: Path) -> None:
        name_journeys(log, "--workspace=n3", "--max_examples=4")
        given = (f"--journeys={log / 'out'}", f"--items={log / 'items.parquet'}", PLAIN, "--max_examples=4")
        assert run_job(EvaluateJob, ["--suites=naming", *given, "--workspace=again", "--runner=DirectRunner"]) == 0
        assert content(tmp_path / "n3", METRICS) == content(tmp_path / "again", METRICS)

    def test_journeys_are_no_other_set(self, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
        name_journeys(log, "--example_set=N1", code=2)
        assert "--example_set: journeys of users are N3, got 'N1'" in capsys.readouterr().err

    def test_journeys_need_their_items(self, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
        evaluate("--suites=naming", f"--journeys={log / 'out'}", PLAIN, code=2)
        assert "naming needs --journeys and --items together" in capsys.readouterr().err


class TestPrompting:
    def prompting(self, examples: Path, *options: str, code: int = 0) -> str:
        given = (f"--examples={examples}", "--encoder=words", "--prompted_model=toy", "--named_collections=2,3")
        return evaluate("--suites=prompting", *given, "--histories_per_k=3", *options, code=code)

    def test_three_scopes(self, examples: Path, tmp_path: Path, words: Words, toy: Toy) -> None:
        printed = self.prompting(examples, "--workspace=scopes", "--report=page.md")
        found = values(tmp_path / "scopes")
        kinds = [prompt.splitlines()[0] + prompt.splitlines()[-1] for prompt in toy.prompts]
        assert kinds.count("Titles:Interests:") == kinds.count("Group 1:Interests:") == 6
        journeys = round(6 * found["prompting_journeys", ""])
        assert 0 < kinds.count("Titles:Interest:") <= journeys
        assert len(toy.prompts) == len(rows(tmp_path / "scopes", GENERATIONS)) == found["generations_new", ""]
        # One name each, of which one of two or three can fit.
        assert found["prompting_names", "scope=history in one prompt/k=all"] == 1
        assert found["prompting_count_error", "scope=history in one prompt/k=3"] == 2
        single = found["prompting_similarity_f1", "scope=one prompt a journey/k=all"]
        whole = found["prompting_similarity_f1", "scope=history in one prompt/k=all"]
        assert 0 < whole < single
        slice_ = "scope=history in one prompt/k=all/baseline=one prompt a journey"
        assert found["prompting_similarity_f1_difference", slice_] == pytest.approx(whole - single)
        assert "Prompting: a whole history, its journeys, or one journey in a prompt" in printed
        assert "### Differences to one prompt a journey" in (tmp_path / "page.md").read_text(encoding="utf-8")
        stored = manifest(tmp_path / "scopes", METRICS).configuration["prompting"]
        assert len(stored["labels"]) == len(set(stored["labels"])) == 3

    def test_nothing_is_generated_or_encoded_twice(
        self, examples: Path, tmp_path: Path, words: Words, toy: Toy
    ) -> None:
        self.prompting(examples, "--workspace=scopes")
        first, calls, prompts = values(tmp_path / "scopes"), words.calls(), len(toy.prompts)
        stored = content(tmp_path / "scopes", EMBEDDINGS)
        self.prompting(examples, "--workspace=scopes")
        assert (words.calls(), len(toy.prompts)) == (calls, prompts)
        again = values(tmp_path / "scopes")
        assert {key: value for key, value in again.items() if key[0].startswith("prompting")} == {
            key: value for key, value in first.items() if key[0].startswith("prompting")
        }
        assert content(tmp_path / "scopes", EMBEDDINGS) == stored

    def test_invalid_options(self, examples: Path, words: Words, toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
        self.prompting(examples, "--named_collections=1,2", code=2)
        assert "--named_collections" in capsys.readouterr().err
        self.prompting(examples, "--named_collections=2,2", code=2)
        assert "must be distinct values" in capsys.readouterr().err
        evaluate("--suites=prompting", f"--examples={examples}", "--prompted_model=toy", code=2)
        assert "prompting needs --encoder" in capsys.readouterr().err
        self.prompting(examples, "--named_collections=40", code=1)
        assert "a history of k=40 needs 40 examples" in " ".join(capsys.readouterr().err.split())


class TestOrderings:
    @pytest.fixture
    def evaluations(self, log: Path, examples: Path, tmp_path: Path) -> Path:
        """Workspaces that name collections and journeys."""
        name_journeys(log, "--workspace=n3")
        evaluate("--suites=naming", f"--examples={examples}", PLAIN, "--example_set=N1", "--workspace=n1")
        write_training(tmp_path / "model")
        return tmp_path

    def test_verdicts_of_evaluations(self, evaluations: Path, tmp_path: Path) -> None:
        given = ("--evaluations=n1,n3", "--trainings=model")
        printed = evaluate("--suites=orderings", *given, "--workspace=out", "--report=page.md")
        found = values(tmp_path / "out")
        # What is labelled prompt-tuned is the reference, which no other method can reach.
        for name in ("n1", "n3"):
            parts = f"claim=prompt-tuned above few-shot on {name.upper()}/evaluation={name}/measure=chrf"
            assert found["orderings_verdict", f"{parts}/kind=paired/verdict=reproduced"] == 1
            difference = found["orderings_difference", parts]
            own = values(tmp_path / name)
            assert difference == pytest.approx(
                own["naming_chrf", "method=prompt-tuned"] - own["naming_chrf", "method=few-shot"]
            )
        assert found["orderings_verdict", "claim=prompt-tuned above few-shot on N2/verdict=not testable"] == 1
        parts = "claim=match rate rises/evaluation=model/measure=match rate"
        assert found["orderings_verdict", f"{parts}/kind=independent/verdict=reproduced"] == 1
        assert "claim=N1 safer than N3/evaluation=n1, n3/measure=safe" in {slice_ for _, slice_ in found}
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        assert all(title in page for title in ("## Orderings", "### Comparisons", "### Not testable"))
        assert "there are no interviews" in page
        assert "not testable" in printed
        stored = manifest(tmp_path / "out", METRICS).configuration["orderings"]
        assert stored["evaluations"] == ["model", "n1", "n3"]

    def test_the_order_of_evaluations_does_not_matter(self, evaluations: Path, tmp_path: Path) -> None:
        evaluate("--suites=orderings", "--evaluations=n1,n3", "--workspace=out")
        evaluate("--suites=orderings", "--evaluations=n3,n1,n3", "--workspace=again")
        assert content(tmp_path / "out", METRICS) == content(tmp_path / "again", METRICS)

    def test_one_evaluation(self, evaluations: Path, tmp_path: Path) -> None:
        evaluate("--suites=orderings", "--evaluations=n1", "--workspace=out")
        assert any("evaluation=n1" in slice_ for _, slice_ in values(tmp_path / "out"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ((), "orderings needs --evaluations"),
            (("--evaluations=,",), "--evaluations must name a workspace, or several with commas between them"),
            (("--evaluations=nowhere",), "--evaluations: no such file or folder"),
            (("--evaluations=n1,copy/n1",), "each must have a name of its own, but several are named 'n1'"),
            (("--evaluations=n1", "--trainings=n1"), "n1 has no tuning.json of a training"),
        ],
    )
    def test_invalid_options(
        self, evaluations: Path, options: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (evaluations / "copy").mkdir()
        (evaluations / "copy" / "n1").symlink_to(evaluations / "n1")
        evaluate("--suites=orderings", *options, code=2)
        assert message in " ".join(capsys.readouterr().err.split())
