"""The execution of the stages of `run_all`, each in a process of its own, and the table of their times."""

from __future__ import annotations

import dataclasses
import resource
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.common.command_line import UsageError
from pipelines.common.recorded_options import command_of
from pipelines.run_all.plan import Decision, decide, plan_stages
from pipelines.run_all.provenance import Workspace
from pipelines.run_all.stages import Stage

if TYPE_CHECKING:
    from pipelines.run_all.job import RunAllJob

_UP_TO_DATE = "up to date"
_STOPPED = 128 + signal.SIGINT
_SECONDS_TO_STOP = 60


class Cost(NamedTuple):
    """The cost of a stage.

    Attributes:
        wall: seconds.
        cpu: seconds of CPU time of all its processes on this machine.
    """

    wall: float
    cpu: float


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of a stage.

    Attributes:
        stage: its name.
        result: whether it ran, and how it ended.
        reason: why it ran, or was left out.
        cost: its cost; None: it did not run.
        code: the exit code of its process.
    """

    stage: str
    result: str
    reason: str = ""
    cost: Cost | None = None
    code: int = 0


def print_plan(job: RunAllJob) -> int:
    """Print which stages would run, why, and by which commands; return the exit code."""
    try:
        reasons = {decision.stage.job: decision.reason for decision in _plan(job)}
    except UsageError as error:
        return _refuse(job.name, error)
    table = Table("stage", "would run", "reason", title="plan", title_justify="left")
    for stage in job.stages:
        reason = reasons.get(stage.job, "")
        text = job.left_out.get(stage.job) or reason or _UP_TO_DATE
        table.add_row(stage.job, "yes" if reason else "no", escape(text))
    console = Console(highlight=False)
    console.print(table)
    for stage in job.stages:
        if reasons.get(stage.job):
            console.print(command_of(stage.job, *_arguments(job, stage)), soft_wrap=True, markup=False)
    return 0


def _plan(job: RunAllJob) -> list[Decision]:
    workspace = Workspace(job.workspace)
    return plan_stages(
        [stage for stage in job.stages if stage.job not in job.left_out],
        workspace.committed,
        lambda stage: workspace.expected(stage, _arguments(job, stage)),
        job.forced,
    )


def run_stages(job: RunAllJob) -> int:
    """Run the stages of a job that are out of date, until one fails; return the exit code.

    Whether a stage is out of date is decided when the ones before it have ended.
    """
    workspace = Workspace(job.workspace)
    outcomes: list[Outcome] = []
    for stage in job.stages:
        if left_out := job.left_out.get(stage.job):
            outcomes.append(Outcome(stage.job, "left out", left_out))
            continue
        try:
            outcomes.append(_run_if_needed(job, stage, workspace))
        except UsageError as error:
            code = _refuse(stage.job, error)
            outcomes.append(Outcome(stage.job, _describe_code(code), code=code))
        except KeyboardInterrupt:
            outcomes.append(Outcome(stage.job, _describe_code(_STOPPED), code=_STOPPED))
        if outcomes[-1].code:
            break
    _print_times(outcomes, job)
    return _print_end(outcomes[-1], job)


def _run_if_needed(job: RunAllJob, stage: Stage, workspace: Workspace) -> Outcome:
    arguments = _arguments(job, stage)
    reason = decide(
        stage, workspace.committed(stage), lambda: workspace.expected(stage, arguments), stage.job in job.forced
    )
    console = Console(stderr=True, highlight=False)
    console.print(f"\n[bold]{stage.job}[/]: {escape(reason or _UP_TO_DATE)}", soft_wrap=True)
    if not reason:
        return Outcome(stage.job, _UP_TO_DATE)
    provenance = workspace.expected(stage, arguments)  # before it runs: an input that changes meanwhile is read again
    console.print(f"  {command_of(stage.job, *arguments)}", soft_wrap=True, markup=False)
    code, cost = _run_process(stage.job, arguments)
    if code == 0:
        workspace.record(stage, provenance)
    return Outcome(stage.job, _describe_code(code) if code else "run", reason, cost, code)


def _run_process(name: str, arguments: tuple[str, ...]) -> tuple[int, Cost]:
    """Run a job with the terminal of this process; return its exit code, that of a shell for a signal, and its cost."""
    sys.stdout.flush()
    started, cpu_before = time.monotonic(), _cpu_of_children()
    process = subprocess.Popen((sys.executable, "-m", f"pipelines.{name}", *arguments))
    before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # no stage goes on without `run_all`
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = _stop(process)
    finally:
        signal.signal(signal.SIGTERM, before)
    cost = Cost(time.monotonic() - started, _cpu_of_children() - cpu_before)
    return (code if code >= 0 else 128 - code), cost


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process that Ctrl-C has stopped too; end it if it goes on."""
    try:
        process.wait(_SECONDS_TO_STOP)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.terminate()
        process.wait()
    return _STOPPED


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _arguments(job: RunAllJob, stage: Stage) -> tuple[str, ...]:
    return (*job.flags[stage.job], *job.beam_flags)


def _refuse(name: str, error: UsageError) -> int:
    Console(stderr=True, highlight=False).print(f"[bold red]{name}:[/] {escape(str(error))}", soft_wrap=True)
    return 2


def _print_times(outcomes: list[Outcome], job: RunAllJob) -> None:
    table = Table("stage", "result", "reason", title="stages", title_justify="left", show_footer=True)
    costs = [outcome.cost for outcome in outcomes if outcome.cost]
    table.columns[0].footer = "total"
    table.add_column("time", justify="right", footer=_minutes(sum(cost.wall for cost in costs)))
    table.add_column("CPU time", justify="right", footer=_minutes(sum(cost.cpu for cost in costs)))
    for outcome in outcomes:
        cost = map(_minutes, outcome.cost) if outcome.cost else ()
        table.add_row(outcome.stage, outcome.result, escape(outcome.reason), *cost)
    for stage in job.stages[len(outcomes) :]:
        table.add_row(stage.job, "not reached")
    Console(highlight=False).print(table)


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _describe_code(code: int) -> str:
    if code == _STOPPED:
        return "stopped"
    if code > 128 and code - 128 in {each.value for each in signal.Signals}:
        return f"ended by {signal.Signals(code - 128).name}"
    return f"failed with exit code {code}"


def _print_end(last: Outcome, job: RunAllJob) -> int:
    console = Console(highlight=False)
    if last.code == 0:
        console.print(f"All outputs are in {job.workspace}{_page(job)}", soft_wrap=True, markup=False)
        return 0
    forced = (f"--from={last.stage}",) if last.stage in job.forced else ()
    command = command_of(job.name, *job.again, *forced, *job.beam_flags)
    console.print(f"{last.stage}: {_describe_code(last.code)}{_hint(last.code)}", markup=False)
    console.print(f"Continue with {last.stage}:\n  {command}", soft_wrap=True, markup=False)
    return last.code


def _page(job: RunAllJob) -> str:
    """Return the part of the last line that names the page; empty if its stage is left out."""
    stages = [stage for stage in job.stages if stage.job not in job.left_out]
    pages = [
        f"{job.workspace.rstrip('/')}/{name}" for stage in stages for name in stage.files if name.endswith(".html")
    ]
    return f"; the page is {pages[0]}, which a browser opens" if pages else ""


def _hint(code: int) -> str:
    if code == _STOPPED:
        return ""
    if code == 128 + signal.SIGKILL:
        return ", maybe by the system, for lack of memory"
    return "; its last lines are above the table"
