"""Training examples -> token matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.batching import pad
from transforms.language_models.prompt_template import TokenizedTemplate, tokenize_completion, tokenize_prompt
from transforms.language_models.tuning.config import TrainingExample

IGNORED = -100
"""The label of a position without a target, as torch defines it."""


class Row(NamedTuple):
    """One example in tokens.

    Attributes:
        prompt: token ids that the model reads, with the template.
        completion: token ids of the target, with the end token.
        weight: weight of its tokens in the loss.
    """

    prompt: list[int]
    completion: list[int]
    weight: float = 1.0

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return len(self.prompt) + len(self.completion)


def token_rows(
    tokenizer: Any, template: TokenizedTemplate, examples: Sequence[TrainingExample], encoder_decoder: bool
) -> list[Row]:
    """Tokenize examples, one row for each.

    Args:
        tokenizer: a tokenizer of transformers.
        template: the tokens around each prompt when the model is used.
        examples: the examples.
        encoder_decoder: whether the model reads prompts and completions separately.
    """
    rows = []
    for example in examples:
        prompt = [*template.before, *tokenize_prompt(tokenizer, example.prompt), *template.after]
        completion = tokenize_completion(tokenizer, example.completion, encoder_decoder)
        rows.append(Row(prompt, [*completion, tokenizer.eos_token_id], example.weight))
    return rows


class Batch(NamedTuple):
    """Rows as matrices, of dtype int64.

    Attributes:
        input_ids: shape (rows, longest row), padded on the right.
        attention_mask: of the same shape: 1 for a token, 0 for padding.
        labels: shape (rows, targets): the targets of the last positions, `IGNORED` where there is none.
    """

    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


def decoder_batch(rows: Sequence[Row], padding: int) -> Batch:
    """Build the batch of a model that reads a completion after its prompt.

    The labels begin at the first completion of the batch: logits are computed from there only, because they are
    expensive for a vocabulary of 50,000 tokens.
    """
    sequences = [[*row.prompt, *row.completion] for row in rows]
    start = min(len(row.prompt) for row in rows)
    labels = [[*[IGNORED] * (len(row.prompt) - start), *row.completion] for row in rows]
    return Batch(*pad(sequences, padding), pad(labels, IGNORED)[0])


def encoder_decoder_batch(rows: Sequence[Row], padding: int) -> Batch:
    """Build the batch of a model that reads prompts and completions separately."""
    return Batch(*pad([row.prompt for row in rows], padding), pad([row.completion for row in rows], IGNORED)[0])
