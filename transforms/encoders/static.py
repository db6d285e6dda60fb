"""Static encoders: a table of token vectors, whose sum is the vector of a text. Over a hundred times faster.

The table is distilled from a transformer by the method of Model2Vec: the transformer encodes each token separately, the
vectors are projected onto their principal components, and frequent tokens get lower weights. The package model2vec is
not used, because its distillation does not support current versions of transformers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.batching import Vectors
from transforms.encoders.layout import Layout
from transforms.encoders.tokenizer import TextTokenizer
from transforms.encoders.transformer import TransformerEncoder
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError

DIMENSION = 256
SIF = 1e-4
DISTILLATION_VERSION = f"static 1, {DIMENSION} components, SIF {SIF}"
"""Identifies the distillation method in fingerprints; its number increases when the method changes."""

_UNUSED = re.compile(r"\[unused\d+\]")
_TABLE_NAMES = ("embedding.weight", "embeddings")
_TEXTS_PER_BATCH = 1024
_MAX_TOKENS_OF_ONE = 8


class StaticEncoder:
    """An encoder that sums token vectors; the vector of a text depends only on the text.

    A text without any token of the table gets the mean of the table.

    Args:
        layout: a folder of the kind `static`.
        max_tokens: texts are truncated to this number of tokens.

    Raises:
        ModelUnavailableError: when packages are missing, or the weights are not one table.
    """

    def __init__(self, layout: Layout, max_tokens: int = 64) -> None:
        self._tokenizer = TextTokenizer(layout, max_tokens, special=False)
        self._table = _read_table(layout)
        self._mean = self._table.mean(axis=0)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self._table.shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_PER_BATCH):
            tokens = self._tokenizer.tokens(texts[start : start + _TEXTS_PER_BATCH])
            vectors[start : start + len(tokens)] = sum_rows(self._table, tokens)
        vectors[~vectors.any(axis=1)] = self._mean
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sum_rows(table: Vectors, rows: Sequence[Sequence[int]]) -> Vectors:
    """Sum the rows of a table for each list of row numbers; zero for an empty list; shape (lists, dimension)."""
    sums = np.zeros((len(rows), table.shape[1]), np.float32)
    lengths = np.array([len(each) for each in rows], np.int64)
    filled = np.flatnonzero(lengths)
    if len(filled):
        flat = np.concatenate([np.array(rows[index], np.int64) for index in filled.tolist()])
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        sums[filled] = np.add.reduceat(table[flat], starts, axis=0)
    return sums


def distill(source: Layout, folder: Path) -> None:
    """Distill a transformer and write the table into `folder`, in the layout of sentence-transformers.

    The table contains rounding errors that depend on the machine. Where bytes must be equal on several machines,
    distill on one of them and copy the folder to the others.
    """
    from safetensors.numpy import save_file

    encoder = TransformerEncoder(source, max_tokens=_MAX_TOKENS_OF_ONE)
    tokenizer = encoder.tokenizer.backend
    kept = text_tokens(tokenizer)
    components = principal_components(encoder.pool(add_special_tokens(tokenizer, kept)), DIMENSION)
    table = np.zeros((max(tokenizer.get_vocab().values()) + 1, components.shape[1]), np.float32)
    table[kept] = components * zipf_weights(len(kept))[:, None]

    module = folder / "0_StaticEmbedding"
    module.mkdir(parents=True)
    save_file({_TABLE_NAMES[0]: table}, module / "model.safetensors")
    tokenizer.no_truncation()
    tokenizer.save(str(module / "tokenizer.json"))
    modules = (("0_StaticEmbedding", "models.StaticEmbedding"), ("1_Normalize", "models.Normalize"))
    described = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    (folder / "1_Normalize").mkdir()
    (folder / "modules.json").write_text(json.dumps(described, indent=2), encoding="utf-8")


def text_tokens(tokenizer: Any) -> list[int]:
    """Return the ids of tokens of text, ascending: all except special (other than unknown) and reserved tokens."""
    special = {added.content for added in tokenizer.get_added_tokens_decoder().values() if added.special}
    special.discard(getattr(tokenizer.model, "unk_token", None))
    vocabulary = tokenizer.get_vocab().items()
    return sorted(number for token, number in vocabulary if token not in special and not _UNUSED.match(token))


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


def _read_table(layout: Layout) -> Vectors:
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ModelUnavailableError(f"encoders need the package safetensors: {INSTALL_ENCODER}") from error
    tensors = load_file(layout.weights[0])
    names = [name for name in _TABLE_NAMES if name in tensors]
    if len(layout.weights) != 1 or len(tensors) != 1 or not names:
        raise ModelUnavailableError(
            f"{layout.weights[0]} contains {', '.join(tensors)}; expected only {' or '.join(_TABLE_NAMES)}"
        )
    table: Vectors = tensors[names[0]].astype(np.float32)
    return table
