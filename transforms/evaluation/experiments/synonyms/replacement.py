"""Collections in which a word of many items is replaced by a synonym: what is left of a method that reads letters?"""

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
from transforms.columnar import stable_hash
from transforms.evaluation.numbered_collections import item_texts, number_items
from transforms.salience.text import words

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LEAST_SHARE = 0.3
"""A word is the key word of a collection when at least this share of its items have it,"""

FEWEST_ITEMS = 4
"""and at least so many."""


def load_synonyms() -> dict[str, str]:
    """By word the synonym that takes its place; both in lower case, and for the most part of one grammatical form.

    The list was made by hand for this experiment.
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
    """The collections of which a word that has a synonym stands in many items; of several words the most frequent.

    Args:
        collections: rows of `collections`.
        synonyms: by word.

    Returns:
        Collections in their order; ties between words are broken by the word.
    """
    texts = pc.binary_join_element_wise(
        pc.fill_null(collections["item_titles"].flatten(), ""), _descriptions(collections), " "
    )
    owners = pc.list_parent_indices(collections["item_titles"]).to_numpy()
    found = words(texts)
    listed = np.array([word in synonyms for word in found.vocabulary], bool)
    inside = listed[found.codes] if len(found.codes) else np.zeros(0, bool)
    # Each text speaks once for a word: (collection, word) pairs of distinct (text, word) pairs.
    size = max(len(found.vocabulary), 1)
    spoken = np.unique(found.texts[inside] * size + found.codes[inside])
    pairs, counts = np.unique(owners[spoken // size] * size + spoken % size, return_counts=True)
    sizes = np.bincount(owners, minlength=collections.num_rows)
    chosen: dict[int, tuple[int, str]] = {}
    for owner, word, count in zip((pairs // size).tolist(), (pairs % size).tolist(), counts.tolist(), strict=True):
        if count >= max(FEWEST_ITEMS, LEAST_SHARE * sizes[owner]):
            candidate = (-count, found.vocabulary[word])
            chosen[owner] = min(chosen.get(owner, candidate), candidate)
    kept = sorted(chosen)
    return KeyWords(collections.take(pa.array(kept, pa.int64())), [chosen[owner][1] for owner in kept])


def _descriptions(collections: pa.RecordBatch) -> pa.StringArray:
    """The description of each item, "" where there is none, as long as the titles."""
    titles = collections["item_titles"]
    has = pc.take(pc.is_valid(collections["item_descriptions"]), pc.list_parent_indices(titles))
    blank = pa.array([""] * len(titles.flatten()), pa.string())
    return pc.replace_with_mask(blank, has, pc.fill_null(collections["item_descriptions"].flatten(), ""))


class Replaced(NamedTuple):
    """Items in which a word was replaced.

    Attributes:
        items: rows of `items`, as many as were given, in their order.
        changed: bool, shape (items,): whether a word of the item was replaced.
    """

    items: pa.RecordBatch
    changed: npt.NDArray[np.bool_]


def replace_key_words(items: pa.RecordBatch, known: KeyWords, synonyms: Mapping[str, str]) -> Replaced:
    """Puts a synonym in the place of the key word, in half of the items of each collection that have it.

    Which half depends on the text of the item alone.

    Args:
        items: rows of `items` made of the collections; others are left as they are.
        known: the collections and their key words.
        synonyms: by word.
    """
    texts = item_texts(items)
    drawn = (stable_hash(texts) >> np.uint64(20)) & np.uint64(1) == 1
    keys = _words_of_items(texts, known)
    columns = {name: items[name].to_pylist() for name in ("title", "description")}
    changed = np.zeros(items.num_rows, bool)
    for row in np.flatnonzero(drawn).tolist():
        for word in sorted(keys.get(row, ())):
            for values in columns.values():
                replaced = replace_word(values[row], word, synonyms[word]) if values[row] else values[row]
                changed[row] |= replaced != values[row]
                values[row] = replaced
    arrays = [pa.array(columns[name], pa.string()) if name in columns else items[name] for name in ITEMS.arrow.names]
    return Replaced(pa.RecordBatch.from_arrays(arrays, schema=ITEMS.arrow), changed)


def _words_of_items(texts: pa.StringArray, known: KeyWords) -> dict[int, set[str]]:
    """By row of `texts` the key words of the collections that the item is in."""
    found: dict[int, set[str]] = {}
    for row, word in enumerate(known.words):
        own = number_items([known.collections.slice(row, 1)]).items
        for place in pc.index_in(item_texts(own), texts).drop_null().to_pylist():
            found.setdefault(place, set()).add(word)
    return found


def replace_word(text: str, word: str, synonym: str) -> str:
    """A text in which `synonym` stands for each `word`, whatever its case; a capital stays one."""

    def instead(found: re.Match[str]) -> str:
        return synonym.capitalize() if found[0][0].isupper() else synonym

    return re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", instead, text, flags=re.IGNORECASE)


def f1_of_items(offsets: Integers, true: Integers, found: Integers, chosen: npt.NDArray[np.bool_]) -> Floats:
    """B-cubed F1 of some of the items of each history; the others count only as their company.

    Args:
        offsets: int64, shape (histories + 1,).
        true: the true label of each item, shape (items,), none negative.
        found: the label found, or -1 for an item that is alone.
        chosen: bool, shape (items,): the items that are judged.

    Returns:
        float64, shape (histories,); NaN where none is judged.
    """
    histories = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    alone = np.where(found < 0, len(found) + np.arange(len(found)), found)
    groups = [_sizes(histories, labels) for labels in (true, alone, true * (2 * len(found) + 1) + alone)]
    precision, recall = groups[2] / groups[1], groups[2] / groups[0]
    count = np.bincount(histories[chosen], minlength=len(offsets) - 1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [
            np.bincount(histories[chosen], values[chosen], len(offsets) - 1) / count for values in (precision, recall)
        ]
        return np.asarray(2 * means[0] * means[1] / (means[0] + means[1]))


def _sizes(histories: Integers, labels: Integers) -> Floats:
    """How many items of its history share each item's label."""
    codes = np.unique(labels, return_inverse=True)[1]
    keys = histories * (codes.max(initial=0) + 1) + codes
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.float64)
