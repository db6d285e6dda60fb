"""Decoding of several candidates of each prompt, which share the key-value cache of their prompt.

The linear layers of a model read all prompts, and later all candidates, as one sequence without padding. Only attention
is computed by prompt: the candidates of a prompt are several queries to the same keys, and a mask hides from each of
them what the others generated. So nothing is copied for a candidate, and one that is finished leaves without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from transforms.batching import Indices
from transforms.language_models.decoding_state import MIN_ROWS

if TYPE_CHECKING:
    import torch

ATTENTION = "shared_prompts"
"""The name under which the attention is registered with transformers."""

SHARING_MODEL_TYPES = frozenset(
    {"gemma", "gpt_neox", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2", "qwen3", "smollm3"}
)
"""The `model_type` of decoders whose attention depends on queries, keys, values, a causal mask and a scale alone."""

_NEUTRAL_ARGUMENTS = frozenset({"dropout", "is_causal", "position_ids", "use_cache"})
"""Arguments that transformers passes to an attention function and that do not change its result here."""

STEPS_OF_ROOM = 8
"""Number of generated tokens for which the cache of a block has room at first, and by which it grows."""


def can_share_prompts(model: Any) -> bool:
    """Return whether the candidates of a prompt can share its key-value cache.

    That is so if the decoder is one of `SHARING_MODEL_TYPES` and each of its layers attends to all earlier tokens.
    """
    kinds = set(getattr(model.config, "layer_types", None) or ()) - {"full_attention"}
    window = getattr(model.config, "sliding_window", None)
    return model.config.model_type in SHARING_MODEL_TYPES and not kinds and window is None


class _Reading(NamedTuple):
    """The tokens of one block that a forward pass reads.

    Attributes:
        rows: the rows of the pass that are of this block.
        prompts: the prompt of each row, shape (rows,).
        places: the index of each row among those of its prompt, shape (rows,).
        columns: the column of the cache in which its keys and values are written, shape (rows,).
        width: maximum number of rows of a prompt.
        end: number of columns that have been written after this reading.
        mask: added to attention scores, shape (prompts or 1, 1, width, end); None: each row attends to the places up
            to its own.
    """

    rows: slice
    prompts: torch.Tensor
    places: torch.Tensor
    columns: torch.Tensor
    width: int
    end: int
    mask: torch.Tensor | None


class PromptBlock:
    """Some prompts, and the keys and values of their tokens and of the tokens generated after them, in all layers.

    The columns of keys and values are: the tokens before all prompts; those of the prompt; and the first token of each
    candidate, the second one of each, and so on. The padding of shorter prompts follows their last token. If the
    attention of each prompt is computed by itself, it precedes all tokens, so that those of the prompt are one slice.

    Args:
        ids: the tokens of each prompt, at least one.
        prefix: keys and values of the tokens before all prompts in each layer, shape (1, key-value heads, tokens,
            dimensions); empty: there are none.
        candidates: number of candidates of each prompt.
        max_steps: maximum number of tokens of a candidate that are read.
        one_by_one: whether the attention of each prompt is computed by itself, so that not even the last bits of its
            numbers depend on the other prompts.

    Attributes:
        ids: the tokens of all prompts, one prompt after another.
    """

    def __init__(
        self,
        ids: Sequence[Sequence[int]],
        prefix: Sequence[tuple[torch.Tensor, torch.Tensor]],
        candidates: int,
        max_steps: int,
        one_by_one: bool = False,
    ) -> None:
        self.ids = [token for row in ids for token in row]
        self._prefix = prefix
        self._before = prefix[0][0].shape[2] if prefix else 0
        self._lengths = np.array([len(row) for row in ids], np.int64)
        self._longest = int(self._lengths.max())
        self._starts = (self._longest - self._lengths) * one_by_one
        self._candidates = candidates
        self._max_steps = max_steps
        self._one_by_one = one_by_one
        self._room = min(STEPS_OF_ROOM, max_steps)
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def tokens(self) -> Indices:
        """The number of tokens that precede the first generated one of each prompt, shape (prompts,)."""
        return self._before + self._lengths

    @property
    def last_rows(self) -> Indices:
        """The index of the last token of each prompt in `ids`, shape (prompts,)."""
        return np.cumsum(self._lengths) - 1

    def positions(self, reading: _Reading) -> torch.Tensor:
        """Return the position of each row of a reading of the prompts, shape (rows,)."""
        return self._before + reading.places

    def read_prompts(self, start: int, device: torch.device, dtype: torch.dtype) -> _Reading:
        """Prepare the reading of the prompts, of which the first token is row `start` of the pass."""
        import torch

        prompts = np.repeat(np.arange(len(self)), self._lengths)
        places = np.concatenate([np.arange(length) for length in self._lengths])
        end = self._before + self._longest
        mask = None
        if self._before:
            hidden = torch.ones((self._longest, end), dtype=torch.bool, device=device).triu(self._before + 1)
            mask = _additive(hidden, dtype)[None, None]
        rows = slice(start, start + len(prompts))
        columns = self._starts[prompts] + self._before + places
        of_prompt, place, column = _tensors(device, prompts, places, columns)
        return _Reading(rows, of_prompt, place, column, self._longest, end, mask)

    def read_candidates(
        self, rows: slice, prompts: Indices, slots: Indices, step: int, device: torch.device, dtype: torch.dtype
    ) -> _Reading:
        """Prepare the reading of one more token of some candidates.

        Args:
            rows: the rows of the pass that are of this block.
            prompts: the prompt of each of these rows, in increasing order.
            slots: the candidate of each of these rows, in [0, candidates).
            step: number of tokens that were read of each of them before.
            device: device of the masks.
            dtype: type of the masks.
        """
        import torch

        if step >= self._room:
            self._grow()
        # One by one, each candidate has a place of its own: a product with fewer rows may sum in another order.
        places = slots if self._one_by_one else np.arange(len(prompts)) - np.searchsorted(prompts, prompts)
        width = self._candidates if self._one_by_one else int(places.max()) + 1
        slot_of = np.zeros((len(self), width), np.int64)
        slot_of[prompts, places] = slots
        first = self._before + self._longest
        offsets = np.arange(first) - self._starts[:, None]
        padding = (offsets < 0) | (offsets >= self.tokens[:, None])
        generated = np.arange((step + 1) * self._candidates) % self._candidates
        others = generated != slot_of[:, :, None]
        hidden = np.concatenate([np.broadcast_to(padding[:, None], (*slot_of.shape, first)), others], axis=2)
        mask = _additive(torch.from_numpy(hidden).to(device), dtype)[:, None]
        columns = first + step * self._candidates + slots
        of_prompt, place, column = _tensors(device, prompts, places, columns)
        return _Reading(rows, of_prompt, place, column, width, first + len(generated), mask)

    def attend(
        self,
        layer: int,
        reading: _Reading,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scaling: float | None,
    ) -> torch.Tensor:
        """Add the keys and values of the rows that are read to one layer, and compute its attention.

        Args:
            layer: index of the layer; layers are computed in their order.
            reading: what is read.
            query: shape (rows, heads, dimensions).
            key: shape (rows, key-value heads, dimensions).
            value: of the same shape.
            scaling: factor of attention scores; None: that of torch.

        Returns:
            Shape (rows, heads, dimensions).
        """
        from torch.nn.functional import scaled_dot_product_attention

        if layer == len(self._keys):
            self._add_layer(layer, key, value)
        keys, values = self._keys[layer], self._values[layer]
        keys[reading.prompts, :, reading.columns] = key
        values[reading.prompts, :, reading.columns] = value
        keys, values = keys[:, :, : reading.end], values[:, :, : reading.end]
        if self._one_by_one:
            return self._attend_one_by_one(reading, query, keys, values, scaling)
        kv_heads, groups = keys.shape[1], query.shape[1] // keys.shape[1]
        placed = query.new_zeros((len(self), kv_heads, groups, reading.width, query.shape[2]))
        placed[reading.prompts, :, :, reading.places] = query.unflatten(1, (kv_heads, groups))
        if reading.width <= self._candidates and reading.mask is not None:
            # The query heads of a key-value head become further rows, so that keys and values are not repeated. The
            # mask is repeated instead, which is small for candidates and large for a long prompt.
            mask = reading.mask.repeat(1, 1, groups, 1)
            attended = scaled_dot_product_attention(placed.flatten(2, 3), keys, values, mask, scale=scaling)
        else:
            keys, values = (each.repeat_interleave(groups, 1) if groups > 1 else each for each in (keys, values))
            attended = scaled_dot_product_attention(
                placed.flatten(1, 2), keys, values, reading.mask, is_causal=reading.mask is None, scale=scaling
            )
        return attended.view(placed.shape)[reading.prompts, :, :, reading.places].flatten(1, 2)

    def _attend_one_by_one(
        self,
        reading: _Reading,
        query: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        scaling: float | None,
    ) -> torch.Tensor:
        """Compute the attention of one prompt after another, without padding; see `attend`."""
        import torch
        from torch.nn.functional import scaled_dot_product_attention

        counts = torch.bincount(reading.prompts, minlength=len(self)).tolist()
        generated = reading.end > self._before + self._longest
        attended = []
        for prompt, (rows, places) in enumerate(zip(query.split(counts), reading.places.split(counts), strict=True)):
            if not len(rows):
                continue
            placed = rows
            if generated:  # each candidate has a row, whether it is finished or not
                placed = rows.new_zeros((self._candidates, *rows.shape[1:]))
                placed[places] = rows
            start, mask = int(self._starts[prompt]), reading.mask
            if mask is not None:
                mask = mask[prompt, ..., start:] if generated else mask[0, :, : len(rows), : mask.shape[3] - start]
            found = scaled_dot_product_attention(
                placed.transpose(0, 1),
                keys[prompt, :, start:],
                values[prompt, :, start:],
                mask,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=True,
            ).transpose(0, 1)
            attended.append(found[places] if generated else found)
        return torch.cat(attended)

    def keep(self, prompts: Indices) -> None:
        """Keep some prompts, by their indices, shape (prompts,)."""
        import torch

        self._lengths, self._starts = self._lengths[prompts], self._starts[prompts]
        for tensors in (self._keys, self._values):
            for layer, tensor in enumerate(tensors):
                tensors[layer] = tensor[torch.from_numpy(prompts).to(tensor.device)]

    def _add_layer(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> None:
        """Allocate keys and values of a layer of the same number of heads and dimensions as those given."""
        columns = self._before + self._longest + self._room * self._candidates
        for index, (tensors, like) in enumerate(((self._keys, key), (self._values, value))):
            _, heads, dimensions = like.shape
            tensors.append(like.new_zeros((len(self), heads, columns, dimensions)))
            for prompt, start in enumerate(self._starts if self._prefix else ()):
                tensors[layer][prompt, :, start : start + self._before] = self._prefix[layer][index]

    def _grow(self) -> None:
        steps = min(STEPS_OF_ROOM, self._max_steps - self._room)
        self._room += steps
        for tensors in (self._keys, self._values):
            for layer, tensor in enumerate(tensors):
                prompts, heads, columns, dimensions = tensor.shape
                tensors[layer] = tensor.new_zeros((prompts, heads, columns + steps * self._candidates, dimensions))
                tensors[layer][:, :, :columns] = tensor


class CandidateState:
    """The candidates of some prompts; see `DecodingState`.

    Its rows are the candidates of the first prompt of the first block, those of its second prompt, and so on.

    Args:
        model: a decoder for which `can_share_prompts` holds. Its attention is `SharedAttention` during all calls.
        blocks: the prompts.
        candidates: number of candidates of each prompt.
    """

    def __init__(self, model: Any, blocks: Sequence[PromptBlock], candidates: int) -> None:
        self._model = model
        self._blocks = list(blocks)
        sizes = [len(block) * candidates for block in blocks]
        self._block_of = np.repeat(np.arange(len(blocks)), sizes)
        self._prompts = np.concatenate([np.repeat(np.arange(len(block)), candidates) for block in blocks])
        self._slots = np.tile(np.arange(candidates), sum(sizes) // candidates)
        self._steps = 0
        self._readings: list[tuple[PromptBlock, _Reading]] = []

    def prefill(self) -> torch.Tensor:
        """Read the prompts, one block after another.

        Returns:
            Logits of the first token to generate, float32, shape (prompts, vocabulary).
        """
        import torch

        found = []
        for block in self._blocks:
            self._readings = [(block, block.read_prompts(0, self._model.device, self._model.dtype))]
            ((_, reading),) = self._readings
            ids = torch.tensor(block.ids, device=self._model.device)
            last = np.resize(block.last_rows, max(len(block), MIN_ROWS))
            logits = self._forward(ids, block.positions(reading), torch.from_numpy(last).to(ids.device))
            found.append(logits[: len(block)])
        return torch.cat(found)

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Read one more token of each row; see `DecodingState`."""
        import torch

        self._readings, positions = [], []
        bounds = np.searchsorted(self._block_of, np.arange(len(self._blocks) + 1)).tolist()
        for block, start, stop in zip(self._blocks, bounds[:-1], bounds[1:], strict=True):
            if start < stop:
                rows, prompts = slice(start, stop), self._prompts[start:stop]
                slots, device, dtype = self._slots[rows], self._model.device, self._model.dtype
                self._readings.append((block, block.read_candidates(rows, prompts, slots, self._steps, device, dtype)))
                positions.append(block.tokens[prompts] + self._steps)
        self._steps += 1
        return self._forward(tokens, torch.from_numpy(np.concatenate(positions)).to(tokens.device), 0)

    def reorder(self, rows: Sequence[int]) -> None:
        """Keep some rows, in their order; see `DecodingState`. Prompts without rows leave when they are the half."""
        kept = np.array(rows, np.int64)
        self._block_of, self._prompts, self._slots = self._block_of[kept], self._prompts[kept], self._slots[kept]
        for index, block in enumerate(self._blocks):
            here = self._block_of == index
            prompts = np.unique(self._prompts[here])
            if 0 < len(prompts) <= len(block) // 2:
                block.keep(prompts)
                self._prompts[here] = np.searchsorted(prompts, self._prompts[here])

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None
    ) -> torch.Tensor:
        """Compute the attention of one layer for the rows of a pass, of shape (rows, heads, dimensions)."""
        import torch

        attended = [
            block.attend(layer, reading, query[reading.rows], key[reading.rows], value[reading.rows], scaling)
            for block, reading in self._readings
        ]
        return torch.cat(attended)

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, kept: torch.Tensor | int) -> torch.Tensor:
        output = self._model(
            input_ids=ids[None],
            position_ids=positions[None],
            use_cache=False,  # the blocks hold keys and values
            logits_to_keep=kept,
            candidates=self,
        )
        logits: torch.Tensor = output.logits[0].float()
        return logits


