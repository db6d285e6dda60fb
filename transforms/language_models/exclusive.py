"""Several language models of one job, of which each process holds one at a time."""

from __future__ import annotations

import dataclasses
import gc
import threading
import weakref
from collections.abc import Sequence

from transforms.language_models.spec import Answer, LanguageModel, LanguageModelSource

_lock = threading.Lock()
_holder: weakref.ref[_ExclusiveModel] | None = None
"""Who has a model loaded in this process."""


@dataclasses.dataclass(frozen=True)
class ExclusiveModel:
    """A language model that is loaded with its first question, and goes when another of its kind is asked.

    A job that asks them one after another holds one in memory, and loads none whose answers are stored already. In a
    job that asks them by turns each change takes a loading.

    Attributes:
        source: where the model comes from.
    """

    source: LanguageModelSource

    def fingerprint(self) -> str:
        """That of the model."""
        return self.source.fingerprint()

    def load(self) -> LanguageModel:
        """What loads the model when it is asked.

        Loading then raises what `source` raises.
        """
        return _ExclusiveModel(self.source)

    def is_shared(self) -> bool:
        """As the source says."""
        return self.source.is_shared()


class _ExclusiveModel:
    def __init__(self, source: LanguageModelSource) -> None:
        self._source = source
        self._model: LanguageModel | None = None

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        with _lock:
            return self._loaded().answer(questions)

    def _loaded(self) -> LanguageModel:
        global _holder
        if self._model is None:
            other = _holder() if _holder else None
            if other is not None:
                other._model = None
                gc.collect()  # models of torch hold themselves in circles
            self._model, _holder = self._source.load(), weakref.ref(self)
        return self._model
