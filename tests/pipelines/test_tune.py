"""The real command trains a tiny model on pairs, which then completes prompts; and its errors."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("tensorboard")

from pipelines.common.run import run_job
from pipelines.tune.job import TuneJob
from pipelines.tune.training import MANIFEST
from schemas import TUNING_PAIRS
from tests.transforms.language_models.completions import top_text
from tests.transforms.language_models.tiny_models import load_tuned, make_llama
from transforms.datasets.manifest import MANIFEST_NAME, Manifest
from transforms.datasets.writing import PartWriter
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.folder import read_adapter, read_model
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec, parse_model_spec
from transforms.language_models.tuning import trainer

pytestmark = pytest.mark.models

EXAMPLES = {"red tea pot": "tea", "blue cars": "cars", "garden pots": "garden"}
PROMPT = {"instructions": "name these", "prompt_fields": "both"}


def write_pairs(workspace: Path, splits: Sequence[str], **prompt: bool) -> Path:
    """A workspace with a pair for each example in each of some splits, and further entries of the manifest."""
    rows = [
        {"task": "naming", "split": split, "prompt": prompt, "completion": completion, "weight": 1.0}
        for split in splits
        for prompt, completion in EXAMPLES.items()
    ]
    numbered = [{"pair_id": f"{number:04d}", **row} for number, row in enumerate(rows)]
    batch = pa.RecordBatch.from_pylist(numbered, TUNING_PAIRS.arrow)
    name, part = PartWriter(str(workspace), 1).write(TUNING_PAIRS, 0, [batch])
    manifest = Manifest(name, TUNING_PAIRS.fingerprint, (part,), {"prompt": PROMPT | prompt}, "1", {})
    (workspace / name / MANIFEST_NAME).write_text(manifest.to_json())
    return workspace


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_pairs(Path("pairs"), ["train"] * 60 + ["validation", "test"])
    make_llama(Path("tiny"))


def _run(*options: str) -> int:
    return run_job(TuneJob, ["--pairs=pairs", "--model=tiny", "--batch_size=6", "--evaluations=2", *options])


def test_an_adapter_is_trained_and_completes_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--rank=2", "--learning_rate=0.02", "--epochs=2", "--output=out") == 0
    adapter = Path("out")
    assert read_adapter(adapter).kind == "LORA"
    load_tuned(Path("tiny"), adapter)
    manifest = json.loads((adapter / MANIFEST).read_text())
    assert manifest["prompt"] == PROMPT
    assert {name: manifest["pairs"][name] for name in ("train", "validation", "tasks")} == {
        "train": 180,
        "validation": 3,
        "tasks": {"naming": 183},
    }
    assert len(manifest["pairs"]["dataset"]) == len(manifest["model_fingerprint"]) == 64
    assert manifest["result"]["examples"] == 360
    assert manifest["result"]["loss"] < manifest["result"]["loss_before"]
    tuning = manifest["tuning"]
    assert (tuning["seed"], tuning["rank"], tuning["learning_rate"], tuning["epochs"]) == (0, 2, 0.02, 2)
    assert f"--model={Path('tiny').resolve()} --adapter={adapter.resolve()}" in capsys.readouterr().out
    spec = GenerationSpec(parse_model_spec("./tiny", "out"), PromptTemplate("name these"), DecodingConfig(4))
    assert [top_text(nbest) for nbest in spec.load("cpu").generate(list(EXAMPLES))] == list(EXAMPLES.values())


def test_a_whole_model_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--tuning_method=full", "--output=whole") == 0
    read_model(Path("whole"))
    assert f"--model={Path('whole').resolve()}" in capsys.readouterr().out


def test_a_stopped_training_resumes(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    status_of = trainer._training_status

    def stopped(state: object) -> trainer.TrainingStatus:
        if status_of(state).step > status_of(state).steps // 2 + 1:
            raise KeyboardInterrupt
        return status_of(state)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "_training_status", stopped)
        assert _run() == 130
    assert "the same command resumes from the last evaluation" in capfd.readouterr().err
    assert not Path("tuned_model", MANIFEST).exists()
    steps: list[int] = []
    monkeypatch.setattr(trainer, "_training_status", lambda state: steps.append(state.global_step) or status_of(state))
    assert _run() == 0
    assert min(step for step in steps if step) >= max(steps) // 2


def test_a_model_of_a_closed_set_is_measured_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    write_pairs(Path("closed"), ["train"] * 60 + ["validation", "test"], closed_set=True)
    assert _run("--pairs=closed", "--learning_rate=0.02", "--epochs=3", "--rank=4", "--min_recall_ratio=1") == 0
    manifest = json.loads(Path("tuned_model", MANIFEST).read_text())
    evaluations = manifest["result"]["evaluations"]
    assert evaluations[0]["step"] == 0
    (best,) = (each for each in evaluations if each["step"] == manifest["result"]["best_step"])
    assert best["match_rate"] == best["valid_rate"] == best["recall_1"] == best["coverage"] == 1
    assert best["effective_number"] == pytest.approx(3)
    assert evaluations[0]["match_rate"] < 1
    assert manifest["tuning"]["thresholds"]["min_match_rate"] == 0.9
    assert "recall@10 of a random order: 1.000" in capsys.readouterr().out


def test_a_bad_model_is_rejected_and_a_lower_threshold_uses_what_was_trained(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_pairs(Path("closed"), ["train"] * 4 + ["validation"], closed_set=True)
    options = ("--pairs=closed", "--learning_rate=1e-6", "--min_recall_ratio=1")
    assert _run(*options) == 1
    text = " ".join(capfd.readouterr().err.split())
    assert "the model is rejected: match rate 0.000 is below min_match_rate = 0.9" in text
    assert not Path("tuned_model", MANIFEST).exists()
    assert not Path("tuned_model", "adapter_model.safetensors").exists()
    steps: list[int] = []
    status_of = trainer._training_status
    monkeypatch.setattr(trainer, "_training_status", lambda state: steps.append(state.global_step) or status_of(state))
    assert _run(*options, "--min_match_rate=0") == 0
    assert steps == [2]  # the evaluation at the start, at the last step
    assert Path("tuned_model", MANIFEST).exists()


def test_thresholds_need_a_closed_set(capfd: pytest.CaptureFixture[str]) -> None:
    assert _run("--min_match_rate=0.5") == 2
    assert "--min_match_rate has an effect with pairs of a closed set only" in " ".join(capfd.readouterr().err.split())


def test_pairs_without_validation_cannot_be_used(capfd: pytest.CaptureFixture[str]) -> None:
    write_pairs(Path("alone"), ["train"])
    assert _run("--pairs=alone") == 1
    text = " ".join(capfd.readouterr().err.split())
    assert "alone/tuning_pairs has no pairs of the split validation. The job that wrote them assigns the splits" in text
    assert not Path("tuned_model", MANIFEST).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prompt_tokens=3"], "--prompt_tokens has an effect with --tuning_method=prompt_tuning only"),
        (["--tuning_method=full", "--rank=3"], "--rank has an effect with --tuning_method=lora only"),
        (["--model=http://localhost:1/v1#some"], "cannot be trained; allowed are `smollm2`, a folder and a hub id"),
        (["--model=builtin"], "cannot be trained; allowed are `smollm2`, a folder and a hub id"),
        (["--output=pairs/tuning_pairs/_manifest.json"], "_manifest.json is not a folder"),
        (["--output=gs://bucket/model"], "--output must be a local folder"),
        (["--model=nothing at all"], "no language model 'nothing at all'"),
        (["--pairs=nowhere"], "--pairs: no such file or folder"),
        (["--epochs=0"], "--epochs: must be a whole number, at least 1, got '0'"),
        (["--warmup=1"], "--warmup: must be a number in [0, 1), got '1'"),
    ],
)
def test_wrong_options_are_reported(options: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert _run(*options) == 2
    assert message in " ".join(capfd.readouterr().err.split())
    assert not Path("tuned_model").exists()
