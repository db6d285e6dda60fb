"""Running a job from a command line: usage errors in a second, progress while it runs, a summary at the end."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from pipelines.common.options import UsageError, parse
from pipelines.common.preflight import check_runner, explain_runner_failure
from transforms.datasets.commit import ROLLBACK_FAILED
from transforms.datasets.error_rate import DataError
from transforms.datasets.files import Source
from transforms.datasets.manifest import CommitError
from transforms.model_files import ModelUnavailableError
from transforms.progress import Progress

_LOCAL_RUNNERS = (None, "DirectRunner", "FnApiRunner", "PrismRunner")
_MOST_FOOTERS = 500
_POLL_SECONDS = 0.5
_EXPECTED: tuple[type[Exception], ...] = (DataError, CommitError, ModelUnavailableError, OSError)
_NAMED = re.compile(rf"\b(?:{'|'.join(kind.__name__ for kind in (*_EXPECTED, *OSError.__subclasses__()))}): ")
"""How an expected failure begins in the text of the error that a runner makes of it."""


class PlannedJob(Protocol):
    """What every job knows about itself."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """What it reads, by the name of the dataset, in the order in which it is read."""

    @property
    def workspace(self) -> str:
        """The folder it writes."""


JobT = TypeVar("JobT", bound=PlannedJob)


class Step(NamedTuple):
    """Work that is shown while it is done.

    Attributes:
        label: what is counted.
        total: how much there is to do; None: not known before.
    """

    label: str
    total: int | None = None


def execute(
    program: str,
    argv: Sequence[str],
    options: type[PipelineOptions],
    plan: Callable[[argparse.Namespace], JobT],
    build: Callable[[beam.Pipeline, JobT, Progress], None],
    tell: Callable[[JobT, float], None] = lambda _job, _seconds: None,
    steps: Callable[[JobT], Mapping[str, Step]] = lambda _job: {},
    finish: Callable[[JobT], int] = lambda _job: 0,
) -> int:
    """Parses, plans, builds, runs, and tells what came of it.

    Args:
        program: how the job is called.
        argv: its arguments.
        options: its options.
        plan: checks the options against the world, or raises `UsageError`.
        build: adds the job to a pipeline.
        tell: prints what came of a job that is committed, and the seconds that it took.
        steps: what is shown of a job besides rows read and parts written, by the name under which workers count it.
        finish: what is done on this machine with what is committed; returns the exit code.

    Returns:
        The exit code: 0 done, 1 the job failed and committed nothing, 2 the command line cannot be carried out, 130
        stopped by Ctrl-C.
    """
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    try:
        args, beam_options = parse(argv, options, program)
        FileSystems.set_options(beam_options)  # credentials and endpoints of buckets are among them
        job = plan(args)
        check_runner(beam_options)
    except UsageError as error:
        console.print(f"[bold red]{program}:[/] {escape(str(error))}", soft_wrap=True)
        return 2
    runner = beam_options.view_as(StandardOptions).runner
    local = runner in _LOCAL_RUNNERS
    if not local:
        console.print(f"{program}: handed to {runner}; its own pages show how far it is", markup=False)
    try:
        with (
            _quiet_refusals(),
            _shown_progress(job.sources, steps(job), console) if local else _no_progress() as progress,
        ):
            pipeline = beam.Pipeline(options=beam_options)
            build(pipeline, job, progress)
            state = _finish(pipeline.run())
    except KeyboardInterrupt:
        rest = "" if local else f" waiting; the pages of {runner} show whether the job goes on"
        console.print(f"{program}: stopped{rest}", markup=False)
        return 128 + signal.SIGINT
    except Exception as error:
        told = _told(error) if _expected(error) else explain_runner_failure(str(error))
        if told is None:
            raise
        console.print(f"[bold red]{program} failed:[/] {escape(told)}", soft_wrap=True)
        if ROLLBACK_FAILED not in told:
            console.print(f"What was in {job.workspace} before is unchanged.", soft_wrap=True, markup=False)
        if not local and "://" not in job.workspace:
            console.print("A path without gs:// or the like must be on a disk that you and all workers share.")
        return 1
    if state not in (None, "DONE"):
        console.print(f"[bold red]{program}:[/] the job ended as {state}")
        return 1
    tell(job, time.monotonic() - started)
    return finish(job)


def _finish(result: PipelineResult) -> str | None:
    """Waits for the end of a job; where that is interrupted, asks the runner to stop it. Flink does not for a batch."""
    try:
        state: str | None = result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise
    return state


def _expected(error: Exception) -> bool:
    """Whether the failure is one of those that a user can act upon, wherever in a worker it was raised."""
    return isinstance(error, _EXPECTED) or _NAMED.search(str(error)) is not None


def _told(error: Exception) -> str:
    """What a failure says, without what the runner put around it."""
    text = str(error) if isinstance(error, _EXPECTED) else _NAMED.split(str(error))[-1]
    return text.partition(" [while running")[0].strip() or type(error).__name__


@contextmanager
def _quiet_refusals() -> Iterator[None]:
    """Beam logs a traceback of every failure; one that tells of the input alone is left to the last lines of a run."""

    def shown(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], _EXPECTED))

    logger = logging.getLogger("apache_beam.runners.common")
    logger.addFilter(shown)
    try:
        yield
    finally:
        logger.removeFilter(shown)


@contextmanager
def _no_progress() -> Iterator[Progress]:
    yield Progress()


@contextmanager
def _shown_progress(sources: Mapping[str, Source], steps: Mapping[str, Step], console: Console) -> Iterator[Progress]:
    """Bars for rows read, steps and parts, fed through a file that all local workers append to."""
    with tempfile.TemporaryDirectory(prefix="journeys-progress-") as folder:
        progress = Progress(str(Path(folder) / "progress"))
        columns = (
            TextColumn("{task.description:>18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=console, transient=True, refresh_per_second=2) as bars:
            reading = {name: Step(f"{name} read", _count_rows(source)) for name, source in sources.items()}
            shown = {**reading, **steps, "parts": Step("parts written")}
            stages = {name: bars.add_task(label, total=total, rate="") for name, (label, total) in shown.items()}
            stop = threading.Event()

            def draw() -> None:
                while not stop.wait(_POLL_SECONDS):
                    done = progress.done()
                    for stage, task in stages.items():
                        elapsed = bars.tasks[task].elapsed or 0.0
                        rate = f"{done.get(stage, 0) / elapsed:,.0f}/s" if elapsed and done.get(stage) else ""
                        bars.update(task, completed=done.get(stage, 0), rate=rate)

            drawer = threading.Thread(target=draw, daemon=True)
            drawer.start()
            try:
                yield progress
            finally:
                stop.set()
                drawer.join()


def _count_rows(source: Source) -> int | None:
    """Rows of a local source by its footers; None where that would take long or a footer cannot be read."""
    if len(source.files) > _MOST_FOOTERS or "://" in source.path:
        return None
    try:
        return sum(pq.read_metadata(file.path).num_rows for file in source.files)
    except (OSError, pa.ArrowException):
        return None
