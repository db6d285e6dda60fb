"""What must hold before a job may commit."""

from __future__ import annotations

import dataclasses


class DataError(RuntimeError):
    """The input was such that its result must not be committed."""


@dataclasses.dataclass(frozen=True)
class ErrorRateCheck:
    """What must hold before anything is committed.

    Attributes:
        inputs: names of the datasets that were read.
        max_error_rate: largest share of an input's rows that may have gone to `errors`.
        must_be_intact: names of datasets that this project wrote and that were read again: nothing of them may be lost.
        inference: names of what was put to a model, failures of which are unusable rows; there may be none.
    """

    inputs: tuple[str, ...]
    max_error_rate: float
    must_be_intact: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()

    def check(self, counts: dict[tuple[str, str], int]) -> None:
        """Checks the sums of a job.

        Raises:
            DataError: when an input had no row at all, too many of its rows were unusable, or any of an own dataset.
        """
        empty, too_many = [], []
        for name in (*self.inputs, *self.inference):
            read = counts.get((f"{name}_read", ""), 0)
            unusable = _invalid(name, counts)
            if read == 0 and name in self.inputs:
                empty.append(f"no row of {name} was read ({_reasons_text(unusable)})")
                continue
            rows, bad = read + counts.get((f"{name}_stored", ""), 0), sum(unusable.values())
            if bad > self.max_error_rate * rows:
                too_many.append(
                    f"{bad} of {rows} rows of {name} are invalid ({_reasons_text(unusable)}), more than "
                    f"--max_error_rate={self.max_error_rate:g} allows"
                )
        broken = [
            f"the stored {name} are damaged ({_reasons_text(unusable)})"
            for name in self.must_be_intact
            if (unusable := _invalid(name, counts))
        ]
        if empty or broken or too_many:
            raise DataError("; ".join([*(empty or broken or too_many), "nothing was committed"]))


def _invalid(name: str, counts: dict[tuple[str, str], int]) -> dict[str, int]:
    return {slice_: number for (metric, slice_), number in sorted(counts.items()) if metric == f"{name}_invalid"}


def _reasons_text(reasons: dict[str, int]) -> str:
    return ", ".join(f"{number} x {reason}" for reason, number in reasons.items()) or "no error was recorded"
