"""Which language model is meant. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from transforms.language_models.dialogue import Dialogue
from transforms.language_models.folder import FolderError, read_adapter, read_model
from transforms.weights import is_folder, is_hub_id

ALLOWED = "'smollm2' (SmolLM2-135M-Instruct), a folder with a model of transformers, or a hub id as owner/name"


class Answer(NamedTuple):
    """What a language model made of one question.

    Attributes:
        text: what it said, without white space around it; None where it failed.
        failure: what was raised, for people; empty where nothing was.
    """

    text: str | None
    failure: str = ""


class LanguageModel(Protocol):
    """A loaded language model that knows what it is asked for."""

    def answer(self, questions: Sequence[str]) -> list[Answer]:
        """One answer for each question, in their order. An answer depends on its question alone."""


class LanguageModelSource(Protocol):
    """Where workers get a language model from; small, and travels to them."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ when the answers differ; the same on every machine."""

    def load(self) -> LanguageModel:
        """The model, on the best device of this machine."""

    def is_shared(self) -> bool:
        """Whether one copy serves all processes of a machine, as on a GPU; asked where the model is loaded."""


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How an answer is drawn from a model.

    Attributes:
        max_new_tokens: an answer ends after so many tokens, or with its first line; at least 1.
        temperature: 0: always the likeliest token; above 0: tokens are drawn, the more evenly the higher.
        top_p: where tokens are drawn: from the likeliest ones that together have this probability, in (0, 1].
        seed: where tokens are drawn: with the question it decides the answer, whatever else is asked beside it.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    max_new_tokens: int = 24
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")
        if not 0 <= self.temperature <= 10:
            raise ValueError(f"temperature must be in [0, 10], got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be in (0, 1], got {self.top_p}")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """Weights by name.

    Attributes:
        kind: how `name` is to be read.
        name: the path of a folder, or a hub id; empty for the model that has a name of its own.
        adapter: the folder of a PEFT adapter that is put on the model; empty: none.
    """

    kind: Literal["smollm2", "folder", "hub"]
    name: str = ""
    adapter: str = ""

    def __str__(self) -> str:
        return (self.name or self.kind) + (f" with {self.adapter}" if self.adapter else "")

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over weights, adapter, tokenizer and configuration; needs no torch.

        The device and its precision are no part of it: on a GPU a few answers differ from those of a CPU.

        Raises:
            WeightsError: when the weights are not to be had.
        """
        from transforms.language_models.loading import fingerprint

        return fingerprint(self)


@dataclasses.dataclass(frozen=True)
class Asked:
    """A model with what it is asked for.

    Attributes:
        model: the weights.
        dialogue: what is said around each question.
        decoding: how an answer is drawn.
    """

    model: ModelSpec
    dialogue: Dialogue = dataclasses.field(default_factory=Dialogue)
    decoding: Decoding = dataclasses.field(default_factory=Decoding)

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over all that decides an answer but the question.

        Raises:
            WeightsError: when the weights are not to be had.
        """
        from transforms.language_models.loading import fingerprint_of_asked

        return fingerprint_of_asked(self)

    def load(self) -> LanguageModel:
        """The model, on the best device of this machine.

        Raises:
            WeightsError: when the weights, or the packages to load them, are not to be had.
        """
        from transforms.language_models.loading import load_model

        return load_model(self)

    def is_shared(self) -> bool:
        """Whether this machine has a GPU: its memory holds one copy."""
        from transforms.language_models.loading import has_gpu

        return has_gpu()


def parse_model(text: str, adapter: str = "") -> ModelSpec:
    """Reads a model's name, and the path of an adapter.

    A folder is what begins like a path or is there; it is looked at here already. `owner/name` that is no folder is a
    hub id.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    checked = str(_checked_adapter(adapter)) if adapter else ""
    if text == "smollm2":
        return ModelSpec("smollm2", adapter=checked)
    if is_folder(text):
        return ModelSpec("folder", str(_checked_folder(text)), checked)
    if is_hub_id(text):
        return ModelSpec("hub", text, checked)
    raise ValueError(f"no language model {text!r}; allowed are {ALLOWED}")


def _checked_folder(text: str) -> Path:
    try:
        return read_model(Path(text).expanduser().resolve()).folder
    except FolderError as error:
        raise ValueError(f"no language model {text!r}: {error}; allowed are {ALLOWED}") from error


def _checked_adapter(text: str) -> Path:
    try:
        return read_adapter(Path(text).expanduser().resolve()).folder
    except FolderError as error:
        raise ValueError(f"no adapter {text!r}: {error}") from error
