"""Batched autoregressive decoding whose output for a row does not depend on the batch."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from transforms.language_models.constraint import ClosedSet
from transforms.language_models.decoding_state import MIN_ROWS, DecodingState
from transforms.settings import setting, validate

if TYPE_CHECKING:
    import torch

MAX_SEQUENCES = 64

NextToken: TypeAlias = "Callable[[Sequence[int], torch.Tensor], torch.Tensor]"
"""(Numbers of rows in the batch, their logits of shape (rows, vocabulary)) -> the next token of each, shape (rows,)."""


@dataclasses.dataclass(frozen=True)
class DecodingConfig:
    """Configuration of decoding.

    With `num_sequences` above 1 and no constraint, the candidates of a prompt are its most probable first tokens, each
    continued greedily. With a constraint they are found by beam search in the token trie of the allowed outputs, with
    `num_sequences` beams: exact if there are as many beams as outputs.

    Attributes:
        constraint: the only allowed outputs; None: any text. `max_new_tokens` does not apply to them.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    max_new_tokens: int = setting(
        24,
        minimum=1,
        help="Maximum number of tokens of a completion. On this machine it also ends with its first line; a reply of "
        "an endpoint that is cut is requested again with more.",
    )
    temperature: float = setting(
        0.0, minimum=0, maximum=10, help="Sampling temperature. 0: greedy decoding, the most probable token each time."
    )
    top_p: float = setting(
        1.0,
        minimum=0,
        above=True,
        maximum=1,
        help="When sampling, only the most probable tokens with this total probability are sampled from.",
    )
    seed: int = setting(0, minimum=0, help="Random seed of sampling. A completion depends on it and its prompt alone.")
    num_sequences: int = setting(
        1, minimum=1, maximum=MAX_SEQUENCES, help="Number of candidate completions of each prompt."
    )
    constraint: ClosedSet | None = None

    def __post_init__(self) -> None:
        validate(self)
        if self.temperature > 0 and self.num_sequences > 1:
            raise ValueError(
                "num_sequences must be 1 with a temperature above 0, as candidates are the most probable completions, "
                f"got {self.num_sequences}"
            )
        if self.temperature > 0 and self.constraint is not None:
            raise ValueError(f"temperature must be 0 with a constraint, got {self.temperature}")


def greedy(_: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
    """Return the most probable token of each row."""
    return logits.argmax(-1)


class ForcedFirstToken:
    """Starts each row with a given token, and continues it greedily.

    Args:
        first: the first token of each row, shape (rows,).
    """

    def __init__(self, first: torch.Tensor) -> None:
        self._first: torch.Tensor | None = first

    def __call__(self, _: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Return the next token of each row, shape (rows,), for logits of shape (rows, vocabulary)."""
        tokens = logits.argmax(-1) if self._first is None else self._first
        self._first = None
        return tokens


class SeededSampler:
    """Samples the next token of each row from the distribution given by its logits, by the Gumbel-max trick.

    One stream of random numbers for a whole batch would make a completion depend on the other prompts of the batch.
    Here each prompt has its own stream.

    Args:
        prompts: one for each row of the batch.
        config: temperature, top_p and seed; the temperature is above 0.
    """

    def __init__(self, prompts: Sequence[str], config: DecodingConfig) -> None:
        import torch
        from transformers import TopPLogitsWarper

        self._temperature = config.temperature
        self._top_p = TopPLogitsWarper(config.top_p) if config.top_p < 1 else None
        self._streams = [torch.Generator().manual_seed(prompt_seed(prompt, config.seed)) for prompt in prompts]

    def __call__(self, rows: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Return the next token of some rows, shape (rows,), for their logits, shape (rows, vocabulary)."""
        import torch

        scaled = logits.float() / self._temperature
        if self._top_p is not None:
            scaled = self._top_p(None, scaled)
        uniform = torch.stack([torch.rand(logits.shape[1], generator=self._streams[row]) for row in rows])
        return (scaled - torch.log(-torch.log(uniform)).to(scaled.device)).argmax(-1)


def prompt_seed(prompt: str, seed: int) -> int:
    """Return the seed of a prompt's own stream of random numbers, of 63 bits."""
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes signed numbers


class Decoded(NamedTuple):
    """The output of one row.

    Attributes:
        tokens: the generated tokens, with the stop token that ends them, if any.
        log_prob: natural logarithm of the probability of these tokens under the model.
    """

    tokens: list[int]
    log_prob: float


def decode(
    state: DecodingState,
    logits: torch.Tensor,
    rows: int,
    next_token: NextToken,
    stop_tokens: Collection[int],
    max_tokens: int,
) -> list[Decoded]:
    """Generate tokens for each row, up to a stop token or a maximum length. Finished rows leave the batch.

    Args:
        state: of these rows, and possibly of further rows behind them.
        logits: of the first token to generate, for all rows of the state, shape (rows of the state, vocabulary).
        rows: number of rows to generate for.
        next_token: the choice of a token from logits.
        stop_tokens: tokens that end a row.
        max_tokens: maximum number of tokens of a row, at least 1.
    """
    tokens_of: list[list[int]] = [[] for _ in range(rows)]
    log_probs = [0.0] * rows
    active = list(range(rows))
    while True:
        current = logits[: len(active)]
        tokens = next_token(active, current)
        gains = current.gather(1, tokens[:, None])[:, 0] - current.logsumexp(-1)
        for row, token, gain in zip(active, tokens.tolist(), gains.tolist(), strict=True):
            tokens_of[row].append(token)
            log_probs[row] += gain
        positions = [
            position
            for position, row in enumerate(active)
            if tokens_of[row][-1] not in stop_tokens and len(tokens_of[row]) < max_tokens
        ]
        if not positions:
            return [Decoded(*row) for row in zip(tokens_of, log_probs, strict=True)]
        read = positions + positions[-1:] * (MIN_ROWS - len(positions))
        if len(positions) < len(active) or len(read) != len(logits):
            state.reorder(read)
        active = [active[position] for position in positions]
        logits = state.step(tokens[read])
