"""The commands of the pages are run: in a folder like a clone, in the order of each page, on small files.

A command without an entry in `NOT_RUN` is run.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.documented_commands import PAGES, ROOT, Command, find_commands
from tests.documented_files import environment, make_clone

NOT_RUN: Mapping[str, str] = {
    r"pip install": "installs packages; that the extras exist is checked without it",
    r"^(git|go|vllm|source)\b": "programs of others, which need a network, a GPU or a shell of one's own",
    r"^make (test|lint)\b": "is what CI runs",
    r"^make demo-llm\b": "needs PyTorch",
    r"^make flink-(up|down)\b|runner_configs/flink\.yaml|FlinkRunner": "needs Java and a Flink cluster",
    r"runner_configs/prism\.yaml": "needs Prism",
    r"gs://": "needs a bucket",
    r"minilm|--model=|--method|language_model|prompted_model": "needs PyTorch",
    r"pipelines\.tune |train_recommender|exploration_by_model": "needs PyTorch",
    r"experts|users\.parquet|--suites=orderings": "reads trainings and experiments that take hours",
    r"--clusters=table\b": "continues a table that a language model ranked",
    r"tools\.queries": "tests/test_one_user.py runs it",
    r"tools\.static_encoder": "needs PyTorch, and hours",
    r"benchmarks\.sequence_recommender|rectools": "needs PyTorch, and RecTools in an environment of its own",
    r"--tuned_models=": "shows the outputs of commands that need PyTorch",
    r"ml-100k|movielens/|ml-latest-small|films/|MINDsmall|news/": "the log may not be redistributed",
    r"stars\.csv|stars/": "the log is larger than the sample",
    r"--suites=(intents|recommendation) ": "takes many minutes even on small files",
}
"""Commands that are not run, as regular expressions, each with the reason."""

BEFORE: Mapping[str, tuple[str, ...]] = {
    "docs/evaluation.md": ("python -m pipelines.cluster", "python -m pipelines.transitions"),
    "docs/report.md": ("make demo", "make recommend"),
}
"""Commands that a page takes as run, by page."""

COMMANDS = {
    page: [command for command in find_commands(page, (ROOT / page).read_text("utf-8")) if command.to_type]
    for page in PAGES
}


def reason_not_to_run(command: Command) -> str | None:
    return next((reason for pattern, reason in NOT_RUN.items() if re.search(pattern, command.text)), None)


def to_run(page: str) -> list[Command]:
    return [command for command in COMMANDS[page] if reason_not_to_run(command) is None]


def run(text: str, folder: Path) -> None:
    """Runs a command in a shell, with the files of /data in the folder, and for `...` those of one's own log."""
    text = text.replace("/data/", f"{folder}/data/").replace(
        " ... ", " --interactions=log.parquet --items=items.parquet "
    )
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\nexit code {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-5000:]}"


def test_every_entry_is_for_a_command() -> None:
    texts = [command.text for commands in COMMANDS.values() for command in commands]
    assert [pattern for pattern in NOT_RUN if not any(re.search(pattern, text) for text in texts)] == []
    assert [page for page in BEFORE if not to_run(page)] == []


def test_most_commands_of_jobs_are_run() -> None:
    of_jobs = [command for commands in COMMANDS.values() for command in commands if "-m pipelines" in command.text]
    run_ones = [command for command in of_jobs if reason_not_to_run(command) is None]
    assert len(run_ones) > 0.5 * len(of_jobs)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", [page for page in PAGES if to_run(page)])
def test_the_commands_of_a_page_work_one_after_another(page: str, tmp_path: Path) -> None:
    folder = tmp_path / "interest-journeys"
    make_clone(folder)
    for text in (*BEFORE.get(page, ()), *(command.text for command in to_run(page))):
        run(text, folder)