class SharedAttention:
    """Context in which a model computes its attention by a `CandidateState`.

    Args:
        model: a decoder for which `can_share_prompts` holds.
    """

    def __init__(self, model: Any) -> None:
        from transformers import AttentionInterface

        AttentionInterface.register(ATTENTION, _attention)
        self._model = model

    def __enter__(self) -> Self:
        """Change the attention of the model."""
        self._before = self._model.config._attn_implementation
        self._model.set_attn_implementation(ATTENTION)
        return self

    def __exit__(self, *_: object) -> None:
        """Restore the attention of the model."""
        self._model.set_attn_implementation(self._before)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    candidates: CandidateState | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Compute the attention of one layer, in the form in which transformers calls it.

    Raises:
        ValueError: if the layer passes an argument that this attention does not implement.
    """
    given = {name for name, argument in others.items() if argument is not None} - _NEUTRAL_ARGUMENTS
    if given or candidates is None or attention_mask is not None:
        raise ValueError(f"{type(module).__name__} passes {', '.join(sorted(given)) or 'no candidates'} to attention")
    queries, keys, values = (each[0].transpose(0, 1) for each in (query, key, value))
    return candidates.attend(module.layer_idx, queries, keys, values, scaling)[None], None


def _tensors(device: torch.device, *arrays: Indices) -> list[torch.Tensor]:
    import torch

    return [torch.from_numpy(array).to(device) for array in arrays]


def _additive(hidden: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return the lowest number where a mask is true and 0 elsewhere."""
    import torch

    return torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill_(hidden, torch.finfo(dtype).min)
