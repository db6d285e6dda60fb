"""The check that a job does not replace a result by nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from transforms.datasets.error_rate import DataError

ALLOW_EMPTY = "--allow_empty commits an empty result"
"""The end of the message of a job that would commit nothing."""

_COUNTS_OF_REMOVAL = ("_dropped", "_invalid", "_without_item")


@dataclasses.dataclass(frozen=True)
class EmptyOutputsCheck:
    """The datasets and metrics that a job must not leave empty.

    Attributes:
        datasets: names of datasets that must have rows.
        metrics: metrics that must not be zero, where they are counted.
        filters: reasons of a filter in `interactions_dropped`, which must not drop all interactions.
        options: the options that were given, as arguments, for messages.
    """

    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def check(self, rows: Mapping[str, int], counts: Mapping[tuple[str, str], int]) -> None:
        """Check the rows of all datasets and the summed counts of a job.

        Args:
            rows: number of rows, by dataset.
            counts: sums by metric and slice.

        Raises:
            DataError: saying what is empty, and what was dropped on the way.
        """
        empty = [name for name in self.datasets if not rows.get(name)]
        empty += [metric for metric in self.metrics if counts.get((metric, "")) == 0]
        if not empty and self._filter_drops_all(counts):
            empty = ["interactions that pass the filter"]
        if empty:
            names = " and no ".join(name.replace("_", " ") for name in empty)
            given = f"; given: {' '.join(self.options)}" if self.options else ""
            raise DataError(
                f"no {names} would be left ({_removed(counts)}{given}); nothing was committed; {ALLOW_EMPTY}"
            )

    def _filter_drops_all(self, counts: Mapping[tuple[str, str], int]) -> bool:
        dropped = sum(counts.get(("interactions_dropped", reason), 0) for reason in self.filters)
        invalid = sum(number for (metric, _), number in counts.items() if metric == "interactions_invalid")
        return dropped > 0 and dropped + invalid >= counts.get(("interactions_read", ""), 0)


def _removed(counts: Mapping[tuple[str, str], int]) -> str:
    """Return what was read, and what was removed of it and why, as text."""
    read = [f"{number} {metric.removesuffix('_read')} read" for metric, number in _sums(counts, "_read")]
    removed = [
        f"{number} x {reason or metric}"
        for (metric, reason), number in sorted(counts.items())
        if metric.endswith(_COUNTS_OF_REMOVAL) and number
    ]
    return "; ".join([", ".join(read) or "nothing was read", ", ".join(removed) or "no row was dropped"])


def _sums(counts: Mapping[tuple[str, str], int], suffix: str) -> list[tuple[str, int]]:
    return [(metric, number) for (metric, _), number in sorted(counts.items()) if metric.endswith(suffix)]
