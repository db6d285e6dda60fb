"""The vocabulary of a catalogue: the terms that can be salient, and their specificity, from counts over all items."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate
from transforms.salience.candidates import STATISTICS
from transforms.salience.config import MIN_ITEMS_FOR_FRACTION, VocabularyConfig
from transforms.salience.spelling import choose_spellings, spell_bigrams, sum_spellings
from transforms.salience.text import may_stand_alone

FREQUENT_TERMS = pa.schema(
    [
        *(STATISTICS.field(name) for name in ("term", "items", "mentions")),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("certain", pa.bool_(), nullable=False),
    ]
)
"""Terms of enough items, with their numbers of items and mentions, their most frequent spelling, and whether there is
certain evidence for it."""

VOCABULARY = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("spelling", pa.string(), nullable=False),
        pa.field("specificity", pa.float64(), nullable=False),
    ]
)
"""The terms that can be salient, sorted; each with the spelling in which it is written, and its specificity in (0, 1].
Different terms have different spellings."""


class CatalogueSize(NamedTuple):
    """The numbers of items, of words and of neighbouring pairs of words in the text of a catalogue."""

    items: int
    words: int
    pairs: int


def catalogue_size(candidates: pa.RecordBatch) -> CatalogueSize:
    """Compute the size of a batch of candidates."""
    mentions = candidates["mentions"].flatten().to_numpy()
    pairs = pc.match_substring(candidates["terms"].flatten(), " ").to_numpy(zero_copy_only=False)
    return CatalogueSize(candidates.num_rows, int(mentions[~pairs].sum()), int(mentions[pairs].sum()))


def sum_sizes(sizes: Iterable[CatalogueSize]) -> CatalogueSize:
    """Add the sizes of parts of a catalogue."""
    return CatalogueSize(*(sum(numbers) for numbers in zip(CatalogueSize(0, 0, 0), *sizes, strict=True)))


def sum_statistics(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Add rows of `STATISTICS`: one row per term, sorted by term."""
    table = pa.Table.from_batches([concatenate(batches, STATISTICS)])
    counts = [(name, "sum") for name in STATISTICS.names[1:]]
    summed = table.group_by("term").aggregate(counts).sort_by("term")
    return pa.RecordBatch.from_arrays(
        [summed[name].combine_chunks() for name in ("term", *(f"{name}_sum" for name, _ in counts))], schema=STATISTICS
    )


def frequent_terms(
    statistics: Iterable[pa.RecordBatch], spellings: Iterable[pa.RecordBatch], config: VocabularyConfig
) -> pa.RecordBatch:
    """Select the terms that occur in enough items, and the spelling of each.

    Args:
        statistics: rows of `STATISTICS` of parts of a catalogue.
        spellings: rows of `SPELLINGS` of these parts.
        config: its `min_term_items` is used.

    Returns:
        Rows of `FREQUENT_TERMS`, sorted by term.
    """
    rows = sum_statistics(statistics)
    rows = rows.filter(pc.greater_equal(rows["items"], config.min_term_items))
    others = [batch.filter(pc.is_in(batch["term"], rows["term"])) for batch in spellings]
    mentions, plain = (rows[name].to_numpy() for name in ("mentions", "plain"))
    chosen = choose_spellings(rows["term"], mentions, plain, sum_spellings(others))
    return pa.RecordBatch.from_arrays(
        [rows["term"], rows["items"], rows["mentions"], chosen.spellings, pa.array(chosen.certain)],
        schema=FREQUENT_TERMS,
    )


def vocabulary(terms: Iterable[pa.RecordBatch], size: CatalogueSize, config: VocabularyConfig) -> pa.RecordBatch:
    """Select the terms that can be salient.

    Specificity is inverse document frequency on the scale of the catalogue: `log(N / items) / log N`, 1 for a term of
    one item, 0 for a term of all. A bigram is kept if its words are associated, by normalised pointwise mutual
    information `log(P(a b) / (P(a) P(b))) / -log P(a b)`, with unigram probabilities among all words and bigram
    probabilities among all neighbouring pairs.

    Args:
        terms: rows of `FREQUENT_TERMS`, each term once, with both words of each bigram.
        size: size of the whole catalogue, including terms that are not frequent.
        config: the limits.

    Returns:
        Rows of `VOCABULARY`, sorted by term.
    """
    rows = concatenate(terms, FREQUENT_TERMS)
    rows = rows.take(pc.sort_indices(rows["term"]))
    items = rows["items"].to_numpy()
    max_items = max(config.max_term_fraction * size.items, MIN_ITEMS_FOR_FRACTION)
    is_bigram = pc.match_substring(rows["term"], " ").to_numpy(zero_copy_only=False)
    kept = (
        (items <= max_items)
        & (items < size.items)
        & np.where(is_bigram, _associated(rows, is_bigram, size, config), True)
    )
    unigrams = np.flatnonzero(kept & ~is_bigram)
    kept[unigrams] = [may_stand_alone(word) for word in rows["term"].take(pa.array(unigrams)).to_pylist()]
    uncertain = is_bigram & kept & ~rows["certain"].to_numpy(zero_copy_only=False)
    spellings = spell_bigrams(rows["spelling"], uncertain, rows["term"])
    specificity = pa.array(_specificity(items[kept], size.items))
    return pa.RecordBatch.from_arrays(
        [rows["term"].filter(pa.array(kept)), spellings.filter(pa.array(kept)), specificity], schema=VOCABULARY
    )


def _specificity(items: npt.NDArray[np.int64], item_count: int) -> npt.NDArray[np.float64]:
    """Compute `log(N / items) / log N`.

    Python's logarithm is used, because that of NumPy depends on the vector instructions of the machine.
    """
    distinct, inverse = np.unique(items, return_inverse=True)
    values = [math.log(item_count / number) / math.log(item_count) for number in distinct.tolist()]
    return np.array(values, np.float64)[inverse]


def _associated(
    rows: pa.RecordBatch, is_bigram: npt.NDArray[np.bool_], size: CatalogueSize, config: VocabularyConfig
) -> npt.NDArray[np.bool_]:
    """Return whether each row is a bigram whose words are associated."""
    mentions = rows["mentions"].to_numpy()
    bigrams = np.flatnonzero(is_bigram)
    halves = pc.split_pattern(rows["term"].take(pa.array(bigrams)), " ", max_splits=1)
    first, second = (pc.index_in(pc.list_element(halves, side), rows["term"]).to_numpy() for side in (0, 1))
    associated = np.zeros(rows.num_rows, bool)
    associated[bigrams] = [
        _normalised_pmi(together / size.pairs, one / size.words, other / size.words) >= config.min_association
        for together, one, other in zip(
            mentions[bigrams].tolist(), mentions[first].tolist(), mentions[second].tolist(), strict=True
        )
    ]
    return associated


def _normalised_pmi(together: float, one: float, other: float) -> float:
    """Compute the normalised pointwise mutual information of two neighbours: -1 never, 0 by chance, 1 only together."""
    if together >= 1:
        return 1.0
    return math.log(together / (one * other)) / -math.log(together)
