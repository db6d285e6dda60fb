"""Drawing tokens by chance, so that an answer depends on its question and a seed alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from transforms.language_models.spec import DecodingConfig

if TYPE_CHECKING:
    import torch


class SeededSampler:
    """Draws the next token of each row from the distribution that its logits are (the Gumbel-max trick).

    Drawn in the usual way, by one stream of random numbers for a batch, an answer would depend on what is asked
    beside it. Here each question has a stream of its own.

    Args:
        questions: one for each row of the batch.
        decoding: temperature, top_p and seed; the temperature is above 0.
    """

    def __init__(self, questions: Sequence[str], decoding: DecodingConfig) -> None:
        import torch
        from transformers import TopPLogitsWarper

        self._temperature = decoding.temperature
        self._cut = TopPLogitsWarper(decoding.top_p) if decoding.top_p < 1 else None
        self._streams = [torch.Generator().manual_seed(prompt_seed(question, decoding.seed)) for question in questions]

    def __call__(self, rows: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """The next token of some rows, shape (rows,), for their logits, shape (rows, vocabulary)."""
        import torch

        heated = logits.float() / self._temperature
        if self._cut is not None:
            heated = self._cut(None, heated)
        uniform = torch.stack([torch.rand(logits.shape[1], generator=self._streams[row]) for row in rows])
        return (heated - torch.log(-torch.log(uniform)).to(heated.device)).argmax(-1)


def prompt_seed(question: str, seed: int) -> int:
    """The seed of a question's own stream of random numbers, of 63 bits."""
    digest = hashlib.sha256(f"{seed}\n{question}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes signed numbers
