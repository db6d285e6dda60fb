"""Spelling of terms: the form in which a catalogue writes each term most often, such as `GitHub` or `super-resolution`.

A mention is certain evidence of capitals only where they distinguish something. Capitals are ignored in texts without
lowercase letters; a capital first letter is ignored at the beginning of a text or sentence, and in headlines, in which
most words have one. Such mentions, and those in tags and queries, count only for terms with hardly any certain ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate, run_offsets
from transforms.salience.text import Words

SPELLINGS = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("certain", pa.int64(), nullable=False),
        pa.field("uncertain", pa.int64(), nullable=False),
    ]
)
"""Per term and spelling, other than the term itself: the numbers of certain and of uncertain mentions."""

MIN_CERTAIN_FRACTION = 0.1
"""Minimum fraction of the mentions of a term that are certain, for them to decide on its spelling."""

_LOWERCASE, _INITIAL, _CAPITALS, _CASELESS = range(4)

Flags = npt.NDArray[np.bool_]


class SpelledWords(NamedTuple):
    """The spelling of each of some words, without capitals that distinguish nothing.

    Attributes:
        plain: bool, shape (words,): whether it is written as the normalised word.
        certain: bool, shape (words,): whether the mention is certain evidence as part of a bigram.
        alone: bool, shape (words,): whether it is certain evidence as a term by itself.
    """

    plain: Flags
    certain: Flags
    alone: Flags


def spell(found: Words) -> SpelledWords:
    """Determine how words are written.

    Args:
        found: the words of some texts.
    """
    if not len(found.codes):
        nothing = np.zeros(0, bool)
        return SpelledWords(nothing, nothing, nothing)
    case = np.array([_case(spelling) for spelling in found.spellings], np.int8)[found.spelling_codes]
    capital = (case == _INITIAL) | (case == _CAPITALS)
    shouted = ~found.lowercase[found.texts]
    distinguishing = ~found.starts & ~_in_headline(found, case, capital)
    ignored = capital & (shouted | ((case == _INITIAL) & ~distinguishing))
    same = _spelling_equals_word(found)
    certain = (case == _CASELESS) | (
        ~shouted & ((case == _CAPITALS) | np.where(case == _INITIAL, distinguishing, ~found.starts))
    )
    # A lowercase word in a compound with hyphens is often part of an identifier.
    compound = found.hyphenated | np.append(found.hyphenated[1:], False)
    return SpelledWords(ignored | same, certain, certain & ~((case == _LOWERCASE) & compound))


def _case(spelling: str) -> int:
    if spelling == spelling.lower():
        return _LOWERCASE if spelling != spelling.upper() else _CASELESS
    rest = spelling[1:]
    return _INITIAL if rest and rest == rest.lower() and rest != rest.upper() else _CAPITALS


def _in_headline(found: Words, case: npt.NDArray[np.int8], capital: Flags) -> Flags:
    """Return for each word whether most words of its text have capitals, except those that begin a sentence."""
    counted = ~found.starts & (case != _CASELESS)
    size = len(found.lowercase)
    total = np.bincount(found.texts[counted], minlength=size)
    capitals = np.bincount(found.texts[counted & capital], minlength=size)
    return (2 * capitals > total)[found.texts]


def _spelling_equals_word(found: Words) -> Flags:
    """Return for each word whether it is written as the normalised word; a spelling has only one normalised word."""
    word_of_spelling = np.empty(len(found.spellings), np.int64)
    word_of_spelling[found.spelling_codes] = found.codes
    same = [
        spelling == found.vocabulary[word]
        for spelling, word in zip(found.spellings, word_of_spelling.tolist(), strict=True)
    ]
    return np.array(same, bool)[found.spelling_codes]


def sum_spellings(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Add rows of `SPELLINGS`: one row per term and spelling, sorted."""
    table = pa.Table.from_batches([concatenate(batches, SPELLINGS)])
    summed = table.group_by(["term", "spelling"]).aggregate([("certain", "sum"), ("uncertain", "sum")])
    summed = summed.sort_by([("term", "ascending"), ("spelling", "ascending")])
    return pa.RecordBatch.from_arrays(
        [summed[name].combine_chunks() for name in ("term", "spelling", "certain_sum", "uncertain_sum")],
        schema=SPELLINGS,
    )


class ChosenSpellings(NamedTuple):
    """The spelling of each of some terms.

    Attributes:
        spellings: shape (terms,).
        certain: bool, shape (terms,): whether there is certain evidence for it.
    """

    spellings: pa.StringArray
    certain: Flags


def choose_spellings(
    terms: pa.StringArray, mentions: npt.NDArray[np.int64], plain: npt.NDArray[np.int64], others: pa.RecordBatch
) -> ChosenSpellings:
    """Choose the spelling of each term with the most certain mentions, then the most mentions, then the smallest one.

    Certain mentions are not preferred to others if they are less than `MIN_CERTAIN_FRACTION` of all.

    Args:
        terms: distinct terms.
        mentions: shape (terms,): number of mentions of each.
        plain: shape (terms,): number of certain mentions that are written as the term itself.
        others: rows of `SPELLINGS`, each term and spelling once; those of other terms are ignored.
    """
    codes = pc.index_in(others["term"], terms)
    others = others.filter(codes.is_valid())
    owners = codes.drop_null().to_numpy().astype(np.int64)
    certain, uncertain = (others[name].to_numpy() for name in ("certain", "uncertain"))
    total = np.zeros(len(terms), np.int64)
    np.add.at(total, owners, certain + uncertain)
    sure = plain.copy()
    np.add.at(sure, owners, certain)
    enough = sure >= MIN_CERTAIN_FRACTION * mentions
    spellings = pa.concat_arrays([terms, others["spelling"]])
    owners = np.concatenate([np.arange(len(terms)), owners])
    certain = np.concatenate([plain, certain])
    uncertain = np.concatenate([mentions - total - plain, uncertain])
    uncertain += np.where(enough[owners], 0, certain)
    certain = np.where(enough[owners], certain, 0)
    places = np.empty(len(spellings), np.int64)
    places[pc.sort_indices(spellings).to_numpy()] = np.arange(len(spellings))
    order = np.lexsort((places, -uncertain, -certain, owners))
    best = order[run_offsets(owners[order])[:-1]]
    return ChosenSpellings(spellings.take(pa.array(best)), certain[best] > 0)


def spell_bigrams(spellings: pa.StringArray, uncertain: Flags, terms: pa.StringArray) -> pa.StringArray:
    """Give the words of bigrams without certain evidence the capitals that they have by themselves.

    Args:
        spellings: shape (terms,): the spelling of each term.
        uncertain: bool, shape (terms,): bigrams whose capitals are not known.
        terms: shape (terms,): distinct terms, with both words of each bigram.
    """
    rows = np.flatnonzero(uncertain)
    bigrams = terms.take(pa.array(rows))
    halves = pc.split_pattern(bigrams, " ", max_splits=1)
    first, second = (spellings.take(pc.index_in(pc.list_element(halves, side), terms)) for side in (0, 1))
    joints = pc.if_else(pc.match_substring(spellings.take(pa.array(rows)), "-"), "-", " ")
    whole = pc.binary_join_element_wise(first, second, joints)
    return pc.replace_with_mask(spellings, pa.array(uncertain), whole)
