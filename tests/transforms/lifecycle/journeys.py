"""Journeys as lists of times, and term vectors as dictionaries, in the form that the functions take."""

from collections.abc import Mapping, Sequence

import numpy as np

from transforms.columnar import list_offsets
from transforms.journeys.icpc import TermVectors
from transforms.lifecycle.rhythm import Integers


def compressed(lists: Sequence[Sequence[int]]) -> tuple[Integers, Integers]:
    """Compressed rows: offsets and values."""
    values = np.array([value for own in lists for value in own], np.int64)
    return list_offsets([len(own) for own in lists]), values


def term_vectors(items: Sequence[Mapping[int, float]], vocabulary: int) -> TermVectors:
    """The salient terms of items: salience by code of the term."""
    return TermVectors(
        offsets=list_offsets([len(terms) for terms in items]),
        terms=np.array([term for terms in items for term in sorted(terms)], np.int32),
        saliences=np.array([terms[term] for terms in items for term in sorted(terms)], np.float32),
        vocabulary_size=vocabulary,
    )
