"""`python -m benchmarks.extract`: measure the speed of `extract`, compared with other programs, on generated logs.

The whole command is measured, from its start until the journeys are written. It is compared with a simple Beam
program that processes single rows, and with a single-machine program on Polars. The kernel is compared with plain
Python and with Ward clustering. On a small log, all of them must first give the same journeys.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from rich.console import Console

from benchmarks.agreement import EXACT, MEMBERS, check_agreement
from benchmarks.catalogue_vectors import item_vectors
from benchmarks.generator import GeneratedLog, LogConfig, cached
from benchmarks.measurement import Usage, measure
from benchmarks.report import Lines, Metric, Target, print_report, three_digits, to_markdown
from schemas import SALIENT_TERMS

SIZES = (1_000_000, 3_162_278, 10_000_000)
QUICK_SIZES = (10_000, 30_000, 100_000)
_AGREEMENT_SIZE = 20_000
_STARTUP_SIZE = 1_000
_GIGABYTE = 1e9
_ONE_CORE = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1")

_progress = Console(stderr=True, highlight=False, soft_wrap=True)


class Program(NamedTuple):
    """A program that turns a log into journeys.

    Attributes:
        name: what the report calls it.
        module: what Python runs.
        arguments: (log, folder for what it writes) -> its command line.
        journeys: folder for what it writes -> where the journeys then are.
    """

    name: str
    module: str
    arguments: Callable[[GeneratedLog, Path], list[str]]
    journeys: Callable[[Path], Path]

    def run(self, log: GeneratedLog, folder: Path) -> Usage:
        """Run and measure the program."""
        inputs = [f"--interactions={log.interactions}", f"--items={log.items}"]
        return measure(self.module, [*inputs, *self.arguments(log, folder)])


EXTRACT = Program(
    "extract",
    "pipelines.extract",
    lambda _, folder: ["--runner=FnApiRunner", f"--workspace={folder}", "--cluster_by=terms"],
    lambda folder: folder / "journeys",
)
TERMS_GIVEN = Program(
    "extract, terms given",
    "pipelines.extract",
    lambda log, folder: [
        "--runner=FnApiRunner",
        f"--workspace={folder}",
        "--cluster_by=terms",
        f"--salient_terms={log.items.with_name('terms') / SALIENT_TERMS.name}",
    ],
    EXTRACT.journeys,
)
BY_VECTORS = Program(
    "extract by vectors",
    "pipelines.extract",
    lambda log, folder: ["--runner=FnApiRunner", f"--workspace={folder}", f"--item_embeddings={item_vectors(log)}"],
    EXTRACT.journeys,
)
BEAM_ROWS = Program(
    "Beam, one element per row", "benchmarks.beam_rows", lambda _, folder: [f"--output={folder}"], lambda folder: folder
)
SINGLE_PROCESS = Program(
    "Polars, one process",
    "benchmarks.single_process",
    lambda _, folder: [f"--output={folder / 'journeys.parquet'}"],
    lambda folder: folder / "journeys.parquet",
)


class Runs:
    """Measured usages of programs on logs."""

    def __init__(self) -> None:
        self._usages: dict[tuple[Program, int], list[Usage]] = {}

    def add(self, program: Program, size: int, log: GeneratedLog) -> None:
        """Run a program on a log and discard its output."""
        with tempfile.TemporaryDirectory(prefix="journeys-bench-") as folder:
            usage = program.run(log, Path(folder))
        self._usages.setdefault((program, size), []).append(usage)
        _progress.print(
            f"{program.name}, {size:,} interactions: {usage.seconds:.1f} s, of all cores {usage.cpu_seconds:.1f} s, "
            f"{usage.peak_bytes / _GIGABYTE:.2f} GB"
        )

    def seconds(self, program: Program, size: int) -> float:
        """Return the median wall time in seconds."""
        return statistics.median(usage.seconds for usage in self._usages[program, size])

    def cpu_seconds(self, program: Program, size: int) -> float:
        """Return the median CPU time in seconds."""
        return statistics.median(usage.cpu_seconds for usage in self._usages[program, size])

    def gigabytes(self, program: Program, size: int) -> float:
        """Return the maximum peak memory of all runs, in gigabytes."""
        return max(usage.peak_bytes for usage in self._usages[program, size]) / _GIGABYTE

    def table(self) -> Lines:
        """Return the table of all programs and sizes."""
        rows = [
            (
                program.name,
                f"{size:,}",
                three_digits(self.seconds(program, size), "s"),
                three_digits(self.cpu_seconds(program, size), "s"),
                f"{size / self.seconds(program, size):,.0f}",
                three_digits(self.gigabytes(program, size), "GB"),
            )
            for program, size in sorted(self._usages, key=lambda measured: (measured[0].name, measured[1]))
        ]
        return Lines(
            "Whole programs", ("program", "interactions", "wall time", "CPU time", "per second", "peak memory"), rows
        )


def check_programs_agree(log: GeneratedLog) -> None:
    """Run every program on a log and compare the journeys; this also fills the cache of compiled kernels.

    Raises:
        AssertionError: if a program gives other journeys than the project.
    """
    with tempfile.TemporaryDirectory(prefix="journeys-bench-") as folder:
        folders = {program: Path(folder) / program.module for program in (EXTRACT, BEAM_ROWS, SINGLE_PROCESS)}
        for program, own in folders.items():
            own.mkdir()
            program.run(log, own)
        ours = EXTRACT.journeys(folders[EXTRACT])
        check_agreement(ours, SINGLE_PROCESS.journeys(folders[SINGLE_PROCESS]), EXACT)
        check_agreement(ours, BEAM_ROWS.journeys(folders[BEAM_ROWS]), MEMBERS)


def growth_exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Fit the slope of log seconds over log size by least squares: 1 means linear growth."""
    slope, _ = np.polyfit(np.log(sizes), np.log(seconds), 1)
    return float(slope)


