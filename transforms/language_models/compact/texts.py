"""Texts as a frozen encoder reads them, and those of several examples side by side, for the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from transforms.batching import Vectors
from transforms.encoders.transformer import TransformerEncoder
from transforms.language_models.compact.network import MOST_COUNTED, Told

Pieces = npt.NDArray[np.int32]


class TextStates(NamedTuple):
    """What an encoder makes of texts.

    Attributes:
        pieces: int32, shape (all pieces,): ids of the pieces of one text after another, without marks of begin and end.
        states: float16, shape (all pieces, encoder's width): the last hidden state of each.
        offsets: int64, shape (texts + 1,): where each text begins.
        vectors: float32, shape (texts, encoder's width), of unit length.
    """

    pieces: Pieces
    states: npt.NDArray[np.float16]
    offsets: npt.NDArray[np.int64]
    vectors: Vectors


def read_texts(encoder: TransformerEncoder, texts: Sequence[str]) -> TextStates:
    """Puts texts through the encoder.

    States are kept in 16 bits, which is what half a million of them leave room for, and the same is given to the
    network when it is taught and when it is used.
    """
    tokens = encoder.tokenizer.tokens(texts)
    hidden = encoder.states(tokens)
    vectors = np.stack([each.mean(axis=0) for each in hidden]) if hidden else np.empty((0, encoder.dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return TextStates(
        np.concatenate([np.array(row[1:-1], np.int32) for row in tokens] or [np.empty(0, np.int32)]),
        np.concatenate(
            [each[1:-1].astype(np.float16) for each in hidden] or [np.empty((0, encoder.dimension), np.float16)]
        ),
        np.concatenate([[0], np.cumsum([len(row) - 2 for row in tokens], dtype=np.int64)]),
        vectors.astype(np.float32),
    )


def lengths_of(texts: TextStates, chosen: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """How many pieces the chosen texts of each example have together."""
    lengths = np.diff(texts.offsets)
    return np.array([lengths[list(each)].sum() for each in chosen], np.int64)


def side_by_side(texts: TextStates, chosen: Sequence[Sequence[int]]) -> Told:
    """The chosen texts of each example, padded to the longest.

    Args:
        texts: as the encoder read them.
        chosen: for each example the numbers of its texts, at least one.
    """
    longest = max(int(lengths_of(texts, chosen).max(initial=0)), 1)
    shape = (len(chosen), longest)
    pieces, counts = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    states = np.zeros((*shape, texts.states.shape[1]), np.float32)
    mask = np.zeros(shape, bool)
    for row, each in enumerate(chosen):
        parts = [slice(texts.offsets[text], texts.offsets[text + 1]) for text in each]
        own = np.concatenate([texts.pieces[part] for part in parts])
        pieces[row, : len(own)] = own
        states[row, : len(own)] = np.concatenate([texts.states[part] for part in parts])
        counts[row, : len(own)] = _counts(own, [texts.pieces[part] for part in parts])
        mask[row, : len(own)] = True
        mask[row, 0] = True  # where no text has a piece there is nothing to look at, but something must be
    means = np.stack([texts.vectors[list(each)].mean(axis=0) for each in chosen])
    arrays = (pieces, states, counts, mask, means)
    return Told(*(torch.from_numpy(array) for array in arrays))


def _counts(own: Pieces, parts: Sequence[Pieces]) -> npt.NDArray[np.int64]:
    found = Counter(piece for part in parts for piece in set(part.tolist()))
    return np.array([min(found[piece], MOST_COUNTED) for piece in own.tolist()], np.int64)
