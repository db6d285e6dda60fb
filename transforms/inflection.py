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
        ("", "e"), ("", "en"), ("", "n"), ("", "x"), ("al", "aux"), ("a", "e"), ("o", "i"), ("e", "i"),
        ("ca", "che"), ("ga", "ghe"), ("co", "chi"), ("go", "ghi"), ("ka", "ki"),
        ("ao", "oes"), ("ao", "aes"), ("m", "ns"), ("z", "ces"), ("z", "zzes"), ("", "lar"), ("", "ler"),
        ("on", "a"), ("ex", "ices"), ("ix", "ices"), ("", "ar"), ("a", "or"),
        ("", "ы"), ("", "и"), ("", "а"), ("а", "ы"), ("а", "и"), ("я", "и"), ("ь", "и"), ("й", "и"), ("о", "а"),
        ("е", "я"),
        ("ο", "α"), ("η", "εσ"), ("α", "εσ"), ("οσ", "οι"), ("", "ات"), ("", "들"), ("", "たち"), ("", "们"),
    )
)  # fmt: skip
"""Final letters of a word and of its plural, in several languages, without accents."""
_IRREGULAR = {
    "men": "man", "children": "child", "feet": "foot", "teeth": "tooth", "geese": "goose",
    "mice": "mouse", "lice": "louse", "people": "person", "oxen": "ox",
    # German nouns with -er; English words with it, such as `trainer`, are no plurals.
    "amter": "amt", "bader": "bad", "bander": "band", "bilder": "bild", "blatter": "blatt",
    "bretter": "brett", "bucher": "buch", "dacher": "dach", "dorfer": "dorf", "eier": "ei",
    "felder": "feld", "facher": "fach", "geister": "geist", "glaser": "glas", "glieder": "glied",
    "gotter": "gott", "graber": "grab", "guter": "gut", "hauser": "haus", "huhner": "huhn",
    "kinder": "kind", "kleider": "kleid", "krauter": "kraut", "lander": "land", "lichter": "licht",
    "lieder": "lied", "locher": "loch", "manner": "mann", "nester": "nest", "rader": "rad",
    "rinder": "rind", "schilder": "schild", "schlosser": "schloss", "taler": "tal", "tucher": "tuch",
    "volker": "volk", "walder": "wald", "worter": "wort",
}  # fmt: skip
"""Plurals and their singulars, also as the last parts of other words: `firemen`, `Kochbücher`."""
_DIFFERENT = frozenset(
    frozenset(pair)
    for pair in (
        ("cloth", "clothes"), ("cloth", "clothe"), ("princes", "princess"), ("pas", "pass"), ("plan", "plane"),
        ("star", "stare"), ("human", "humane"), ("moral", "morale"), ("bath", "bathe"), ("breath", "breathe"),
        ("gold", "golden"), ("wood", "wooden"), ("silk", "silken"), ("wool", "woolen"), ("chick", "chicken"),
        ("beat", "beaten"), ("fast", "fasten"),
    )
)  # fmt: skip
"""Words that differ by the suffix of a plural and mean something else."""
_SHORTEST_STEM = 3
_SHORTEST_EXTENDED = 4
"""Stems to which a plural only adds letters, other than an s, are longer: `car` and `care` are different words."""
_SHORTEST_OTHER_SCRIPT = 2
_SHORTEST_CERTAIN = 1
"""Stems before a suffix that hardly any other word has, such as a mark of the plural after Hangul, kana or Han."""
_CERTAIN_SUFFIXES = frozenset({"들", "たち", "们", "aes"})
_SHORTEST_BEFORE_A = 5
"""Stems in Cyrillic to which a plural adds only an a: of shorter ones that is mostly another word or case."""


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
    if frozenset((first, second)) in _DIFFERENT:
        return False
    stem = 0
    while stem < min(len(first), len(second)) and first[stem] == second[stem]:
        stem += 1
    if any(_is_irregular(first[at:], second[at:]) for at in range(stem + 1)):
        return True
    # The suffixes of a pair may begin with the same letter, as in `cheval` and `chevaux`.
    return any(_is_plural(first, second, at) for at in range(max(stem - 1, 0), stem + 1))


def _is_irregular(first: str, second: str) -> bool:
    return _IRREGULAR.get(first) == second or _IRREGULAR.get(second) == first


def _is_plural(first: str, second: str, stem: int) -> bool:
    suffixes = frozenset((first[stem:], second[stem:]))
    return suffixes in _PLURALS and stem >= _shortest_stem(suffixes, first[:stem])


def _shortest_stem(suffixes: frozenset[str], stem: str) -> int:
    if suffixes & _CERTAIN_SUFFIXES:
        return _SHORTEST_CERTAIN
    if not stem.isascii():
        return _SHORTEST_BEFORE_A if suffixes == {"", "а"} else _SHORTEST_OTHER_SCRIPT
    if "ces" in suffixes:
        return _SHORTEST_OTHER_SCRIPT
    is_extended = "" in suffixes and not suffixes & {"s", "es"}
    return _SHORTEST_EXTENDED if is_extended else _SHORTEST_STEM
