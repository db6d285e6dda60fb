"""Tokenization of text of any script into words, for a whole column at once.

Normalisation is NFKC and case folding. A word is a run of letters, marks and digits. Scripts without spaces between
words are split so that equal words match: a run of Han becomes its overlapping pairs of characters (as in CJK analysers
of search engines); a run of Katakana, and a run of Hiragana, which is mostly suffixes and particles, stay whole; Thai,
Lao, Khmer and Burmese are split by a dictionary. Korean words lose the particles that never belong to the stem, Arabic
ones the article, and words of Romance languages an article that an apostrophe joins to them: `l'amour`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import regex

from transforms.function_words import FUNCTION_WORDS
from transforms.segmentation import UNSPACED_SCRIPTS, is_unspaced_run, nfkc, segment_words

_END_OF_TEXT = "\x1e"
_TOKEN = regex.compile(
    r"(?V1)-?[A-Za-z0-9]++(?![\p{L}\p{M}'+#])"  # what most words are, and much faster than the general case below
    rf"|-?[[\p{{L}}\p{{M}}\p{{N}}]--[\p{{Han}}\p{{Katakana}}\p{{Hiragana}}{UNSPACED_SCRIPTS}]]+"
    r"(?:'\p{L}+|(?<=\p{L})[+#]++(?!\p{L}))?"
    rf"|\p{{Han}}+|[\p{{Katakana}}ー]+|\p{{Hiragana}}+|[{UNSPACED_SCRIPTS}]+"
    rf"|{_END_OF_TEXT}|[^\s\p{{L}}\p{{M}}\p{{N}}'_{_END_OF_TEXT}-]+"
)
_HAN = regex.compile(r"\p{Han}+")
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}ー]+")
_HANGUL = regex.compile(r"\p{Hangul}")
_ELISION = regex.compile(
    r"(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu|(?:d|n|s)?all|(?:d|n)ell|sull|quest|quell)'(?=\p{L}{2})"
)
_ARABIC_ARTICLE = regex.compile(r"(?:[وبكف]?ال|لل)(?=\p{Arabic}{3})")
# Korean particles: the shortest stem in syllables, and whether the stem ends in a consonant; None: either.
_PARTICLES: dict[str, tuple[int, bool | None]] = {
    **dict.fromkeys(("에서", "에게", "까지", "부터", "처럼", "보다", "하고"), (2, None)),
    "으로": (2, True),
    "을": (1, True),
    "를": (1, False),
    "은": (2, True),
    "는": (2, False),
    "과": (2, True),
    "와": (2, False),
    "가": (2, False),
    "로": (2, False),
    "의": (2, None),
    "에": (2, None),
}
_ARABIC_MARKS = regex.compile(r"[\u064B-\u0652\u0670\u0640]")
_ADDRESS = regex.compile(rf"https?://[^\s{_END_OF_TEXT}]+", regex.IGNORECASE)
_INVISIBLE = regex.compile(r"[\u00AD\u200C\u200D]")
_NUMBER = regex.compile(r"\p{N}+")
_MAX_WORD_LENGTH = 40


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
        spelling_codes: int64, shape (words,): index into `spellings`.
        spellings: the distinct words as they are written, with their capitals.
        hyphenated: bool, shape (words,): whether a hyphen joins the word to the word that it follows.
        starts: bool, shape (words,): whether the word is the first one of its text, or of a sentence or a part of one.
        lowercase: bool, shape (texts,): whether the text has a lowercase letter.
    """

    texts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int64]
    follows: npt.NDArray[np.bool_]
    vocabulary: list[str]
    pairs: npt.NDArray[np.bool_]
    spelling_codes: npt.NDArray[np.int64]
    spellings: list[str]
    hyphenated: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.bool_]
    lowercase: npt.NDArray[np.bool_]


def clean(text: str) -> str:
    """Normalise text except for its case: NFKC.

    Soft hyphens, joiners, Arabic vowel marks and elongation are removed; a web address becomes a bar.
    """
    composed = nfkc(_INVISIBLE.sub("", text))
    return _ADDRESS.sub(" | ", _ARABIC_MARKS.sub("", composed)).replace("’", "'")


def fold_case(text: str) -> str:
    """Apply case folding and NFKC, which folding can undo, to text that was cleaned."""
    return text.lower() if text.isascii() else nfkc(text.casefold())


def normalise(text: str) -> str:
    """Normalise text: `clean` and `fold_case`."""
    return fold_case(clean(text))


def split_token(token: str) -> list[str]:
    """Split a token into words: itself, the pairs of a Han run, or the stem of a Korean word; [] if it is no word."""
    if token.isascii() and token.isalnum():
        return [token] if len(token) <= _MAX_WORD_LENGTH else []
    if _HAN.fullmatch(token):
        return [token] if len(token) <= 2 else [token[start : start + 2] for start in range(len(token) - 1)]
    if is_unspaced_run(token):
        return [word for word in segment_words(token) if len(word) <= _MAX_WORD_LENGTH]
    if _HANGUL.fullmatch(token[-1]):
        return [_without_particle(token)]
    if token.endswith("'s"):
        token = token[:-2]
    token = _ARABIC_ARTICLE.sub("", _ELISION.sub("", token, count=1), count=1)
    if not any(character.isalnum() for character in token) or len(token) > _MAX_WORD_LENGTH:
        return []
    return [token]


