"""Protocols of language models, and the values that they return. Imports nothing of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

FailureReason = Literal["failed", "quota", "cut", "filtered", "refused", "reasoning", "blank", "malformed", "no_name"]
"""Why a prompt has no completion.

The request failed; the quota of the account is used up; the reply reached the maximum number of tokens; a content
filter removed it; the model refused; or the text of the reply is no completion, because it is reasoning only, blank, no
valid JSON, or something else than what was requested.
"""

ReplyCheck: TypeAlias = "Callable[[Sequence[str], str], FailureReason | Literal['']]"
"""(Sources of a prompt, text of a reply) -> why the reply is no completion of the prompt; empty: it is one. The sources
are the texts that the prompt is about. Can be pickled."""


def accept_reply(sources: Sequence[str], text: str) -> Literal[""]:
    """Accept any reply."""
    return ""


class Completion(NamedTuple):
    """One completion of a prompt.

    Attributes:
        text: the text without surrounding white space; may be empty.
        log_prob: natural logarithm of the probability that the model gives to the generated tokens; temperature, top_p
            and a constraint do not change it. None: unknown, as for an endpoint.
    """

    text: str
    log_prob: float | None = None


class NBest(NamedTuple):
    """The completions of one prompt.

    Attributes:
        completions: by rank, the most probable first; empty if the model failed.
        failure: the error message if the model failed; empty otherwise.
        reason: the kind of the failure.
    """

    completions: tuple[Completion, ...]
    failure: str = ""
    reason: FailureReason = "failed"


Batch: TypeAlias = "tuple[list[int], list[NBest]]"
"""The indices of some prompts, and the completions of each of them."""


class LanguageModel(Protocol):
    """A loaded language model with its prompt template and its decoding configuration."""

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        """Complete prompts.

        Args:
            prompts: the prompts, in any order.

        Returns:
            One entry for each prompt, in the same order. An entry depends on its prompt alone, as far as the
            arithmetic of the device allows.
        """


@runtime_checkable
class BatchingModel(Protocol):
    """A language model that returns completions while it works on the others."""

    def generate_batches(self, prompts: Sequence[str]) -> Iterator[Batch]:
        """Complete prompts, as `LanguageModel.generate` does, in batches of any size and order; each prompt once."""


@runtime_checkable
class CheckingModel(Protocol):
    """A language model that checks its replies, and may request another one."""

    def generate_checked(self, prompts: Sequence[str], sources: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """Complete prompts in batches, as `BatchingModel.generate_batches` does.

        Args:
            prompts: the prompts, in any order.
            sources: the sources of each prompt, with which a reply is compared.
        """


def generate_batches(model: LanguageModel, prompts: Sequence[str], sources: Sequence[Sequence[str]]) -> Iterator[Batch]:
    """Complete prompts by any model; by one that returns no batches, all at once.

    Args:
        model: the model.
        prompts: the prompts, in any order.
        sources: the sources of each prompt, for a model that checks its replies.
    """
    if isinstance(model, CheckingModel):
        yield from model.generate_checked(prompts, sources)
    elif isinstance(model, BatchingModel):
        yield from model.generate_batches(prompts)
    else:
        yield list(range(len(prompts))), model.generate(prompts)


def collect_batches(batches: Iterable[Batch]) -> list[NBest]:
    """Return the completions of all batches in the order of the prompts."""
    found = {index: nbest for indices, of_batch in batches for index, nbest in zip(indices, of_batch, strict=True)}
    return [found[index] for index in range(len(found))]


class LanguageModelSource(Protocol):
    """A description of a language model that is sent to workers, which load the model from it."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ if completions differ; equal on every machine."""

    def load(self) -> LanguageModel:
        """Load the model on the best device of this machine."""

    def is_shared(self) -> bool:
        """Whether all processes of this machine share one copy, as on a GPU."""
