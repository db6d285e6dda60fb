"""Recognition of replies that are no names: refusals, and sentences about something else.

A list of sentences would cover few languages. So a refusal is recognized by the words with which one begins in many
languages, unless the titles use them; and any reply by its form: a sentence, or a long text, that has no word in
common with what the journey is about.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal

import regex

from transforms.naming.text import display_width, fold_case, is_unspaced, normalize, pattern_list, split_words

_FIRST_PERSON = regex.compile(
    r"^\W*(?:i|i'm|i'd|i'll|we|you|please|could you|can you|would you|let me|let's|as an ai"
    r"|it (?:seems|looks|appears) (?:like|that|you)|there (?:is|are|was|were) (?:no|not)|not enough"
    r"|no (?:titles?|items?|information|data)|insufficient|here(?:['’]s| is| are))\b"
    r"|^\W*(?:n/?a|none|null|undefined|unknown|error)\W*(?:$|(?<=[:：]\s?)\w)",
    regex.I,
)
_SENTENCE_END = regex.compile(r"[.!?。！？؟।]\W*$")
_INTERROGATIVE = regex.compile(r"[?？؟]\W*$")
_SENTENCES = regex.compile(r"(?:(?<=\w{3})\.|[!?。！？؟।])\s+\w|[。！？]\w")
_MIN_WORDS = 4
_MIN_WIDTH = 24
_MIN_WORD_WIDTH = 4

NoName = Literal["", "refused", "no_name"]


def no_name_reason(line: str, sources: Iterable[str]) -> NoName:
    """Return why a line is no name: it refuses, or is a sentence that has nothing to do with the journey.

    Args:
        line: the line of a reply that could be a name, with its final punctuation.
        sources: titles and terms of the journey.
    """
    sources = list(sources)
    folded = fold_case(line)
    refusal = pattern_list("refusal_patterns.txt").search(line)
    if refusal and not _occurs(refusal.group(), sources):
        return "refused"
    if _has_common_word(folded, sources):
        return ""
    if _FIRST_PERSON.match(line) or _INTERROGATIVE.search(line):
        return "no_name"
    words = split_words(line)
    is_long = len(words) >= _MIN_WORDS or display_width(line) >= _MIN_WIDTH
    return "no_name" if is_long and (_SENTENCE_END.search(line) or _SENTENCES.search(line)) else ""


def _occurs(text: str, sources: Iterable[str]) -> bool:
    """Whether the words of a text occur in a title or term."""
    words = normalize(text)
    return any(words in normalize(source) for source in sources)


def _has_common_word(folded: str, sources: Iterable[str]) -> bool:
    ours = _content_words(folded)
    return any(ours & _content_words(source) for source in sources)


@functools.lru_cache(maxsize=1 << 14)
def _content_words(text: str) -> frozenset[str]:
    """Return the longer words of a text, and the pairs of characters of scripts without spaces."""
    words: set[str] = set()
    for word in normalize(text).split(" "):
        if is_unspaced(word):
            words.update(word[at : at + 2] for at in range(len(word) - 1))
        elif display_width(word) >= _MIN_WORD_WIDTH:
            words.add(word)
    return frozenset(words)
