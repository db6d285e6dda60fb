"""Replacement of the key word of a collection by a synonym in half of the items that have it."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.evaluation.numbered_collections import item_texts, number_items
from transforms.hashing import stable_hash
from transforms.salience.text import words

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MIN_FRACTION = 0.3
"""A word is a key word of a collection when at least this fraction of its items have it."""

MIN_ITEMS = 4
"""A word is a key word of a collection when at least this number of its items have it."""


def load_synonyms() -> dict[str, str]:
    """Load the synonym of each word; both are in lower case and mostly have the same grammatical form.

    The list was written by hand for this experiment.
    """
    text = importlib.resources.files(__package__).joinpath("synonyms.txt").read_text(encoding="utf-8")
    return dict(line.split(maxsplit=1) for line in text.splitlines() if line.strip())


class KeyWords(NamedTuple):
    """Collections that have a key word with a synonym.

    Attributes:
        collections: rows of `collections`.
        words: the key word of each.
    """

    collections: pa.RecordBatch
    words: list[str]


def collections_with_key_words(collections: pa.RecordBatch, synonyms: Mapping[str, str]) -> KeyWords:
    """Select the collections with a key word that has a synonym; of several key words the most frequent.

    Args:
        collections: rows of `collections`.
        synonyms: the synonym of each word.

    Returns:
        Collections in their order; ties between words are broken alphabetically.
    """
    texts = pc.binary_join_element_wise(
        pc.fill_null(collections["item_titles"].flatten(), ""), _descriptions(collections), " "
    )
    owners = pc.list_parent_indices(collections["item_titles"]).to_numpy()
    occurrences = words(texts)
    listed = np.array([word in synonyms for word in occurrences.vocabulary], bool)
    inside = listed[occurrences.codes] if len(occurrences.codes) else np.zeros(0, bool)
    # A text counts once for a word: (collection, word) pairs of distinct (text, word) pairs.
    size = max(len(occurrences.vocabulary), 1)
    distinct = np.unique(occurrences.texts[inside] * size + occurrences.codes[inside])
    pairs, counts = np.unique(owners[distinct // size] * size + distinct % size, return_counts=True)
    sizes = np.bincount(owners, minlength=collections.num_rows)
    chosen: dict[int, tuple[int, str]] = {}
    for owner, word, count in zip((pairs // size).tolist(), (pairs % size).tolist(), counts.tolist(), strict=True):
        if count >= max(MIN_ITEMS, MIN_FRACTION * sizes[owner]):
            candidate = (-count, occurrences.vocabulary[word])
            chosen[owner] = min(chosen.get(owner, candidate), candidate)
    kept = sorted(chosen)
    return KeyWords(collections.take(pa.array(kept, pa.int64())), [chosen[owner][1] for owner in kept])


def _descriptions(collections: pa.RecordBatch) -> pa.StringArray:
    """Return the description of each item, empty where there is none; one for each title."""
    titles = collections["item_titles"]
    has = pc.take(pc.is_valid(collections["item_descriptions"]), pc.list_parent_indices(titles))
    blank = pa.array([""] * len(titles.flatten()), pa.string())
    return pc.replace_with_mask(blank, has, pc.fill_null(collections["item_descriptions"].flatten(), ""))


class Replaced(NamedTuple):
    """Items in which a word was replaced.

    Attributes:
        items: rows of `items`, one for each row given, in their order.
        changed: bool, shape (items,): whether a word of the item was replaced.
    """

    items: pa.RecordBatch
    changed: npt.NDArray[np.bool_]


def replace_key_words(items: pa.RecordBatch, key_words: KeyWords, synonyms: Mapping[str, str]) -> Replaced:
    """Replace the key word of each collection by its synonym in half of the items that have it.

    A hash of the item's text alone decides which half it is in.

    Args:
        items: rows of `items`, built from the collections; others are left as they are.
        key_words: the collections and their key words.
        synonyms: the synonym of each word.
    """
    texts = item_texts(items)
    sampled = (stable_hash(texts) >> np.uint64(20)) & np.uint64(1) == 1
    words_by_row = _words_by_row(texts, key_words)
    columns = {name: items[name].to_pylist() for name in ("title", "description")}
    changed = np.zeros(items.num_rows, bool)
    for row in np.flatnonzero(sampled).tolist():
        for word in sorted(words_by_row.get(row, ())):
            for values in columns.values():
                replaced = replace_word(values[row], word, synonyms[word]) if values[row] else values[row]
                changed[row] |= replaced != values[row]
                values[row] = replaced
    arrays = [pa.array(columns[name], pa.string()) if name in columns else items[name] for name in ITEMS.arrow.names]
    return Replaced(pa.RecordBatch.from_arrays(arrays, schema=ITEMS.arrow), changed)


def _words_by_row(texts: pa.StringArray, key_words: KeyWords) -> dict[int, set[str]]:
    """Return by index in `texts` the key words of the collections that contain the item."""
    found: dict[int, set[str]] = {}
    for row, word in enumerate(key_words.words):
        own = number_items([key_words.collections.slice(row, 1)]).items
        for index in pc.index_in(item_texts(own), texts).drop_null().to_pylist():
            found.setdefault(index, set()).add(word)
    return found


def replace_word(text: str, word: str, synonym: str) -> str:
    """Replace each `word` in a text by `synonym`, whatever its case; an initial capital is kept."""

    def substitute(match: re.Match[str]) -> str:
        return synonym.capitalize() if match[0][0].isupper() else synonym

    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", substitute, text, flags=re.IGNORECASE)


def f1_of_items(offsets: Integers, true: Integers, predicted: Integers, chosen: npt.NDArray[np.bool_]) -> Floats:
    """Compute B-cubed F1 of some items of each history; the other items count only as members of their clusters.

    Args:
        offsets: int64, shape (histories + 1,).
        true: the true label of each item, shape (items,), none negative.
        predicted: the predicted label, shape (items,); -1 for an item in no cluster.
        chosen: bool, shape (items,): the items that are scored.

    Returns:
        float64, shape (histories,); NaN where no item is scored.
    """
    histories = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    single = np.where(predicted < 0, len(predicted) + np.arange(len(predicted)), predicted)
    groups = [_sizes(histories, labels) for labels in (true, single, true * (2 * len(predicted) + 1) + single)]
    precision, recall = groups[2] / groups[1], groups[2] / groups[0]
    count = np.bincount(histories[chosen], minlength=len(offsets) - 1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            np.bincount(histories[chosen], values[chosen], len(offsets) - 1) / count for values in (precision, recall)
        ]
        return np.asarray(2 * means[0] * means[1] / (means[0] + means[1]))


def _sizes(histories: Integers, labels: Integers) -> Floats:
    """Count for each item the items of its history that have its label."""
    codes = np.unique(labels, return_inverse=True)[1]
    keys = histories * (codes.max(initial=0) + 1) + codes
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.float64)
