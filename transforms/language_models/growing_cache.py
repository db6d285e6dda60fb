"""A key-value cache that grows in place. Imported when a model is loaded, because it needs transformers."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_SPARE_TOKENS = 16


class GrowingLayer(DynamicLayer):
    """A layer of a cache with spare room behind its last token, which only one cache uses.

    `DynamicLayer` copies all keys and values for each new token, which takes longer than anything else if several
    candidates of each prompt are decoded.
    """

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values, shape (rows, heads, tokens, dimensions); return those of all tokens."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        keys, values = _append(self.keys, key_states), _append(self.values, value_states)
        self.keys, self.values = keys, values
        return keys, values

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Keep some rows; one may be kept several times."""
        if self.keys is not None and self.values is not None and self.get_seq_length() > 0:
            self.keys = _select(self.keys, beam_idx)
            self.values = _select(self.values, beam_idx)


def make_cache(model: Any) -> DynamicCache:
    """Return an empty cache for a decoder; layers with a window, or of other kinds, stay those of transformers."""
    cache = DynamicCache(config=model.config)
    cache.layers = [GrowingLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = GrowingLayer
    return cache


def _append(kept: torch.Tensor | None, new: torch.Tensor) -> torch.Tensor:
    if kept is None or not kept.numel():
        return new
    length = kept.shape[2] + new.shape[2]
    if _room(kept) < length:
        bigger = kept.new_empty((*kept.shape[:2], length + _SPARE_TOKENS, kept.shape[3]))
        bigger[:, :, : kept.shape[2]] = kept
        kept, before = bigger, kept.shape[2]
    else:
        before = kept.shape[2]
    grown = kept.as_strided((*kept.shape[:2], length, kept.shape[3]), kept.stride())
    grown[:, :, before:] = new
    return grown


def _select(kept: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Copy some rows with the spare room behind them, which is one block of memory for each row."""
    room = max(_room(kept), kept.shape[2])
    whole = kept.as_strided((*kept.shape[:2], room, kept.shape[3]), kept.stride()) if _room(kept) else kept
    return whole.index_select(0, rows.to(kept.device))[:, :, : kept.shape[2]]


def _room(kept: torch.Tensor) -> int:
    """Return the number of tokens for which each head has memory; 0 if its tokens do not follow each other there."""
    return kept.stride(1) // kept.shape[3] if kept.stride(2) == kept.shape[3] and kept.stride(3) == 1 else 0
