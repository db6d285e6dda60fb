"""Recognition of replies that are no names: refusals, and sentences about something else.

A list of sentences would cover few languages. So a refusal is recognized by the words with which one begins in many
languages, unless the titles use them; and any reply by its form: a sentence, or a long text, that has no word in
common with what the journey is about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import regex

from transforms.naming.reply_words import has_reply_word_of, has_word, is_about_reply, is_refusal, shares_topic
from transforms.naming.text import (
    display_width,
    fold_case,
    is_unspaced,
    normalize,
    pattern_list,
    split_words,
    word_list,
)

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
_ADDRESS = regex.compile(r"^\W*(?:https?://|www\.)\S+$", regex.I)
# What programs call one of several: `Cluster 5`.
_NUMBERED = regex.compile(
    r"^\W*(?:(?:interest|user)\W+)?(?:clusters?|journeys?|errors?|status|groups?|segments?|category|collections?|playlists?|sections?|grupo"
    r"|groupe|gruppe|gruppo|grupa|группа|кластер|clúster|cluster|reise|viaje|parcours|küme|聚类|聚類|类别|类|组|旅程|クラスタ"
    r"|クラスター|グループ|ジャーニー|클러스터|그룹|여정|مجموعة)[\s_#:.\-]*(?:no\.?|number|id|nr\.?)?[\s_#:.\-]*\p{Nd}{1,4}\W*$",
    regex.I,
)
_PUNCTUATION = " \t.,:;!?{}[]()<>\"'`*#"
_MIN_UNSPACED_WIDTH = 8
_MIN_UNSPACED_SENTENCE = 12
_MIN_WORDS = 4
_MIN_WIDTH = 24

NoName = Literal["", "refused", "no_name"]


def no_name_reason(line: str, sources: Iterable[str], name: str = "") -> NoName:
    """Return why a line is no name: it refuses, or is a sentence that has nothing to do with the journey.

    Args:
        line: the line of a reply that could be a name, with its final punctuation.
        sources: titles and terms of the journey.
        name: the name in the line; what is before it is not compared with the beginnings of sentences.
    """
    sources = list(sources)
    if has_word(line, sources):
        return ""
    if _is_pattern("refusal_patterns.txt", line, sources) or is_refusal(line, sources):
        return "refused"
    line = line[max(line.find(name), 0) :]
    if _ADDRESS.match(line) or _NUMBERED.match(line):
        return "no_name"
    if _is_pattern("sentence_patterns.txt", line, sources) or _is_only_about_reply(line, sources):
        return "no_name"
    if shares_topic(line, sources):
        return ""
    if _FIRST_PERSON.match(line) or _INTERROGATIVE.search(line):
        return "no_name"
    words = split_words(line)
    is_long = len(words) >= _MIN_WORDS or display_width(line) >= _MIN_WIDTH
    is_long = is_long or (
        is_unspaced(line.rstrip(_PUNCTUATION + "。！？")) and display_width(line) >= _MIN_UNSPACED_SENTENCE
    )
    return "no_name" if is_long and (_SENTENCE_END.search(line) or _SENTENCES.search(line)) else ""


def _is_pattern(file_name: str, line: str, sources: Iterable[str]) -> bool:
    """Whether a line has a pattern of a list, and no title has the same words."""
    found = pattern_list(file_name).search(line)
    return found is not None and not _occurs(found.group(), sources)


def _is_only_about_reply(line: str, sources: Iterable[str]) -> bool:
    """Whether a line has only words about the reply, such as `Your short name here`, that no title has."""
    word = line.strip(_PUNCTUATION)
    if fold_case(word).replace("_", " ") in word_list("status_words.txt"):
        return True
    if word in word_list("code_words.txt") or pattern_list("interjection_patterns.txt").fullmatch(word):
        return not _occurs(word, sources)
    is_long = len(split_words(line)) > 1 or (is_unspaced(word) and display_width(word) >= _MIN_UNSPACED_WIDTH)
    is_reply = (is_long or line.rstrip().endswith((":", "："))) and is_about_reply(line)
    return is_reply and not has_reply_word_of(line, sources)


def _occurs(text: str, sources: Iterable[str]) -> bool:
    """Whether the words of a text occur in a title or term."""
    words = normalize(text)
    return any(words in normalize(source) for source in sources)
