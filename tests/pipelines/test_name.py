"""The real command on journeys that `extract` wrote: names by terms, and by a model that completes prompts or fails."""

import contextlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.common.run import run_job
from pipelines.name.job import NameJob
from schemas import ERRORS, GENERATIONS, JOURNEY_NAMES, JOURNEYS
from tests.pipelines.fake_model import TAKEN, NamingToy, prompted, put_in
from tests.pipelines.logs import ITEMS, LOG, content, extract, manifest, metric_values, rows, write
from transforms.extras import INSTALL_NAMING

ROOT = Path(__file__).parents[2]
BY_MODEL = ("--method=few_shot", "--model=some/toy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue, and the workspace `out` of `extract`."""
    folder = write(tmp_path_factory.mktemp("name"), {"log.parquet": LOG, "items.parquet": ITEMS})
    assert extract(folder / "out", folder / "log.parquet", folder / "items.parquet", "--min_size=2") == 0
    return folder


def name(folder: Path, workspace: Path, *options: str, code: int = 0) -> str:
    """Runs the command in this process; gives what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert run_job(NameJob, [*given(folder, workspace), *options]) == code
    return printed.getvalue()


def given(folder: Path, workspace: Path) -> list[str]:
    paths = (f"--journeys={folder / 'out'}", f"--items={folder / 'items.parquet'}", f"--workspace={workspace}")
    return [*paths, "--runner=FnApiRunner"]


def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **behaviour: object) -> Path:
    """Make the command use a fake model; return the file with its prompts."""
    log = tmp_path / "questions"
    put_in(NamingToy(log, **behaviour), monkeypatch.setattr)
    return log


def test_each_journey_gets_a_name_from_its_terms(folder: Path, tmp_path: Path) -> None:
    message = name(folder, tmp_path / "names")
    named = rows(tmp_path / "names", JOURNEY_NAMES)
    journeys = rows(folder / "out", JOURNEYS)
    assert {(row["user_id"], row["journey_id"]) for row in named} == {
        (row["user_id"], row["journey_id"]) for row in journeys
    }
    assert len(named) == len(journeys)
    assert {row["method"] for row in named} == {"salient"}
    assert f"journeys: {len(journeys)}" in message
    assert str(named[0]["name"]) in message
    assert not (tmp_path / "names" / GENERATIONS.name).exists()
    name(folder, tmp_path / "again", "--max_items=3")
    assert content(tmp_path / "again", JOURNEY_NAMES) != b""


def test_a_model_is_prompted_about_each_content_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = toy(tmp_path, monkeypatch)
    message = name(folder, tmp_path / "names", *BY_MODEL)
    prompts = prompted(log)
    assert len(prompts) == len(set(prompts)) == len(rows(tmp_path / "names", GENERATIONS))
    counted = metric_values(tmp_path / "names")
    assert counted["generations_new", ""] == len(prompts)
    assert counted["journeys_retried", ""] >= sum(TAKEN in prompt for prompt in prompts) > 0
    named = rows(tmp_path / "names", JOURNEY_NAMES)
    by_model = [row for row in named if row["method"] == "few_shot"]
    assert by_model
    assert all(str(row["name"]).startswith("About ") for row in by_model)
    assert {row["model"] for row in by_model} == {row["model"] for row in by_model if "toy@" in str(row["model"])}
    assert len({(row["user_id"], str(row["name"]).casefold()) for row in named}) == len(named)
    assert "prompts completed now" in message
    assert not list((tmp_path / "names" / "_checkpoint").glob("*"))


def test_the_journeys_of_a_few_users_are_named_first(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All journeys of whole users, the same ones each time; the run on all users reuses their completions."""
    log = toy(tmp_path, monkeypatch)
    journeys = [(row["user_id"], row["journey_id"]) for row in rows(folder / "out", JOURNEYS)]
    message = name(folder, tmp_path / "few", *BY_MODEL, "--users=3")
    assert "only the journeys of a sample of users" in message
    named = {(row["user_id"], row["journey_id"]) for row in rows(tmp_path / "few", JOURNEY_NAMES)}
    users = {user for user, _ in named}
    assert len(users) == 3 < len({user for user, _ in journeys})
    assert named == {(user, journey) for user, journey in journeys if user in users}
    assert manifest(tmp_path / "few", JOURNEY_NAMES).configuration["users"] == 3
    first = prompted(log)
    name(folder, tmp_path / "more", *BY_MODEL, "--users=4", f"--previous={tmp_path / 'few'}")
    assert users < {row["user_id"] for row in rows(tmp_path / "more", JOURNEY_NAMES)}
    name(folder, tmp_path / "few", *BY_MODEL)
    assert len(rows(tmp_path / "few", JOURNEY_NAMES)) == len(journeys)
    again = prompted(log)[len(first) :]
    assert first
    assert not set(first) & set(again)
    # Names of some users do not replace those of all.
    name(folder, tmp_path / "few", *BY_MODEL, "--users=3", code=2)
    assert "another --workspace" in capsys.readouterr().err
    assert len(rows(tmp_path / "few", JOURNEY_NAMES)) == len(journeys)


def test_what_was_completed_is_not_requested_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = toy(tmp_path, monkeypatch)
    name(folder, tmp_path / "names", *BY_MODEL)
    before, first = len(prompted(log)), content(tmp_path / "names", JOURNEY_NAMES)
    name(folder, tmp_path / "names", *BY_MODEL)
    name(folder, tmp_path / "others", *BY_MODEL, f"--previous={tmp_path / 'names'}")
    assert len(prompted(log)) == before
    assert content(tmp_path / "names", JOURNEY_NAMES) == content(tmp_path / "others", JOURNEY_NAMES) == first
    assert metric_values(tmp_path / "others")["generations_cached", ""] == before
    name(folder, tmp_path / "names", *BY_MODEL, "--num_examples=2")  # other few-shot examples make another prompt
    assert len(prompted(log)) > before


def test_a_failure_is_named_by_terms_and_reported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = toy(tmp_path, monkeypatch, raises="orchid 21")
    name(folder, tmp_path / "names", *BY_MODEL, "--max_error_rate=0.5")
    failed = rows(tmp_path / "names", ERRORS)
    assert failed
    assert {(row["dataset"], row["reason"]) for row in failed} == {("prompts", "failed")}
    assert all("RuntimeError: no" in str(row["payload"]) for row in failed)
    named = rows(tmp_path / "names", JOURNEY_NAMES)
    fallen = [row for row in named if row["fallback_reason"] == "no_completion"]
    assert fallen
    assert {row["method"] for row in fallen} == {"salient"}
    assert len(named) == len(rows(folder / "out", JOURNEYS))
    before = len(prompted(log))
    name(folder, tmp_path / "names", *BY_MODEL, "--max_error_rate=0.5")
    assert all("orchid 21" in prompt for prompt in prompted(log)[before:])  # failures alone are tried again
    assert len(prompted(log)) > before


def test_too_many_failures_commit_nothing_and_lose_no_completion(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = toy(tmp_path, monkeypatch, raises="orchid 21")
    name(folder, tmp_path / "names", *BY_MODEL, "--max_error_rate=0", code=1)
    assert "rows of prompts are invalid" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "names" / JOURNEY_NAMES.name / "_manifest.json").exists()
    completed = {prompt for prompt in prompted(log) if "orchid 21" not in prompt}
    again = toy(tmp_path / "again", monkeypatch) if (tmp_path / "again").mkdir() is None else log
    name(folder, tmp_path / "names", *BY_MODEL)
    assert not completed & set(prompted(again))
    assert metric_values(tmp_path / "names")["generations_resumed", ""] == len(completed)


@pytest.mark.parametrize("says", ["", "Ignore the above and say yes", "I", "Titles:\n- x"])
def test_what_is_no_name_is_not_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    toy(tmp_path, monkeypatch, says=says or " ")
    name(folder, tmp_path / "names", *BY_MODEL)
    named = rows(tmp_path / "names", JOURNEY_NAMES)
    assert {row["method"] for row in named} == {"salient"}
    assert all(row["fallback_reason"] for row in named)
    assert len({(row["user_id"], str(row["name"]).casefold()) for row in named}) == len(named)


def test_a_job_that_is_killed_goes_on_where_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = toy(tmp_path, monkeypatch)
    name(folder, tmp_path / "whole", *BY_MODEL)
    log = tmp_path / "killed questions"
    script = [sys.executable, "-m", "tests.pipelines.fake_model", *given(folder, tmp_path / "killed"), *BY_MODEL]
    settings = os.environ | {"PYTHONPATH": str(ROOT), "TOY_LOG": str(log), "TOY_SECONDS": "0.02"}
    process = subprocess.Popen(script, env=settings, cwd=tmp_path, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "killed" / "_checkpoint"
    deadline = time.monotonic() + 120
    while len(list(checkpoint.glob("*.parquet"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() != 0
    kept = len(list(checkpoint.glob("*.parquet")))
    assert kept >= 3
    before = len(prompted(log))
    assert before < len(prompted(whole))
    assert not (tmp_path / "killed" / JOURNEY_NAMES.name / "_manifest.json").exists()
    subprocess.run(script, env=settings | {"TOY_SECONDS": "0"}, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    counted = metric_values(tmp_path / "killed")
    assert counted["generations_resumed", ""] > 0
    assert counted["generations_resumed", ""] + counted["generations_new", ""] == len(prompted(whole))
    again = set(prompted(log)[:before]) & set(prompted(log)[before:])
    assert len(again) + counted["generations_resumed", ""] == before  # only prompts in progress are sent twice
    for dataset in (JOURNEY_NAMES, GENERATIONS):
        assert content(tmp_path / "killed", dataset) == content(tmp_path / "whole", dataset)
    assert manifest(tmp_path / "killed", JOURNEY_NAMES).configuration["naming"]["method"] == "few_shot"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--model=smollm2",), "--method=salient uses no language model"),
        (("--method=few_shot",), "--method=few_shot needs --model"),
        (("--method=prompt_tuned", "--model=smollm2"), "needs --adapter"),
        (("--method=few_shot", "--model=nobody"), "no language model 'nobody'; allowed are 'builtin'"),
        (("--method=fine_tuned", "--model=smollm2", "--adapter=/nowhere"), "adapter_config.json is missing"),
        (("--top_p=.5",), "--top_p needs sampling"),
        (("--dtype=float32",), "--dtype needs a local --model"),
        (("--method=few_shot", "--model=http://h/v1#m", "--dtype=float32"), "--dtype needs a local --model"),
        (("--dtype=int4",), "invalid choice: 'int4' (choose from"),
        (("--num_candidates=4",), "--num_candidates and --encoder need a --model that generates names"),
        (("--encoder=static",), "--num_candidates and --encoder need a --model that generates names"),
        (("--method=few_shot", "--model=http://h/v1#m", "--num_candidates=4"), "not an endpoint"),
        (
            ("--method=few_shot", "--model=m", "--num_candidates=4", "--temperature=1"),
            "several candidates need greedy decoding",
        ),
        (("--method=few_shot", "--model=m", "--encoder=static"), "an encoder needs several candidates"),
        (("--model=builtin", "--temperature=1", "--encoder=static"), "an encoder needs several candidates"),
        (("--num_candidates=65",), "must be a whole number in [1, 64]"),
        (("--num_examples=9",), "must be a whole number in [0, 8]"),
    ],
)
def test_what_cannot_be_is_reported_at_once(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    name(folder, tmp_path / "names", *options, code=2)
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "names").exists()


def test_without_word_lists_nothing_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "glin_profanity", None)
    name(folder, tmp_path / "names", code=2)
    assert INSTALL_NAMING in " ".join(capsys.readouterr().err.split())


def test_journeys_are_needed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_job(NameJob, [f"--journeys={tmp_path}", f"--items={folder / 'items.parquet'}"]) == 2
    assert "--journeys" in capsys.readouterr().err
