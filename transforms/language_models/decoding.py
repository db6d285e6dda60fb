"""What a model says token by token: many rows at once, each as if it were alone.

A row that has ended leaves the batch. What a row is padded by does not depend on the rows beside it, and no row is
multiplied alone; so that in 16 bits, too, where a rounding can change a token, a row comes out to the bit as it does in
any other batch, as far as the matrix product of the machine gives a row the same whatever stands below it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import torch

MIN_ROWS = 2
"""Rows that a model reads together at least. A product with one row is another routine, which sums in another order."""

_STEP = 16

NextToken: TypeAlias = "Callable[[Sequence[int], torch.Tensor], torch.Tensor]"
"""(Rows by their number in the batch, their logits of shape (rows, vocabulary)) -> the next token of each."""


def padded_length(length: int) -> int:
    """Columns that a row of so many tokens is padded to: the next multiple of 16 beyond them.

    There is padding in each row, as without any the mask of attention would be left out, which is another routine.
    """
    return (length // _STEP + 1) * _STEP


def greedy(_: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
    """The token that has the greatest logit, for each row."""
    return logits.argmax(-1)


class ForcedFirstToken:
    """Says a first token that is given, and the likeliest ones behind it; keeps the chance of what was said.

    Args:
        first: the first token of each row, shape (rows,).

    Attributes:
        log_probabilities: the natural logarithm of the chance of all that each row said so far.
    """

    def __init__(self, first: torch.Tensor) -> None:
        self._first: torch.Tensor | None = first
        self.log_probabilities = [0.0] * len(first)

    def __call__(self, rows: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """The next token of some rows, shape (rows,), for their logits, shape (rows, vocabulary)."""
        tokens = logits.argmax(-1) if self._first is None else self._first
        self._first = None
        chances = logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)
        for row, chance in zip(rows, chances.tolist(), strict=True):
            self.log_probabilities[row] += chance
        return tokens


class DecodingState(Protocol):
    """Rows that a model has read up to the same place, and can read on."""

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Reads one token more of each row, shape (rows,); gives logits of the next, shape (rows, vocabulary)."""
        ...

    def select(self, rows: Sequence[int]) -> None:
        """Goes on with these rows, by their places; one may come several times."""
        ...


def decode(
    reading: DecodingState, logits: torch.Tensor, rows: int, choose: NextToken, ends: Collection[int], most: int
) -> list[list[int]]:
    """The tokens that a model says, for each row up to one of `ends`, which is the last, or so many.

    Args:
        reading: of the rows, and perhaps of others behind them.
        logits: of the first token to be said, for all rows of the reading.
        rows: how many are to be said.
        choose: how a token follows from logits.
        ends: tokens with which a row ends.
        most: tokens of a row, at least 1.
    """
    said: list[list[int]] = [[] for _ in range(rows)]
    going = list(range(rows))
    while True:
        tokens = choose(going, logits[: len(going)])
        for row, token in zip(going, tokens.tolist(), strict=True):
            said[row].append(token)
        places = [place for place, row in enumerate(going) if said[row][-1] not in ends and len(said[row]) < most]
        if not places:
            return said
        read = places + places[-1:] * (MIN_ROWS - len(places))
        if len(places) < len(going) or len(read) != len(logits):
            reading.select(read)
        going = [going[place] for place in places]
        logits = reading.read(tokens[read])


class DecoderState:
    """Rows that a decoder reads.

    Args:
        model: a decoder of transformers.
        cache: what it keeps of what stands before; is written to.
        mask: 1 for each token that was read, 0 for padding, shape (rows, tokens).
    """

    def __init__(self, model: Any, cache: Any, mask: torch.Tensor) -> None:
        self._model = model
        self._cache = cache
        self._mask = mask
        self._takes = arguments_of(model)

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Reads one token more of each row, shape (rows,); gives logits of the next, shape (rows, vocabulary)."""
        return self.prefill(tokens[:, None], self._mask.new_ones((len(tokens), 1)))

    def prefill(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Reads several tokens more of each row.

        Args:
            ids: shape (rows, tokens); padding stands before a row.
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
            cache_argument(self._takes): self._cache,
        }
        if "position_ids" in self._takes:
            inputs["position_ids"] = (self._mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        if "logits_to_keep" in self._takes:
            inputs["logits_to_keep"] = min(MIN_ROWS, ids.shape[1])  # the head is a matrix product like others
        return self._model(**inputs).logits[:, -1].float()

    def select(self, rows: Sequence[int]) -> None:
        """Goes on with these rows, by their places; one may come several times."""
        places = _places(rows, self._mask)
        self._cache.reorder_cache(places)
        self._mask = self._mask[places]


class EncoderDecoderState:
    """Rows that an encoder has read, and on which a decoder reads what it says itself.

    Args:
        model: an encoder-decoder of transformers.
        mask: 1 for each token that the encoder reads, 0 for padding, shape (rows, tokens).
        inputs: of the encoder, beside the mask.
    """

    def __init__(self, model: Any, mask: torch.Tensor, **inputs: torch.Tensor) -> None:
        from transformers import DynamicCache, EncoderDecoderCache

        self._model = model
        self._mask = mask
        self._encoded = model.get_encoder()(attention_mask=mask, **inputs)
        self._cache: Any = EncoderDecoderCache(DynamicCache(config=model.config), DynamicCache(config=model.config))
        self._cache_argument = cache_argument(arguments_of(model))

    def read(self, tokens: torch.Tensor) -> torch.Tensor:
        """Reads one token more of each row, shape (rows,); gives logits of the next, shape (rows, vocabulary)."""
        output = self._model(
            encoder_outputs=self._encoded,
            attention_mask=self._mask,
            decoder_input_ids=tokens[:, None],
            use_cache=True,
            **{self._cache_argument: self._cache},
        )
        return output.logits[:, -1].float()

    def select(self, rows: Sequence[int]) -> None:
        """Goes on with these rows, by their places; one may come several times."""
        places = _places(rows, self._mask)
        self._cache.reorder_cache(places)
        self._mask = self._mask[places]
        self._encoded.last_hidden_state = self._encoded.last_hidden_state[places]


def arguments_of(model: Any) -> Collection[str]:
    """What a model of transformers takes, by name."""
    return inspect.signature(model.forward).parameters.keys()


def cache_argument(taken: Collection[str]) -> str:
    """What the cache is called among a model's arguments; transformers gave it a new name in version 5.24."""
    return "cache" if "cache" in taken else "past_key_values"


def _places(rows: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.tensor(rows, dtype=torch.long, device=like.device)
