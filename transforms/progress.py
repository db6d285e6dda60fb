"""How far a local run has come: workers append to one file, the launcher draws it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Progress:
    """Where work that is done is told; travels to the workers inside their functions.

    Attributes:
        path: a file that launcher and workers share, or None where they share no disk.
    """

    path: str | None = None

    def add(self, stage: str, amount: int) -> None:
        """Says that `amount` more of `stage` is done. Lines of this length are appended in one piece."""
        if self.path is None:
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(descriptor, f"{stage} {amount}\n".encode())
        finally:
            os.close(descriptor)

    def done(self) -> dict[str, int]:
        """The sum of each stage so far."""
        totals: dict[str, int] = {}
        if self.path is not None and Path(self.path).exists():
            for line in Path(self.path).read_text().splitlines():
                stage, _, amount = line.rpartition(" ")
                totals[stage] = totals.get(stage, 0) + int(amount)
        return totals
