"""`run_all`: the arguments of stages, failures, and a real run of all stages without models."""

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from pipelines.common.command_line import UsageError
from pipelines.common.run import create_job, run_job
from pipelines.run_all import execution
from pipelines.run_all.execution import Cost
from pipelines.run_all.job import RunAllJob
from pipelines.run_all.stages import STAGES
from schemas import JOURNEY_NAMES, RECOMMENDATIONS
from tests.pipelines.logs import rows, write
from tests.pipelines.topics import ITEMS, USERS, log

ROOT = Path(__file__).parents[2]


def create(*options: str) -> RunAllJob:
    job, _ = create_job(RunAllJob, options)
    assert isinstance(job, RunAllJob)
    return job


def run(*options: str, code: int = 0) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        assert run_job(RunAllJob, options) == code, printed.getvalue()
    return printed.getvalue()


def results(printed: str) -> dict[str, str]:
    """Return the second column of the printed table by stage."""
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]
    return {row[0]: row[1] for row in cells if row[0] not in ("", "total")}


def commands(printed: str) -> list[list[str]]:
    """Return the commands of stages, as job and arguments."""
    found = [shlex.split(line) for line in printed.splitlines() if " -m pipelines." in line]
    return [[words[2].removeprefix("pipelines."), *words[3:]] for words in found]


