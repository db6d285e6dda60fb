"""The experiment `naming` of the real command: methods without a model, and with tiny models that are really run."""

import contextlib
import gc
import io
import re
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipelines.common.run import run_job
from pipelines.evaluate import job as evaluate_job
from pipelines.evaluate.job import EvaluateJob
from schemas import EMBEDDINGS, ERRORS, GENERATIONS, METRICS
from tests.pipelines.logs import content, manifest, rows
from tests.transforms.encoders.fake_encoder import WordSource
from tests.transforms.evaluation.experiments.naming.builders import example, made_examples, write_examples
from transforms.datasets.error_rate import DataError
from transforms.evaluation.experiments.naming import stages
from transforms.extras import INSTALL_EVALUATION
from transforms.language_models.interface import LanguageModel
from transforms.language_models.spec import GenerationSpec

PLAIN = "--methods=salient;first_title;reference"


class Words(WordSource):
    def __str__(self) -> str:
        return "words"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths that a test leaves to their defaults lie in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_examples(tmp_path_factory.mktemp("examples"), made_examples())


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    """An encoder by words, which the command takes for the one that `--encoder` names."""
    source = Words(tmp_path)
    monkeypatch.setattr(evaluate_job, "resolve_encoder", lambda _option, _name: source)
    return source


def evaluate(examples: Path, *options: str, code: int = 0) -> str:
    """Runs the command in this process; gives what it prints."""
    given = ("--suites=naming", f"--examples={examples}", "--runner=FnApiRunner")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(EvaluateJob, [*given, *options]) == code
    return printed.getvalue()


def values(workspace: Path) -> dict[tuple[str, str], float]:
    return {(str(row["metric"]), str(row["slice"])): float(str(row["value"])) for row in rows(workspace, METRICS)}


