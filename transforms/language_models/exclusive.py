"""Several language models of one job, of which each process holds one at a time."""

from __future__ import annotations

import dataclasses
import gc
import threading
import weakref
from collections.abc import Iterator, Sequence

from transforms.language_models.interface import Batch, LanguageModel, LanguageModelSource, NBest, generate_batches

_lock = threading.Lock()
_holder: weakref.ref[_ExclusiveModel] | None = None
"""The wrapper whose model is loaded in this process."""


@dataclasses.dataclass(frozen=True)
class ExclusiveModel:
    """A language model that is loaded for its first prompt, and unloaded when another exclusive model is used.

    A job that uses one model after another holds one in memory, and loads none whose completions are all cached. A job
    that alternates between models loads one at each change.

    Attributes:
        source: the source of the model.
    """

    source: LanguageModelSource

    def fingerprint(self) -> str:
        """Return the fingerprint of the model."""
        return self.source.fingerprint()

    def load(self) -> LanguageModel:
        """Return a wrapper that loads the model when it is used, and then raises what `source` raises."""
        return _ExclusiveModel(self.source)

    def is_shared(self) -> bool:
        """Whether all processes of this machine share one copy."""
        return self.source.is_shared()


class _ExclusiveModel:
    def __init__(self, source: LanguageModelSource) -> None:
        self._source = source
        self._model: LanguageModel | None = None

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        with _lock:
            return self._loaded().generate(prompts)

    def generate_checked(self, prompts: Sequence[str], sources: Sequence[Sequence[str]]) -> Iterator[Batch]:
        with _lock:
            yield from generate_batches(self._loaded(), prompts, sources)

    def _loaded(self) -> LanguageModel:
        global _holder
        if self._model is None:
            other = _holder() if _holder else None
            if other is not None:
                other._model = None
                gc.collect()  # torch modules contain reference cycles
            self._model, _holder = self._source.load(), weakref.ref(self)
        return self._model