def _without_particle(word: str) -> str:
    """Remove a particle of a Korean word that fits to the last sound of its stem."""
    for particle, (shortest, after_consonant) in _PARTICLES.items():
        stem = word.removesuffix(particle)
        if stem != word and len(stem) >= shortest:
            ends_in_consonant = "가" <= stem[-1] <= "힣" and (ord(stem[-1]) - ord("가")) % 28 > 0
            if after_consonant in (None, ends_in_consonant):
                return stem
    return word


class _Tokens:
    """The distinct tokens of texts, and the words into which each is split: codes as compressed sparse rows.

    Attributes:
        words: the distinct words.
        spellings: the distinct words as they are written.
        codes: the words of each token.
        spelling_codes: the same words as they are written.
        ends: the end of each token in `codes`.
        breaks: whether a sentence can begin after the token: punctuation other than a comma, or the end of a text.
        lowercase: whether the token has a lowercase letter.
    """

    def __init__(self, tokens: list[str], stop_words: frozenset[str]) -> None:
        self.words: dict[str, int] = {}
        self.spellings: dict[str, int] = {}
        self.codes: list[int] = []
        self.spelling_codes: list[int] = []
        self.ends: list[int] = []
        self.breaks: list[bool] = []
        self.lowercase: list[bool] = []
        for token in tokens:
            self._add(token, stop_words)

    def _add(self, token: str, stop_words: frozenset[str]) -> None:
        written = token.removeprefix("-")
        word = fold_case(written)
        parts = [] if word in stop_words or not word else split_token(word)
        parts = [part for part in parts if part not in stop_words]
        for part in parts:
            stem = written[: len(part)]
            spelling = stem if len(parts) == 1 and fold_case(stem) == part else part
            self.codes.append(self.words.setdefault(part, len(self.words)))
            self.spelling_codes.append(self.spellings.setdefault(spelling, len(self.spellings)))
        self.ends.append(len(self.codes))
        self.breaks.append(not parts and token != "," and not any(map(str.isalnum, token)))
        self.lowercase.append(written != written.upper())


def words(texts: pa.StringArray, stop_words: frozenset[str] = FUNCTION_WORDS) -> Words:
    """Split texts into words; null is an empty text.

    Args:
        texts: shape (texts,).
        stop_words: words to ignore, normalised.

    Returns:
        The words in order. Python code runs once per text and once per distinct token.
    """
    cleaned = [(text or "").replace(_END_OF_TEXT, " ") for text in texts.to_pylist()]
    joined = clean((_END_OF_TEXT + " ").join([*cleaned, ""]))
    tokens = pa.array(_TOKEN.findall(joined), pa.string()).dictionary_encode()
    distinct = tokens.dictionary.to_pylist()
    table = _Tokens(distinct, stop_words)

    codes = tokens.indices.to_numpy()
    ends = _at([token.startswith(_END_OF_TEXT) for token in distinct], codes)
    text_of_token: npt.NDArray[np.int64] = np.cumsum(ends) - ends
    stops = np.array(table.ends, np.int64)
    lengths = np.diff(stops, prepend=0)[codes] if len(codes) else np.zeros(0, np.int64)
    is_word = lengths > 0
    owners = np.repeat(np.arange(len(codes)), lengths)
    rank = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    entries = (stops[codes] - lengths)[owners] + rank if len(owners) else np.zeros(0, np.int64)
    after_word = np.concatenate([[False], is_word[:-1]]) if len(is_word) else is_word
    after_break = np.concatenate([[True], _at(table.breaks, codes)[:-1]]) if len(is_word) else is_word
    first = rank == 0
    vocabulary = list(table.words)
    return Words(
        texts=text_of_token[owners],
        codes=np.array(table.codes, np.int64)[entries],
        follows=~first | after_word[owners],
        vocabulary=vocabulary,
        pairs=np.array([not _is_unspaced(part) for part in vocabulary], bool),
        spelling_codes=np.array(table.spelling_codes, np.int64)[entries],
        spellings=list(table.spellings),
        hyphenated=first & (after_word & _at([token.startswith("-") for token in distinct], codes))[owners],
        starts=first & after_break[owners],
        lowercase=np.bincount(text_of_token, _at(table.lowercase, codes), minlength=len(texts)) > 0,
    )


def _is_unspaced(word: str) -> bool:
    return bool(_HAN.fullmatch(word) or _KANA.fullmatch(word)) or is_unspaced_run(word)


def _at(values: list[bool], codes: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Return the value of each code."""
    return np.array(values, bool)[codes] if len(codes) else np.zeros(0, bool)


def may_stand_alone(word: str) -> bool:
    """Return whether a word may be a term by itself: numbers and single letters may only be half of a bigram."""
    if _NUMBER.fullmatch(word):
        return False
    return len(word) > 1 or bool(_HAN.fullmatch(word)) or bool(_HANGUL.fullmatch(word))
