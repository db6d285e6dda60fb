"""Function words of the languages of a catalogue: articles, pronouns, prepositions, conjunctions, auxiliaries.

English words are those of this package. The lists of other languages are those of `stop-words`, those of
`stopwordsiso` where that has few or none, and a few more of this package. A list is used only if the catalogue has
texts in its language: many function words of one language are words with a topic in another.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import regex

from transforms.segmentation import UNSPACED_SCRIPTS, nfkc, segment_words

FUNCTION_WORDS = frozenset(
    importlib.resources.files(__package__).joinpath("function_words.txt").read_text(encoding="utf-8").split()
)
"""English words that carry no topic."""

ENGLISH = "en"
MIN_WORDS = 2
"""Minimum number of different function words of a language in a text that is evidence of the language."""
MIN_TEXTS = 3
"""Minimum number of texts that are evidence of a language."""
MIN_FRACTION = 0.0015
"""Minimum fraction of texts that are evidence of a language."""

_FEW_WORDS = 200
_OTHER_SCRIPT = regex.compile(r"(?V1)[\p{L}--\p{Latin}]")
_HAN_OR_UNSPACED = regex.compile(rf"\p{{Han}}+|[{UNSPACED_SCRIPTS}]+")
_WITHOUT_SPACES = rf"\p{{Han}}\p{{Hiragana}}\p{{Katakana}}{UNSPACED_SCRIPTS}"
_WORD = regex.compile(
    rf"(?V1)[{UNSPACED_SCRIPTS}]+|\p{{Hiragana}}+|[\p{{Katakana}}ー]+|\p{{Han}}+"
    rf"|[[\p{{L}}\p{{M}}]--[{_WITHOUT_SPACES}]]+(?:'[\p{{L}}\p{{M}}]+)?"
)


def function_words_of(texts: Iterable[str]) -> dict[str, frozenset[str]]:
    """Find the languages of texts other than English, and their function words, normalised as words of items are.

    A word that is in more English texts than in other texts of the language, such as `war` or `die` in a catalogue of
    English titles with some German ones, is no function word there.

    Args:
        texts: titles and descriptions of a catalogue, in any order.

    Returns:
        The words, by `languages_of`.
    """
    words_of_texts = [_distinct_words(text) for text in texts]
    lists = _lists_without_english(words_of_texts)
    return {language: lists[language] for language in _languages(words_of_texts, lists)}


def languages_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Find the languages of texts, by their function words: codes of ISO 639-1, the most frequent first.

    A text is evidence of a language if it has two different function words of it that are not English words, as one may
    be a name or a term; one word of another script than the Latin one is enough. At least one of them must not be in
    more English texts than in other texts of the language, as `multi` and `hop` are. The language with the most such
    texts is found first; its words do not count for other languages, and so on. Of similar languages, such as Danish
    and Norwegian, only one may be found.

    Args:
        texts: titles and descriptions of a catalogue, in any order.
    """
    words_of_texts = [_distinct_words(text) for text in texts]
    return _languages(words_of_texts, _lists_without_english(words_of_texts))


def _lists_without_english(words_of_texts: Sequence[set[str]]) -> dict[str, frozenset[str]]:
    """Return the word lists without the words that are in more English texts than in texts of their language."""
    listed = FUNCTION_WORDS.union(*word_lists().values())
    listed_words = [words & listed for words in words_of_texts]
    return {
        language: _without_english(words, listed_words)
        for language, words in word_lists().items()
        if language != ENGLISH
    }


def _without_english(listed: frozenset[str], words_of_texts: Sequence[set[str]]) -> frozenset[str]:
    """Remove the words that are in more English texts than in texts of the language.

    A text is of the language if it has several of its function words, more than of the English ones. Words of both
    languages, such as the Hungarian article `a`, are no evidence of English.
    """
    own_words, english_words = listed - FUNCTION_WORDS, FUNCTION_WORDS - listed
    balance: Counter[str] = Counter()
    for words in words_of_texts:
        own, english = words & own_words, len(words & english_words)
        if len(own) > max(english, 1):
            balance.update(own)
        elif english:
            balance.subtract(own)
    return frozenset(word for word in listed if balance[word] >= 0 or _OTHER_SCRIPT.match(word))


def _languages(words_of_texts: Sequence[set[str]], lists: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Find languages, as `languages_of` does.

    Args:
        words_of_texts: the words of each text.
        lists: the words of each language that are not words of English texts.
    """
    remaining = {language: word_lists()[language] - _english() for language in lists}
    listed = frozenset().union(*remaining.values())
    candidates = [words & listed for words in words_of_texts]
    least = max(MIN_TEXTS, MIN_FRACTION * len(candidates))
    found: list[str] = []
    while remaining:
        candidates = [words for words in candidates if words]
        evidence = {
            language: sum(_is_evidence(each & words, lists[language]) for each in candidates)
            for language, words in remaining.items()
        }
        language = min(remaining, key=lambda name: (-evidence[name], name))
        if evidence[language] < least:
            break
        found.append(language)
        words = remaining.pop(language)
        candidates = [each - words for each in candidates]
    return tuple(found)


@functools.cache
def word_lists() -> dict[str, frozenset[str]]:
    """Return the function words of each language, normalised; only single words."""
    import stop_words
    import stopwordsiso

    lists = {language: set(stop_words.get_stop_words(language)) for language in stop_words.LANGUAGE_MAPPING}
    for language in stopwordsiso.langs():
        if len(lists.get(language, ())) < _FEW_WORDS:
            lists.setdefault(language, set()).update(stopwordsiso.stopwords(language))
    for line in (
        importlib.resources.files(__package__).joinpath("more_function_words.txt").read_text("utf-8").splitlines()
    ):
        if not line.startswith("#"):
            language, *words = line.split()
            lists.setdefault(language, set()).update(words)
    return {language: frozenset(filter(_is_word, map(_normalise, words))) for language, words in sorted(lists.items())}


@functools.cache
def all_function_words() -> frozenset[str]:
    """Return the function words of all languages."""
    return FUNCTION_WORDS.union(*(words for language, words in word_lists().items() if language != ENGLISH))


def _is_evidence(words: frozenset[str] | set[str], own: frozenset[str]) -> bool:
    return any(map(_OTHER_SCRIPT.match, words)) or (len(words) >= MIN_WORDS and not words.isdisjoint(own))


def _english() -> frozenset[str]:
    return FUNCTION_WORDS | word_lists()[ENGLISH]


def _distinct_words(text: str) -> set[str]:
    words: set[str] = set()
    for word in _WORD.findall(_normalise(text)):
        words.update(segment_words(word) if _HAN_OR_UNSPACED.fullmatch(word) else (word,))
    return words


def _normalise(text: str) -> str:
    return nfkc(nfkc(text).casefold()).replace("’", "'").strip()


def _is_word(word: str) -> bool:
    return len(word) > 0 and _WORD.fullmatch(word) is not None
