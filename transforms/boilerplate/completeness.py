"""Completeness of phrases with numbers: which word next to a number belongs to a phrase, and which one is a topic.

The words before and after a phrase decide. `episode 0` that always follows `season 0` is half of a phrase. In titles
that end in `part 0` after many different words, `setup part 0` is a topic with a number behind it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from transforms.boilerplate.phrases import LONGEST_PHRASE, MAX_WORDS, Phrase, has_number
from transforms.function_words import all_function_words

MAX_FRACTION_OF_ONE_WORD = 0.25
"""Maximum fraction, of the titles in which a word precedes a phrase, of those with its most frequent word."""
MIN_FRACTION_OF_TOPIC = 0.05
"""Minimum fraction, of the same titles, of those with the first word of a longer phrase."""
MIN_EXCLUSIVE_FIRST_WORD = 0.9
"""Minimum fraction, of the titles with the first word of such a longer phrase, of those with a candidate."""
MIN_FRACTION_OF_HALF = 0.8
"""Minimum fraction, of the titles with a phrase, of those with one certain longer phrase: the phrase is half of it."""
MIN_EXCLUSIVE_WORD = 0.5
"""Minimum fraction, of the titles with a word that completes a phrase, of those with the longer phrase."""


class Neighbours(NamedTuple):
    """Words next to phrases with numbers.

    Attributes:
        before: the number of titles with each word before a phrase, by its pattern.
        after: the same for the word after it.
    """

    before: Mapping[str, Counter[str]]
    after: Mapping[str, Counter[str]]

    def vary_before(self, pattern: str) -> bool:
        """Return whether many different words precede a phrase."""
        words = self.before.get(pattern)
        return words is not None and max(words.values()) <= MAX_FRACTION_OF_ONE_WORD * words.total()


def neighbours_of(phrases: Iterable[Collection[Phrase]]) -> Neighbours:
    """Count the words next to phrases with numbers: a longer phrase of the same title has one word more.

    Args:
        phrases: the phrases of each title.
    """
    before: dict[str, Counter[str]] = defaultdict(Counter)
    after: dict[str, Counter[str]] = defaultdict(Counter)
    for found in phrases:
        for pattern in {phrase.pattern for phrase in found if phrase.form in ("number", "window")}:
            first, _, rest = pattern.partition(" ")
            if has_number(rest):
                before[rest][first] += 1
            rest, _, last = pattern.rpartition(" ")
            if has_number(rest):
                after[rest][last] += 1
    return Neighbours(before, after)


def is_whole_at_end(pattern: str, neighbours: Neighbours) -> bool:
    """Return whether a phrase that begins with a function word, such as `vol 0` or `from 0`, is whole.

    It is if many different words precede it, unlike `of 0`, which follows `set`.
    """
    words = pattern.split()
    return (
        len(words) <= MAX_WORDS
        and "0" in words
        and words[-1] not in all_function_words()
        and neighbours.vary_before(pattern)
    )


def begins_with_topic(pattern: str, titles: int, exclusive_fraction: float, neighbours: Neighbours) -> bool:
    """Return whether the first word of a phrase is one of the many different words before the rest of it.

    Args:
        pattern: pattern of a phrase with a number.
        titles: number of titles with it.
        exclusive_fraction: the fraction, of the titles with its first word, of those with a candidate.
        neighbours: the words next to phrases.
    """
    rest = pattern.partition(" ")[2]
    if not neighbours.vary_before(rest):
        return False
    return (
        exclusive_fraction < MIN_EXCLUSIVE_FIRST_WORD
        or titles < MIN_FRACTION_OF_TOPIC * neighbours.before[rest].total()
    )


def completed(
    pattern: str, titles: Mapping[str, Collection[int]], words: Mapping[str, int], neighbours: Neighbours
) -> str:
    """Return the pattern of the whole phrase of which a phrase is mostly a half, or the pattern itself.

    Args:
        pattern: pattern of a phrase with a number.
        titles: the titles with each pattern.
        words: the number of titles with each word.
        neighbours: the words next to phrases.
    """
    while len(pattern.split()) < LONGEST_PHRASE:
        longer = next(
            (
                each
                for each, word, number in _one_word_longer(pattern, neighbours)
                if number >= MIN_FRACTION_OF_HALF * len(titles[pattern]) and _belongs(word, number, words)
            ),
            "",
        )
        if not longer:
            break
        pattern = longer
    return pattern


def _one_word_longer(pattern: str, neighbours: Neighbours) -> Iterable[tuple[str, str, int]]:
    """Return the patterns with the top word before and after a pattern: pattern, the word, the number of titles."""
    if before := neighbours.before.get(pattern):
        word = max(before, key=lambda each: (before[each], each))
        yield f"{word} {pattern}", word, before[word]
    if after := neighbours.after.get(pattern):
        word = max(after, key=lambda each: (after[each], each))
        yield f"{pattern} {word}", word, after[word]


def _belongs(word: str, titles: int, words: Mapping[str, int]) -> bool:
    is_topic = word != "0" and word not in all_function_words() and titles < MIN_EXCLUSIVE_WORD * words.get(word, 0)
    return not is_topic
