"""The ranking of a closed set by a model behind an endpoint, through its structured output.

An endpoint returns one completion and no probabilities of all members. So the first member is requested from the set,
the second one from the set without the first, and so on. The set is sent as an enumeration in a JSON schema, which
OpenAI, vLLM, SGLang and the server of llama.cpp enforce while they decode. A server may ignore the schema, so each
reply is checked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np

from transforms.language_models.branching_trie import Indices, LogProbs, Mask
from transforms.language_models.closed_set import ScoreName, excluded_members
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.endpoint import OpenAIEndpoint
from transforms.language_models.endpoint_errors import EndpointError, TransientError
from transforms.model_files import ModelUnavailableError

FIELD = "completion"
"""The only field of the JSON object that a reply must be."""


class EndpointRanker:
    """Ranks closed sets by an endpoint.

    Args:
        endpoint: the model. Its decoding is greedy.
    """

    def __init__(self, endpoint: OpenAIEndpoint) -> None:
        self._endpoint = endpoint

    def top(
        self,
        prompts: Sequence[str],
        closed_set: ClosedSet,
        number: int,
        excluded: Mask | None = None,
        score: ScoreName = "renormalized",
    ) -> tuple[Indices, LogProbs]:
        """Find the first members of a closed set after each prompt, one request for each.

        Args:
            prompts: the prompts.
            closed_set: the members.
            number: number of members of a prompt, at least 1.
            excluded: members to exclude for single prompts, shape (prompts, members); None: none.
            score: must be `renormalized`.

        Returns:
            Members, the first one first, and scores, shape (prompts, min(number, members)); where fewer members are not
            excluded, -1 and minus infinity. The score is not a probability of the model: rank r has `-log(r)` minus the
            logarithm of the sum of `1 / r` over the ranks.

        Raises:
            ModelUnavailableError: if the endpoint is unreachable, or fails for a prompt in spite of retries.
            ValueError: if the score is another one, the shape of the mask differs, or no member remains for a prompt.
        """
        if score != "renormalized":
            raise ValueError(f"score must be renormalized for an endpoint, got {score!r}")
        masked = excluded_members(closed_set, len(prompts), excluded)
        width = min(number, len(closed_set.outputs))
        members = np.full((len(prompts), width), -1, np.int64)
        self._endpoint.ping()
        with ThreadPool(max(min(len(prompts), self._endpoint.limits.concurrency), 1)) as pool:
            rows = [(prompt, closed_set.outputs, ~mask, width) for prompt, mask in zip(prompts, masked, strict=True)]
            for row, found in enumerate(pool.starmap(self._rank, rows, chunksize=1)):
                members[row, : len(found)] = found
        reciprocal = np.where(members >= 0, 1 / np.arange(1, width + 1), 0.0)
        with np.errstate(divide="ignore"):
            return members, np.log(reciprocal / reciprocal.sum(axis=1, keepdims=True))

    def _rank(self, prompt: str, outputs: tuple[str, ...], allowed: Mask, number: int) -> list[int]:
        remaining = [member for member, is_allowed in enumerate(allowed) if is_allowed]
        found: list[int] = []
        while remaining and len(found) < number:
            member = self._select(prompt, {outputs[each]: each for each in remaining})
            remaining.remove(member)
            found.append(member)
        return found

    def _select(self, prompt: str, members: dict[str, int]) -> int:
        if len(members) == 1:
            return next(iter(members.values()))
        try:
            text = self._endpoint.complete_by_schema(prompt, schema_of(members), lambda text: _parse(text, members))
        except EndpointError as error:
            raise ModelUnavailableError(
                f"ranking by {self._endpoint.model} at {self._endpoint.url}: {error}"
            ) from error
        return members[text]


def schema_of(outputs: Sequence[str] | dict[str, int]) -> dict[str, Any]:
    """Return the JSON schema of an object whose only field is one of some texts."""
    return {
        "type": "object",
        "properties": {FIELD: {"type": "string", "enum": list(outputs)}},
        "required": [FIELD],
        "additionalProperties": False,
    }


def _parse(text: str, members: dict[str, int]) -> str:
    """Return the member in a reply.

    Raises:
        TransientError: if the reply is none of the members: the server ignores the schema, or cut the reply.
    """
    try:
        # Models whose server ignores the schema may write the object between the fences of a code block.
        value = json.loads(text[text.find("{") : text.rfind("}") + 1])[FIELD]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TransientError("the reply does not have the requested JSON schema") from error
    if not isinstance(value, str) or value not in members:
        raise TransientError("the reply is not one of the requested texts")
    return value
