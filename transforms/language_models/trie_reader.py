"""Forward passes of a model over a batch of prompts, and over the branches of a token trie after each of them.

A decoder reads many branches as one sequence: an attention mask hides the other branches, and position ids count along
the branch. The decoder of an encoder-decoder has relative positions, which other branches between would shift; it reads
one branch in each row.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from transforms.language_models.branching_trie import NONE, Indices, Mask, TrieReading
from transforms.language_models.decoding_state import (
    DecoderState,
    cache_argument,
    forward_arguments,
)

if TYPE_CHECKING:
    import torch

_LAYERS_OF_ATTENTION = {"full_attention", "sliding_attention"}
_GROUP_TOKENS = 384
"""Attention grows with the square of a group. A smaller group costs more passes."""


class TrieReader(Protocol):
    """A batch of prompts that a model has read.

    Attributes:
        group_tokens: aimed number of tokens that are read together; 0: one branch.
        logits: of the first token after each prompt, float32, shape (prompts, vocabulary).
    """

    group_tokens: int
    logits: torch.Tensor

    def read(self, reading: TrieReading, prompts: Indices, slots: Indices, columns: Indices | None) -> torch.Tensor:
        """Read tokens of a tree after some prompts.

        Args:
            reading: the tree.
            prompts: the prompt of each row, shape (rows,).
            slots: the tokens of each row, as indices in the reading, filled up with `NONE` on the right, shape
                (rows, slots); with each token also those that it follows.
            columns: the tokens whose logits are computed, shape (columns,); None: the whole vocabulary.

        Returns:
            Logits of the token after each slot, float32, shape (rows, slots, columns).
        """
        ...


class DecoderReader:
    """Prompts of a decoder-only model; see `TrieReader`.

    Args:
        model: a decoder of transformers.
        cache: its key-value cache of the tokens before all prompts, one row for each prompt; is written to.
        ids: the tokens of the prompts, padded on the left, shape (prompts, tokens).
        mask: 1 for a token, 0 for padding, of the same shape.

    Raises:
        ValueError: if the layers of the model do not accept a tree of tokens.
    """

    group_tokens = _GROUP_TOKENS

    def __init__(self, model: Any, cache: Any, ids: torch.Tensor, mask: torch.Tensor) -> None:
        import torch

        self._model = model
        self._arguments = forward_arguments(model)
        kinds = set(getattr(model.config, "layer_types", None) or ()) - _LAYERS_OF_ATTENTION
        if kinds or "position_ids" not in self._arguments:
            reason = f"has layers of kind {min(kinds)}" if kinds else "takes no position_ids"
            raise ValueError(f"members of a closed set cannot be ranked: {type(model).__name__} {reason}")
        before = mask.new_ones((len(mask), cache.get_seq_length()))
        self.logits = DecoderState(model, cache, before).prefill(ids, mask)
        self._cache = cache
        self._mask = torch.cat([before, mask], dim=1)

    def read(self, reading: TrieReading, prompts: Indices, slots: Indices, columns: Indices | None) -> torch.Tensor:
        """Read tokens of a tree after some prompts; see `TrieReader`."""
        import torch

        rows = torch.from_numpy(prompts).to(self._mask.device)
        mask = self._mask[rows]
        self._refuse_long(mask.shape[1] + slots.shape[1])
        cache = copy.deepcopy(self._cache)
        cache.reorder_cache(rows)
        depths = torch.from_numpy(reading.depths[slots]).to(rows.device)
        inputs = {
            "input_ids": torch.from_numpy(reading.tokens[slots]).to(rows.device),
            "attention_mask": self._attention_mask(mask, torch.from_numpy(_visible(reading, slots)).to(rows.device)),
            "position_ids": mask.sum(1, keepdim=True) + depths,
            "use_cache": True,
            cache_argument(self._arguments): cache,
        }
        return _forward(self._model, inputs, columns)

    def _attention_mask(self, mask: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """Return what is added to attention scores, shape (rows, 1, slots, tokens of the prompt and slots)."""
        import torch

        seen = torch.cat([mask.bool()[:, None].expand(-1, visible.shape[1], -1), visible], dim=2)
        dtype = self._model.dtype
        hidden = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=seen.device)
        return torch.where(seen, hidden.new_zeros(()), hidden)[:, None]

    def _refuse_long(self, tokens: int) -> None:
        window = getattr(self._model.config, "sliding_window", None)
        if window is not None and tokens > window:
            raise ValueError(f"a prompt and branches have {tokens} tokens, more than the attention window of {window}")


class EncoderDecoderReader:
    """Prompts of an encoder-decoder model; see `TrieReader`.

    Args:
        model: an encoder-decoder of transformers.
        mask: 1 for each token that the encoder reads, 0 for padding, shape (prompts, tokens).
        **inputs: further inputs of the encoder.
    """

    group_tokens = 0

    def __init__(self, model: Any, mask: torch.Tensor, **inputs: torch.Tensor) -> None:
        self._model = model
        self._mask = mask
        self._encoded = model.get_encoder()(attention_mask=mask, **inputs).last_hidden_state
        every = np.arange(len(mask))
        self.logits = self._decode(every, np.empty((len(mask), 0), np.int64), None)[:, 0]

    def read(self, reading: TrieReading, prompts: Indices, slots: Indices, columns: Indices | None) -> torch.Tensor:
        """Read one branch after each of some prompts; see `TrieReader`."""
        return self._decode(prompts, reading.tokens[slots], columns)[:, 1:]

    def _decode(self, prompts: Indices, tokens: Indices, columns: Indices | None) -> torch.Tensor:
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        rows = torch.from_numpy(prompts).to(self._mask.device)
        start = np.full((len(tokens), 1), self._model.generation_config.decoder_start_token_id)
        inputs = {
            "encoder_outputs": BaseModelOutput(self._encoded[rows]),
            "attention_mask": self._mask[rows],
            "decoder_input_ids": torch.from_numpy(np.concatenate([start, tokens], axis=1)).to(rows.device),
            "use_cache": False,
        }
        return _forward(self._model, inputs, columns)


def _visible(reading: TrieReading, slots: Indices) -> Mask:
    """Return which slots of its row each slot sees, shape (rows, slots, slots); padding sees itself alone."""
    follows = reading.follows[slots[:, :, None], slots[:, None, :]]
    return follows & (slots != NONE)[:, None, :] & (slots != NONE)[:, :, None] | np.eye(slots.shape[1], dtype=bool)


def _forward(model: Any, inputs: dict[str, Any], columns: Indices | None) -> torch.Tensor:
    """Return the logits of a model; of some tokens only, whose rows of the head alone are multiplied."""
    import torch
    from torch.func import functional_call

    if columns is None:
        return model(**inputs).logits.float()
    head = model.get_output_embeddings()
    name = next(name for name, module in model.named_modules() if module is head)
    kept = torch.from_numpy(columns).to(head.weight.device)
    rows = {f"{name}.{each}": weight[kept] for each, weight in head.named_parameters()}
    return functional_call(model, rows, kwargs=inputs, tie_weights=False).logits.float()
