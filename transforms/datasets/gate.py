"""What must hold before a job may commit."""

from __future__ import annotations

import dataclasses


class DataError(RuntimeError):
    """The input was such that its result must not be committed."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """What must hold before anything is committed.

    Attributes:
        inputs: names of the datasets that were read.
        max_error_rate: largest share of an input's rows that may have gone to `errors`.
        intact: names of datasets that this project wrote and that were read again: nothing of them may be lost.
        asked: names of what was put to a model, failures of which are unusable rows; there may be none.
    """

    inputs: tuple[str, ...]
    max_error_rate: float
    intact: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    def check(self, counts: dict[tuple[str, str], int]) -> None:
        """Checks the sums of a job.

        Raises:
            DataError: when an input had no row at all, too many of its rows were unusable, or any of an own dataset.
        """
        empty, too_many = [], []
        for name in (*self.inputs, *self.asked):
            read = counts.get((f"{name}_read", ""), 0)
            unusable = _unusable(name, counts)
            if read == 0 and name in self.inputs:
                empty.append(f"no row of {name} was read ({_told(unusable)})")
                continue
            rows, bad = read + counts.get((f"{name}_stored", ""), 0), sum(unusable.values())
            if bad > self.max_error_rate * rows:
                too_many.append(
                    f"{bad} of {rows} rows of {name} cannot be used ({_told(unusable)}), more than --max_error_rate="
                    f"{self.max_error_rate:g} allows"
                )
        broken = [
            f"the stored {name} are damaged ({_told(unusable)})"
            for name in self.intact
            if (unusable := _unusable(name, counts))
        ]
        if empty or broken or too_many:
            raise DataError("; ".join([*(empty or broken or too_many), "nothing was committed"]))


def _unusable(name: str, counts: dict[tuple[str, str], int]) -> dict[str, int]:
    return {slice_: number for (metric, slice_), number in sorted(counts.items()) if metric == f"{name}_unusable"}


def _told(reasons: dict[str, int]) -> str:
    return ", ".join(f"{number} x {reason}" for reason, number in reasons.items()) or "no error was recorded"
