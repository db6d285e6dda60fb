"""Progress of a local run: workers append to a file, from which the launcher draws progress bars."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Progress:
    """A picklable counter of completed work, passed to the workers inside their functions.

    Attributes:
        path: a file that launcher and workers share; None if they share no disk.
    """

    path: str | None = None

    def add(self, stage: str, amount: int) -> None:
        """Add `amount` to a stage. Appending a line of this length is atomic."""
        if self.path is None:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, f"{stage} {amount}\n".encode())
        finally:
            os.close(descriptor)

    def done(self) -> dict[str, int]:
        """Return the current sum of each stage."""
        totals: dict[str, int] = {}
        if self.path is not None and Path(self.path).exists():
            for line in Path(self.path).read_text().splitlines():
                stage, _, amount = line.rpartition(" ")
                totals[stage] = totals.get(stage, 0) + int(amount)
        return totals
