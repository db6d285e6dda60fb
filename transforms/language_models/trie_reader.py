"""One forward pass of a model over prompts and all branches of a token trie.

A decoder reads each prompt followed by the tree of tokens as one sequence: an attention mask hides other branches, and
position ids count along the branch. A decoder with an encoder has relative positions by default, which a packed tree
would shift; there, each branch is a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from transforms.language_models.branching_trie import Indices, TrieReading, ancestors
from transforms.language_models.decoding_state import cache_argument, forward_arguments

if TYPE_CHECKING:
    import torch

_LAYERS_OF_ATTENTION = {"full_attention", "sliding_attention"}


class TrieReader(Protocol):
    """A batch of prompts, of which a model has read at most the prefix that they share."""

    def read(self, reading: TrieReading, columns: Indices | None = None) -> torch.Tensor:
        """Read the prompts and the tree of tokens after each.

        Args:
            reading: the tree, and the positions at which a token is predicted.
            columns: the tokens whose logits are computed, shape (columns,); None: the whole vocabulary.

        Returns:
            Logits, float32, shape (prompts, positions, columns).
        """
        ...


class DecoderReader:
    """Prompts of a decoder-only model.

    Args:
        model: a decoder of transformers.
        cache: its key-value cache of the tokens before all prompts, one row for each prompt; is written to.
        ids: the tokens of the prompts, padded on the left, shape (prompts, tokens).
        mask: 1 for a token, 0 for padding, of the same shape.

    Raises:
        ValueError: if the layers of the model do not accept a tree of tokens.
    """

    def __init__(self, model: Any, cache: Any, ids: torch.Tensor, mask: torch.Tensor) -> None:
        self._model = model
        self._cache = cache
        self._ids = ids
        self._mask = mask
        self._arguments = forward_arguments(model)
        kinds = set(getattr(model.config, "layer_types", None) or ()) - _LAYERS_OF_ATTENTION
        if kinds or "position_ids" not in self._arguments:
            reason = f"has layers of kind {min(kinds)}" if kinds else "takes no position_ids"
            raise ValueError(f"members of a closed set cannot be ranked: {type(model).__name__} {reason}")

    def read(self, reading: TrieReading, columns: Indices | None = None) -> torch.Tensor:
        """Read the prompts and the tree after each; see `TrieReader`."""
        import torch

        device, (prompts, length) = self._ids.device, self._ids.shape
        before = self._cache.get_seq_length()
        self._refuse_long(before + length + len(reading.tokens))
        tree = torch.from_numpy(reading.tokens).to(device)
        depths = torch.from_numpy(reading.depths).to(device)
        positions = torch.from_numpy(reading.positions).to(device) + length - 1
        in_prompt = (self._mask.cumsum(1) - 1).clamp(min=0)
        inputs = {
            "input_ids": torch.cat([self._ids, tree.expand(prompts, -1)], dim=1),
            "attention_mask": self._attention_mask(before, torch.from_numpy(ancestors(reading.parents)).to(device)),
            "position_ids": before + torch.cat([in_prompt, self._mask.sum(1, keepdim=True) + depths], dim=1),
            "use_cache": True,
            cache_argument(self._arguments): self._cache,
        }
        keeps = "logits_to_keep" in self._arguments
        if keeps:
            inputs["logits_to_keep"] = positions
        logits = _forward(self._model, inputs, columns)
        return logits if keeps else logits[:, positions]

    def _attention_mask(self, before: int, follows: torch.Tensor) -> torch.Tensor:
        """Return what is added to attention scores, shape (prompts, 1, tokens, tokens before and of the sequence)."""
        import torch

        prompts, length = self._mask.shape
        total = length + len(follows)
        seen = torch.zeros((prompts, total, before + total), dtype=torch.bool, device=self._mask.device)
        seen[:, :, :before] = True
        seen[:, :, before : before + length] = self._mask.bool()[:, None]
        seen[:, :length, before : before + length] &= torch.ones_like(seen[0, :length, :length]).tril()
        seen[:, length:, before + length :] = follows
        rows = torch.arange(total, device=seen.device)
        seen[:, rows, before + rows] = True  # padding sees itself: the softmax of nothing is not a number
        dtype = self._model.dtype
        hidden = torch.full((), torch.finfo(dtype).min, dtype=dtype, device=seen.device)
        return torch.where(seen, hidden.new_zeros(()), hidden)[:, None]

    def _refuse_long(self, tokens: int) -> None:
        window = getattr(self._model.config, "sliding_window", None)
        if window is not None and tokens > window:
            raise ValueError(f"prompt and closed set have {tokens} tokens, more than the attention window of {window}")


class EncoderDecoderReader:
    """Prompts of an encoder-decoder model.

    Args:
        model: an encoder-decoder of transformers.
        mask: 1 for each token that the encoder reads, 0 for padding, shape (prompts, tokens).
        **inputs: further inputs of the encoder.
    """

    def __init__(self, model: Any, mask: torch.Tensor, **inputs: torch.Tensor) -> None:
        self._model = model
        self._mask = mask
        self._encoded = model.get_encoder()(attention_mask=mask, **inputs)

    def read(self, reading: TrieReading, columns: Indices | None = None) -> torch.Tensor:
        """Read each branch of the tree as a row; see `TrieReader`."""
        import torch

        rows, branch_of, column_of = unpack_branches(reading)
        branches, prompts, device = len(rows), len(self._mask), self._mask.device
        start = self._model.generation_config.decoder_start_token_id
        tokens = np.concatenate([np.full((branches, 1), start), rows], axis=1)
        self._encoded.last_hidden_state = self._encoded.last_hidden_state.repeat_interleave(branches, 0)
        inputs = {
            "encoder_outputs": self._encoded,
            "attention_mask": self._mask.repeat_interleave(branches, 0),
            "decoder_input_ids": torch.from_numpy(tokens).to(device).repeat(prompts, 1),
            "use_cache": False,
        }
        logits = _forward(self._model, inputs, columns).unflatten(0, (prompts, branches))
        return logits[:, torch.from_numpy(branch_of), torch.from_numpy(column_of)]


def unpack_branches(reading: TrieReading) -> tuple[Indices, Indices, Indices]:
    """Return the branches of a tree of tokens as rows, and where its positions are in them.

    Args:
        reading: the tree.

    Returns:
        The tokens of each branch from the first to a leaf, filled up with 0 on the right, shape (branches, longest);
        and for each of `reading.positions` its row and its column in rows that have one more token on the left, shape
        (positions,).
    """
    is_leaf = np.ones(len(reading.tokens) + 1, bool)
    is_leaf[reading.parents] = False
    leaves = np.flatnonzero(is_leaf)
    rows = np.zeros((len(leaves), int(reading.depths.max(initial=-1)) + 1), np.int64)
    found = np.zeros((len(is_leaf), 2), np.int64)  # position -> row and column
    for row, leaf in enumerate(leaves.tolist()):
        position = leaf
        while position:
            depth = reading.depths[position - 1]
            rows[row, depth] = reading.tokens[position - 1]
            found[position] = row, depth + 1
            position = int(reading.parents[position - 1])
    return rows, found[reading.positions, 0], found[reading.positions, 1]


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
