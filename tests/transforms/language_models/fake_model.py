"""A language model without weights, which records its prompts."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from tests.transforms.language_models.completions import completed, no_completion
from transforms.language_models.interface import NBest

IMPOSSIBLE = "impossible"
"""A prompt that contains this word fails."""


class KilledError(RuntimeError):
    """Stands for all that ends a job in the middle."""


def toy_completion(prompt: str) -> str:
    return f"answer {hashlib.sha256(prompt.encode()).hexdigest()[:8]}"


@dataclasses.dataclass(frozen=True)
class ToyModel:
    log: Path
    killed_after: int | None = None

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(list(prompts)) + "\n")
        if self.killed_after is not None and len(self.log.read_text(encoding="utf-8").splitlines()) > self.killed_after:
            raise KilledError("no power")
        return [
            no_completion("ValueError: no") if IMPOSSIBLE in prompt else completed(toy_completion(prompt))
            for prompt in prompts
        ]


@dataclasses.dataclass(frozen=True)
class ToySource:
    """Where toys come from; `killed_after` as many calls, the next one raises."""

    folder: Path
    killed_after: int | None = None

    def fingerprint(self) -> str:
        return "toy"

    def load(self) -> ToyModel:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "loads").open("a") as file:
            file.write("load\n")
        return ToyModel(self.folder / "calls", self.killed_after)

    def is_shared(self) -> bool:
        return False

    def loads(self) -> int:
        path = self.folder / "loads"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def calls(self) -> list[list[str]]:
        """The prompts of each call."""
        path = self.folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def prompted(self) -> list[str]:
        """All prompts of all calls."""
        return [prompt for call in self.calls() for prompt in call]
