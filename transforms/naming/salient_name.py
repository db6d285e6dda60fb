"""The name of a journey from its salient terms alone: what a language model has to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import regex

from transforms.naming.config import NamingConfig
from transforms.naming.words import contains, is_unspaced, listed, normalised, singular, width, words_of

_MOST_LABELS = 3
_LEAST_SHARE = 0.45
_LONGEST_LABEL = 32
_LONGEST_CHAIN = 4
_BETWEEN_WORDS = r"[\s\-‐‑–_/]+"  # noqa: RUF001 - they are what titles have between words
_NUMBER = regex.compile(r"[\p{N}\s.,]+")
_CASED = regex.compile(r"[\p{Lu}\p{Ll}]")
_SEPARATORS = {"Arabic": "، "}


class Label(NamedTuple):
    """A term or several that overlap.

    Attributes:
        term: normalised words with a blank between them.
        weight: of the heaviest term in it.
    """

    term: str
    weight: float


def salient_name(
    terms: Sequence[str], weights: Sequence[float], titles: Sequence[str], rank: int, config: NamingConfig
) -> str:
    """A readable label of two or three terms: `Machine learning, graph networks`.

    Terms that overlap become one, as titles have them (`supervised fine`, `fine tuning`: `Supervised fine-tuning`); a
    term within another, its plural, and terms that mostly repeat others are left out. Words are written as in titles.

    Args:
        terms: of the journey, the heaviest first.
        weights: of the terms.
        titles: what it is named from; also the source of words where no term is fit.
        rank: of the journey among those of its user, for the last resort.
        config: how wide a name may be.
    """
    texts = [normalised(title) for title in titles]
    labels = chosen(chained([Label(*pair) for pair in zip(terms, weights, strict=True)], texts))
    shown = [as_written(label.term, titles) for label in labels] or common_words(titles)
    return joined(shown, config.max_width) or last_resort(rank)


def last_resort(rank: int) -> str:
    """What a journey is called of which nothing may be said."""
    return f"Interest {rank}"


def chained(labels: Sequence[Label], texts: Sequence[str]) -> list[Label]:
    """Joins labels of which one ends as another begins, where some text has them so; the heaviest first.

    Args:
        labels: the heaviest first.
        texts: normalised titles.
    """
    spoken = [" ".join(words_of(text)) for text in texts]
    left, done = list(labels), []
    while left:
        label = left.pop(0)
        while (longer := _extended(label, left, spoken)) is not None:
            label, used = longer
            left.remove(used)
        done.append(label)
    return done


def _extended(label: Label, others: Sequence[Label], spoken: Sequence[str]) -> tuple[Label, Label] | None:
    for other in others:
        if other.weight < _LEAST_SHARE * label.weight:
            continue
        for first, second in ((label.term, other.term), (other.term, label.term)):
            whole = _overlapped(first, second)
            if whole and any(contains(text, whole) for text in spoken):
                return Label(whole, label.weight), other
    return None


def _overlapped(first: str, second: str) -> str:
    """`a b` and `b c` as `a b c`, pairs of characters likewise; empty where they do not overlap, or get too long."""
    if is_unspaced(first) and is_unspaced(second):
        whole = first + second[1:] if first[-1] == second[0] and len(second) > 1 else ""
        return whole if width(whole) <= _LONGEST_LABEL // 2 else ""
    head, tail = first.split(" "), second.split(" ")
    if len(tail) < 2 or len(head) < 2 or head[-1] != tail[0]:
        return ""
    whole = " ".join(head + tail[1:])
    return whole if len(head) + len(tail) - 1 <= _LONGEST_CHAIN and width(whole) <= _LONGEST_LABEL else ""


def chosen(labels: Sequence[Label]) -> list[Label]:
    """At most three labels that say different things, the heaviest first; weak ones only where there is no other."""
    usable = [label for label in labels if _may_be_shown(label.term)]
    strong = [label for label in usable if not _is_weak(label.term)]
    if not strong:
        strong = [label for label in usable if not _NUMBER.fullmatch(label.term)]
    picked: list[Label] = []
    for label in strong:
        if len(picked) == _MOST_LABELS or picked and label.weight < _LEAST_SHARE * picked[0].weight:
            break
        if picked and _repeats(label.term, " ".join(other.term for other in picked)):
            continue
        picked.append(_widest(label, strong))
    return picked


def _may_be_shown(term: str) -> bool:
    return width(term) <= _LONGEST_LABEL and regex.search(r"\p{L}", term) is not None


def _is_weak(term: str) -> bool:
    words = [singular(word) for word in term.split(" ")]
    weak = listed("weak_terms.txt")
    return words[-1] in weak or _NUMBER.fullmatch(words[-1]) is not None and len(words) == 1 or all(w in weak for w in words)


def _widest(label: Label, others: Sequence[Label]) -> Label:
    """The longest label that has this one within it and weighs not much less."""
    wider = [
        other
        for other in others
        if other.term != label.term
        and contains(other.term, label.term)
        and other.weight >= _LEAST_SHARE * label.weight
    ]
    # The heaviest of them, not the longest: it is what most items share.
    return Label(wider[0].term, label.weight) if wider else label


def _repeats(term: str, said: str) -> bool:
    """Whether at least half of a term was said already."""
    if is_unspaced(term.replace(" ", "")):
        return sum(character in said for character in term) * 2 > len(term)
    known = {singular(word) for word in said.split(" ")}
    words = [singular(word) for word in term.split(" ")]
    return sum(word in known for word in words) * 2 >= len(words) or "".join(words) in "".join(said.split(" "))


def as_written(term: str, titles: Sequence[str]) -> str:
    """A term as most titles write it: with its hyphens, and with capitals that are more than those of a headline."""
    pattern = regex.compile(
        r"(?<![\p{L}\p{N}])" + _BETWEEN_WORDS.join(map(regex.escape, term.split(" "))) + r"(?![\p{L}\p{N}])",
        regex.IGNORECASE,
    )
    ways = Counter(way for title in titles if not _shouts(title) for way in pattern.findall(title))
    if not ways:
        return term
    way = min(ways, key=lambda each: (-ways[each], each))
    return " ".join(_plain(word) for word in regex.sub(r"[\s_/]+", " ", way).split(" "))


def _shouts(title: str) -> bool:
    return title.upper() == title


def _plain(word: str) -> str:
    """A word without the capitals of headlines and beginnings of sentences; `GitHub`, `3D` and `CUDA` stay."""
    return "-".join(part if any(map(str.isupper, part[1:])) else part.lower() for part in word.split("-"))


def common_words(titles: Sequence[str]) -> list[str]:
    """The words that most titles have, two at most; among equals the longer, then the one that comes first."""
    weak = listed("weak_terms.txt")
    lists = [dict.fromkeys(word for word in words_of(title) if regex.search(r"\p{L}", word)) for title in titles]
    numbers = Counter(word for words in lists for word in words)
    fit = [word for word in numbers if width(word) >= 4 and width(word) <= _LONGEST_LABEL and singular(word) not in weak]
    return sorted(fit, key=lambda word: (-numbers[word], -width(word)))[:2]


def joined(labels: Sequence[str], most: int) -> str:
    """Labels with commas between, as many as fit into `most` columns, the first letter a capital."""
    name = ""
    for label in labels:
        separator = "، " if regex.search(r"\p{Arabic}", label) else "、" if is_unspaced(label) else ", "
        longer = f"{name}{separator}{label}" if name else label
        if width(longer) <= most:
            name = longer
    # A word with capitals of its own, as `iOS`, is written as its makers do.
    first = name.split(" ")[0]
    return name if any(map(str.isupper, first)) else name[:1].upper() + name[1:]
