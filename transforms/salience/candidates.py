"""Candidate terms of items, with the evidence for each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_array
from transforms.salience.text import FUNCTION_WORDS, words

FIELD_EVIDENCE = {"title": 0.8, "tags": 0.8, "queries": 0.8, "description": 0.4}
"""For each text field the probability that one mention of a term reflects the topic of the item. Our own choice: the
papers do not give one."""

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


class _Mentions(NamedTuple):
    """Mentions of terms in one field: row of the item, int64, and the term."""

    items: npt.NDArray[np.int64]
    terms: pa.StringArray


def candidate_terms(items: pa.RecordBatch, stop_words: frozenset[str] = FUNCTION_WORDS) -> pa.RecordBatch:
    """Extract the candidate terms of each item.

    Evidence is a noisy-or over mentions: `1 - prod over fields (1 - FIELD_EVIDENCE[field]) ** mentions there`.

    Args:
        items: rows of `items`.
        stop_words: words to ignore.

    Returns:
        Rows of `CANDIDATES`, one for each item, in the same order.
    """
    fields = [_field_mentions(items[name], stop_words) for name in FIELD_EVIDENCE]
    items_of = np.concatenate([field.items for field in fields])
    terms = pa.concat_arrays([field.terms for field in fields]).dictionary_encode()
    field_of = np.repeat(np.arange(len(fields)), [len(field.items) for field in fields])

    vocabulary_size = max(len(terms.dictionary), 1)
    keys, inverse = np.unique(items_of * vocabulary_size + terms.indices.to_numpy(), return_inverse=True)
    doubt = np.ones(len(keys))
    mentions = np.zeros(len(keys), np.int32)
    for field, evidence in enumerate(FIELD_EVIDENCE.values()):
        times = np.bincount(inverse[field_of == field], minlength=len(keys))
        # A table instead of np.power, whose bits depend on the position in the array.
        doubt *= np.array([(1 - evidence) ** k for k in range(_MAX_MENTIONS + 1)])[np.minimum(times, _MAX_MENTIONS)]
        mentions += times.astype(np.int32)

    ends = np.searchsorted(keys // vocabulary_size, np.arange(items.num_rows + 1))
    return pa.RecordBatch.from_arrays(
        [
            items["item_id"],
            list_array(ends, terms.dictionary.take(pa.array(keys % vocabulary_size))),
            list_array(ends, pa.array(mentions)),
            list_array(ends, pa.array((1 - doubt).astype(np.float32))),
        ],
        schema=CANDIDATES,
    )


def _field_mentions(column: pa.Array, stop_words: frozenset[str]) -> _Mentions:
    """Extract the words and bigrams of one text field."""
    if pa.types.is_list(column.type):
        item_of_text = pc.list_parent_indices(column).to_numpy()
        column = column.flatten()
    else:
        item_of_text = np.arange(len(column))
    found = words(column, stop_words)
    vocabulary = pa.array(found.vocabulary, pa.string())
    second = np.flatnonzero(found.follows)
    second = second[found.pairs[found.codes[second]] & found.pairs[found.codes[second - 1]]]
    bigrams = pc.binary_join_element_wise(
        vocabulary.take(pa.array(found.codes[second - 1])), vocabulary.take(pa.array(found.codes[second])), " "
    )
    return _Mentions(
        item_of_text[np.concatenate([found.texts, found.texts[second]])],
        pa.concat_arrays([vocabulary.take(pa.array(found.codes)), bigrams]),
    )
