"""A language model for the command `name` that needs no weights; run as a script, the command with that model."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.common.run import run_job
from pipelines.name import model as name_model
from pipelines.name.job import NameJob
from tests.transforms.language_models.completions import completed, no_completion
from transforms.language_models import generate
from transforms.language_models.interface import NBest
from transforms.language_models.spec import GenerationSpec, ModelSpec

TAKEN = "Taken already"


class NamingToy:
    """Names a journey by the length of the longest word of its first title, and by the word where that is taken.

    Args:
        log: a file to which each prompt is appended.
        seconds: duration of a completion.
        raises: a prompt that contains this fails.
        says: the completion instead.
    """

    def __init__(self, log: Path, seconds: float = 0.0, raises: str = "", says: str = "") -> None:
        self.log = log
        self.seconds = seconds
        self.raises = raises
        self.says = says

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        responses = []
        for prompt in prompts:
            time.sleep(self.seconds)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(prompt) + "\n")
            responses.append(self._completion(prompt))
        return responses

    def _completion(self, prompt: str) -> NBest:
        if self.raises and self.raises in prompt:
            return no_completion("RuntimeError: no")
        word = max(prompt.splitlines()[1].removeprefix("- ").split(), key=len)
        return completed(self.says or f"About {word if TAKEN in prompt else f'{len(word)} letters'}")


def prompted(log: Path) -> list[str]:
    """All prompts, in their order."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def put_in(toy: NamingToy, put: Callable[[object, str, object], None] = setattr) -> None:
    """Make the command use this model, whichever is named."""

    def fingerprint(prompted: GenerationSpec) -> str:
        return prompted.template.fingerprint()

    put(generate, "_BATCH_PROMPTS", 4)  # several batches of a few prompts
    put(name_model, "resolve_language_model", lambda _option, model, _adapter="": ModelSpec("hub", model))
    put(GenerationSpec, "load", lambda _spec, _device=None: toy)
    put(GenerationSpec, "fingerprint", fingerprint)


if __name__ == "__main__":
    put_in(NamingToy(Path(os.environ["TOY_LOG"]), float(os.environ["TOY_SECONDS"])))
    sys.exit(run_job(NameJob))
