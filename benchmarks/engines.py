"""`python -m benchmarks.engines`: measure `extract` on a local Flink cluster, compared with a run without a cluster.

The log is generated. Very active users (whales) are then added: one user with two million interactions; and users of
one bucket with as many interactions as all others together, either few users with many each or many with few each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console

from benchmarks.generator import GeneratedLog, LogConfig, cached
from benchmarks.measurement import measure
from benchmarks.report import Lines, Metric, Target, print_report, three_digits, to_markdown
from benchmarks.whales import Whales, add_whales
from tools.flink import toolchain
from tools.flink.cluster import LocalCluster

_POLL_SECONDS = 0.2
_GIGABYTE = 1e9
_WORKER = "sdk_worker_main"
_MORE_PARTS = "--parts=64"
_CONFIG = toolchain.SOURCE.parent / "flink.yaml"

NOTES = (
    "Two TaskManagers with two slots each on one machine; a fresh cluster for each run.",
    "Memory is that of the largest process of its kind; FnApiRunner is one process.",
    "A bucket has as many rows as all others together; the interactions of its users are spread over their files.",
)

_progress = Console(stderr=True, highlight=False, soft_wrap=True)


class Peaks(NamedTuple):
    """Peak resident memory in bytes, of the largest process of each kind."""

    task_manager: int
    worker: int


class Run(NamedTuple):
    """One run of `extract`.

    Attributes:
        name: of log and runner.
        interactions: rows of the log.
        seconds: from the start of the command to its end.
        peaks: of the cluster's processes, or None for a local run.
        local_bytes: peak memory of the command and what it started on its own.
    """

    name: str
    interactions: int
    seconds: float
    peaks: Peaks | None
    local_bytes: int


@contextmanager
def _watched(cluster: LocalCluster) -> Iterator[dict[str, int]]:
    """Poll the resident memory of TaskManagers and workers; yield the peaks so far."""
    peaks: dict[str, int] = defaultdict(int)
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_POLL_SECONDS):
            for manager in cluster.task_managers:
                for process in manager.session():
                    _record(process, manager.pid, peaks)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        stop.set()
        thread.join()


def _record(process: psutil.Process, task_manager: int, peaks: dict[str, int]) -> None:
    try:
        kind = "task_manager" if process.pid == task_manager else "worker"
        if kind == "task_manager" or _WORKER in " ".join(process.cmdline()):
            peaks[kind] = max(peaks[kind], process.memory_info().rss)
    except psutil.NoSuchProcess:
        pass  # it ended meanwhile


def run_extract(name: str, log: GeneratedLog, interactions: int, options: Sequence[str]) -> Run:
    """Run and measure the command, and discard its output."""
    with tempfile.TemporaryDirectory(prefix="journeys-bench-") as folder:
        inputs = [f"--interactions={log.interactions}", f"--items={log.items}", f"--workspace={folder}"]
        usage = measure("pipelines.extract", [*inputs, *options])
    return Run(name, interactions, usage.seconds, None, usage.peak_bytes)


def run_on_flink(name: str, log: GeneratedLog, interactions: int, folder: Path, further: Sequence[str] = ()) -> Run:
    """Run and measure the command on a new cluster, so that no memory of an earlier job is counted."""
    cluster = LocalCluster(folder)
    cluster.up()
    try:
        with _watched(cluster) as peaks:
            options = [f"--runner_config={_CONFIG}", *cluster.flags, *further]
            run = run_extract(name, log, interactions, options)
    finally:
        cluster.down()
    run = run._replace(peaks=Peaks(peaks["task_manager"], peaks["worker"]))
    _progress.print(f"{run.name}: {run.seconds:.1f} s, {run.peaks}")
    return run


def table(runs: Sequence[Run]) -> Lines:
    """Return the table of all runs."""
    rows = [
        (
            run.name,
            f"{run.interactions:,}",
            three_digits(run.seconds, "s"),
            three_digits(run.peaks.task_manager / _GIGABYTE, "GB") if run.peaks else "",
            three_digits((run.peaks.worker if run.peaks else run.local_bytes) / _GIGABYTE, "GB"),
        )
        for run in runs
    ]
    columns = ("run", "interactions", "wall time", "TaskManager, peak memory", "worker, peak memory")
    return Lines("extract on Flink", columns, rows)


def metrics(plain: Run, with_whales: Sequence[Run]) -> list[Metric]:
    """Compute the memory of a worker with whales, divided by that without."""
    return [
        Metric(
            f"memory of the worker, {run.name} / without",
            run.peaks.worker / plain.peaks.worker if run.peaks and plain.peaks else float("nan"),
            "×",
            Target(1.5, at_least=False),
        )
        for run in with_whales
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.engines", description=__doc__)
    default_data = Path(tempfile.gettempdir()) / "interest-journeys-benchmarks"
    parser.add_argument("--interactions", type=int, default=10_000_000, help="Size of the log without whales.")
    parser.add_argument("--data", type=Path, default=default_data, help="Folder in which generated logs are kept.")
    parser.add_argument("--report", type=Path, help="Markdown file for the results.")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; missed targets are reported but do not fail the command."""
    given = parse(argv)
    toolchain.check_installed()
    count = given.interactions
    log = cached(LogConfig(count), given.data)
    whales = (
        Whales("one user with a fifth more", 1, count // 5),
        Whales("a bucket of long histories", count // 10_000, 10_000),
        Whales("a bucket of short histories", count // 40, 40),
    )
    with tempfile.TemporaryDirectory(prefix="journeys-flink-") as temporary:
        folder = Path(temporary)
        local = run_extract("FnApiRunner", log, count, ["--runner=FnApiRunner"])
        plain = run_on_flink("Flink", log, count, folder / "plain")
        runs = []
        for number, each in enumerate(whales):
            bigger = add_whales(log, each, folder / f"log-{number}")
            total = count + each.interactions
            runs.append(run_on_flink(f"Flink, {each.name}", bigger, total, folder / f"cluster-{number}"))
        name = f"{runs[-1].name}, {_MORE_PARTS}"
        runs.append(run_on_flink(name, bigger, total, folder / "cluster-parts", [_MORE_PARTS]))
    judged = metrics(plain, runs)
    tables = [table([local, plain, *runs]), Lines.of("Metrics", judged)]
    print_report(tables, judged, Console(highlight=False, width=max(100, Console().width)))
    if given.report:
        given.report.write_text(to_markdown("extract on Flink", tables, NOTES), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
