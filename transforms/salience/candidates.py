"""Candidate terms of items, with the evidence for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_array
from transforms.function_words import FUNCTION_WORDS
from transforms.salience.spelling import SPELLINGS, spell
from transforms.salience.text import words

FIELD_EVIDENCE = {"title": 0.8, "tags": 0.8, "queries": 0.8, "description": 0.4}
"""For each text field the probability that one mention of a term reflects the topic of the item. Our own choice: the
papers do not give one."""

TERM_CHARACTERS = 512
"""Length of the beginning of a description that terms are taken from: it bounds the memory that an item takes."""

_LABEL_FIELDS = ("tags", "queries")
"""Fields whose capitals are no certain evidence: mostly there are none."""

_MAX_MENTIONS = 8

CANDIDATES = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("mentions", pa.list_(pa.int32()), nullable=False),
        pa.field("evidence", pa.list_(pa.float32()), nullable=False),
    ]
)
"""Per item: its distinct words and bigrams, the number of mentions of each, and the evidence in [0, 1]."""


STATISTICS = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("mentions", pa.int64(), nullable=False),
        pa.field("plain", pa.int64(), nullable=False),
    ]
)
"""Per term: the number of items with it (document frequency), its number of mentions, and the number of mentions that
are certainly written as the term itself (see `transforms.salience.spelling`)."""


class CatalogueTerms(NamedTuple):
    """The terms of some items, and how often and in which spelling they occur.

    Attributes:
        candidates: rows of `CANDIDATES`, one for each item, in the same order.
        statistics: rows of `STATISTICS`, one for each term.
        spellings: rows of `SPELLINGS`, each term and spelling once.
    """

    candidates: pa.RecordBatch
    statistics: pa.RecordBatch
    spellings: pa.RecordBatch


class _Mentions(NamedTuple):
    """Mentions of terms in one field.

    Attributes:
        items: int64, shape (mentions,): row of the item.
        terms: shape (mentions,).
        plain: bool, shape (mentions,): whether the mention is certainly written as the term itself.
        others: int64, shape (others,): the mentions that are written in another way.
        spellings: shape (others,): how they are written.
        certain: bool, shape (others,): whether they are certain evidence.
    """

    items: npt.NDArray[np.int64]
    terms: pa.StringArray
    plain: npt.NDArray[np.bool_]
    others: npt.NDArray[np.int64]
    spellings: pa.StringArray
    certain: npt.NDArray[np.bool_]


def candidate_terms(items: pa.RecordBatch, stop_words: frozenset[str] = FUNCTION_WORDS) -> pa.RecordBatch:
    """Extract the candidate terms of each item, rows of `CANDIDATES`: see `catalogue_terms`."""
    return catalogue_terms(items, stop_words).candidates


def catalogue_terms(items: pa.RecordBatch, stop_words: frozenset[str] = FUNCTION_WORDS) -> CatalogueTerms:
    """Extract the candidate terms of each item, and count them.

    Evidence is a noisy-or over mentions: `1 - prod over fields (1 - FIELD_EVIDENCE[field]) ** mentions there`.

    Args:
        items: rows of `items`.
        stop_words: words to ignore.
    """
    texts = {name: items[name] for name in FIELD_EVIDENCE}
    texts["description"] = _beginning(texts["description"])
    fields = [_field_mentions(text, stop_words, name not in _LABEL_FIELDS) for name, text in texts.items()]
    items_of = np.concatenate([field.items for field in fields])
    terms = pa.concat_arrays([field.terms for field in fields]).dictionary_encode()
    codes = terms.indices.to_numpy()
    field_of = np.repeat(np.arange(len(fields)), [len(field.items) for field in fields])

    vocabulary_size = max(len(terms.dictionary), 1)
    keys, inverse = np.unique(items_of * vocabulary_size + codes, return_inverse=True)
    doubt = np.ones(len(keys))
    mentions = np.zeros(len(keys), np.int32)
    for field, evidence in enumerate(FIELD_EVIDENCE.values()):
        times = np.bincount(inverse[field_of == field], minlength=len(keys))
        # A table instead of np.power, whose bits depend on the position in the array.
        doubt *= np.array([(1 - evidence) ** k for k in range(_MAX_MENTIONS + 1)])[np.minimum(times, _MAX_MENTIONS)]
        mentions += times.astype(np.int32)

    ends = np.searchsorted(keys // vocabulary_size, np.arange(items.num_rows + 1))
    candidates = pa.RecordBatch.from_arrays(
        [
            items["item_id"],
            list_array(ends, terms.dictionary.take(pa.array(keys % vocabulary_size))),
            list_array(ends, pa.array(mentions)),
            list_array(ends, pa.array((1 - doubt).astype(np.float32))),
        ],
        schema=CANDIDATES,
    )
    plain = np.concatenate([field.plain for field in fields])
    size = len(terms.dictionary)
    counts = (np.bincount(each, minlength=size) for each in (keys % vocabulary_size, codes, codes[plain]))
    statistics = pa.RecordBatch.from_arrays([terms.dictionary, *map(pa.array, counts)], schema=STATISTICS)
    return CatalogueTerms(candidates, statistics, _count_spellings(fields, codes, terms.dictionary))


def _beginning(descriptions: pa.StringArray) -> pa.StringArray:
    """Cut descriptions to `TERM_CHARACTERS`, at a space if there is one near the end."""
    cut = pc.utf8_slice_codeunits(descriptions, 0, TERM_CHARACTERS)
    whole = pc.replace_substring_regex(cut, r"\s\S{0,40}$", "")
    return pc.if_else(pc.greater(pc.utf8_length(descriptions), TERM_CHARACTERS), whole, descriptions)


def _count_spellings(
    fields: Sequence[_Mentions], codes: npt.NDArray[np.integer], terms: pa.StringArray
) -> pa.RecordBatch:
    """Count the spellings other than the terms themselves: rows of `SPELLINGS`."""
    starts = np.cumsum([0, *(len(field.items) for field in fields)])
    others = np.concatenate([field.others + start for field, start in zip(fields, starts, strict=False)])
    certain = np.concatenate([field.certain for field in fields])
    spellings = pa.concat_arrays([field.spellings for field in fields]).dictionary_encode()
    # A spelling has only one term.
    size = len(spellings.dictionary)
    used = spellings.indices.to_numpy()
    term_of_spelling = np.empty(size, np.int64)
    term_of_spelling[used] = codes[others]
    number = np.bincount(used, minlength=size)
    sure = np.bincount(used[certain], minlength=size)
    return pa.RecordBatch.from_arrays(
        [terms.take(pa.array(term_of_spelling)), spellings.dictionary, pa.array(sure), pa.array(number - sure)],
        schema=SPELLINGS,
    )


def _field_mentions(column: pa.Array, stop_words: frozenset[str], is_prose: bool) -> _Mentions:
    """Extract the words and bigrams of one text field; `is_prose`: its capitals can be certain evidence."""
    if pa.types.is_list(column.type):
        item_of_text = pc.list_parent_indices(column).to_numpy()
        column = column.flatten()
    else:
        item_of_text = np.arange(len(column))
    found = words(column, stop_words)
    vocabulary, spellings = (pa.array(each, pa.string()) for each in (found.vocabulary, found.spellings))
    second = np.flatnonzero(found.follows)
    second = second[found.pairs[found.codes[second]] & found.pairs[found.codes[second - 1]]]
    first = second - 1
    bigrams = pc.binary_join_element_wise(
        vocabulary.take(pa.array(found.codes[first])), vocabulary.take(pa.array(found.codes[second])), " "
    )
    spelled = spell(found)
    plain = np.concatenate([spelled.plain, spelled.plain[first] & spelled.plain[second] & ~found.hyphenated[second]])
    certain = np.concatenate([spelled.alone, spelled.certain[first] & spelled.certain[second]]) & is_prose
    # Words as they are written in a name: without capitals that distinguish nothing.
    shown = np.where(spelled.plain, found.codes, len(vocabulary) + found.spelling_codes)
    forms = pa.concat_arrays([vocabulary, spellings])
    other_words = np.flatnonzero(~spelled.plain)
    other_bigrams = np.flatnonzero(~plain[len(shown) :])
    left, right = first[other_bigrams], second[other_bigrams]
    pairs = pc.binary_join_element_wise(
        forms.take(pa.array(shown[left])),
        forms.take(pa.array(shown[right])),
        pc.if_else(pa.array(found.hyphenated[right]), "-", " "),
    )
    others = np.concatenate([other_words, len(shown) + other_bigrams])
    return _Mentions(
        item_of_text[np.concatenate([found.texts, found.texts[second]])],
        pa.concat_arrays([vocabulary.take(pa.array(found.codes)), bigrams]),
        plain & certain,
        others,
        pa.concat_arrays([forms.take(pa.array(shown[other_words])), pairs]),
        certain[others],
    )
