"""The checks of the data that must pass before a job commits."""

from __future__ import annotations

import dataclasses


class DataError(RuntimeError):
    """The input does not allow a valid result, so nothing is committed."""


@dataclasses.dataclass(frozen=True)
class ErrorRateCheck:
    """The limits of invalid rows of a job.

    Attributes:
        inputs: names of the input datasets.
        max_error_rate: maximum fraction of the rows of an input that may be invalid.
        must_be_intact: names of datasets of this project that the job reads; none of their rows may be invalid.
        inference: names of the inputs of models, whose failed rows count as invalid; they may be empty.
    """

    inputs: tuple[str, ...]
    max_error_rate: float
    must_be_intact: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()

    def check(self, counts: dict[tuple[str, str], int]) -> None:
        """Check the summed counts of a job.

        Raises:
            DataError: when an input has no row, too many invalid rows, or any in a dataset that must be intact.
        """
        empty, too_many = [], []
        for name in (*self.inputs, *self.inference):
            read = counts.get((f"{name}_read", ""), 0)
            invalid = _invalid(name, counts)
            if read == 0 and name in self.inputs:
                empty.append(f"no row of {name} was read ({_reasons_text(invalid)})")
                continue
            rows, bad = read + counts.get((f"{name}_stored", ""), 0), sum(invalid.values())
            if bad > self.max_error_rate * rows:
                too_many.append(
                    f"{bad} of {rows} rows of {name} are invalid ({_reasons_text(invalid)}), more than "
                    f"--max_error_rate={self.max_error_rate:g} allows"
                )
        broken = [
            f"the stored {name} are damaged ({_reasons_text(invalid)})"
            for name in self.must_be_intact
            if (invalid := _invalid(name, counts))
        ]
        if empty or broken or too_many:
            raise DataError("; ".join([*(empty or broken or too_many), "nothing was committed"]))


def _invalid(name: str, counts: dict[tuple[str, str], int]) -> dict[str, int]:
    return {slice_: number for (metric, slice_), number in sorted(counts.items()) if metric == f"{name}_invalid"}


def _reasons_text(reasons: dict[str, int]) -> str:
    return ", ".join(f"{number} x {reason}" for reason, number in reasons.items()) or "no error was recorded"
