"""Protocols of language models, and the values that they return. Imports nothing of this package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

FailureReason = Literal["failed", "quota", "cut", "filtered", "refused", "reasoning", "blank", "malformed", "no_name"]
"""Why a prompt has no completion.

The request failed; the quota of the account is used up; the reply reached the maximum number of tokens; a content
filter removed it; the model refused; or the text of the reply is no completion, because it is reasoning only, blank, no
valid JSON, or something else than what was requested.
"""

ReplyCheck: TypeAlias = "Callable[[str, str], FailureReason | Literal['']]"
"""(Prompt, text of a reply) -> why the reply is no completion of the prompt; empty: it is one. Can be pickled."""


def accept_reply(prompt: str, text: str) -> Literal[""]:
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


class LanguageModelSource(Protocol):
    """A description of a language model that is sent to workers, which load the model from it."""

    def fingerprint(self) -> str:
        """Hexadecimal digits that differ if completions differ; equal on every machine."""

    def load(self) -> LanguageModel:
        """Load the model on the best device of this machine."""

    def is_shared(self) -> bool:
        """Whether all processes of this machine share one copy, as on a GPU."""