def kernel_rates(log: GeneratedLog, repeats: int) -> dict[str, float]:
    """Measure the interactions per second of the kernel and of the other algorithms on one core."""
    inputs = [f"--interactions={log.interactions}", f"--items={log.items}", f"--repeats={repeats}"]
    rates: dict[str, float] = json.loads(measure("benchmarks.kernel", inputs, _ONE_CORE).output)
    return rates


def generate_logs(sizes: Sequence[int], data: Path) -> tuple[dict[int, GeneratedLog], list[Metric]]:
    """Generate missing logs; return all logs by size, and the time of generation."""
    logs, metrics = {}, []
    for size in sizes:
        there = set(data.glob("log-*")) if data.is_dir() else set()
        started = time.perf_counter()
        logs[size] = cached(LogConfig(size), data)
        seconds = time.perf_counter() - started
        if set(data.glob("log-*")) != there:
            metrics.append(Metric(f"generate {_short(size)}", seconds, "s"))
            _progress.print(f"generated {size:,} interactions: {seconds:.1f} s")
    return logs, metrics


def give_terms(log: GeneratedLog) -> None:
    """Write the salient terms of a log's items next to the log, if they do not exist."""
    folder = log.items.with_name("terms")
    if not folder.exists():
        EXTRACT.run(log, folder)


def run_programs(logs: dict[int, GeneratedLog], repeats: int) -> Runs:
    """Run the programs alternately, so that other load of the machine affects all of them.

    The program for rows runs once, and only on the two smallest logs: it takes minutes for the others.
    """
    runs = Runs()
    for repeat in range(repeats):
        for size, log in logs.items():
            runs.add(EXTRACT, size, log)
            runs.add(SINGLE_PROCESS, size, log)
            if size == max(logs):
                runs.add(TERMS_GIVEN, size, log)
                runs.add(BY_VECTORS, size, log)
            if repeat == 0 and size in sorted(logs)[:2]:
                runs.add(BEAM_ROWS, size, log)
    return runs


def program_metrics(sizes: Sequence[int], runs: Runs) -> list[Metric]:
    """Compute the metrics of whole programs. A target for one size applies to that size only."""
    first, last = sizes[0], sizes[-1]
    seconds = [runs.seconds(EXTRACT, size) for size in sizes]
    startup = runs.seconds(EXTRACT, _STARTUP_SIZE)
    beyond = [max(each - startup, 1e-3) for each in seconds]
    rows = runs.seconds(BEAM_ROWS, first)
    return [
        Metric(
            f"{BEAM_ROWS.name} / extract, {_short(first)}",
            rows / seconds[0],
            "×",
            _at(SIZES[0], first, Target(20, at_least=True)),
        ),
        Metric("the same, both without start-up", (rows - runs.seconds(BEAM_ROWS, _STARTUP_SIZE)) / beyond[0], "×"),
        *(
            Metric(
                f"extract / {SINGLE_PROCESS.name}, {_short(size)}",
                own / runs.seconds(SINGLE_PROCESS, size),
                "×",
                _at(SIZES[-1], size, Target(2.5, at_least=False)),
            )
            for size, own in zip(sizes, seconds, strict=True)
        ),
        Metric(f"extract, {_short(last)}", seconds[-1], "s", _at(SIZES[-1], last, Target(25, at_least=False))),
        Metric(
            f"extract, {_short(last)}, peak memory",
            runs.gigabytes(EXTRACT, last),
            "GB",
            _at(SIZES[-1], last, Target(4, at_least=False)),
        ),
        *(
            Metric(
                f"{program.name} / extract, {_short(last)}",
                runs.seconds(program, last) / seconds[-1],
                "×",
                _at(SIZES[-1], last, Target(1.5, at_least=False)),
            )
            for program in (TERMS_GIVEN, BY_VECTORS)
        ),
        Metric(
            "growth exponent of extract",
            growth_exponent(sizes, seconds),
            "",
            _at(SIZES[-1], last, Target(1.1, at_least=False)),
        ),
        Metric("growth exponent without start-up", growth_exponent(sizes, beyond)),
    ]


