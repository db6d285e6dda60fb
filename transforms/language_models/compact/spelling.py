"""Names <-> word pieces of an encoder that knows neither capitals nor accents, nor what was written without a blank.

What a piece has lost is kept beside it, as a mark: whether its word begins with a capital, and whether it is attached
to what stands before it (`Node.js`, `C++`, `T-light`). Words that have further capitals, or accents, are remembered as
a whole (`GitHub`, `café`): those of the names that were learnt from, and those of the texts that are being named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import regex

CAPITAL = 1
ATTACHED = 2
MARKS = 4
"""How many marks there are: each may have a capital or not, and be attached or not."""

NO_MARK = -1
"""Of a piece within a word."""

_WITHIN = "##"
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_LONGEST_FORM = 16
_LONGEST_ACRONYM = 5


class Spelled(NamedTuple):
    """A name in pieces.

    Attributes:
        pieces: their ids.
        marks: for each piece `CAPITAL`, `ATTACHED`, both or 0; `NO_MARK` within a word.
    """

    pieces: list[int]
    marks: list[int]


class Spelling:
    """Writes names in pieces, and reads them.

    Args:
        tokenizer: of the package `tokenizers`, with word pieces in lower case.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts = {number: piece for piece, number in tokenizer.get_vocab().items()}

    def is_within(self, piece: int) -> bool:
        """Whether a piece goes on with a word."""
        return self._texts[piece].startswith(_WITHIN)

    def spell(self, name: str) -> Spelled:
        """A name in pieces."""
        encoding = self._tokenizer.encode(name, add_special_tokens=False)
        marks, end = [], NO_MARK
        for piece, (start, stop) in zip(encoding.ids, encoding.offsets, strict=True):
            mark = CAPITAL * name[start:stop][:1].isupper() + ATTACHED * (start == end)
            marks.append(NO_MARK if self.is_within(piece) else mark)
            end = stop
        return Spelled(encoding.ids, marks)

    def written(self, spelled: Spelled, forms: Mapping[str, str]) -> str:
        """A name as text; its first letter is a capital unless its first word is remembered otherwise.

        Args:
            spelled: its pieces.
            forms: how words are written that are remembered as a whole, by `plain`.
        """
        words: list[tuple[str, int]] = []
        for piece, mark in zip(*spelled, strict=True):
            text = self._texts[piece]
            if text.startswith(_WITHIN) and words:
                words[-1] = (words[-1][0] + text.removeprefix(_WITHIN), words[-1][1])
            else:
                words.append((text.removeprefix(_WITHIN), max(mark, 0)))
        name = ""
        for place, (word, mark) in enumerate(words):
            shown = _capital(word) if mark & CAPITAL or not place else word
            name += ("" if mark & ATTACHED or not place else " ") + forms.get(word, shown)
        return name

    def plain(self, word: str) -> str:
        """A word as the pieces have it: in lower case, without accents."""
        text: str = self._tokenizer.normalizer.normalize_str(word)
        return text

    def forms(self, texts: Iterable[str]) -> dict[str, str]:
        """Words that are mostly written with capitals behind their first letter, or with accents, by `plain`.

        Long texts of which all letters are capitals say nothing of how a word is written.
        """
        shown = (text for text in texts if text.upper() != text or len(text) <= _LONGEST_ACRONYM)
        ways: dict[str, Counter[str]] = defaultdict(Counter)
        for word, number in Counter(word for text in shown for word in _WORD.findall(text)).items():
            ways[self.plain(word)][word] = number
        likeliest = ((plain, min(words, key=lambda word: (-words[word], word))) for plain, words in ways.items())
        return {
            plain: word
            for plain, word in likeliest
            if word not in (plain, _capital(plain)) and len(word) <= _LONGEST_FORM
        }


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def alike(name: str) -> str:
    """What names have in common that differ in capitals, punctuation and blanks alone."""
    return " ".join(_WORD.findall(name.casefold()))