class TestArguments:
    def test_options_of_the_log_are_given_to_the_first_stages_only(self) -> None:
        shared = ("--interactions=log.parquet", "--columns=user_id=visitor", "--min_value=2.0", "--encoder=minilm")
        flags = create(*shared, "--items=items.parquet", "--item_columns=item_id=key", "--workspace=out/").flags
        given = (shared[0], *shared[1:3], "--items=items.parquet", "--item_columns=item_id=key", shared[3])
        assert sorted(flags["extract"]) == sorted((*given, "--workspace=out"))
        assert flags["cluster"] == flags["extract"]
        assert flags["transitions"] == flags["explore"] == flags["intents"] == ("--workspace=out",)
        assert flags["recommend"] == ("--workspace=out", "--journeys=out", "--intents=out")
        assert flags["name"] == flags["lifecycle"] == ("--workspace=out", "--journeys=out")

    def test_all_stages_tolerate_the_same_fraction_of_errors(self) -> None:
        flags = create("--max_error_rate=0.2").flags
        assert [stage for stage, arguments in flags.items() if "--max_error_rate=0.2" not in arguments] == ["report"]

    def test_a_stage_does_not_get_an_option_that_it_does_not_have(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipelines.run_all.job._check_models", lambda: None)
        flags = create("--with_models", "--allow_empty").flags
        without = [stage for stage, arguments in flags.items() if "--allow_empty" not in arguments]
        assert without == ["train_recommender", "report"]

    def test_an_option_of_a_stage_takes_the_place_of_the_shared_one(self) -> None:
        flags = create("--encoder=minilm", "--cluster.encoder=use", "--cluster.levels=4,16", "--extract.sweep").flags
        assert flags["cluster"] == ("--workspace=workspace", "--encoder=use", "--levels=4,16")
        assert flags["extract"] == ("--encoder=minilm", "--workspace=workspace", "--sweep")

    def test_options_of_beam_are_given_to_all_stages(self) -> None:
        flags = ("--runner=DirectRunner", "--runner_config=runner_configs/direct.yaml", "--direct_num_workers=2")
        assert create(*flags, "--recommend.slots=4").beam_flags == flags

    def test_stages_without_models(self) -> None:
        stages = ["extract", "cluster", "transitions", "explore", "intents", "recommend", "name", "lifecycle", "report"]
        assert list(create().flags) == stages

    def test_models(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipelines.run_all.job._check_models", lambda: None)
        flags = create("--with_models", "--workspace=out").flags
        assert list(flags)[5:7] == ["train_recommender", "recommend"]
        assert flags["train_recommender"] == ("--clusters=out", "--output=out/recommender")
        assert flags["recommend"][-1] == "--model=out/recommender"
        assert flags["name"][-1] == "--model=builtin"

    def test_given_models_take_the_place_of_those_of_the_chain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pipelines.run_all.job._check_models", lambda: None)
        job = create("--with_models", "--recommend.model=trained", "--name.model=smollm2")
        assert "train_recommender" not in job.flags
        assert job.flags["recommend"][-1] == "--model=trained"
        assert [flag for flag in job.flags["name"] if "model" in flag] == ["--model=smollm2"]

    def test_from_forces_a_stage_and_all_later_ones(self) -> None:
        assert create("--from=recommend").forced == {"recommend", "name", "lifecycle", "report"}
        assert create("--force").forced == set(create().flags)
        assert create().forced == set()

    @pytest.mark.parametrize(
        ("option", "message"),
        [
            ("--slots=3", r"unknown option --slots; did you mean --recommend\.slots\?"),
            ("--recomend.slots=3", r"did you mean --recommend\.slots\?"),
            ("--recommend.slots=0", r"--recommend\.slots: must be a whole number in \[1, 1000\]"),
            ("--recommend.workspace=a", r"unknown option --recommend\.workspace"),
            ("--explore.dry_run", r"unknown option --explore\.dry_run"),
            ("--interactions=log", "--interactions and --items must be given together"),
            ("--from=train_recommender", "--from=train_recommender needs --with_models"),
        ],
    )
    def test_options_that_are_refused(self, option: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            create(option)

    def test_force_and_from(self) -> None:
        with pytest.raises(UsageError, match="mutually exclusive"):
            create("--force", "--from=name")


def test_every_stage_reads_outputs_of_earlier_ones() -> None:
    written: set[str] = set()
    for stage in STAGES:
        assert set(stage.reads) <= written
        assert stage.outputs
        written |= set(stage.outputs)


def test_a_stage_that_fails_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_run_process", lambda name, arguments: (3, Cost(65, 61)))
    printed = run(f"--workspace={tmp_path}", "--explore.top=7", "--force", "--runner=FnApiRunner", code=3)
    assert results(printed)["extract"] == "failed with exit code 3"
    assert results(printed)["cluster"] == "not reached"
    assert "1:05" in printed
    assert commands(printed)[-1] == [
        *("run_all", f"--workspace={tmp_path}", "--explore.top=7", "--from=extract", "--runner=FnApiRunner")
    ]


def test_a_stage_that_lacks_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_run_process", lambda name, arguments: (137, Cost(1, 1)))
    printed = run(f"--workspace={tmp_path}", code=137)
    assert "extract: ended by SIGKILL, maybe by the system, for lack of memory" in printed


def test_a_stage_that_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str, arguments: tuple[str, ...]) -> tuple[int, Cost]:
        raise KeyboardInterrupt

    monkeypatch.setattr(execution, "_run_process", interrupt)
    printed = run(f"--workspace={tmp_path}", code=130)
    assert results(printed)["extract"] == "stopped"
    assert commands(printed)[-1] == ["run_all", f"--workspace={tmp_path}"]


def test_a_stage_that_refuses_its_inputs(tmp_path: Path) -> None:
    missing = (f"--interactions={tmp_path / 'no.parquet'}", f"--items={tmp_path / 'no.parquet'}")
    printed = run(f"--workspace={tmp_path / 'out'}", *missing, code=2)
    assert "extract: --interactions: no such file" in printed
    assert results(printed)["extract"] == "failed with exit code 2"


def test_a_stage_ends_with_the_process_that_started_it() -> None:
    program = """
import subprocess, sys
from pipelines.run_all import execution
start = subprocess.Popen
def waiting(command):
    process = start((sys.executable, "-c", "import time; print('waits', flush=True); time.sleep(600)"))
    print(process.pid, flush=True)
    return process
subprocess.Popen = waiting
print(execution._run_process("extract", ())[0])
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    stage, started = int(process.stdout.readline()), process.stdout.readline()
    assert started == "waits\n"
    process.terminate()
    assert process.communicate(timeout=60)[0] == "143\n"
    with pytest.raises(ProcessLookupError):
        os.kill(stage, 0)


def test_names_are_left_out_without_word_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.run_all.job._lacks", lambda stage: stage.job == "name")
    printed = run(f"--workspace={tmp_path}", "--dry_run")
    assert results(printed)["name"] == "no"
    assert "needs glin_profanity" in printed
    assert [words[0] for words in commands(printed)] == [stage for stage in create().flags if stage != "name"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    printed = run(f"--workspace={tmp_path / 'out'}", "--dry_run")
    assert results(printed) == dict.fromkeys(create().flags, "yes")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_log_from_end_to_end(tmp_path: Path) -> None:
    """The first run writes everything, a second one nothing, later ones what depends on a changed option or log."""
    write(tmp_path, {"log.parquet": log(), "items.parquet": ITEMS})
    given = (
        *(f"--interactions={tmp_path / 'log.parquet'}", f"--items={tmp_path / 'items.parquet'}"),
        *(f"--workspace={tmp_path / 'out'}", "--cluster.levels=6", "--recommend.dimensions=8"),
        *("--extract.min_size=2", "--runner=FnApiRunner"),
    )
    stages = list(create().flags)
    first = run(*given)
    assert results(first) == dict.fromkeys(stages, "run")
    assert [words[0] for words in commands(first)] == stages
    recommended = rows(tmp_path / "out", RECOMMENDATIONS)
    assert len({row["user_id"] for row in recommended}) == USERS
    assert rows(tmp_path / "out", JOURNEY_NAMES)

    second = run(*given)
    assert results(second) == dict.fromkeys(stages, "up to date")
    assert commands(second) == []

    third = run(*given, "--recommend.slots=4")
    assert results(third) == dict.fromkeys(stages, "up to date") | {"recommend": "run", "report": "run"}
    assert "option changed: --slots: not given → 4" in " ".join(third.split())
    assert {row["rank"] for row in rows(tmp_path / "out", RECOMMENDATIONS)} == {1, 2, 3, 4}

    longer = pa.concat_tables([log(), log().slice(0, 1)])
    write(tmp_path, {"log.parquet": longer})
    fourth = run(*given, "--recommend.slots=4", "--dry_run")
    assert results(fourth) == dict.fromkeys(stages, "yes")
    assert fourth.count("input changed: interactions") == 2
