"""`python -m benchmarks.kernel --interactions --items`: measure the kernel on one core, compared with other algorithms.

Prints interactions per second as JSON. Reading, joining and sorting are not measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.plain_icpc import Terms, plain_journeys, textbook_journeys
from benchmarks.single_process import SortedLog, sorted_log
from benchmarks.ward import ward_clusters
from transforms.journeys.icpc import IcpcConfig, Journeys, extract_journeys

_CONFIG = IcpcConfig()

Histories = list[npt.NDArray[np.int32]]


def rates(log: SortedLog, sample_size: int, repeats: int) -> dict[str, float]:
    """Measure the interactions per second of the kernel and of the other algorithms, as medians.

    Args:
        log: a whole log, for the kernel.
        sample_size: approximate number of interactions for the other algorithms, which get every n-th user.
        repeats: number of measurements.

    Raises:
        AssertionError: if plain Python gives other journeys than the kernel.
    """
    offsets = log.histories.offsets
    step = max(1, len(log.items) // sample_size)
    users = range(0, len(offsets) - 1, step)
    sample = [log.items[offsets[user] : offsets[user + 1]] for user in users]
    named = [_with_terms(items, log) for items in sample]
    _check_equal(sample, named, log)

    works: dict[str, Callable[[], object]] = {
        "kernel": lambda: _kernel(offsets, log.items, log),
        "textbook": lambda: [textbook_journeys(history, _CONFIG) for history in named],
        "plain": lambda: [plain_journeys(history, _CONFIG) for history in named],
        "ward": lambda: [ward_clusters(items, log.catalogue.term_vectors) for items in sample],
    }
    sampled = sum(map(len, sample))
    return {
        name: (len(log.items) if name == "kernel" else sampled) / _median_seconds(work, repeats)
        for name, work in works.items()
    }


def _kernel(offsets: npt.NDArray[np.int64], items: npt.NDArray[np.int32], log: SortedLog) -> Journeys:
    return extract_journeys(offsets, items, log.catalogue.term_vectors, _CONFIG)


def _with_terms(items: npt.NDArray[np.int32], log: SortedLog) -> list[tuple[str, Terms]]:
    """Convert a history to the format of the plain Python algorithms."""
    vectors, vocabulary, item_ids = log.catalogue.term_vectors, log.catalogue.vocabulary, log.catalogue.item_ids
    history: list[tuple[str, Terms]] = []
    for item in items.tolist():
        span = slice(vectors.offsets[item], vectors.offsets[item + 1])
        terms = vocabulary.take(vectors.terms[span]).to_pylist()
        history.append((item_ids[item].as_py(), dict(zip(terms, vectors.saliences[span].tolist(), strict=True))))
    return history


def _check_equal(sample: Histories, named: list[list[tuple[str, Terms]]], log: SortedLog) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(items) for items in sample])])
    found = _kernel(offsets, np.concatenate(sample), log)
    members = np.split(found.members, found.member_offsets[1:-1])
    kernel = [(user, (own - offsets[user]).tolist()) for user, own in zip(found.users.tolist(), members, strict=True)]
    plain = [
        (user, journey.events) for user, history in enumerate(named) for journey in plain_journeys(history, _CONFIG)
    ]
    textbook = [(user, own) for user, history in enumerate(named) for own in textbook_journeys(history, _CONFIG)]
    assert kernel == plain == textbook, "plain Python and the kernel disagree"


def _median_seconds(work: Callable[[], object], repeats: int) -> float:
    """Measure CPU seconds of this thread, independent of other load of the machine."""

    def once() -> float:
        started = time.thread_time()
        work()
        return time.thread_time() - started

    return statistics.median(once() for _ in range(repeats))


def main() -> None:
    """Measure on the log that the command line names."""
    parser = argparse.ArgumentParser(prog="kernel", description=__doc__)
    parser.add_argument("--interactions", type=Path, required=True, help="Folder of parquet files.")
    parser.add_argument("--items", type=Path, required=True, help="Parquet file.")
    parser.add_argument(
        "--sample", type=int, default=50_000, help="Approximate number of interactions for the other algorithms."
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="Number of measurements, of which the median is reported."
    )
    given = parser.parse_args()
    print(json.dumps(rates(sorted_log(given.interactions, given.items), given.sample, given.repeats)))


if __name__ == "__main__":
    main()
