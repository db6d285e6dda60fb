"""Inflected forms of words, for comparison only: a word and its plural are the same."""

from __future__ import annotations

import functools

_SHORTEST_PLURAL = 4


def singularize(word: str) -> str:
    """Remove the plural `s` of an English word, for comparison only.

    Args:
        word: case-folded; words of other scripts are returned unchanged.
    """
    if len(word) < _SHORTEST_PLURAL or not word.isascii() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > _SHORTEST_PLURAL:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")


_PLURALS = frozenset(
    frozenset(pair)
    for pair in (
        ("", "s"), ("", "es"), ("y", "ies"), ("f", "ves"), ("fe", "ves"), ("is", "es"), ("us", "i"), ("um", "a"),
        ("", "e"), ("", "en"), ("", "n"), ("", "er"), ("", "x"), ("al", "aux"), ("a", "e"), ("o", "i"), ("e", "i"),
        ("ao", "oes"), ("m", "ns"), ("z", "ces"), ("", "a"), ("", "ar"), ("a", "or"),
        ("", "ы"), ("", "и"), ("а", "ы"), ("а", "и"), ("я", "и"), ("ь", "и"), ("й", "и"), ("о", "а"), ("е", "я"),
        ("ο", "α"), ("η", "ες"), ("α", "ες"), ("ος", "οι"), ("", "ات"), ("", "들"), ("", "たち"), ("", "们"),
    )
)  # fmt: skip
"""Final letters of a word and of its plural, in several languages, without accents."""
_IRREGULAR = frozenset(
    frozenset(pair)
    for pair in (
        ("man", "men"), ("woman", "women"), ("child", "children"), ("foot", "feet"), ("tooth", "teeth"),
        ("goose", "geese"), ("mouse", "mice"), ("person", "people"), ("ox", "oxen"),
    )
)  # fmt: skip
_SHORTEST_STEM = 3
_SHORTEST_EXTENDED = 4
"""Stems to which a plural only adds letters, other than an s, are longer: `car` and `care` are different words."""
_SHORTEST_OTHER_SCRIPT = 2


@functools.lru_cache(maxsize=1 << 16)
def is_same_word(first: str, second: str) -> bool:
    """Whether two words are equal, or one may be the plural of the other; for comparison only.

    Args:
        first: case-folded, without accents.
        second: the same.
    """
    if first == second:
        return True
    if first[:1] != second[:1]:
        return False
    if frozenset((first, second)) in _IRREGULAR:
        return True
    stem = 0
    while stem < min(len(first), len(second)) and first[stem] == second[stem]:
        stem += 1
    # The suffixes of a pair may begin with the same letter, as in `cheval` and `chevaux`.
    return any(_is_plural(first, second, at) for at in range(max(stem - 1, 0), stem + 1))


def _is_plural(first: str, second: str, stem: int) -> bool:
    suffixes = frozenset((first[stem:], second[stem:]))
    if suffixes not in _PLURALS:
        return False
    if not first[:stem].isascii():
        return stem >= _SHORTEST_OTHER_SCRIPT
    is_extended = "" in suffixes and not suffixes & {"s", "es"}
    return stem >= (_SHORTEST_EXTENDED if is_extended else _SHORTEST_STEM)
