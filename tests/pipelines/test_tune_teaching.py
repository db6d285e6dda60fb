"""The real command teaches a tiny model, which then names; and what it says when it cannot."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("tensorboard")

from pipelines.common.run import run_job
from pipelines.tune import job as tune_job
from pipelines.tune.job import TuneJob
from schemas import NAMING_EXAMPLES
from tests.pipelines.logs import rows, write
from tests.pipelines.test_naming_examples import PARTS, Source, made, table
from tests.transforms.language_models.tiny_models import load_tuned, make_llama
from transforms.language_models.folder import read_adapter, read_model
from transforms.language_models.tuning import trainer
from transforms.naming.tuning_metadata import MANIFEST


@pytest.fixture(autouse=True)
def _prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tune_job, "resolve_encoder", lambda _option, _name: Source(tmp_path))
    write(Path(), {"collections.parquet": table(made())})
    make_llama(Path("tiny"))


def _run(*options: str) -> int:
    given = ["--task=naming", "--collections=collections.parquet", *PARTS, "--runner=FnApiRunner", *options]
    return run_job(TuneJob, [*given, "--batch_size=8", "--evaluations=2"] if "--model=tiny" in options else given)


def test_a_model_is_taught(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--model=tiny", "--rank=2", "--learning_rate=0.01") == 0
    printed = capsys.readouterr().out
    adapter = Path("tuned/model")
    assert read_adapter(adapter).kind == "LORA"
    load_tuned(Path("tiny"), adapter)
    told = json.loads((adapter / MANIFEST).read_text())
    parts = [row["split"] for row in rows(Path("tuned"), NAMING_EXAMPLES)]
    assert {part: told["examples"][part] for part in ("train", "validation")} == {
        part: parts.count(part) for part in ("train", "validation")
    }
    assert told["came_of_it"]["examples"] == 2 * parts.count("train")
    assert told["came_of_it"]["loss"] < told["came_of_it"]["loss_before"]
    assert (told["tuning"]["seed"], told["tuning"]["rank"], told["tuning"]["learning_rate"]) == (0, 2, 0.01)
    assert f"--method=fine_tuned --model={Path('tiny').resolve()} --adapter={adapter.resolve()}" in printed


def test_a_whole_model_is_taught() -> None:
    assert _run("--model=tiny", "--tuning_method=full", "--output=whole", "--passes=1") == 0
    read_model(Path("whole"))
    assert not Path("tuned/model").exists()


def test_without_a_model_only_the_examples_are_made() -> None:
    assert _run() == 0
    assert not Path("tuned/model").exists()


def test_a_stopped_training_goes_on(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    shown = trainer._training_status

    def stopped(state: object) -> trainer.TrainingStatus:
        if shown(state).step > shown(state).steps // 2 + 1:
            raise KeyboardInterrupt
        return shown(state)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "_shown", stopped)
        assert _run("--model=tiny") == 130
    assert "the same command goes on from the last evaluation" in capfd.readouterr().err
    assert not Path("tuned/model", MANIFEST).exists()
    steps = []
    monkeypatch.setattr(trainer, "_shown", lambda state: steps.append(state.global_step) or shown(state))
    assert _run("--model=tiny") == 0
    assert min(step for step in steps if step) >= max(steps) // 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rank=2"], "--rank is for teaching a model, so give the --model too"),
        (["--model=tiny", "--prompt_tokens=3"], "--prompt_tokens is for --tuning_method=prompt_tuning"),
        (["--model=tiny", "--tuning_method=full", "--rank=3"], "--rank is for --tuning_method=lora"),
        (["--model=http://localhost:1/v1#some"], "cannot be taught: give `smollm2`, a folder or a hub id"),
        (["--model=tiny", "--output=collections.parquet"], "collections.parquet is no folder"),
        (["--model=nothing at all"], "no language model 'nothing at all'"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(options: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert _run(*options) == 2
    assert said in " ".join(capfd.readouterr().err.split())
    assert not Path("tuned").exists()
