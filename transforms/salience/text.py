"""Tokenization of text of any script into words, for a whole column at once.

Normalisation is NFKC and case folding. A word is a run of letters, marks and digits. Scripts without spaces between
words are split so that equal words match: a run of Han becomes its overlapping pairs of characters (as in CJK analysers
of search engines); a run of Katakana, and a run of Hiragana, which is mostly suffixes and particles, stay whole. Korean
words lose the particles that never belong to the stem.
"""

from __future__ import annotations

import importlib.resources
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import regex

_END_OF_TEXT = "\x1e"
_BARRIER = ""
_TOKEN = regex.compile(
    r"(?V1)[a-z0-9]++(?![\p{L}\p{M}'+#])"  # what most words are, and much faster than the general case below
    r"|[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Katakana}\p{Hiragana}]]+(?:'\p{L}+|(?<=\p{L})[+#]++(?!\p{L}))?"
    r"|\p{Han}+|[\p{Katakana}ー]+|\p{Hiragana}+"
    rf"|{_END_OF_TEXT}|[^\s\p{{L}}\p{{M}}\p{{N}}'_{_END_OF_TEXT}-]+"
)
_HAN = regex.compile(r"\p{Han}+")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}ー]+")
_HANGUL = regex.compile(r"\p{Hangul}")
_PARTICLES = ("에서", "으로", "에게", "까지", "부터", "처럼", "을", "를", "은", "는")
_ARABIC_MARKS = regex.compile(r"[\u064B-\u0652\u0670\u0640]")
_ADDRESS = regex.compile(rf"https?://[^\s{_END_OF_TEXT}]+")
_INVISIBLE = regex.compile(r"[\u00AD\u200C\u200D]")
_NUMBER = regex.compile(r"\p{N}+")
_MAX_WORD_LENGTH = 40

FUNCTION_WORDS = frozenset(
    importlib.resources.files(__package__).joinpath("function_words.txt").read_text(encoding="utf-8").split()
)
"""English words that carry no topic: articles, pronouns, prepositions, conjunctions, auxiliaries."""


class Words(NamedTuple):
    """The words of many texts, one after another.

    Attributes:
        texts: int64, shape (words,): index of the text, ascending.
        codes: int64, shape (words,): index into `vocabulary`.
        follows: bool, shape (words,): whether the word directly follows the word before it, without punctuation,
            ignored word or end of text between them.
        vocabulary: the distinct words.
        pairs: bool, shape (vocabulary,): whether the word may be half of a bigram; parts of Han and Kana overlap,
            so they may not.
    """

    texts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    follows: npt.NDArray[np.bool_]
    vocabulary: list[str]
    pairs: npt.NDArray[np.bool_]


def normalise(text: str) -> str:
    """Normalise text: NFKC, case folding, and NFKC again, which folding can undo.

    Soft hyphens, joiners, Arabic vowel marks and elongation are removed; a web address becomes a bar.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold())
    return _ADDRESS.sub(" | ", _ARABIC_MARKS.sub("", folded)).replace("’", "'")


def split_token(token: str) -> list[str]:
    """Split a token into words: itself, the pairs of a Han run, or the stem of a Korean word; [] if it is no word."""
    if token.isascii() and token.isalnum():
        return [token] if len(token) <= _MAX_WORD_LENGTH else []
    if _HAN.fullmatch(token):
        return [token] if len(token) <= 2 else [token[start : start + 2] for start in range(len(token) - 1)]
    if _HANGUL.fullmatch(token[-1]):
        for particle in _PARTICLES:
            if token.endswith(particle) and len(token) - len(particle) >= 2:
                return [token[: -len(particle)]]
    if token.endswith("'s"):
        token = token[:-2]
    if not any(character.isalnum() for character in token) or len(token) > _MAX_WORD_LENGTH:
        return []
    return [token]


def words(texts: pa.StringArray, stop_words: frozenset[str] = FUNCTION_WORDS) -> Words:
    """Split texts into words; null is an empty text.

    Args:
        texts: shape (texts,).
        stop_words: words to ignore, normalised.

    Returns:
        The words in order. Python code runs once per text and once per distinct token.
    """
    cleaned = [(text or "").replace(_END_OF_TEXT, " ") for text in texts.to_pylist()]
    joined = normalise((_END_OF_TEXT + " ").join([*cleaned, ""]))
    tokens = pa.array(_TOKEN.findall(joined), pa.string()).dictionary_encode()
    distinct = tokens.dictionary.to_pylist()
    cut = [[_BARRIER] if token in stop_words else split_token(token) or [_BARRIER] for token in distinct]

    codes = tokens.indices.to_numpy()
    ends = (
        np.array([token.startswith(_END_OF_TEXT) for token in distinct], bool)[codes]
        if len(codes)
        else np.zeros(0, bool)
    )
    text_of_token = np.cumsum(ends) - ends
    parts = pa.array(cut, pa.list_(pa.string())).take(tokens.indices)
    flat = parts.flatten().dictionary_encode()
    vocabulary = flat.dictionary.to_pylist()
    part_codes = flat.indices.to_numpy().astype(np.int64)
    word = (
        np.array([part != _BARRIER for part in vocabulary], bool)[part_codes] if len(part_codes) else np.zeros(0, bool)
    )
    text_of_part = text_of_token[pc.list_parent_indices(parts).to_numpy()]

    after_word = np.concatenate([[False], word[:-1]]) if len(word) else word
    kept = np.flatnonzero(word)
    return Words(
        texts=text_of_part[kept],
        codes=part_codes[kept],
        follows=after_word[kept],
        vocabulary=vocabulary,
        pairs=np.array([not (_HAN.fullmatch(part) or _KANA.fullmatch(part)) for part in vocabulary], bool),
    )


def may_stand_alone(word: str) -> bool:
    """Return whether a word may be a term by itself: numbers and single letters may only be half of a bigram."""
    if _NUMBER.fullmatch(word):
        return False
    return len(word) > 1 or bool(_HAN.fullmatch(word)) or bool(_HANGUL.fullmatch(word))