def _short(size: int) -> str:
    return f"{size / 1e6:.3g} M" if size >= 1e6 else f"{size / 1e3:.3g} k"


def _at(wanted: int, size: int, target: Target) -> Target | None:
    return target if size == wanted else None


def kernel_metrics(size: int, rates: dict[str, float]) -> list[Metric]:
    """Compute the metrics of the kernel."""
    kernel = rates["kernel"]
    name = f"kernel, one core, {_short(size)}"
    return [
        Metric(name, kernel / 1e6, "M/s", _at(SIZES[-1], size, Target(3, at_least=True))),
        Metric(
            f"{name} / textbook ICPC in Python",
            kernel / rates["textbook"],
            "×",
            _at(SIZES[-1], size, Target(100, at_least=True)),
        ),
        Metric(f"{name} / the same with norms kept", kernel / rates["plain"], "×"),
        Metric(f"{name} / Ward with SciPy", kernel / rates["ward"], "×"),
    ]


def notes(repeats: int) -> list[str]:
    """Return notes on how the metrics were measured."""
    memory = psutil.virtual_memory().total / _GIGABYTE
    return [
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB memory, Python {platform.python_version()}.",
        f"Wall times are medians of {repeats}, start-up included; {BEAM_ROWS.name}, ran once.",
        "CPU time is the sum over all cores, and is least affected by other load of the machine.",
        f"{SINGLE_PROCESS.name}, imports Beam too: it uses functions of extract in modules that import Beam.",
        f"Start-up is the time of a program for {_STARTUP_SIZE:,} interactions.",
        "Memory is the peak of the sum over all processes of a program.",
        "Before the measurement, all programs gave the same journeys on a small log.",
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.extract", description=__doc__)
    add = parser.add_argument
    add("--sizes", type=int, nargs="+", default=SIZES, help="Interactions of the logs, ascending; two at least.")
    add("--quick", action="store_true", help="Small logs, one run: a smoke test.")
    add("--repeats", type=int, default=3, help="Number of runs of each program.")
    default_data = Path(tempfile.gettempdir()) / "interest-journeys-benchmarks"
    add("--data", type=Path, default=default_data, help="Folder in which generated logs are kept.")
    add("--report", type=Path, help="Markdown file for the results.")
    given = parser.parse_args(argv)
    if given.quick:
        given.sizes, given.repeats = QUICK_SIZES, 1
    if len(given.sizes) < 2 or list(given.sizes) != sorted(set(given.sizes)) or given.sizes[0] <= _STARTUP_SIZE:
        parser.error(f"--sizes must be two or more ascending numbers beyond {_STARTUP_SIZE}, got {given.sizes}")
    if given.repeats < 1:
        parser.error(f"--repeats must be at least 1, got {given.repeats}")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report; missed targets are reported but do not fail the command."""
    given = parse(argv)
    logs, generated = generate_logs(given.sizes, given.data)
    _progress.print("comparing the journeys of all programs")
    check_programs_agree(cached(LogConfig(_AGREEMENT_SIZE), given.data))
    give_terms(logs[given.sizes[-1]])
    item_vectors(logs[given.sizes[-1]])
    runs = run_programs({_STARTUP_SIZE: cached(LogConfig(_STARTUP_SIZE), given.data), **logs}, given.repeats)
    metrics = [*generated, *program_metrics(given.sizes, runs)]
    for size in (given.sizes[0], given.sizes[-1]):
        _progress.print(f"kernel, {size:,} interactions")
        metrics += kernel_metrics(size, kernel_rates(logs[size], given.repeats))
    tables = [runs.table(), Lines.of("Metrics", metrics)]
    print_report(tables, metrics, Console(highlight=False, width=max(100, Console().width)))
    if given.report:
        page = to_markdown("Speed and memory of extract", tables, notes(given.repeats))
        given.report.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
