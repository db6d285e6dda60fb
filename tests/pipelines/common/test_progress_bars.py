"""Progress where no terminal shows bars: plain lines, when they are printed and what they say."""

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from pipelines.common.job import ProgressStep
from pipelines.common.progress_bars import ProgressLines, _describe, _update, bars, show_progress
from transforms.datasets.files import resolve_source
from transforms.progress import Progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def printed(lines: ProgressLines, clock: Clock, tasks: Bars, seconds: range) -> list[str | None]:
    """Request a line in each second after the start; return those that are printed."""
    found = []
    for second in seconds:
        clock.now = 100.0 + second
        found.append(lines.next_line(tasks.tasks))
    return [line for line in found if line is not None]


def test_a_line_counts_what_has_begun() -> None:
    clock, tasks = Clock(), Bars(disable=True)
    lines = ProgressLines(clock)
    reading = tasks.add_task("interactions read", total=182_907)
    done = tasks.add_task("users done", total=None)
    assert printed(lines, clock, tasks, range(1)) == ["0 s: interactions read 0/182,907 (0 %)"]
    tasks.update(reading, completed=120_000)
    tasks.update(done, completed=1_200)
    assert printed(lines, clock, tasks, range(34, 35)) == [
        "34 s: interactions read 120,000/182,907 (66 %), users done 1,200"
    ]


def test_without_a_task_nothing_is_printed() -> None:
    clock = Clock()
    assert printed(ProgressLines(clock), clock, Bars(disable=True), range(30)) == []


def test_work_without_counts_is_named() -> None:
    clock, tasks = Clock(), Bars(disable=True)
    tasks.add_task("compiling", total=None)
    assert printed(ProgressLines(clock), clock, tasks, range(1)) == ["0 s: compiling"]


def test_an_unchanged_state_is_repeated_more_rarely_than_a_changed_one_is_printed() -> None:
    clock, tasks = Clock(), Bars(disable=True)
    lines = ProgressLines(clock)
    task = tasks.add_task("users done", total=None)
    assert printed(lines, clock, tasks, range(20)) == ["0 s: users done", "8 s: users done", "16 s: users done"]
    found = []
    for second in range(20, 40):
        tasks.update(task, advance=1)
        found += printed(lines, clock, tasks, range(second, second + 1))
    assert [line.split(" s:")[0] for line in found if line] == ["21", "26", "31", "36"]


def test_a_log_gets_the_detail_of_a_task() -> None:
    clock, tasks = Clock(), Bars(disable=True)
    tasks.add_task("steps", total=10, completed=2, detail="loss 1.500")
    assert printed(ProgressLines(clock), clock, tasks, range(1)) == ["0 s: steps 2/10 (20 %), loss 1.500"]


@pytest.mark.parametrize(
    ("completed", "expected"),
    [(0, ""), (24, ", about 42 s left"), (2, ", about 12 min left"), (1, ", about 24 min left"), (74, "")],
)
def test_work_known_in_advance_has_a_forecast(completed: int, expected: str) -> None:
    clock = Clock()
    tasks = Bars(disable=True, get_time=clock)
    task = tasks.add_task("prompts completed", total=74)
    tasks.update(task, completed=completed, forecast=True)
    clock.now += 20
    (line,) = printed(ProgressLines(clock), clock, tasks, range(20, 21))
    assert line.rpartition("%)")[2] == expected


def test_a_forecast_begins_with_the_work(tmp_path: Path) -> None:
    """The total comes from workers, and what other steps took before the first prompt is not counted."""
    clock = Clock()
    shown = Bars(disable=True, get_time=clock)
    tasks = {"prompts": shown.add_task("prompts completed", total=None)}
    progress = Progress(str(tmp_path / "progress"))
    for seconds, work in ((50, lambda: progress.expect("prompts", 30)), (30, lambda: progress.add("prompts", 0))):
        clock.now += seconds
        work()
        _update(shown, tasks, progress)
    clock.now += 10
    progress.add("prompts", 10)
    _update(shown, tasks, progress)
    assert _describe(shown.tasks[0]) == "prompts completed 10/30 (33 %), about 20 s left"


@pytest.mark.parametrize(
    ("terminal", "expected"), [(False, r"^\d+ s: users done 1/4 \(25 %\)\n$"), (True, "users done .*━")]
)
def test_a_log_gets_lines_and_a_terminal_bars(terminal: bool, expected: str) -> None:
    written = io.StringIO()
    with bars(Console(file=written, force_terminal=terminal, width=100), TextColumn("")) as shown:
        shown.add_task("users done", total=4, completed=1)
        wait_until(lambda: "users done" in written.getvalue())
    assert re.search(expected, written.getvalue())


def test_what_workers_report_is_printed(tmp_path: Path) -> None:
    pq.write_table(pa.table({"item_id": ["a", "b"]}), tmp_path / "items.parquet")
    written = io.StringIO()
    sources = {"items": resolve_source(str(tmp_path / "items.parquet"))}
    with show_progress(sources, {"users": ProgressStep("users done")}, Console(file=written, width=100)) as progress:
        progress.add("items", 1)
        progress.add("users", 3)
        wait_until(lambda: "users done 3" in written.getvalue())
    assert "s: items read 1/2 (50 %), users done 3\n" in written.getvalue()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; fail if it never does."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
