"""Names of journeys from their salient terms, the baseline of language models.

A term is written as the catalogue writes it, or as the titles do (`swe agent`: `SWE-agent`; `light holder`: `T-light
holder`), with the words beside it that are the same in all titles with the term (`supervised fine`: `supervised
fine-tuning`). Terms that overlap in a title are merged. The score of a label is the weight of its term times its
similarity to the titles: the cosine of its vector with their mean direction, by the packaged encoder.

The name consists of at most three labels that do not repeat each other, each of a term of at least two titles, or of a
term of no title, such as a genre, that is heavier than all terms of titles; if there is none, of the best label alone.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import regex

from transforms.encoders.interface import Encoder
from transforms.encoders.spec import EncoderSpec
from transforms.encoders.vocabulary_coverage import MIN_COVERED_FRACTION, covered_word_fraction
from transforms.function_words import all_function_words
from transforms.inflection import singularize
from transforms.naming.config import NamingConfig
from transforms.naming.text import contains, display_width, fold_case, is_unspaced, split_words, word_list

_MAX_LABELS = 3
_MIN_SIMILARITY = 0.3
_SIMILARITY_OF_TAGS = 0.25
_LEAST_SIMILARITY = 0.02
_MIN_FRACTION = 0.45
_MIN_FRACTION_OF_SECOND = 0.3
_MIN_TITLES = 2
_MAX_LABEL_WIDTH = 42
_MAX_WORDS = 4
_MIN_COMMON_WORD = 4
_HYPHENS = "-‐‑"  # noqa: RUF001
_HYPHEN = regex.compile(f"[{_HYPHENS}]")
_CONNECTIVES = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "by",
        "de",
        "for",
        "from",
        "how",
        "in",
        "into",
        "is",
        "la",
        "of",
        "on",
        "or",
        "that",
        "the",
        "to",
        "using",
        "via",
        "with",
        "your",
    ]
)
_TOKEN = regex.compile(r"([\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)?[+#]*)([^\p{L}\p{M}\p{N}]*)")
_LETTER = regex.compile(r"\p{L}")
_ARABIC = regex.compile(r"\p{Arabic}")
_HAN_OR_KANA = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ーｰ]+")


class Label(NamedTuple):
    """A candidate part of a name.

    Attributes:
        text: surface form, without the capitals of headlines.
        words: the same as case-folded words with a space between them.
        score: weight of the term.
        is_shared: whether at least `_MIN_TITLES` titles contain it, or all titles if there are fewer.
        is_fragment: whether it is one word, which hyphens join to different words in all titles with it.
        in_titles: whether any title contains it.
    """

    text: str
    words: str
    score: float
    is_shared: bool = True
    is_fragment: bool = False
    in_titles: bool = True


def salient_name(
    terms: Sequence[str], weights: Sequence[float], titles: Sequence[str], rank: int, config: NamingConfig
) -> str:
    """Name a journey by one to three of its terms: `Machine learning, graph networks`.

    If no term is usable, the most common words of the titles are used, or else `placeholder_name`.

    Args:
        terms: terms of the journey, the heaviest first.
        weights: weights of the terms.
        titles: titles of its items.
        rank: rank of the journey among those of its user.
        config: the limits of names.
    """
    tokens, texts = [tokenize_title(title) for title in titles], [fold_case(title) for title in titles]
    labels = [_label(term, weight, tokens, texts) for term, weight in zip(terms, weights, strict=True)]
    labels = merge_overlapping(labels, [" ".join(token.word for token in each) for each in tokens])
    labels = weigh_by_similarity(labels, titles)
    shown = [label.text for label in select_labels(labels)] or common_words(titles)
    return join_labels(shown, config.max_width) or placeholder_name(rank)


def placeholder_name(rank: int) -> str:
    """Return the name of a journey without any usable text."""
    return f"Interest {rank}"


class Token(NamedTuple):
    """A word of a title.

    Attributes:
        word: case-folded.
        shown: as written in a name.
        tied: whether a hyphen joins it to the next word.
        adjacent: whether nothing but a hyphen or a space is between it and the next word.
    """

    word: str
    shown: str
    tied: bool
    adjacent: bool


def tokenize_title(title: str) -> list[Token]:
    """Split a title into words; capitals of headlines, of the first word and of all-caps titles are removed."""
    shouted = title.upper() == title
    return [
        Token(
            fold_case(word),
            word.lower() if shouted else _plain(word),
            tied=bool(gap) and gap in _HYPHENS,
            adjacent=bool(gap) and gap in f"{_HYPHENS} ",
        )
        for word, gap in _TOKEN.findall(title)
    ]


def _plain(word: str) -> str:
    return word if any(map(str.isupper, word[1:])) or len(word) == 1 else word.lower()


def _label(term: str, weight: float, titles: Sequence[list[Token]], texts: Sequence[str]) -> Label:
    needed = min(_MIN_TITLES, len(texts))
    if is_unspaced(term):
        support = sum(term in text for text in texts)
        return Label(term, term, weight, support >= needed, in_titles=support > 0)
    text, support = surface_form(term, titles)
    words = " ".join(split_words(_HYPHEN.sub(" ", text)))
    return Label(text, words, weight, support >= needed, _is_fragment(words, titles), support > 0)


def _is_fragment(word: str, titles: Sequence[Sequence[Token]]) -> bool:
    joined = [
        token.tied or (place > 0 and tokens[place - 1].tied)
        for tokens in titles
        for place, token in enumerate(tokens)
        if token.word == word
    ]
    return bool(joined) and all(joined)


def surface_form(term: str, titles: Sequence[Sequence[Token]]) -> tuple[str, int]:
    """Return how a term is written in titles, and the number of titles with it.

    Words beside the term belong to it if they are the same in all of several titles with it. Otherwise it is written as
    given if it has capitals or hyphens, or else as in most titles. A term in no title is returned unchanged.
    """
    words = _HYPHEN.sub(" ", fold_case(term)).split(" ")
    places = [(tokens, start) for tokens in titles if (start := _position(words, tokens)) is not None]
    if not places:
        return term, 0
    before, after = _common_words(places, len(words))
    if before or after:
        tokens, start = places[0]
        return _join_tokens(tokens[start - before : start + len(words) + after]), len(places)
    if term != fold_case(term) or _HYPHEN.search(term):
        return term, len(places)
    forms = Counter(_join_tokens(tokens[start : start + len(words)]) for tokens, start in places)
    return min(forms, key=lambda form: (-forms[form], form != term, form)), len(places)


def _common_words(places: Sequence[tuple[Sequence[Token], int]], length: int) -> tuple[int, int]:
    """Count the words before and after a term that all titles with it have; of one title, those joined by hyphens.

    Args:
        places: the titles with the term, and its position in each.
        length: number of words of the term.
    """
    counts = [0, 0]
    for side, step in ((1, 1), (0, -1)):
        while True:
            end = length + counts[1] if step > 0 else -counts[0] - 1
            found = {_neighbour(tokens, start + end, step) for tokens, start in places}
            word, tied = next(iter(found)) if len(found) == 1 else ("", False)
            fits = sum(counts) + length < _MAX_WORDS and len(places) > 1 and word not in _CONNECTIVES
            if not word or not (tied or fits):
                break
            if not tied and word in all_function_words():
                break
            if step < 0 and not tied and singularize(word) in word_list("weak_terms.txt"):
                break
            counts[side] += 1
    return counts[0], counts[1]


def _neighbour(tokens: Sequence[Token], place: int, step: int) -> tuple[str, bool]:
    """Return the word at a place and whether a hyphen joins it to the term; blank if there is none beside the term."""
    if not 0 <= place < len(tokens):
        return "", False
    joint = tokens[place - 1] if step > 0 else tokens[place]
    return (tokens[place].word, joint.tied) if joint.adjacent else ("", False)


def _position(words: Sequence[str], tokens: Sequence[Token]) -> int | None:
    title_words = [token.word for token in tokens]
    if words[0] not in title_words:
        return None
    return next((at for at in range(len(title_words)) if title_words[at : at + len(words)] == list(words)), None)


def _join_tokens(tokens: Sequence[Token]) -> str:
    return "".join(token.shown + ("-" if token.tied else " ") for token in tokens)[:-1]


def merge_overlapping(labels: Sequence[Label], title_words: Sequence[str]) -> list[Label]:
    """Merge labels that overlap, if a title contains the merged words.

    Args:
        labels: the heaviest first.
        title_words: the case-folded words of each title with a space between them.
    """
    left, done = list(labels), []
    while left:
        label = left.pop(0)
        while (longer := _merge_with_any(label, left, title_words)) is not None:
            label, used = longer
            left.remove(used)
        done.append(label)
    return done


def _merge_with_any(label: Label, others: Sequence[Label], title_words: Sequence[str]) -> tuple[Label, Label] | None:
    for other in others:
        if other.score < _MIN_FRACTION * label.score:
            continue
        for first, second in ((label, other), (other, label)):
            whole = _merge(first, second)
            if whole.words and any(contains(text, whole.words) for text in title_words):
                shared = label.is_shared and other.is_shared
                return whole._replace(score=max(label.score, other.score), is_shared=shared), other
    return None


def _merge(first: Label, second: Label) -> Label:
    """Merge `a b` and `b c` to `a b c`, or two characters each; an empty label without overlap or if too long."""
    blank = Label("", "", 0)
    if is_unspaced(first.words) and is_unspaced(second.words):
        if first.words[-1] != second.words[0] or display_width(first.words + second.words) > _MAX_LABEL_WIDTH // 2:
            return blank
        return Label(first.text + second.text[1:], first.words + second.words[1:], 0)
    head, tail = first.words.split(" "), second.words.split(" ")
    if min(len(head), len(tail)) < 2 or head[-1] != tail[0] or len(head) + len(tail) - 1 > _MAX_WORDS:
        return blank
    if not second.text.lower().startswith(head[-1]):
        return blank
    return Label(first.text + second.text[len(head[-1]) :], " ".join(head + tail[1:]), 0)


def weigh_by_similarity(labels: Sequence[Label], titles: Sequence[str]) -> list[Label]:
    """Multiply the scores of labels by their similarity to the titles; labels that are not similar are not shared.

    A label of no title, such as a genre, has a constant similarity: titles of films do not say that they are comedies.
    Titles of which the packaged encoder has few words leave the labels as they are.
    """
    if not labels or covered_word_fraction(titles) < MIN_COVERED_FRACTION:
        return list(labels)
    vectors = _directions([*titles, *(label.text for label in labels)])
    similarities = vectors[len(titles) :] @ _normalize(vectors[: len(titles)].mean(axis=0))
    return [
        label._replace(
            score=label.score * max(similarity, _LEAST_SIMILARITY),
            is_shared=label.is_shared and similarity >= _MIN_SIMILARITY,
        )
        if label.in_titles
        else label._replace(score=label.score * _SIMILARITY_OF_TAGS)
        for label, similarity in zip(labels, similarities.tolist(), strict=True)
    ]


def _directions(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    return _normalize(_encoder().encode(texts).astype(np.float64))


def _normalize(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


@functools.cache
def _encoder() -> Encoder:
    return EncoderSpec("static").load()


def select_labels(labels: Sequence[Label]) -> list[Label]:
    """Select at most three labels that do not repeat each other, the best first; a weak one only if alone.

    Labels that titles share are selected, and those of no title that score higher than all that are in titles. If there
    is none, only the best label is selected.
    """
    usable = [label for label in labels if display_width(label.text) <= _MAX_LABEL_WIDTH and _LETTER.search(label.text)]
    usable.sort(key=lambda label: -label.score)
    strong = [label for label in usable if not _is_weak(label)] or usable[:1]
    highest = max((label.score for label in strong if label.in_titles), default=0.0)
    strong = [label for label in strong if label.is_shared or _is_heavier(label, highest)] or strong[:1]
    picked: list[Label] = []
    for label in strong:
        fraction = _MIN_FRACTION if len(picked) > 1 else _MIN_FRACTION_OF_SECOND
        if picked and label.score < fraction * picked[0].score:
            break
        wider = _widest(label, strong)
        if not _repeats(wider.words, " ".join(other.words for other in picked)):
            picked.append(wider)
        if len(picked) == _MAX_LABELS:
            break
    return picked


def _is_heavier(label: Label, score: float) -> bool:
    """Whether a label is of a tag or a description, and scores higher: the titles with it are not known."""
    return not label.in_titles and label.score > score


def _is_weak(label: Label) -> bool:
    if label.is_fragment:
        return True
    words = [singularize(word) for word in label.words.split(" ")]
    # Two letters that are not an acronym of the titles are mostly a fragment, or a code among the tags.
    is_acronym = label.text.isupper() and label.in_titles
    if len(words) == 1 and words[0].isascii() and len(words[0]) < 3 and not is_acronym:
        return True
    dangling, weak = word_list("dangling_words.txt"), word_list("weak_terms.txt")
    return words[-1] in dangling or all(word in weak or word.isdigit() for word in words)


def _widest(label: Label, others: Sequence[Label]) -> Label:
    """Return the best label that contains this one and does not score much lower; the label itself if there is none."""
    wider = (other for other in others if other.words != label.words and contains(other.words, label.words))
    return next((other for other in wider if other.score >= _MIN_FRACTION * label.score), label)


def _repeats(words: str, selected_words: str) -> bool:
    """Whether at least half of the words of a label are in the selected labels."""
    if is_unspaced(words):
        return sum(character in selected_words for character in words) * 2 > len(words)
    existing = {singularize(word) for word in selected_words.split(" ")}
    new = [singularize(word) for word in words.split(" ")]
    return sum(word in existing for word in new) * 2 >= len(new) or "".join(new) in "".join(selected_words.split(" "))


def common_words(titles: Sequence[str]) -> list[str]:
    """Return at most two words, those in most titles; ties by length, then by first occurrence."""
    weak = word_list("weak_terms.txt")
    numbers = Counter(word for title in titles for word in dict.fromkeys(split_words(title)))
    usable = [
        word
        for word in numbers
        if _MIN_COMMON_WORD <= display_width(word) <= _MAX_LABEL_WIDTH
        and _LETTER.search(word)
        and singularize(word) not in weak
    ]
    usable = [word for word in usable if word not in all_function_words()] or usable
    return sorted(usable, key=lambda word: (-numbers[word], -display_width(word)))[:2]


def join_labels(labels: Sequence[str], max_width: int) -> str:
    """Join as many labels as fit into `max_width` columns, with commas and a capital first letter."""
    name = ""
    for label in labels:
        separator = "، " if _ARABIC.search(label) else "、" if _HAN_OR_KANA.fullmatch(label) else ", "
        longer = f"{name}{separator}{label}" if name else label
        if display_width(longer) <= max_width:
            name = longer
    # A word with its own capitals, such as `iOS`, keeps them.
    first = regex.split(r"[\s,-]", name)[0]
    return name if any(map(str.isupper, first)) else name[:1].upper() + name[1:]
