"""A table with one vector for each token: a text is the sum of its tokens. More than a hundred times as fast.

The table is distilled from a transformer as Model2Vec does it: each token goes through the transformer alone, the
vectors are projected on their principal components, and frequent tokens weigh less. Model2Vec's own distillation
cannot be used here: it does not take today's transformers.
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
from transforms.encoders.locate import EXTRA
from transforms.encoders.tokenizer import TextTokenizer
from transforms.encoders.transformer import TransformerEncoder
from transforms.model_files import ModelUnavailableError

DIMENSION = 256
SIF = 1e-4
DISTILLATION_VERSION = f"static 1, {DIMENSION} components, SIF {SIF}"
"""What a distillation is made by, for fingerprints; the number goes up when the method changes."""

_UNUSED = re.compile(r"\[unused\d+\]")
_TABLE_NAMES = ("embedding.weight", "embeddings")
_TEXTS_AT_ONCE = 1024
_TOKENS_AROUND_ONE = 8


class StaticEncoder:
    """An encoder that adds up vectors of tokens; the vector of a text depends on nothing but the text.

    A text without a token that the table knows gets the mean of the table.

    Args:
        layout: of the kind `static`.
        max_tokens: a text is cut after so many tokens.

    Raises:
        ModelUnavailableError: when packages are missing, or the weights are no table.
    """

    def __init__(self, layout: Layout, max_tokens: int = 64) -> None:
        self._tokenizer = TextTokenizer(layout, max_tokens, special=False)
        self._table = _read_table(layout)
        self._nothing = self._table.mean(axis=0)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return self._table.shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            tokens = self._tokenizer.tokens(texts[start : start + _TEXTS_AT_ONCE])
            vectors[start : start + len(tokens)] = sum_rows(self._table, tokens)
        vectors[~vectors.any(axis=1)] = self._nothing
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sum_rows(table: Vectors, rows: Sequence[Sequence[int]]) -> Vectors:
    """For each list of row numbers the sum of those rows, zero where there is none; shape (lists, dimension)."""
    sums = np.zeros((len(rows), table.shape[1]), np.float32)
    lengths = np.array([len(each) for each in rows], np.int64)
    filled = np.flatnonzero(lengths)
    if len(filled):
        flat = np.concatenate([np.array(rows[index], np.int64) for index in filled.tolist()])
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        sums[filled] = np.add.reduceat(table[flat], starts, axis=0)
    return sums


def distill(source: Layout, folder: Path) -> None:
    """Distils a transformer and writes the table into `folder`, in the layout of sentence-transformers.

    Float noise of the machine goes into the table: where bytes must agree between machines, distil on one of them and
    give the folder to all.
    """
    from safetensors.numpy import save_file

    encoder = TransformerEncoder(source, max_tokens=_TOKENS_AROUND_ONE)
    tokenizer = encoder.tokenizer.backend
    kept = known_tokens(tokenizer)
    components = principal_components(encoder.pool(add_special_tokens(tokenizer, kept)), DIMENSION)
    table = np.zeros((max(tokenizer.get_vocab().values()) + 1, components.shape[1]), np.float32)
    table[kept] = components * zipf_weights(len(kept))[:, None]

    place = folder / "0_StaticEmbedding"
    place.mkdir(parents=True)
    save_file({_TABLE_NAMES[0]: table}, place / "model.safetensors")
    tokenizer.no_truncation()
    tokenizer.save(str(place / "tokenizer.json"))
    modules = (("0_StaticEmbedding", "models.StaticEmbedding"), ("1_Normalize", "models.Normalize"))
    described = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.{kind}"}
        for index, (path, kind) in enumerate(modules)
    ]
    (folder / "1_Normalize").mkdir()
    (folder / "modules.json").write_text(json.dumps(described, indent=2), encoding="utf-8")


def known_tokens(tokenizer: Any) -> list[int]:
    """The ids that stand for text, ascending: neither special, but for the unknown token, nor held in reserve."""
    special = {added.content for added in tokenizer.get_added_tokens_decoder().values() if added.special}
    special.discard(getattr(tokenizer.model, "unk_token", None))
    vocabulary = tokenizer.get_vocab().items()
    return sorted(number for token, number in vocabulary if token not in special and not _UNUSED.match(token))


def add_special_tokens(tokenizer: Any, tokens: Iterable[int]) -> list[list[int]]:
    """Each token with the special tokens that the tokenizer puts around a text."""
    example = tokenizer.encode("a")
    text = [place for place, special in enumerate(example.special_tokens_mask) if not special]
    before, after = example.ids[: text[0]], example.ids[text[-1] + 1 :]
    return [[*before, token, *after] for token in tokens]


def principal_components(vectors: Vectors, most: int) -> npt.NDArray[np.float64]:
    """The vectors' coordinates on their principal components, the largest first, at most `most`.

    A component points to where its largest loading is positive, so that nothing depends on the solver's choice.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :most]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return centred @ (axes * np.sign(largest))


def zipf_weights(count: int) -> npt.NDArray[np.float64]:
    """The weight of each token by smooth inverse frequency, `SIF / (SIF + p)`, shape (count,).

    Vocabularies list frequent tokens first, so p is taken from Zipf's law: proportional to 1 / rank.
    """
    shares = 1 / np.arange(2, count + 2)
    return SIF / (SIF + shares / shares.sum())


def _read_table(layout: Layout) -> Vectors:
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ModelUnavailableError(f"encoders need the package safetensors: {EXTRA}") from error
    tensors = load_file(layout.weights[0])
    names = [name for name in _TABLE_NAMES if name in tensors]
    if len(layout.weights) != 1 or len(tensors) != 1 or not names:
        raise ModelUnavailableError(
            f"{layout.weights[0]} holds {', '.join(tensors)}; expected {' or '.join(_TABLE_NAMES)} alone"
        )
    table: Vectors = tensors[names[0]].astype(np.float32)
    return table
