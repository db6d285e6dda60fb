"""Decoding states: what a model of transformers keeps of a batch of rows between two decoding steps.

The padding of a row does not depend on the other rows of its batch, and no row is multiplied alone. So the output of a
row is bitwise the same in any batch where the matrix product of the machine computes a row independently of the rows
below it. Not all machines do: on a CPU with AMX, some tokens of SmolLM2 depend on the batch in bfloat16.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch

MIN_ROWS = 2
"""Minimum number of rows of a batch. A product with one row is computed by another routine, which sums in another
order."""

_ALIGNMENT = 16


def padded_length(length: int) -> int:
    """Return the number of columns to which a row of `length` tokens is padded: the next greater multiple of 16.

    Each row has some padding, because without any the attention mask would be left out, which is another routine.
    """
    return (length // _ALIGNMENT + 1) * _ALIGNMENT


class DecodingState(Protocol):
    """A batch of rows that a model has read up to the same position."""

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one more token of each row.

        Args:
            tokens: shape (rows,).

        Returns:
            Logits of the next token, shape (rows, vocabulary).
        """
        ...

    def reorder(self, rows: Sequence[int]) -> None:
        """Keep some rows, by their indices in the batch; one may be kept several times."""
        ...


class DecoderState:
    """State of a decoder-only model.

    Args:
        model: a decoder of transformers.
        cache: its key-value cache of the tokens read before; is written to.
        mask: 1 for each token that was read, 0 for padding, shape (rows, tokens).
    """

    def __init__(self, model: Any, cache: Any, mask: torch.Tensor) -> None:
        self._model = model
        self._cache = cache
        self._mask = mask
        self._arguments = forward_arguments(model)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one more token of each row; see `DecodingState`."""
        return self.prefill(tokens[:, None], self._mask.new_ones((len(tokens), 1)))

    def prefill(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Read several more tokens of each row.

        Args:
            ids: shape (rows, tokens), padded on the left.
            mask: 1 for a token, 0 for padding, of the same shape.

        Returns:
            Logits of the next token, float32, shape (rows, vocabulary).
        """
        import torch

        self._mask = torch.cat([self._mask, mask], dim=1)
        inputs = {
            "input_ids": ids,
            "attention_mask": self._mask,
            "use_cache": True,
            cache_argument(self._arguments): self._cache,
        }
        if "position_ids" in self._arguments:
            inputs["position_ids"] = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if "logits_to_keep" in self._arguments:
            inputs["logits_to_keep"] = min(MIN_ROWS, ids.shape[1])  # the head is a matrix product as well
        return self._model(**inputs).logits[:, -1].float()

    def reorder(self, rows: Sequence[int]) -> None:
        """Keep some rows; see `DecodingState`."""
        indices = _index_tensor(rows, self._mask)
        self._cache.reorder_cache(indices)
        self._mask = self._mask[indices]


class EncoderDecoderState:
    """State of an encoder-decoder model: the encoder has read the prompt, the decoder reads its own output.

    Args:
        model: an encoder-decoder of transformers.
        mask: 1 for each token that the encoder reads, 0 for padding, shape (rows, tokens).
        **inputs: further inputs of the encoder.
    """

    def __init__(self, model: Any, mask: torch.Tensor, **inputs: torch.Tensor) -> None:
        from transformers import DynamicCache, EncoderDecoderCache

        self._model = model
        self._mask = mask
        self._encoded = model.get_encoder()(attention_mask=mask, **inputs)
        self._cache: Any = EncoderDecoderCache(DynamicCache(config=model.config), DynamicCache(config=model.config))
        self._cache_argument = cache_argument(forward_arguments(model))

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one more token of each row; see `DecodingState`."""
        output = self._model(
            encoder_outputs=self._encoded,
            attention_mask=self._mask,
            decoder_input_ids=tokens[:, None],
            use_cache=True,
            **{self._cache_argument: self._cache},
        )
        return output.logits[:, -1].float()

    def reorder(self, rows: Sequence[int]) -> None:
        """Keep some rows; see `DecodingState`."""
        indices = _index_tensor(rows, self._mask)
        self._cache.reorder_cache(indices)
        self._mask = self._mask[indices]
        self._encoded.last_hidden_state = self._encoded.last_hidden_state[indices]


def forward_arguments(model: Any) -> Collection[str]:
    """Return the names of the arguments of a model's `forward`."""
    return inspect.signature(model.forward).parameters.keys()


def cache_argument(arguments: Collection[str]) -> str:
    """Return the name of the argument for the key-value cache, which transformers renamed in version 5.24."""
    return "cache" if "cache" in arguments else "past_key_values"


def _index_tensor(rows: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.tensor(rows, dtype=torch.long, device=like.device)
