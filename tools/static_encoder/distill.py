"""The initial table of token vectors, by the method of Model2Vec.

The reference encoder encodes each token separately, the vectors are projected onto their principal components, and
frequent tokens get lower weights. The package model2vec is not used, because its distillation does not support current
versions of transformers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.batching import Vectors
from transforms.encoders.transformer import TransformerEncoder

SIF = 1e-4
_RESERVED = re.compile(r"\[unused\d+\]")


def distill(reference: TransformerEncoder, dimension: int) -> Vectors:
    """Compute a vector for each token of the tokenizer of an encoder, float32, shape (vocabulary, dimension).

    Special and reserved tokens get zeros.
    """
    tokenizer = reference.tokenizer.backend
    kept = text_tokens(tokenizer)
    components = principal_components(reference.pool(add_special_tokens(tokenizer, kept)), dimension)
    table = np.zeros((tokenizer.get_vocab_size(), dimension), np.float32)
    table[kept] = components * zipf_weights(len(kept))[:, None]
    return table


def text_tokens(tokenizer: Any) -> list[int]:
    """Return the ids of tokens of text, ascending: all except special (other than unknown) and reserved tokens."""
    special = {added.content for added in tokenizer.get_added_tokens_decoder().values() if added.special}
    special.discard(getattr(tokenizer.model, "unk_token", None))
    vocabulary = tokenizer.get_vocab().items()
    return sorted(number for token, number in vocabulary if token not in special and not _RESERVED.match(token))


def add_special_tokens(tokenizer: Any, tokens: Iterable[int]) -> list[list[int]]:
    """Surround each token with the special tokens that the tokenizer adds to a text."""
    example = tokenizer.encode("a")
    text = [position for position, special in enumerate(example.special_tokens_mask) if not special]
    before, after = example.ids[: text[0]], example.ids[text[-1] + 1 :]
    return [[*before, token, *after] for token in tokens]


def principal_components(vectors: Vectors, max_components: int) -> npt.NDArray[np.float64]:
    """Project vectors onto their principal components, the largest first.

    The sign of a component is chosen so that its largest loading is positive, which makes it independent of the solver.

    Args:
        vectors: shape (rows, dimension).
        max_components: maximum number of components.

    Returns:
        The coordinates, shape (rows, min(dimension, max_components)).
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :max_components]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return centred @ (axes * np.sign(largest))


def zipf_weights(count: int) -> npt.NDArray[np.float64]:
    """Compute the smooth inverse frequency `SIF / (SIF + p)` of each token of a vocabulary, shape (count,).

    Vocabularies are sorted by descending frequency, so the probability p follows from Zipf's law: proportional to
    1 / rank.
    """
    frequencies = 1 / np.arange(2, count + 2)
    return SIF / (SIF + frequencies / frequencies.sum())
