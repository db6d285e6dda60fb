"""Progress of a job on this machine: bars in a terminal, plain lines in a log."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from pipelines.common.compiling import show_compiling
from pipelines.common.job import ProgressStep
from transforms.datasets.files import Source
from transforms.progress import Progress

_MAX_FOOTERS = 500
_POLL_SECONDS = 0.5
_SECONDS_BETWEEN_LINES = 5.0
_SECONDS_WITHOUT_CHANGE = 8.0


@contextmanager
def bars(console: Console, detail: ProgressColumn) -> Iterator[Bars]:
    """Show the tasks of a job while it runs, in the style of all jobs.

    A terminal shows bars, which are removed at the end. Anything else, such as a log, shows one line at once, one at
    most every 5 seconds where something changed, and one every 8 seconds where nothing did.

    Args:
        console: the console that shows them.
        detail: the column of bars behind the counts. A line shows the text field `detail` of a task that has one.

    Yields:
        The tasks, to which the job adds its own.
    """
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        MofNCompleteColumn(),
        detail,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    shown = Bars(*columns, console=console, transient=True, refresh_per_second=2, disable=not console.is_terminal)
    if console.is_terminal:
        with shown:
            yield shown
    else:
        lines = ProgressLines()
        with _repeat(lambda: _print_line(console, lines.next_line(shown.tasks))):
            yield shown


class _RateColumn(ProgressColumn):
    """The work done per second since a task began."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed / task.elapsed:,.0f}/s" if task.completed and task.elapsed else "")


class ProgressLines:
    """The lines that describe the tasks of a job in a log.

    Args:
        clock: the current time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._printed_at: float | None = None
        self._printed = ""

    def next_line(self, tasks: Sequence[Task]) -> str | None:
        """Return the line to print now; None: it is too early, or there is no task."""
        text = ", ".join(_describe(task) for task in _worth_showing(tasks))
        now = self._clock()
        if not text or (self._printed_at is not None and now - self._printed_at < self._pause(text)):
            return None
        self._printed_at, self._printed = now, text
        return f"{int(now - self._started)} s: {text}"

    def _pause(self, text: str) -> float:
        return _SECONDS_BETWEEN_LINES if text != self._printed else _SECONDS_WITHOUT_CHANGE


def _worth_showing(tasks: Sequence[Task]) -> Sequence[Task]:
    """Select the tasks that have begun; before any has, those whose amount of work is known; before that, all."""
    return [task for task in tasks if task.completed] or [task for task in tasks if task.total is not None] or tasks


def _describe(task: Task) -> str:
    """Describe the state of a task: `users done 1,200/5,000 (24 %)`."""
    text = task.description
    if task.completed or task.total is not None:
        text += f" {task.completed:,.0f}"
    if task.total is not None:
        text += f"/{task.total:,.0f}"
    if task.total:
        text += f" ({task.percentage:.0f} %)"
    if task.fields.get("forecast"):
        text += _forecast(task)
    detail = task.fields.get("detail")
    return f"{text}, {detail}" if detail else text


def _forecast(task: Task) -> str:
    """Describe the time that the rest of a task takes at its mean speed so far: `, about 3 min left`."""
    if not task.completed or not task.total or not task.elapsed or task.completed >= task.total:
        return ""
    seconds = (task.total - task.completed) * task.elapsed / task.completed
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f", about {seconds / size:.0f} {unit} left"
    return f", about {seconds:.0f} s left"


def _print_line(console: Console, line: str | None) -> None:
    if line is not None:
        console.print(line, soft_wrap=True, markup=False)


@contextmanager
def _repeat(action: Callable[[], None]) -> Iterator[None]:
    """Call a function twice a second, in a thread."""
    stop = threading.Event()

    def repeat() -> None:
        while not stop.wait(_POLL_SECONDS):
            action()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def show_progress(
    sources: Mapping[str, Source],
    steps: Mapping[str, ProgressStep],
    console: Console,
    warm_up: Callable[[], None] | None = None,
) -> Iterator[Progress]:
    """Show the progress of a job while it runs, fed through a file to which all local workers append.

    Args:
        sources: the datasets that are read, by name.
        steps: further work, by the name under which workers count it.
        console: the console that shows the progress.
        warm_up: compiles what the workers need, before they start; None: nothing is compiled.

    Yields:
        The progress to which the workers report.
    """
    with tempfile.TemporaryDirectory(prefix="journeys-progress-") as folder, bars(console, _RateColumn()) as shown:
        if warm_up is not None:
            with show_compiling(shown):
                warm_up()
        progress = Progress(str(Path(folder) / "progress"))
        reading = {name: ProgressStep(f"{name} read", _count_rows(source)) for name, source in sources.items()}
        labels = {**reading, **steps, "parts": ProgressStep("parts written")}
        tasks = {name: shown.add_task(label, total=total) for name, (label, total) in labels.items()}
        with _repeat(lambda: _update(shown, tasks, progress)):
            yield progress


def _update(shown: Bars, tasks: Mapping[str, TaskID], progress: Progress) -> None:
    """Copy what the workers have reported to the tasks."""
    done, expected = progress.done(), progress.expected()
    forecast = {task.id for task in shown.tasks if task.fields.get("forecast")}
    for name, task in tasks.items():
        if name in expected:
            if name in done and task not in forecast:
                shown.reset(task, forecast=True)  # its time begins with its work, not with that of other steps
            shown.update(task, total=expected[name])
        shown.update(task, completed=done.get(name, 0))


def _count_rows(source: Source) -> int | None:
    """Count the rows of a local source by its footers; None where that is slow or a footer is not readable."""
    if len(source.files) > _MAX_FOOTERS or "://" in source.path:
        return None
    try:
        return sum(pq.read_metadata(file.path).num_rows for file in source.files)
    except (OSError, pa.ArrowException):
        return None
