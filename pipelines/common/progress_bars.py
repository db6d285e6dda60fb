"""Progress bars of a job on this machine: rows read, other work, parts written."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

from pipelines.common.job import ProgressStep
from transforms.datasets.files import Source
from transforms.progress import Progress

_MAX_FOOTERS = 500
_POLL_SECONDS = 0.5


def bars(console: Console, field: str) -> Bars:
    """Create progress bars, in the style of all jobs, that are removed at the end.

    Args:
        console: the console that shows them.
        field: name of the text field of each task that is shown behind its counts.
    """
    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{{task.fields[{field}]}}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Bars(*columns, console=console, transient=True, refresh_per_second=2)


@contextmanager
def show_progress(
    sources: Mapping[str, Source], steps: Mapping[str, ProgressStep], console: Console
) -> Iterator[Progress]:
    """Show bars while a job runs, fed through a file to which all local workers append.

    Args:
        sources: the datasets that are read, by name.
        steps: further work, by the name under which workers count it.
        console: the console that shows the bars.

    Yields:
        The progress to which the workers report.
    """
    with tempfile.TemporaryDirectory(prefix="journeys-progress-") as folder, bars(console, "rate") as shown:
        progress = Progress(str(Path(folder) / "progress"))
        reading = {name: ProgressStep(f"{name} read", _count_rows(source)) for name, source in sources.items()}
        labels = {**reading, **steps, "parts": ProgressStep("parts written")}
        tasks = {name: shown.add_task(label, total=total, rate="") for name, (label, total) in labels.items()}
        stop = threading.Event()
        refresher = threading.Thread(target=_refresh, args=(shown, tasks, progress, stop), daemon=True)
        refresher.start()
        try:
            yield progress
        finally:
            stop.set()
            refresher.join()


def _refresh(shown: Bars, tasks: Mapping[str, TaskID], progress: Progress, stop: threading.Event) -> None:
    while not stop.wait(_POLL_SECONDS):
        done = progress.done()
        for name, task in tasks.items():
            elapsed = shown.tasks[task].elapsed or 0.0
            rate = f"{done.get(name, 0) / elapsed:,.0f}/s" if elapsed and done.get(name) else ""
            shown.update(task, completed=done.get(name, 0), rate=rate)


def _count_rows(source: Source) -> int | None:
    """Count the rows of a local source by its footers; None where that is slow or a footer is not readable."""
    if len(source.files) > _MAX_FOOTERS or "://" in source.path:
        return None
    try:
        return sum(pq.read_metadata(file.path).num_rows for file in source.files)
    except (OSError, pa.ArrowException):
        return None
