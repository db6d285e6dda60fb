"""Which language model is meant. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.dtype import DTypeName
from transforms.language_models.endpoint_name import ALLOWED as ENDPOINTS_ALLOWED
from transforms.language_models.endpoint_name import is_endpoint, parse_endpoint
from transforms.language_models.folder import FolderError, read_adapter, read_model
from transforms.language_models.prompt_template import PromptTemplate
from transforms.model_files import is_hub_id, looks_like_path

ALLOWED = (
    "'builtin' (SmolLM2-135M-Instruct, taught to name), 'smollm2' (the same, not taught), a folder with a model of "
    "transformers, a hub id as owner/name, "
    f"or {ENDPOINTS_ALLOWED}"
)


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


class Candidate(NamedTuple):
    """What a language model might answer.

    Attributes:
        text: what it would say, without white space around it; may be empty.
        log_probability: the natural logarithm of the chance with which it says so.
    """

    text: str
    log_probability: float


class Considered(NamedTuple):
    """What a language model might answer to one question.

    Attributes:
        candidates: none where it failed.
        failure: what was raised, for people; empty where nothing was.
    """

    candidates: tuple[Candidate, ...]
    failure: str = ""


class ConsideringModel(LanguageModel, Protocol):
    """A loaded language model that can tell several answers."""

    def consider(self, questions: Sequence[str], number: int) -> list[Considered]:
        """At most so many candidates for each question, which depend on it alone."""


class Choice(Protocol):
    """What chooses among candidates."""

    def __call__(self, questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[str]:
        """One text for each question; it depends on the question and its candidates alone."""


class ChoiceSource(Protocol):
    """Where workers get what chooses among candidates from; small, and travels to them."""

    @property
    def candidates(self) -> int:
        """How many a model is to tell of each question."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ when choices differ; the same on every machine."""

    def load(self) -> Choice:
        """What chooses, ready to do so."""


class LanguageModelSource(Protocol):
    """Where workers get a language model from; small, and travels to them."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ when the answers differ; the same on every machine."""

    def load(self) -> LanguageModel:
        """The model, on the best device of this machine."""

    def is_shared(self) -> bool:
        """Whether one copy serves all processes of a machine, as on a GPU; asked where the model is loaded."""


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
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
    """Weights by name, or the name of a model behind an endpoint, whose weights are not seen.

    Attributes:
        kind: how `name` is to be read.
        name: the path of a folder, a hub id, or what an endpoint calls it; empty for the models that have a name of
            their own.
        adapter: the folder of a PEFT adapter that is put on the model; empty: none.
        url: where the endpoint is; empty for all others.
    """

    kind: Literal["builtin", "smollm2", "folder", "hub", "endpoint"]
    name: str = ""
    adapter: str = ""
    url: str = ""

    def __str__(self) -> str:
        if self.url:
            return f"{self.name} at {self.url}"
        return (self.name or self.kind) + (f" with {self.adapter}" if self.adapter else "")

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over weights, adapter, tokenizer and configuration; needs no torch.

        Of an endpoint, over the model's name there: a server that moves is the same, and so is one that is given other
        weights under that name. The device is no part of it: on another a few answers differ.

        Raises:
            ModelUnavailableError: when the weights are not to be had.
        """
        from transforms.language_models.loading import fingerprint

        return fingerprint(self)


@dataclasses.dataclass(frozen=True)
class GenerationSpec:
    """A model with what it is asked for.

    Attributes:
        model: the weights.
        template: what is said around each question.
        decoding: how an answer is drawn.
        limits: how hard an endpoint is asked; decides no answer.
        dtype: how many bits a model on this machine reckons in.
        choice: what chooses one of several candidates; None: the model's first thought is its answer.

    Raises:
        ValueError: when there is to be a choice, and answers are drawn, or those of an endpoint, which tells one.
    """

    model: ModelSpec
    template: PromptTemplate = dataclasses.field(default_factory=PromptTemplate)
    decoding: DecodingConfig = dataclasses.field(default_factory=DecodingConfig)
    limits: ClientLimits = dataclasses.field(default_factory=ClientLimits)
    dtype: DTypeName = "auto"
    choice: ChoiceSource | None = None

    def __post_init__(self) -> None:
        if self.choice is not None and (self.decoding.temperature > 0 or self.model.kind == "endpoint"):
            raise ValueError(
                "a choice is made among the likeliest answers of a model on this machine, "
                f"got {self.model.kind} with a temperature of {self.decoding.temperature}"
            )

    @property
    def candidates(self) -> int:
        """How many answers the model thinks of, of which one is given."""
        return 1 if self.choice is None else self.choice.candidates

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over all that decides an answer but the question.

        What is asked for decides, not what a machine makes of it: `auto` is the same everywhere, so that answers of
        one machine are used on another. Where a few that differ matter, a precision is asked for by name.

        Raises:
            ModelUnavailableError: when the weights are not to be had.
        """
        from transforms.language_models.loading import generation_fingerprint

        return generation_fingerprint(self)

    def load(self) -> LanguageModel:
        """The model, on the best device of this machine.

        Raises:
            ModelUnavailableError: when the weights, or the packages to load them, are not to be had, or the key of an
                endpoint is none.
        """
        from transforms.language_models.loading import load_model

        return load_model(self)

    def is_shared(self) -> bool:
        """Whether this machine has a GPU: its memory holds one copy. An endpoint's model is not on this machine."""
        if self.model.kind == "endpoint":
            return False
        from transforms.language_models.loading import has_gpu

        return has_gpu()


def parse_model_spec(text: str, adapter: str = "") -> ModelSpec:
    """Reads a model's name, and the path of an adapter.

    A folder is what begins like a path or is there; it is looked at here already. `owner/name` that is no folder is a
    hub id. An endpoint is not asked: workers may reach it where this machine does not.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if is_endpoint(text):
        return _endpoint(text, adapter)
    if text == "builtin":
        if adapter:
            raise ValueError(f"no adapter {adapter!r}: 'builtin' has one; give it to 'smollm2'")
        return ModelSpec("builtin")
    checked = str(_checked_adapter(adapter)) if adapter else ""
    if text == "smollm2":
        return ModelSpec("smollm2", adapter=checked)
    if looks_like_path(text):
        return ModelSpec("folder", str(_checked_folder(text)), checked)
    if is_hub_id(text):
        return ModelSpec("hub", text, checked)
    raise ValueError(f"no language model {text!r}; allowed are {ALLOWED}")


def _endpoint(text: str, adapter: str) -> ModelSpec:
    url, model = parse_endpoint(text)
    if adapter:
        raise ValueError(
            f"no adapter {adapter!r}: an endpoint's model takes none from here; have the server put it on the model, "
            "and give the name that it has there"
        )
    return ModelSpec("endpoint", model, url=url)


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
