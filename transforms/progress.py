"""Progress of a local run: workers append to a file, from which the launcher draws progress bars."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

_EXPECTED = "expected "
"""Before the stage in a line about work that is to be done."""


@dataclasses.dataclass(frozen=True)
class Progress:
    """A picklable counter of completed work, passed to the workers inside their functions.

    Attributes:
        path: a file that launcher and workers share; None if they share no disk.
    """

    path: str | None = None

    def add(self, stage: str, amount: int) -> None:
        """Add `amount` to the work done in a stage; 0: it begins. Appending a line of this length is atomic."""
        self._append(f"{stage} {amount}")

    def expect(self, stage: str, amount: int) -> None:
        """Add `amount` to the work that a stage will have to do."""
        self._append(f"{_EXPECTED}{stage} {amount}")

    def done(self) -> dict[str, int]:
        """Return the current sum of each stage."""
        return {stage: amount for stage, amount in self._totals().items() if not stage.startswith(_EXPECTED)}

    def expected(self) -> dict[str, int]:
        """Return the work of those stages that workers know in advance."""
        totals = self._totals().items()
        return {stage.removeprefix(_EXPECTED): amount for stage, amount in totals if stage.startswith(_EXPECTED)}

    def _append(self, line: str) -> None:
        if self.path is None:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)

    def _totals(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        if self.path is not None and Path(self.path).exists():
            for line in Path(self.path).read_text().splitlines():
                stage, _, amount = line.rpartition(" ")
                totals[stage] = totals.get(stage, 0) + int(amount)
        return totals
