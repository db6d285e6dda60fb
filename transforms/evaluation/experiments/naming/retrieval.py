"""Names as vectors: how near one is to the name that people gave, and whether it finds its own journey among others."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.batching import Vectors
from transforms.evaluation.bootstrap import Floats

_EQUAL = 1e-6
"""Cosines that differ by less are equal: they are float noise."""
_NAMES_AT_ONCE = 1024


class RetrievalScores(NamedTuple):
    """How well each name finds its own journey; each of shape (names,), dtype float64.

    Attributes:
        recall: 1 where its own journey is nearer to it than all others, else 0.
        reciprocal_rank: 1 / the rank of its own journey.
        over_broadness: share of the other journeys that it fits at least as well as its own; 0 is best.
    """

    recall: Floats
    reciprocal_rank: Floats
    over_broadness: Floats


def cosines(first: Vectors, second: Vectors) -> Floats:
    """The cosine of each row with the row beside it; 0 where one of them is all zeros.

    Args:
        first: shape (rows, dimensions).
        second: of the same shape.
    """
    products = np.einsum("rd,rd->r", _unit(first), _unit(second))
    return np.asarray(products, np.float64)


def retrieve_own(names: Vectors, journeys: Vectors) -> RetrievalScores:
    """Looks for the journey of each name among all, by cosine.

    A journey that is as near as the own one counts as nearer, so a name that fits all finds none: ties are against it.

    Args:
        names: shape (names, dimensions); all zeros for a name that is blank.
        journeys: of the same shape: `mean_vectors` of the titles of the journey that each name is for.

    Raises:
        ValueError: when there are fewer than two.
    """
    if len(names) < 2 or names.shape != journeys.shape:
        raise ValueError(f"at least two names with a journey each are needed, got {names.shape} and {journeys.shape}")
    pairs = (_unit(names), _unit(journeys))
    rivals = np.concatenate([_rivals(*pairs, start) for start in range(0, len(names), _NAMES_AT_ONCE)])
    return RetrievalScores((rivals == 0).astype(np.float64), 1 / (1 + rivals), rivals / (len(names) - 1))


def _rivals(names: Floats, journeys: Floats, start: int) -> npt.NDArray[np.int64]:
    """For each of some names the number of other journeys that are at least as near as its own."""
    nearness = names[start : start + _NAMES_AT_ONCE] @ journeys.T
    own = np.diagonal(nearness, start)
    return np.asarray((nearness > own[:, None] - _EQUAL).sum(axis=1) - 1)


def mean_vectors(vectors: Vectors, offsets: npt.NDArray[np.int64]) -> Vectors:
    """The mean of the vectors of each group, shape (groups, dimensions); zeros for a group without any.

    Args:
        vectors: shape (texts, dimensions), those of one group after those of another.
        offsets: where groups begin and end, shape (groups + 1,).
    """
    groups = [vectors[start:end] for start, end in itertools.pairwise(offsets)]
    none = np.zeros(vectors.shape[1], np.float32)
    return np.stack([group.mean(axis=0) if len(group) else none for group in groups])


def medoids(vectors: Vectors, offsets: npt.NDArray[np.int64]) -> list[int | None]:
    """For each group the place in it of the vector that is nearest to the mean; the first of equals, None of none.

    Args:
        vectors: as for `mean_vectors`.
        offsets: as for `mean_vectors`.
    """
    found: list[int | None] = []
    for start, end, mean in zip(offsets[:-1], offsets[1:], mean_vectors(vectors, offsets), strict=True):
        nearness = cosines(vectors[start:end], np.broadcast_to(mean, (end - start, len(mean))))
        found.append(int(np.argmax(nearness > nearness.max() - _EQUAL)) if end > start else None)
    return found


def _unit(vectors: Vectors) -> Floats:
    doubles = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(doubles, axis=1, keepdims=True)
    return np.asarray(doubles / np.where(lengths > 0, lengths, 1))
