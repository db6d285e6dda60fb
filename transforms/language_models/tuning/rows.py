"""Pairs of question and answer -> the numbers that a model is taught by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.batching import pad
from transforms.language_models.prompt_template import TokenizedTemplate, tokenize_prompt
from transforms.language_models.tuning.config import TrainingExample

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""The label of a place at which nothing is to be said, in torch's words."""


class Row(NamedTuple):
    """One example in tokens.

    Attributes:
        asked: what the model reads, the frame around the question among it.
        answer: what it is to say, with the mark of its end.
    """

    asked: list[int]
    answer: list[int]


def token_rows(
    tokenizer: Any, tokenize_template: TokenizedTemplate, pairs: Sequence[TrainingExample], encoder_decoder: bool
) -> list[Row]:
    """One row for each pair.

    Args:
        tokenizer: of transformers.
        tokenize_template: what stands around each question when the model is used.
        pairs: what is taught.
        encoder_decoder: whether the model reads the question apart from its answer.
    """
    # Without a template an answer stands behind its question on the same line.
    space = "" if tokenizer.chat_template or encoder_decoder else " "
    rows = []
    for pair in pairs:
        asked = [*tokenize_template.before, *tokenize_prompt(tokenizer, pair.question), *tokenize_template.after]
        answer = tokenizer(space + pair.answer, add_special_tokens=False, split_special_tokens=True).input_ids
        rows.append(Row(asked, [*answer, tokenizer.eos_token_id]))
    return rows


class Batch(NamedTuple):
    """Rows as matrices, of dtype int64.

    Attributes:
        input_ids: shape (rows, longest): what is read; padding stands behind.
        attention_mask: of the same shape: 1 for a token, 0 for padding.
        labels: shape (rows, answers): what is to be said at the last so many places, `IGNORED` where nothing is.
    """

    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]


def decoder_batch(rows: Sequence[Row], padding: int) -> Batch:
    """Rows for a model that reads an answer behind its question.

    The labels begin where the first answer of the batch does: only there logits are needed, and a vocabulary of 50,000
    tokens makes them dear.
    """
    wholes = [[*row.asked, *row.answer] for row in rows]
    start = min(len(row.asked) for row in rows)
    labels = [[*[IGNORED] * (len(row.asked) - start), *row.answer] for row in rows]
    return Batch(*_matrix(wholes, padding), _matrix(labels, IGNORED)[0])


def encoder_decoder_batch(rows: Sequence[Row], padding: int) -> Batch:
    """Rows for a model that reads the question apart from its answer."""
    return Batch(*_matrix([row.asked for row in rows], padding), _matrix([row.answer for row in rows], IGNORED)[0])


def _matrix(rows: Sequence[list[int]], padding: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return pad(list(rows), padding)


class Collate:
    """What makes a batch of torch's tensors of rows.

    Args:
        encoder_decoder: which of the two batches is made.
        padding: the token that pads.
    """

    def __init__(self, encoder_decoder: bool, padding: int) -> None:
        self._batch = encoder_decoder_batch if encoder_decoder else decoder_batch
        self._padding = padding

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """A batch by the names that models of transformers have for its matrices."""
        import torch

        batch = self._batch([Row(row["asked"], row["answer"]) for row in rows], self._padding)
        return {name: torch.from_numpy(matrix) for name, matrix in batch._asdict().items()}