class TestWithoutModels:
    def test_metrics_page_and_screen(self, examples: Path, tmp_path: Path) -> None:
        printed = evaluate(examples, PLAIN, "--workspace=out", "--report=page.md")
        found = values(tmp_path / "out")
        assert found["naming_bleu", "method=reference"] == pytest.approx(100)
        assert found["naming_chrf", "method=reference"] == pytest.approx(100)
        assert found["naming_chrf", "method=salient"] < 100
        assert found["naming_rejected", "method=first title/reason=single_title"] == 1
        assert found["naming_well_formed", "method=first title"] == 0
        assert found["naming_well_formed", "method=reference"] == found["naming_safe", "method=reference"] == 1
        assert found["naming_uniqueness", "method=first title"] == 1
        assert found["naming_uniqueness", "method=salient"] == pytest.approx(
            1
        )  # two examples on each topic, whose titles differ
        gain = found["naming_chrf", "method=reference"] - found["naming_chrf", "method=salient"]
        assert found["naming_chrf_difference", "method=reference/baseline=salient"] == pytest.approx(gain)
        assert found["naming_examples_test", ""] == found["naming_examples_scored", ""] == 12
        assert not any("mrr" in metric or "bleurt" in metric or "tokens" in metric for metric, _ in found)
        assert not (tmp_path / "out" / EMBEDDINGS.name).exists()
        assert not (tmp_path / "out" / GENERATIONS.name).exists()
        page = (tmp_path / "page.md").read_text(encoding="utf-8")
        (row,) = re.findall(r"^\| reference \| (.*) \|$", page.split("### ")[0], re.MULTILINE)
        assert row.startswith("100.0 <sub>100.0–100.0</sub> | 100.0 <sub>")
        assert "12 of 12 of the test split, from 1 sources" in page
        assert "SacreBLEU: nrefs:1|case:mixed|" in page
        assert "### Differences to salient" in page
        shown = re.findall(r"^\| All about (.*) \| [^|]+ \| (.*) and a \|$", page, re.MULTILINE)
        assert len(shown) == 12
        assert all(reference == title for reference, title in shown)
        assert "Naming: names compared with those that people gave" in printed
        assert "…" not in printed
        assert manifest(tmp_path / "out", METRICS).configuration["naming"]["methods"][1]["label"] == "first title"

    def test_it_needs_no_torch(self, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("torch", "transformers", "peft"):
            monkeypatch.setitem(sys.modules, name, None)
        evaluate(examples, PLAIN)

    def test_a_sample_is_the_same_on_each_runner(self, examples: Path, tmp_path: Path) -> None:
        evaluate(examples, PLAIN, "--max_examples=5", "--workspace=out")
        evaluate(examples, PLAIN, "--max_examples=5", "--workspace=again", "--runner=DirectRunner")
        assert values(tmp_path / "out")["naming_examples_scored", ""] == 5
        assert content(tmp_path / "out", METRICS) == content(tmp_path / "again", METRICS)

    def test_vectors(self, examples: Path, tmp_path: Path, words: Words) -> None:
        methods = "--methods=reference; medoid_title; first_title"
        printed = evaluate(examples, methods, "--encoder=words", "--workspace=out")
        found = values(tmp_path / "out")
        assert found["naming_similarity", "method=reference"] == pytest.approx(1)
        assert found["naming_mrr", "method=medoid title"] == found["naming_recall_at_1", "method=medoid title"] == 1
        assert found["naming_over_broadness", "method=medoid title"] == 0
        assert 0 < found["naming_similarity", "method=medoid title"] < 1
        assert found["texts_encoded", ""] == len(rows(tmp_path / "out", EMBEDDINGS)) == 12 * (10 + 1)
        assert "over-broadness" in printed
        calls = words.calls()
        again = evaluate(examples, methods, "--encoder=words", "--workspace=out")
        assert words.calls() == calls  # what the workspace itself has is used again
        assert again.splitlines()[1:] == printed.splitlines()[1:]
        evaluate(examples, methods, "--encoder=words", "--workspace=third", "--previous=out")
        assert words.calls() == calls

    def test_too_few_examples(self, tmp_path: Path, examples: Path, capsys: pytest.CaptureFixture[str]) -> None:
        few = write_examples(tmp_path / "few", [example("a", ["b"]), example("c", ["d"], "train")])
        evaluate(few, PLAIN, code=1)
        assert "at least 2 examples of the test split, got 1; nothing was committed" in error_text(capsys)
        assert not (tmp_path / "evaluation" / METRICS.name / "_manifest.json").exists()


class TestWithModels:
    @pytest.fixture(scope="class")
    @classmethod
    def models(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """Tiny models and adapters."""
        pytest.importorskip("torch")
        pytest.importorskip("peft")
        from tests.transforms.language_models.tiny_models import make_llama, make_lora, make_soft_prompt, make_t5

        folder = tmp_path_factory.mktemp("models")
        make_llama(folder / "llama")
        make_t5(folder / "t5")
        make_lora(folder / "llama", folder / "lora")
        make_soft_prompt(folder / "llama", folder / "prompt")
        return folder

    @staticmethod
    def methods(models: Path, *extra: str) -> str:
        llama = models / "llama"
        by_model = (
            f"few_shot={llama},num_examples=0",
            f"few_shot={llama},num_examples=2,prompt_fields=both",
            f"prompt_tuned={llama},adapter={models / 'prompt'}",
            f"LoRA: fine_tuned={llama},adapter={models / 'lora'}",
            f"fine_tuned={models / 't5'},max_items=2",
        )
        return "--methods=" + ";".join(["salient", *by_model, *extra])

    LABELS = (
        "few-shot llama, 0 examples",
        "few-shot llama, 2 examples, both",
        "prompt-tuned llama + prompt",
        "LoRA",
        "fine-tuned t5, 2 items",
    )

    @pytest.mark.models
    def test_each_method_runs_once(self, models: Path, examples: Path, tmp_path: Path) -> None:
        printed = evaluate(examples, self.methods(models), "--workspace=out", "--report=page.md")
        found = values(tmp_path / "out")
        assert found["generations_new", ""] == 5 * 12 == len(rows(tmp_path / "out", GENERATIONS))
        for label in self.LABELS:
            assert 0 <= found["naming_bleu", f"method={label}"] <= 100
            assert 0 <= found["naming_well_formed", f"method={label}"] <= 1
            assert ("naming_chrf_difference", f"method={label}/baseline=salient") in found
            assert label in printed
        tokens = {label: found["naming_prompt_tokens", f"method={label}"] for label in self.LABELS}
        assert tokens[self.LABELS[1]] > tokens[self.LABELS[0]] > tokens["LoRA"] > tokens["fine-tuned t5, 2 items"]
        assert tokens["prompt-tuned llama + prompt"] == tokens["LoRA"] + 5
        assert ("naming_prompt_tokens", "method=salient") not in found
        assert not list((tmp_path / "out" / "_checkpoint").glob("*"))
        assert rows(tmp_path / "out", ERRORS) == []

        evaluate(examples, self.methods(models), "--workspace=out")
        again = values(tmp_path / "out")
        assert ("generations_new", "") not in again
        assert again["generations_cached", ""] == 60
        assert {name: value for name, value in again.items() if name[0].startswith("naming_")} == {
            name: value for name, value in found.items() if name[0].startswith("naming_")
        }

    @pytest.mark.models
    def test_methods_that_are_left_out_keep_their_completions(
        self, models: Path, examples: Path, tmp_path: Path
    ) -> None:
        llama, t5 = f"fine_tuned={models / 'llama'}", f"fine_tuned={models / 't5'}"
        evaluate(examples, f"--methods={llama};{t5}")
        evaluate(examples, f"--methods={llama}")
        assert len(rows(tmp_path / "evaluation", GENERATIONS)) == 24
        evaluate(examples, f"--methods={t5}", "--workspace=other", "--previous=evaluation")
        assert ("generations_new", "") not in values(tmp_path / "other")
        assert content(tmp_path / "other", GENERATIONS) == content(tmp_path / "evaluation", GENERATIONS)

    @pytest.mark.models
    def test_only_new_examples_are_completed(self, models: Path, examples: Path, tmp_path: Path) -> None:
        methods = f"--methods=fine_tuned={models / 'llama'}"
        evaluate(examples, methods, "--max_examples=4")
        evaluate(examples, methods, "--max_examples=9")
        assert values(tmp_path / "evaluation")["generations_cached", ""] == 4
        assert values(tmp_path / "evaluation")["generations_new", ""] == 5

    @pytest.mark.models
    def test_a_job_that_fails_loses_no_completion(
        self, models: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise DataError("no metrics today")

        methods = f"--methods=salient;fine_tuned={models / 'llama'}"
        with monkeypatch.context() as broken:
            broken.setattr(stages, "score_methods", fail)
            evaluate(examples, methods, code=1)
        assert not (tmp_path / "evaluation" / GENERATIONS.name / "_manifest.json").exists()
        evaluate(examples, methods)
        found = values(tmp_path / "evaluation")
        assert found["generations_resumed", ""] == len(rows(tmp_path / "evaluation", GENERATIONS)) == 12
        assert ("generations_new", "") not in found

    @pytest.mark.models
    def test_one_model_is_in_memory_at_a_time(
        self, models: Path, examples: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And none is loaded whose completions are all stored."""
        loaded: list[weakref.ref[object]] = []
        load = GenerationSpec.load

        def watched(spec: GenerationSpec, device: str | None = None) -> LanguageModel:
            gc.collect()
            assert [model() for model in loaded if model() is not None] == []
            model = load(spec, device)
            loaded.append(weakref.ref(model))
            return model

        monkeypatch.setattr(GenerationSpec, "load", watched)
        evaluate(examples, self.methods(models))
        assert len(loaded) == 5
        evaluate(examples, self.methods(models))
        assert len(loaded) == 5

    @pytest.mark.models
    def test_bleurt(self, models: Path, examples: Path, tmp_path: Path) -> None:
        from tests.transforms.evaluation.experiments.naming.test_bleurt import make_bleurt

        (tmp_path / "checkpoint").mkdir()
        make_bleurt(tmp_path / "checkpoint")
        printed = evaluate(examples, PLAIN, "--bleurt=checkpoint")
        assert ("naming_bleurt", "method=reference") in values(tmp_path / "evaluation")
        assert "BLEURT" in printed
        assert len(manifest(tmp_path / "evaluation", METRICS).configuration["naming"]["bleurt"]) == 64

    @pytest.mark.models
    @pytest.mark.parametrize(
        ("method", "message"),
        [
            ("prompt_tuned={}/llama", "--methods: prompt_tuned needs an adapter, the folder of the tuned prompt"),
            ("prompt_tuned={0}/llama,adapter={0}/lora", "needs an adapter of the kind PROMPT_TUNING, got LORA"),
            ("fine_tuned={0}/llama,adapter={0}/none", "adapter_config.json is missing"),
            ("fine_tuned={0}/none", "--methods: no language model"),
            ("fine_tuned={0}/t5;fine_tuned={0}/t5", "--methods: two methods have the label 'fine-tuned t5'"),
            ("fine_tuned=http://h/v1#m,adapter={0}/lora", "it cannot be applied to the model of an endpoint"),
        ],
    )
    def test_unavailable_models_are_reported(
        self, models: Path, examples: Path, capsys: pytest.CaptureFixture[str], method: str, message: str
    ) -> None:
        evaluate(examples, "--methods=" + method.format(models), code=2)
        assert message in error_text(capsys)


class TestUsage:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ((), "naming needs --methods"),
            (("--methods=",), "--methods: must be [LABEL: ]METHOD[=MODEL][,SETTING=VALUE...]; ..., got ''"),
            (("--methods=few",), "'few' is not one of reference, salient, first_title, medoid_title, few_shot,"),
            (("--methods=salient;few_shot",), "few_shot needs a model, such as few_shot=smollm2, got 'few_shot'"),
            (("--methods=salient=smollm2",), "salient uses no model, got 'salient=smollm2'"),
            (("--methods=salient,num_examples=1",), "'num_examples=1' is not a setting of salient; allowed are none"),
            (
                ("--methods=fine_tuned=m,num_examples=1",),
                "not a setting of fine_tuned; allowed are adapter, dtype, encoder, max_items, num_candidates",
            ),
            (
                ("--methods=few_shot=m,num_examples=9",),
                "num_examples must be an integer in [0, 8], got '9', in 'few_shot=m",
            ),
            (("--methods=few_shot=m,prompt_fields=x",), "prompt_fields must be one of titles, terms, both, got 'x'"),
            (("--methods=few_shot=m,dtype=int4",), "dtype must be one of auto, float32, bfloat16, int8, got 'int4'"),
            (("--methods=few_shot=m,num_examples=1,num_examples=2",), "each once as SETTING=VALUE"),
            (("--methods=A B!",), "must be [LABEL: ]METHOD[=MODEL][,SETTING=VALUE...], got 'A B!'"),
            (("--methods=salient; salient",), "--methods: two methods have the label 'salient'"),
            (("--methods=medoid_title",), "--methods: medoid_title needs --encoder"),
            (("--methods=few_shot=nobody",), "--methods: no language model 'nobody'; allowed are 'builtin'"),
            ((PLAIN, "--max_examples=1"), "argument --max_examples: must be a whole number, at least 2, got '1'"),
            ((PLAIN, "--bleurt=nowhere"), "nowhere has no config.json that can be read"),
            ((PLAIN, "--previous=nowhere"), "--previous is reused for its embeddings: give the --encoder too"),
            (
                (PLAIN, "--collections=x"),
                "--collections is for separation, confidence, synonyms, conformity; none of them",
            ),
            (("--suites=naming,separation", PLAIN), "naming runs alone, without other --suites"),
        ],
    )
    def test_invalid_options_are_reported(
        self, examples: Path, capsys: pytest.CaptureFixture[str], options: Sequence[str], message: str
    ) -> None:
        evaluate(examples, *options, code=2)
        printed = capsys.readouterr().err
        assert message in printed
        assert len(printed.splitlines()) == 1

    def test_examples_are_those_of_a_workspace(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        evaluate(tmp_path / "nowhere", PLAIN, code=2)
        assert "--examples: no such file or folder" in error_text(capsys)
        assert run_job(EvaluateJob, ["--suites=naming", PLAIN]) == 2
        assert "naming needs either --examples, or --journeys and --items" in error_text(capsys)
        assert run_job(EvaluateJob, ["--suites=statistics", f"--journeys={tmp_path}", PLAIN]) == 2
        assert "--methods is for naming; none of them is among --suites" in error_text(capsys)

    def test_the_workspace_of_examples_is_not_written_over(
        self, examples: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        evaluate(examples, PLAIN, f"--workspace={examples}", code=2)
        assert "has naming_examples, whose metrics and errors would be replaced" in error_text(capsys)

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("sacrebleu", f"naming needs sacrebleu: {INSTALL_EVALUATION}"),
            ("glin_profanity", f"naming needs glin_profanity: {INSTALL_EVALUATION}"),
        ],
    )
    def test_missing_packages_are_named(
        self,
        examples: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        missing: str,
        message: str,
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
        evaluate(examples, PLAIN, code=2)
        assert message in error_text(capsys)


def error_text(capsys: pytest.CaptureFixture[str]) -> str:
    """Return standard error in one line."""
    return " ".join(capsys.readouterr().err.split())
