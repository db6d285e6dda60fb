"""Removal of the words around a name on its line: interjections, labels, preambles and explanations.

Words that the titles of the journey have are part of the name: `Sure Thing: Miguel` has no interjection if a title is
"Sure Thing".
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import regex

from transforms.naming.name_marks import bare
from transforms.naming.reply_words import (
    has_word,
    is_about_reply,
    is_label,
    is_supported,
    is_topic,
    is_without_topic,
    shares_topic,
)
from transforms.naming.text import normalize, pattern_list, split_words

_MAX_PREAMBLE = 160
_MIN_WORDS = 3
NUM_LABEL_KINDS = 3
_LETTER = regex.compile(r"\p{L}")
_COLON = regex.compile(r"[:：]")
_EXCLAMATION = regex.compile(r"[¡¿]?\p{L}+\s?!\s+")
_BREAK = regex.compile(r"\s*[:：]\s*|\s+(?:[-–—=]>?|[→➔➜➡⇒⟹▶►»])\s+")
_PUNCTUATION = ("!", ",", ".", ":", ";", "。", "！", "，", "、", "،", "؛", "：", "—", "–", "- ")
_QUALIFIERS = (
    r"(?:(?:the|this|an?|my|your|user'?s?|final|short|suggested|proposed|possible|best|recommended|main|overall|generated)"
    r"\s+){0,4}"
)
_NUMBER = r"(?:\s*(?:#|№|no\.)\s?\d{1,2})?"
_ARROW = "[→➔➜➡⇒⟹▶►»]\ufe0f?"
_LANGUAGE_CODE = r"(?-i:(?:en|de|fr|es|it|pt|nl|pl|ru|tr|ar|hi|ja|ko|zh|vi|th|sv)(?:-[A-Z]{2})?)"
_EXPLANATION = regex.compile(
    r"\s*(?:\s#{2,}(?:\s.*)?|,?\s+i (?:think|guess|believe|suppose)\W*|,\s+(?:probably|perhaps|maybe)\W*"
    r"|(?:,|\s[-–—]+)\s+(?:because|since|as)\s+(?:the|these|this|they|all|it|every|each|most|both|many)\b.*"
    r"|(?<=[\p{L}\p{N}\"”'*)])\s+because\s+(?:the|these|this|they|all|it|every|each|most|both|many)\b.*"
    r"|,\s+(?:reflecting|capturing|highlighting|indicating|suggesting|showcasing|emphasi[sz]ing)\s.*"
    r"|\(\s*(?:this|these|it|since|because|as|note|\d+ words)\b.*"
    r"|\s[-–—]\s+(?:this|these|it|since|because|reflecting|capturing|captures|as the|a name)\b.*"
    r"|(?<=[\w\"”'*)])[.!:;]\s+(?:this|these|it|so|thus|therefore|hence|the (?:name|titles?|user|person|items?)|i"
    r"|i'(?:ve|m|d)|because|since|explanation|note|let me|please|would you|feel free|hope|here)\b.*)$",
    regex.I,
)
_QUOTED = (
    r"[\"“„«「『《＂〝]([^\"“”„«»「」『』《》＂〝〞\n]{2,120})[\"”“»」』》＂〞]"
    r"|(?<![\p{L}\p{N}])['‘]([^'‘’\n]{2,120})['’](?!\p{Latin})"
)
SPAN = regex.compile(rf"\*\*([^*\n]{{2,120}})\*\*|{_QUOTED}|`([^`\n]{{2,120}})`")
"""A bold or quoted text, or one in backticks."""
_LISTED = regex.compile(r"^[\W\d]*\*\*([^*\n]{2,120}?)[:：]?\*\*\s*[:：–—-]\s")
_OR = regex.compile(
    r"^\W*(?:(?:either|entweder|soit|o)\W+)?(?:or|oder|o|ou|of|eller|lub|или|veya|或|または|또는)\W*$", regex.I
)
_CLOSING = tuple(".?!。？！؟।")
_HERE = regex.compile(r"here(?:['’]s| is| are)\b|voici|aquí|hier ist|ecco|вот|以下|下記|إليك", regex.I)
_SENTENCE_END = regex.compile(r"(?:(?<=\w{3})\.|[!。！])\s+(?=\W*\p{L})|[。！](?=\p{L})")
_LINK = regex.compile(
    r"\b(?:is|are|be|(?:call|calling|name|naming)\s+it|as|in|en|es|sería|est|serait|ist|wäre|lautet|è|sarebbe|é|seria)\s+(?=\S)|[是为為叫は]",
    regex.I,
)
_TAIL = regex.compile(
    r"(?:\s[-–—]\s(?=(?:an?|the|this)\b)|[\s\"”»*]+(?:is|are|would be|could be|might be"
    r"|seems|captures|describes|summari[sz]es|reflects|represents)\s+)"
    r"(?P<text>[^\n]*)$",
    regex.I,
)
_NOTE = regex.compile(
    r"\s*(?:[(\[（【](?P<text>[^()\[\]（）【】]{1,60})[)\]）】]|\s(?:#|//)\s*(?P<text>[^#\n]{1,60}))\W*$"
)
_SPEAKER = regex.compile(r"(?:a|ai|bot|assistant|model)\s*[:：>]\s*", regex.I)
_NUMBERED_NOTE = regex.compile(
    r"\s*(?:(?:confidence|score|probability|\d+ (?:words?|characters?))\b|[01]?\.\d+$)", regex.I
)
_SCORE = regex.compile(
    r"(?:\s*[|,;–—-]\s*(?:confidence|score|probability|relevance)\s*[:=]?\s*(?:high|medium|low|[\d.]+\s?%?)"
    r"|\s*:\s*(?:\d{1,3}\s?%|[01]?\.\d+))[.\s]*$",
    regex.I,
)
_COPULA = regex.compile(r"(?<=\p{L}{3}[」』”’\"']?)(?:です|でございます|입니다|이에요|예요)[。.!！]?$")
_ALTERNATIVE = regex.compile(r"\s(?:\||//|/\*|[•·])\s.*|(?:\s+#[\p{L}\w-]+)+\s*$")
_SEMICOLON = regex.compile(r"\s*[;；]\s+")
_CHECK_MARKS = regex.compile(r"\s*[✓✔✅☑]+\ufe0f?\s*$")


@functools.cache
def label_patterns() -> tuple[regex.Pattern[str], ...]:
    """Return patterns of labels: first those that can stand before a name only."""
    names, results = (pattern_list(file).pattern for file in ("name_labels.txt", "result_labels.txt"))
    language = rf"(?:\s*\({_language()}\))?"
    return tuple(
        regex.compile(
            rf"^{_QUALIFIERS}(?:{words})(?:\s+(?:{words}))?{_NUMBER}{language}\s*(?:[\"']?\s*[:：=]|\s[-–—=|]>?\s|\s?{_ARROW}|$)\s*",
            regex.I,
        )
        for words in (names, f"{names}|{results}")
    )


@functools.cache
def _sentence_lead() -> regex.Pattern[str]:
    leads = pattern_list("sentence_leads.txt").pattern
    return regex.compile(
        rf"^(?:(?:based on|given|considering|looking at|from|according to)[^,\n]{{0,80}},\s*)?(?:{leads})[:：]?\s*",
        regex.I,
    )


def without_interjection(line: str, sources: Sequence[str]) -> str:
    """Remove a word with which a model agrees or greets, with its punctuation."""
    found = pattern_list("interjection_patterns.txt").match(line.lstrip("¡¿"))
    rest = line.lstrip("¡¿")[found.end() :].lstrip() if found else ""
    if found is None or not rest.startswith(_PUNCTUATION):
        return _without_exclamation(line, sources)
    rest = rest.lstrip("".join(_PUNCTUATION))
    introduces = begins_preamble(rest) and (_COLON.search(rest) is not None or is_label(rest))
    is_name = is_supported(found.group(), sources) and bool(rest) and not introduces
    return line if is_name else rest


def _without_exclamation(line: str, sources: Sequence[str]) -> str:
    """Remove an exclamation of one word that titles do not have, before words that they have."""
    found = _EXCLAMATION.match(line)
    if found is None or not shares_topic(line[found.end() :], sources):
        return line
    words = split_words(found.group())
    return line if any(has_word(word, sources) for word in words) else line[found.end() :]


@functools.cache
def _language() -> str:
    """Return a pattern of the names and codes of languages."""
    return rf"(?:{pattern_list('language_names.txt').pattern}|{_LANGUAGE_CODE})"


def is_language(word: str) -> bool:
    """Whether a word is the name of a language, in its own words, or its code in lowercase."""
    return regex.fullmatch(_language(), word, regex.I) is not None


def without_language(line: str, sources: Sequence[str]) -> str:
    """Remove the language of a name in brackets before it, `(English) ...`, or its code behind it, `... (en)`.

    A language that titles have stays.
    """
    bracketed = rf"^[(（]\s*{_language()}\s*[)）]\s*[:：]?\s*(?=\S)|(?<=\S)\s*[(（]{_LANGUAGE_CODE}[)）](?=\W*$)"
    found = regex.search(bracketed, line, regex.I)
    if found is None or has_word(found.group(), sources):
        return line
    return line[: found.start()] + line[found.end() :]


def begins_preamble(line: str) -> bool:
    """Whether a line begins as models begin before a name."""
    return pattern_list("preamble_patterns.txt").match(line) is not None


def is_called(line: str) -> bool:
    """Whether a line begins as a sentence that has the name in it: `The interest is ...`."""
    return _sentence_lead().match(line) is not None


def label_ends(line: str, sources: Sequence[str]) -> tuple[int, ...]:
    """Return where the text after a label begins, for each kind of label; 0: there is none, or titles have its words.

    The kinds are labels that can stand before a name only, labels of results, and any other words about the reply:
    `Name: ...`, `Result: ...`, `My suggestion for a title: ...`.
    """
    ends = [_end_of(pattern.match(line)) for pattern in label_patterns()] + [_other_label_end(line)]
    return tuple(0 if end and is_topic(line[:end].strip(" :：-–—=>\"'"), sources) else end for end in ends)


def _end_of(found: regex.Match[str] | None) -> int:
    return found.end() if found else 0


def _other_label_end(line: str) -> int:
    if speaker := _SPEAKER.match(line):
        return speaker.end()
    found = _BREAK.search(line)
    if found is None or found.start() > _MAX_PREAMBLE:
        return 0
    head = line[: found.start()]
    is_long = _COLON.search(found.group()) or len(split_words(head)) > 1
    return found.end() if is_long and is_label(head) else 0


def without_label(line: str, sources: Sequence[str]) -> str:
    """Remove a label; a line without anything else is returned as it is."""
    for kind in range(NUM_LABEL_KINDS):
        line = line[label_ends(line, sources)[kind] :] or line
    return line


def without_lead(line: str, sources: Sequence[str]) -> str:
    """Remove words before a name on its line: `Sure! Here's a short name:`."""
    line = without_interjection(line, sources)
    if begins_preamble(line):
        head, colon, rest = _partition(_COLON, line)
        is_head = colon and len(head) <= _MAX_PREAMBLE and (_LETTER.search(rest) or not rest.strip())
        if is_head and not is_supported(head, sources):
            return rest
        sentence, _, rest = _partition(_SENTENCE_END, line)
        if rest and not is_called(line) and not is_supported(sentence, sources):
            return rest
    found = _sentence_lead().match(line)
    if found and found.end() and not is_supported(found.group(), sources):
        return line[found.end() :].rstrip("?!")
    return line[_link_end(line, sources) :]


def without_tail(line: str, sources: Sequence[str]) -> str:
    """Remove words about the name after it: `... would be a fitting name`, `... (confidence: high)`, `... ✅`."""
    line = _CHECK_MARKS.sub("", line)
    if (copula := _COPULA.search(line)) and not has_word(line, sources):
        line = line[: copula.start()]
    score = _SCORE.search(line)
    if score and score.start() and not is_supported(score.group(), sources):
        line = line[: score.start()]
    note, tail = _NOTE.search(line), _TAIL.search(line)
    if note and note.start() and (_NUMBERED_NOTE.match(note["text"]) or is_label(note["text"])):
        return line if is_supported(note["text"], sources) else line[: note.start()]
    if tail and tail.start() and is_label(tail["text"]) and not is_supported(tail["text"], sources):
        return line[: tail.start()]
    return line


def without_explanation(line: str) -> str:
    """Remove a sentence about the name after it."""
    return _EXPLANATION.sub("", line)


def without_alternatives(line: str, sources: Sequence[str]) -> str:
    """Remove further names behind a bar or a bullet, comments and hashtags, unless titles have them.

    Of three or more different names between semicolons on a short line the first one stays; a repeated or long one is
    the sign of a bad reply.
    """
    found = _ALTERNATIVE.search(line)
    if found is not None and _LETTER.search(line[: found.start()]) and not _has_mark(found.group(), sources):
        return line[: found.start()]
    parts = _SEMICOLON.split(line)
    is_cut = _is_list(parts) and len(line) <= _MAX_PREAMBLE and not _has_mark(f"; {parts[1]}", sources)
    return parts[0] if is_cut else line


def _is_list(names: Sequence[str]) -> bool:
    """Whether there are three or more names, all of them different."""
    return len(names) > 2 and len({normalize(each) for each in names}) == len(names)


def _has_mark(tail: str, sources: Sequence[str]) -> bool:
    """Whether a title has the first mark of a tail with the word behind it."""
    start = " ".join(tail.split()[:2]).casefold()
    return any(start in " ".join(source.split()).casefold() for source in sources)


def is_preamble(line: str, sources: Sequence[str]) -> bool:
    """Whether a line is only a preamble, so that the name is on a line below."""
    plain = bare(line)
    rest = without_interjection(plain, sources)
    if not _LETTER.search(rest) or plain[-1:] in (":", "："):
        return True
    if SPAN.search(line) or is_supported(rest, sources):
        return False
    if is_label(rest) and len(split_words(rest)) > 1:
        return True
    if not begins_preamble(rest) or is_called(rest):
        return False
    return rest[-1:] in ".!。" or _HERE.match(rest) is not None


def only_span(line: str, sources: Sequence[str]) -> str:
    """Return the quoted or bold text of a sentence about a name, if there is exactly one; else the line."""
    if listed := _LISTED.match(line):
        return str(listed[1])
    spans = [next(filter(None, found)) for found in SPAN.findall(line)]
    around = SPAN.sub(" ", line)
    if not spans or is_supported(line, sources):
        return line
    if len(set(spans)) > 1:
        return spans[0] if _OR.match(around) else line
    lead = without_interjection(bare(around), sources)
    is_sentence = len(around.split()) >= _MIN_WORDS and (begins_preamble(lead) or is_called(lead))
    has_no_topic = len(split_words(lead)) > 1 and is_without_topic(lead)
    is_about = is_label(lead) or has_no_topic or (is_about_reply(lead) and not lead.isascii())
    is_closed = (
        around.rstrip()[-1:] in _CLOSING and shares_topic(spans[0], sources) and not shares_topic(around, sources)
    )
    return spans[0] if is_sentence or is_about or is_closed else line


def _link_end(line: str, sources: Sequence[str]) -> int:
    """Return where the text after words about the reply and a verb begins: `One possible name is ...`; 0: nowhere."""
    end = 0
    for found in _LINK.finditer(line[:_MAX_PREAMBLE]):
        head = line[: found.end()]
        if not is_about_reply(head):
            break
        is_long = len(split_words(head)) >= _MIN_WORDS or not head.isascii()
        if is_long and is_label(head) and not is_supported(head, sources):
            end = found.end()
    return end if _LETTER.search(line[end:]) else 0


def _partition(pattern: regex.Pattern[str], line: str) -> tuple[str, str, str]:
    found = pattern.search(line)
    return (line[: found.start()], found.group(), line[found.end() :]) if found else (line, "", "")
