"""The name of a journey from its salient terms alone: what a language model has to beat.

Terms are folded words without what stood between them. They are first found in the titles, and written as there
(`swe agent`: `SWE-agent`; `light holder`: `T-light holder`); terms that overlap in a title become one (`supervised
fine`, `fine tuning`: `supervised fine-tuning`). Of these labels, those count that are heavy and that several titles
have; the best two or three that say different things are the name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import regex

from transforms.naming.config import NamingConfig
from transforms.naming.text import contains, display_width, fold_case, is_unspaced, singularize, split_words, word_list

_MOST_LABELS = 3
_LEAST_SHARE = 0.45
_LEAST_SHARE_OF_SECOND = 0.3
_SHARE_OF_ONE_TITLE = 0.7
_FEW_TITLES = 3
_LONGEST_LABEL = 32
_MOST_WORDS = 4
_SHORTEST_COMMON_WORD = 4
_HYPHENS = "-‐‑"  # noqa: RUF001
_PIECE = regex.compile(r"([\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)?[+#]*)([^\p{L}\p{M}\p{N}]*)")
_LETTER = regex.compile(r"\p{L}")
_ARABIC = regex.compile(r"\p{Arabic}")


class Label(NamedTuple):
    """What a name may be made of.

    Attributes:
        text: as titles have it, without the capitals of headlines.
        words: the same as words, folded, with a blank between them.
        score: how heavy it is, and how many titles have it.
    """

    text: str
    words: str
    score: float


def salient_name(
    terms: Sequence[str], weights: Sequence[float], titles: Sequence[str], rank: int, config: NamingConfig
) -> str:
    """A readable label of two or three terms: `Machine learning, graph networks`.

    Where no term is fit it is the words that most titles have, and else `placeholder_name`.

    Args:
        terms: of the journey, the heaviest first.
        weights: of the terms.
        titles: what the journey is named from.
        rank: of the journey among those of its user.
        config: how wide a name may be.
    """
    tokens, texts = [tokenize_title(title) for title in titles], [fold_case(title) for title in titles]
    labels = [_label(term, weight, tokens, texts) for term, weight in zip(terms, weights, strict=True)]
    labels = merge_overlapping(labels, [" ".join(piece.word for piece in each) for each in tokens])
    shown = [label.text for label in select_labels(labels)] or common_words(titles)
    return join_labels(shown, config.max_width) or placeholder_name(rank)


def placeholder_name(rank: int) -> str:
    """What a journey is called of which nothing may be said."""
    return f"Interest {rank}"


class Token(NamedTuple):
    """A word of a title: folded, as it is shown within a name, and whether a hyphen ties it to the next."""

    word: str
    shown: str
    tied: bool


def tokenize_title(title: str) -> list[Token]:
    """The words of a title; capitals of headlines and of beginnings of sentences are gone, as those of all capitals."""
    shouted = title.upper() == title
    return [
        Token(fold_case(word), word.lower() if shouted else _plain(word), bool(gap) and gap in _HYPHENS)
        for word, gap in _PIECE.findall(title)
    ]


def _plain(word: str) -> str:
    return word if any(map(str.isupper, word[1:])) or len(word) == 1 else word.lower()


def _label(term: str, weight: float, titles: Sequence[list[Token]], texts: Sequence[str]) -> Label:
    if is_unspaced(term):
        support = sum(term in text for text in texts)
        return Label(term, term, weight if support > 1 or len(texts) < _FEW_TITLES else weight * _SHARE_OF_ONE_TITLE)
    text, support = surface_form(term, titles)
    score = weight if support > 1 or len(titles) < _FEW_TITLES else weight * _SHARE_OF_ONE_TITLE
    return Label(text, " ".join(split_words(text.replace("-", " "))), score)


def surface_form(term: str, titles: Sequence[Sequence[Token]]) -> tuple[str, int]:
    """A term as most titles write it, and how many have it; as it is where none has.

    Where hyphens tie it to other words, and to the same in all titles, these belong to it; to a single word they do
    where several titles have it.
    """
    words = term.split(" ")
    alone: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for tokens in titles:
        start = _place(words, tokens)
        if start is not None:
            end = start + len(words)
            alone[_written(tokens[start:end])] += 1
            while start and tokens[start - 1].tied:
                start -= 1
            while end < len(tokens) and tokens[end - 1].tied:
                end += 1
            whole[_written(tokens[start:end])] += 1
    if not alone:
        return term, 0
    ways = whole if len(whole) == 1 and (len(words) > 1 or alone.total() > 1) else alone
    return min(ways, key=lambda way: (-ways[way], way)), alone.total()


def _place(words: Sequence[str], tokens: Sequence[Token]) -> int | None:
    spoken = [piece.word for piece in tokens]
    if words[0] not in spoken:
        return None
    return next((at for at in range(len(spoken)) if spoken[at : at + len(words)] == list(words)), None)


def _written(tokens: Sequence[Token]) -> str:
    return "".join(piece.shown + ("-" if piece.tied else " ") for piece in tokens)[:-1]


def merge_overlapping(labels: Sequence[Label], spoken: Sequence[str]) -> list[Label]:
    """Joins labels of which one ends as another begins, where some title has them so.

    Args:
        labels: the heaviest first.
        spoken: the words of each title, folded, with a blank between them.
    """
    left, done = list(labels), []
    while left:
        label = left.pop(0)
        while (longer := _longer(label, left, spoken)) is not None:
            label, used = longer
            left.remove(used)
        done.append(label)
    return done


def _longer(label: Label, others: Sequence[Label], spoken: Sequence[str]) -> tuple[Label, Label] | None:
    for other in others:
        if other.score < _LEAST_SHARE * label.score:
            continue
        for first, second in ((label, other), (other, label)):
            whole = _overlapped(first, second)
            if whole.words and any(contains(text, whole.words) for text in spoken):
                return whole._replace(score=max(label.score, other.score)), other
    return None


def _overlapped(first: Label, second: Label) -> Label:
    """`a b` and `b c` as `a b c`, pairs of characters likewise; blank where they do not overlap, or get too long."""
    blank = Label("", "", 0)
    if is_unspaced(first.words) and is_unspaced(second.words):
        if first.words[-1] != second.words[0] or display_width(first.words + second.words) > _LONGEST_LABEL // 2:
            return blank
        return Label(first.text + second.text[1:], first.words + second.words[1:], 0)
    head, tail = first.words.split(" "), second.words.split(" ")
    if min(len(head), len(tail)) < 2 or head[-1] != tail[0] or len(head) + len(tail) - 1 > _MOST_WORDS:
        return blank
    if not second.text.lower().startswith(head[-1]):
        return blank
    return Label(first.text + second.text[len(head[-1]) :], " ".join(head + tail[1:]), 0)


def select_labels(labels: Sequence[Label]) -> list[Label]:
    """At most three labels that say different things, the best first; weak ones only where there is no other."""
    usable = [label for label in labels if display_width(label.text) <= _LONGEST_LABEL and _LETTER.search(label.text)]
    usable.sort(key=lambda label: -label.score)
    strong = [label for label in usable if not _is_weak(label)] or usable[:1]
    picked: list[Label] = []
    for label in strong:
        share = _LEAST_SHARE if len(picked) > 1 else _LEAST_SHARE_OF_SECOND
        if picked and label.score < share * picked[0].score:
            break
        wider = _widest(label, strong)
        if not _repeats(wider.words, " ".join(other.words for other in picked)):
            picked.append(wider)
        if len(picked) == _MOST_LABELS:
            break
    return picked


def _is_weak(label: Label) -> bool:
    words = [singularize(word) for word in label.words.split(" ")]
    # Two letters that are no acronym are mostly a piece of something.
    if len(words) == 1 and words[0].isascii() and len(words[0]) < 3 and not label.text.isupper():
        return True
    dangling, weak = word_list("dangling_words.txt"), word_list("weak_terms.txt")
    return words[-1] in dangling or all(word in weak or word.isdigit() for word in words)


def _widest(label: Label, others: Sequence[Label]) -> Label:
    """The best label that has this one within it and is not much worse; itself where there is none."""
    wider = (other for other in others if other.words != label.words and contains(other.words, label.words))
    return next((other for other in wider if other.score >= _LEAST_SHARE * label.score), label)


def _repeats(words: str, said: str) -> bool:
    """Whether at least half of a label was said already."""
    if is_unspaced(words):
        return sum(character in said for character in words) * 2 > len(words)
    known = {singularize(word) for word in said.split(" ")}
    new = [singularize(word) for word in words.split(" ")]
    return sum(word in known for word in new) * 2 >= len(new) or "".join(new) in "".join(said.split(" "))


def common_words(titles: Sequence[str]) -> list[str]:
    """The words that most titles have, two at most; among equals the longer, then the one that comes first."""
    weak = word_list("weak_terms.txt")
    numbers = Counter(word for title in titles for word in dict.fromkeys(split_words(title)))
    fit = [
        word
        for word in numbers
        if _SHORTEST_COMMON_WORD <= display_width(word) <= _LONGEST_LABEL
        and _LETTER.search(word)
        and singularize(word) not in weak
    ]
    return sorted(fit, key=lambda word: (-numbers[word], -display_width(word)))[:2]


def join_labels(labels: Sequence[str], most: int) -> str:
    """Labels with commas between, as many as fit into `most` columns, the first letter a capital."""
    name = ""
    for label in labels:
        separator = "، " if _ARABIC.search(label) else "、" if is_unspaced(label) else ", "
        longer = f"{name}{separator}{label}" if name else label
        if display_width(longer) <= most:
            name = longer
    # A word with capitals of its own, as `iOS`, is written as its makers do.
    first = regex.split(r"[\s,-]", name)[0]
    return name if any(map(str.isupper, first)) else name[:1].upper() + name[1:]
