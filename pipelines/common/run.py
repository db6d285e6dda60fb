"""Running a job from a command line: usage errors within a second, progress while it runs, a summary at the end."""

from __future__ import annotations

import dataclasses
import logging
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult
from rich.console import Console
from rich.markup import escape

from pipelines.common.command_line import UsageError, given_beam_flags, parse_command_line
from pipelines.common.inherit import complete_options
from pipelines.common.job import Job
from pipelines.common.preflight import check_runner, explain_runner_failure
from pipelines.common.progress_bars import show_progress
from transforms.datasets.commit import ROLLBACK_FAILED
from transforms.datasets.empty_outputs import ALLOW_EMPTY
from transforms.datasets.error_rate import MAX_ERROR_RATE, UNKNOWN_ITEM, DataError
from transforms.datasets.manifest import CommitError
from transforms.model_files import ModelUnavailableError
from transforms.progress import Progress

_LOCAL_RUNNERS = (None, "DirectRunner", "FnApiRunner", "PrismRunner")
_EXPECTED: tuple[type[Exception], ...] = (DataError, CommitError, ModelUnavailableError, OSError)
_EXPECTED_NAME = re.compile(rf"\b(?:{'|'.join(kind.__name__ for kind in (*_EXPECTED, *OSError.__subclasses__()))}): ")
"""The beginning of an expected failure in the text of the error into which a runner wraps it."""


def run_job(job_type: type[Job], argv: Sequence[str] | None = None) -> int:
    """Parse the options, create the job, run it and print its summary.

    Args:
        job_type: the job.
        argv: its arguments; None: those of this process.

    Returns:
        The exit code: 0 done, 1 the job failed and committed nothing, 2 the command line cannot be carried out, 130
        stopped by Ctrl-C.
    """
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()
    try:
        job, beam_options = create_job(job_type, sys.argv[1:] if argv is None else argv)
        _check_inputs(job)
        check_runner(beam_options)
    except UsageError as error:
        console.print(f"[bold red]{job_type.name}:[/] {escape(str(error))}", soft_wrap=True)
        return 2
    if job.has_graph:
        failed = _run(job, beam_options, console)
        if failed is not None:
            return failed
    job.print_summary(time.monotonic() - started)
    _print_left_out(job)
    return job.after_commit()


def create_job(job_type: type[Job], argv: Sequence[str]) -> tuple[Job, PipelineOptions]:
    """Create the job that a command line describes, with the options that it inherits.

    Args:
        job_type: the job.
        argv: its arguments.

    Returns:
        The job, and the options of Beam.

    Raises:
        UsageError: when the command line cannot be carried out.
    """
    args, beam_options = parse_command_line(job_type, argv)
    FileSystems.set_options(beam_options)  # credentials and endpoints of buckets are among them
    args, recorded = complete_options(job_type, args, argv)
    job = job_type.from_options(args)
    return dataclasses.replace(job, options=recorded, beam_flags=given_beam_flags(job_type, argv)), beam_options


def _check_inputs(job: Job) -> None:
    from pipelines.common.input_checks import check_inputs  # imports Numba, which errors in options need not wait for

    check_inputs(job)


def _print_left_out(job: Job) -> None:
    from pipelines.common.left_out import print_left_out

    print_left_out(job)


def _describe_invalid_rows(job: Job, message: str) -> list[str]:
    from pipelines.common.different_ids import describe_ids
    from pipelines.common.left_out import describe_unread_files

    return [*describe_unread_files(job), *(describe_ids(job) if UNKNOWN_ITEM in message else [])]


def _describe_filtered_columns(job: Job) -> list[str]:
    from pipelines.common.empty_results import describe_filtered_columns

    return describe_filtered_columns(job)


def _run(job: Job, beam_options: PipelineOptions, console: Console) -> int | None:
    """Run the graph of a job; return the exit code of a failure, or None."""
    runner = beam_options.view_as(StandardOptions).runner
    local = runner in _LOCAL_RUNNERS
    if not local:
        console.print(f"{job.name}: submitted to {runner}; its web interface shows the progress", markup=False)
    steps = job.progress_steps()
    shown = show_progress(job.sources, steps, console, job.warm_up) if local else nullcontext(Progress())
    try:
        with _suppress_expected_tracebacks(), shown as progress:
            pipeline = beam.Pipeline(options=beam_options)
            job.build(pipeline, progress)
            state = _wait_until_finish(pipeline.run())
    except KeyboardInterrupt:
        rest = "" if local else f" waiting; the web interface of {runner} shows whether the job goes on"
        console.print(f"{job.name}: stopped{rest}", markup=False)
        return 128 + signal.SIGINT
    except Exception as error:
        message = _error_message(error) if _is_expected(error) else explain_runner_failure(str(error))
        if message is None:
            raise
        if ALLOW_EMPTY in message:
            message = "\n  ".join([message, *_describe_filtered_columns(job)])
        if MAX_ERROR_RATE in message:
            message = "\n  ".join([message, *_describe_invalid_rows(job, message)])
        console.print(f"[bold red]{job.name} failed:[/] {escape(message)}", soft_wrap=True)
        if ROLLBACK_FAILED not in message and any(job.expected_versions.values()):
            console.print(f"The previous content of {job.workspace} is unchanged.", soft_wrap=True, markup=False)
        if not local and "://" not in job.workspace:
            console.print("A path without gs:// or the like must be on a disk that you and all workers share.")
        return 1
    if state not in (None, "DONE"):
        console.print(f"[bold red]{job.name}:[/] the job ended in the state {state}")
        return 1
    return None


def _wait_until_finish(result: PipelineResult) -> str | None:
    """Wait for the end of a job; cancel it on Ctrl-C, which Flink does not do for a batch job."""
    try:
        state: str | None = result.wait_until_finish()
    except KeyboardInterrupt:
        result.cancel()
        raise
    return state


def _is_expected(error: Exception) -> bool:
    """Return whether a user can act upon a failure, wherever in a worker it was raised."""
    return isinstance(error, _EXPECTED) or _EXPECTED_NAME.search(str(error)) is not None


def _error_message(error: Exception) -> str:
    """Return the message of a failure without the text that the runner put around it."""
    text = str(error) if isinstance(error, _EXPECTED) else _EXPECTED_NAME.split(str(error))[-1]
    return text.partition(" [while running")[0].strip() or type(error).__name__


@contextmanager
def _suppress_expected_tracebacks() -> Iterator[None]:
    """Keep Beam from logging the traceback of an expected failure, whose message is printed at the end."""

    def is_unexpected(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], _EXPECTED))

    logger = logging.getLogger("apache_beam.runners.common")
    logger.addFilter(is_unexpected)
    try:
        yield
    finally:
        logger.removeFilter(is_unexpected)
