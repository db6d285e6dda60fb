"""The network: a decoder of a name's pieces, which it chooses from those that it knows or copies from the texts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from transforms.language_models.compact.config import NetworkConfig
from transforms.language_models.compact.spelling import MARKS

MOST_COUNTED = 5
"""In so many texts, or more, a piece is: it is not told apart further."""

_FORM_WIDTH = 128
_FIRST_SCALE = 0.02
_LENGTH = 4.0
"""Of vectors of the encoder, which are of any length, when they come in."""

_NEVER = -1e9
_HARDLY_EVER = -60.0


class Told(NamedTuple):
    """The texts of some examples, as an encoder read them, padded to one length.

    Attributes:
        pieces: int64, shape (examples, pieces): ids; what lies behind an example's texts is anything.
        states: float32, shape (examples, pieces, encoder's width): the encoder's last hidden state of each.
        counts: int64, the same shape as `pieces`: in how many texts of the example a piece is, at most `MOST_COUNTED`.
        mask: bool, the same shape: whether there is a piece.
        means: float32, shape (examples, encoder's width): mean of the texts' vectors.
    """

    pieces: Tensor
    states: Tensor
    counts: Tensor
    mask: Tensor
    means: Tensor

    def to(self, device: torch.device) -> Told:
        """The same on a device."""
        return Told(*(array.to(device) for array in self))


class Memory(NamedTuple):
    """What the decoder looks at.

    Attributes:
        keys: shape (examples, heads, pieces, width / heads).
        values: the same shape.
        copied: shape (examples, pieces, width): keys by which it is chosen what is copied.
        mask: as in `Told`.
        start: shape (examples, width): what stands before a name.
    """

    keys: Tensor
    values: Tensor
    copied: Tensor
    mask: Tensor
    start: Tensor


class Chances(NamedTuple):
    """Logarithms of the chances of the next piece, which together make 1.

    Attributes:
        known: shape (..., known pieces).
        copied: shape (..., pieces of the texts).
    """

    known: Tensor
    copied: Tensor


class Layer(nn.Module):
    """Attention to what was said, attention to the texts, and a feed-forward network; each normalised before."""

    def __init__(self, config: NetworkConfig, dropout: float) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.said, self.said_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.asked, self.asked_out = nn.Linear(width, width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, config.hidden), nn.Linear(config.hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """All pieces of names at once, each seeing those before it; shape (examples, pieces, width)."""
        query, key, value = (split(part, self.heads) for part in self.said(self.norms[0](x)).chunk(3, dim=-1))
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self._after(x + self.dropout(self.said_out(joined(seen))), memory)

    def step(self, x: Tensor, memory: Memory, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Any, Any]]:
        """The next piece of several names for each example; shape (examples, names, width).

        `past` has the keys and values of the pieces before, shape (examples * names, heads, pieces, width / heads).
        """
        rows = x.reshape(-1, 1, x.shape[-1])
        query, key, value = (split(part, self.heads) for part in self.said(self.norms[0](rows)).chunk(3, dim=-1))
        if past is not None:
            key, value = (torch.cat([old, new], dim=2) for old, new in zip(past, (key, value), strict=True))
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.said_out(joined(seen)).view_as(x)
        return self._after(x, memory), (key, value)

    def _after(self, x: Tensor, memory: Memory) -> Tensor:
        query = split(self.asked(self.norms[1](x)), self.heads)
        mask = memory.mask[:, None, None, :]
        seen = functional.scaled_dot_product_attention(query, memory.keys, memory.values, attn_mask=mask)
        x = x + self.dropout(self.asked_out(joined(seen)))
        return x + self.dropout(self.down(self.dropout(functional.gelu(self.up(self.norms[2](x))))))


class Network(nn.Module):
    """Reads the states of a frozen encoder, and writes the pieces of a name and their marks.

    What a piece means is taken from the encoder's own embedding of it, put into the decoder's width; the pieces that
    names use have a learnt part besides. So a piece that no name used can be read, and copied.

    Args:
        config: its shape.
        known: ids of the pieces that it can choose without copying, ascending; the first of them is the end of a name.
        embeddings: the encoder's of all pieces, shape (pieces, encoder's width); kept beside the weights.
        dropout: while it is taught.
    """

    known: Tensor
    places: Tensor
    embeddings: Tensor

    def __init__(self, config: NetworkConfig, known: list[int], embeddings: Tensor, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        width, encoder_width = config.width, embeddings.shape[1]
        places = torch.full((len(embeddings),), -1)
        places[torch.tensor(known)] = torch.arange(len(known))
        self.register_buffer("known", torch.tensor(known), persistent=False)
        self.register_buffer("places", places, persistent=False)
        lengthened = functional.normalize(embeddings.float(), dim=1) * _LENGTH
        self.register_buffer("embeddings", lengthened, persistent=False)
        self.own = nn.Embedding(len(known), width)
        self.meaning = nn.Linear(encoder_width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(known)))
        self.positions = nn.Parameter(torch.randn(config.name_pieces + 1, width) * _FIRST_SCALE)
        self.counts = nn.Embedding(MOST_COUNTED + 1, encoder_width)
        self.start, self.keys, self.values = (nn.Linear(encoder_width, width) for _ in range(3))
        self.layers = nn.ModuleList(Layer(config, dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.copied = nn.Linear(width, width)
        self.gate = nn.Linear(width, 1)
        self.marks = nn.Sequential(nn.Linear(2 * width, _FORM_WIDTH), nn.GELU(), nn.Linear(_FORM_WIDTH, MARKS))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.own.weight, 0, _FIRST_SCALE)
        nn.init.orthogonal_(self.meaning.weight)
        nn.init.zeros_(self.counts.weight)

    def remember(self, told: Told) -> Memory:
        """What the decoder looks at while it names the texts."""
        states = self.dropout(told.states + self.counts(told.counts))
        keys = self.keys(states)
        split_keys, values = split(keys, self.config.heads), split(self.values(states), self.config.heads)
        return Memory(split_keys, values, keys, told.mask, self.start(told.means * _LENGTH))

    def embed(self, pieces: Tensor) -> Tensor:
        """The vectors of pieces, shape (..., width)."""
        places = self.places[pieces]
        own = self.own(places.clamp(min=0)) * (places >= 0)[..., None]
        return own + self.meaning(self.embeddings[pieces])

    def forward(self, memory: Memory, pieces: Tensor) -> Tensor:
        """Hidden states after nothing, the first piece, the first two, and so on.

        Args:
            memory: of the texts.
            pieces: of names, shape (examples, pieces).

        Returns:
            Shape (examples, pieces + 1, width).
        """
        x = torch.cat([memory.start[:, None], self.embed(pieces)], dim=1)
        x = self.dropout(x + self.positions[: x.shape[1]])
        for layer in self.layers:
            x = layer(x, memory)
        return self.norm(x)

    def step(self, x: Tensor, place: int, memory: Memory, past: list[Any]) -> tuple[Tensor, list[Any]]:
        """The same for one more piece of several names for each example, shape (examples, names, width)."""
        x = x + self.positions[place]
        kept = []
        for layer, old in zip(self.layers, past, strict=True):
            x, new = cast(Layer, layer).step(x, memory, old)
            kept.append(new)
        return self.norm(x), kept

    def chances(self, hidden: Tensor, memory: Memory) -> Chances:
        """Of each known piece, and of each piece of the texts, to be the next one."""
        scale = 1 / math.sqrt(self.config.width)
        known = functional.linear(hidden, self.embed(self.known)) * scale + self.bias
        copied = torch.einsum("ntw,npw->ntp", self.copied(hidden), memory.copied) * scale
        copied = copied.masked_fill(~memory.mask[:, None, :], _NEVER)
        gate = self.gate(hidden)
        return Chances(
            functional.log_softmax(known, dim=-1) + functional.logsigmoid(gate),
            functional.log_softmax(copied, dim=-1) + functional.logsigmoid(-gate),
        )

    def chance_of(self, hidden: Tensor, memory: Memory, told: Tensor, pieces: Tensor) -> Tensor:
        """Logarithm of the chance of each piece of names, shape (examples, pieces).

        Args:
            hidden: as `forward` gives them.
            memory: of the texts.
            told: the texts' pieces.
            pieces: that are to be said, the end among them.
        """
        known, copied = self.chances(hidden, memory)
        places = self.places[pieces]
        chosen = known.gather(2, places.clamp(min=0)[..., None])[..., 0].masked_fill(places < 0, _HARDLY_EVER)
        same = told[:, None, :] == pieces[:, :, None]
        found = copied.masked_fill(~same, _NEVER).logsumexp(dim=-1).clamp(min=_HARDLY_EVER)
        return torch.logaddexp(chosen, found)

    def marks_of(self, hidden: Tensor, pieces: Tensor) -> Tensor:
        """Scores of the marks of pieces that are said after hidden states, shape (examples, pieces, `MARKS`)."""
        scores: Tensor = self.marks(torch.cat([hidden, self.embed(pieces)], dim=-1))
        return scores


def split(x: Tensor, heads: int) -> Tensor:
    """(rows, pieces, width) as (rows, heads, pieces, width / heads)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    """The reverse of `split`."""
    return x.transpose(1, 2).flatten(2)
