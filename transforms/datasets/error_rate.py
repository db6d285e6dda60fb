"""The checks of the data that must pass before a job commits."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping

MAX_ERROR_RATE = "--max_error_rate"
"""The option for the largest fraction of invalid rows."""

UNKNOWN_ITEM = "item_not_in_catalogue"
"""The reason of an interaction whose item is not in the catalogue."""

DUPLICATE_ITEM = "duplicate_item"
"""The reason of a row whose item has another row with other values."""

_HINTS = {
    DUPLICATE_ITEM: "the ids of a catalogue must be unique: keep one row per item, for instance that of one language",
}
"""Advice on invalid rows, by reason."""

_Counts = dict[tuple[str, str], int]


def unread_metric(dataset: str) -> str:
    """Return the metric of the rows in files and row groups of an input that were not read, by reason."""
    return f"{dataset}_unread"


def unread_bytes_metric(dataset: str) -> str:
    """Return the metric of the bytes in files of an input whose number of rows is not readable, by reason."""
    return f"{dataset}_unread_bytes"


def estimated_rows(unread_bytes: float, rows: float, all_bytes: float) -> float:
    """Compute the number of rows of unread files from their size and the rows in the rest of the files.

    Args:
        unread_bytes: size of the unread files.
        rows: number of rows of the other files.
        all_bytes: size of all files.
    """
    return rows * unread_bytes / max(all_bytes - unread_bytes, 1)


class DataError(RuntimeError):
    """The input does not allow a valid result, so nothing is committed.

    Attributes:
        datasets: names of the inputs that are at fault; empty: none in particular.
    """

    def __init__(self, message: str, datasets: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.datasets = datasets


@dataclasses.dataclass(frozen=True)
class ErrorRateCheck:
    """The limits of invalid rows of a job.

    Attributes:
        inputs: names of the input datasets.
        max_error_rate: maximum fraction of the rows of an input that may be invalid.
        must_be_intact: names of datasets of this project that the job reads; none of their rows may be invalid.
        inference: names of the inputs of models, whose failed rows count as invalid; they may be empty.
        consequences: by input, the reason for which rows of other inputs are invalid if this input is refused.
        sizes: the bytes of the files of each input, from which the rows of unreadable files are estimated.
    """

    inputs: tuple[str, ...]
    max_error_rate: float
    must_be_intact: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()
    consequences: Mapping[str, str] = dataclasses.field(default_factory=dict)
    sizes: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def check(self, counts: dict[tuple[str, str], int]) -> None:
        """Check the summed counts of a job.

        Raises:
            DataError: when an input has no row, too many invalid rows, or any in a dataset that must be intact.
        """
        empty = self._find(self.inputs, self._empty, counts)
        broken = {} if empty else self._find(self.must_be_intact, self._damaged, counts)
        names = (*self.inputs, *self.inference)
        too_many = {} if empty or broken else self._find(names, self._too_many_invalid, counts)
        if too_many:
            too_many = self._find(names, self._too_many_invalid, self._without_consequences(too_many, counts))
        if found := empty or broken or too_many:
            raise DataError("; ".join([*found.values(), "nothing was committed"]), tuple(found))

    @staticmethod
    def _find(names: tuple[str, ...], check: Callable[[str, _Counts], str | None], counts: _Counts) -> dict[str, str]:
        """Return the problem of each dataset that has one."""
        problems = {name: check(name, counts) for name in names}
        return {name: problem for name, problem in problems.items() if problem is not None}

    @staticmethod
    def _empty(name: str, counts: _Counts) -> str | None:
        if counts.get((f"{name}_read", ""), 0):
            return None
        invalid = _invalid(name, counts)
        return f"no row of {name} was read ({_reasons_text(invalid) if invalid else 'its files have no rows'})"

    @staticmethod
    def _damaged(name: str, counts: _Counts) -> str | None:
        invalid = _invalid(name, counts)
        return f"the stored {name} are damaged ({_reasons_text(invalid)})" if invalid else None

    def _too_many_invalid(self, name: str, counts: _Counts) -> str | None:
        unread = self._unread(name, counts)
        invalid = _invalid(name, counts) | unread
        read, stored = (counts.get((f"{name}_{what}", ""), 0) for what in ("read", "stored"))
        rows = read + stored + sum(unread.values())
        bad = sum(invalid.values())
        if bad <= self.max_error_rate * rows:
            return None
        return (
            f"{bad} of {rows} rows of {name} are invalid ({_reasons_text(invalid)}), more than "
            f"--max_error_rate={self.max_error_rate:g} allows{_hint(invalid)}"
        )

    def _unread(self, name: str, counts: _Counts) -> dict[str, int]:
        """Return the rows of files and row groups that were not read by reason, which count once in `errors`."""
        unread = _by_reason(unread_metric(name), counts)
        size = _by_reason(unread_bytes_metric(name), counts)
        rows = counts.get((f"{name}_read", ""), 0) + sum(unread.values())
        all_bytes = self.sizes.get(name, 0)
        return unread | {reason: math.ceil(estimated_rows(number, rows, all_bytes)) for reason, number in size.items()}

    def _without_consequences(self, refused: Iterable[str], counts: _Counts) -> _Counts:
        """Remove the counts of rows that are invalid only because another input is refused."""
        reasons = {self.consequences[name] for name in refused if name in self.consequences}
        return {key: number for key, number in counts.items() if key[1] not in reasons}


def _invalid(name: str, counts: _Counts) -> dict[str, int]:
    return _by_reason(f"{name}_invalid", counts)


def _by_reason(metric: str, counts: _Counts) -> dict[str, int]:
    return {slice_: number for (each, slice_), number in sorted(counts.items()) if each == metric}


def _hint(invalid: Mapping[str, int]) -> str:
    """Return what to do about the reason that has the largest number of rows; empty if it needs no explanation."""
    largest = max(sorted(invalid), key=lambda reason: invalid[reason])
    return f": {_HINTS[largest]}" if largest in _HINTS else ""


def _reasons_text(reasons: dict[str, int]) -> str:
    return ", ".join(f"{number} x {reason}" for reason, number in reasons.items())
