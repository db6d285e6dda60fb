"""Forms of a name in which equal names have equal words; for comparison only."""

from __future__ import annotations

import functools
import unicodedata

import regex

from transforms.naming.text import fold_case, split_words

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ة": "ه", "ى": "ي"})  # noqa: RUF001
"""Letters whose stroke or joint is no accent in Unicode, and Arabic letters for which another one is often written."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_HIRAGANA = str.maketrans({code: code - 0x60 for code in range(0x30A1, 0x30F7)})
_ACCENT = regex.compile(r"[\u0300-\u036f\u0591-\u05c7\u064b-\u0655]")
"""Accents of Latin, Greek and Cyrillic, and vowel signs that Arabic and Hebrew leave out. Those of other scripts are
letters."""
_ELISION = regex.compile(r"(?<!\w)(?:l|d|dell|all|dall|nell|sull|un)['’](?=\p{L})")

_FUNCTION_WORDS = frozenset({"a", "an", "and", "of", "the"})
"""Words that make no difference between names; `&` is no word."""
_LINKS = frozenset({
    "de", "del", "della", "di", "do", "da", "dos", "du", "des", "von", "van", "und", "et", "y", "e", "och", "og",
    "ja", "ve", "en", "и", "і", "та", "και", "ו",  # noqa: RUF001
})  # fmt: skip
"""Words for `and` and `of` in other languages, which make no difference between two other words."""
_ARTICLES = frozenset({
    "le", "la", "les", "une", "un", "der", "die", "das", "den", "dem", "ein", "eine", "el", "los", "las", "una", "il",
    "lo", "gli", "o", "os", "as", "um", "uma", "het", "een", "ett", "ο", "η", "το", "τα",  # noqa: RUF001
})  # fmt: skip
"""Articles in other languages, which make no difference before the first word and behind a link."""

_NUMBERS = {
    word: str(number)
    for words, first in (
        ("two three four five six seven eight nine ten eleven twelve", 2),
        ("ii iii iv", 2),
        ("vi vii viii ix", 6),
        ("xi xii xiii xiv xv xvi", 11),
    )
    for number, word in enumerate(words.split(), first)
}
_SPELLINGS = (
    (regex.compile(r"(?<=\w{3})our(?=(?:s|ed|ing|ful|ist|ists|ite|ites|er|ers|able)?$)"), "or"),
    (regex.compile(r"(?<=\w{3})tre(?=s?$)"), "ter"),
    (regex.compile(r"(?<=\w{4})is(?=(?:e|es|ed|er|ers|ing|ation|ations)$)"), "iz"),
    (regex.compile(r"(?<=\w{4})ys(?=(?:e|ed|er|ers|ing)$)"), "yz"),
    (regex.compile(r"(?<=\w{3})logue(?=s?$)"), "log"),
    (regex.compile(r"^grey"), "gray"),
    (regex.compile(r"^jewellery$"), "jewelry"),
)
"""British spellings and the American ones."""
_ARABIC_ARTICLE = regex.compile(r"^ال(?=\p{L}{3})")
_LONG_VOWEL_AT_END = regex.compile(r"(?<=\w{2})ー$")


@functools.lru_cache(maxsize=1 << 14)
def forms_of_name(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the folded words of a name in one or more forms: equal names have an equal form.

    A form has no accents and no function words, unless there are no others. A name with umlauts has a form with `ae`,
    `oe` and `ue`, and one with function words of other languages than English, two: `os` is one, but not in `OS X`.
    """
    folded = unicodedata.normalize("NFC", fold_case(name))
    forms = []
    for spelling in dict.fromkeys((folded, folded.translate(_UMLAUTS))):
        words = split_words(_without_accents(spelling))
        kept = [word for word in words if word not in _FUNCTION_WORDS] or words
        forms += [kept, _without_articles_and_links(kept)]
    return tuple(dict.fromkeys(tuple(map(_normal_word, words)) for words in forms))


def _without_accents(folded: str) -> str:
    joined = _ELISION.sub("", folded).replace("'", "").replace("’", "")
    plain = _ACCENT.sub("", unicodedata.normalize("NFKD", joined))
    return unicodedata.normalize("NFC", plain).translate(_LETTERS).translate(_HIRAGANA)


def _without_articles_and_links(words: list[str]) -> list[str]:
    """Remove links between two words, and articles before the first word and behind a link."""
    kept: list[str] = []
    is_before_noun = True
    for word in words[:-1]:
        is_link = word in _LINKS and bool(kept)
        if not (is_link or (is_before_noun and word in _ARTICLES)):
            kept.append(word)
            is_before_noun = False
        elif is_link:
            is_before_noun = True
    return kept + words[-1:]


def _normal_word(word: str) -> str:
    if word in _NUMBERS:
        return _NUMBERS[word]
    if not word.isascii():
        return _LONG_VOWEL_AT_END.sub("", _ARABIC_ARTICLE.sub("", word))
    for british, american in _SPELLINGS:
        word = british.sub(american, word)
    return word
