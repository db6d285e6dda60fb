"""Measures of the vectors of names: similarity to references, and retrieval of a name's journey among all."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.batching import Vectors
from transforms.evaluation.bootstrap import Floats

_TOLERANCE = 1e-6
"""Cosines that differ by less are equal: the difference is rounding error."""
_NAMES_PER_BLOCK = 1024


class RetrievalScores(NamedTuple):
    """Retrieval of each name's own journey; each of shape (names,), dtype float64.

    Attributes:
        recall: 1 where its own journey is nearest, else 0.
        reciprocal_rank: 1 / the rank of its own journey.
        over_broadness: fraction of the other journeys that are at least as near as its own; 0 is best.
    """

    recall: Floats
    reciprocal_rank: Floats
    over_broadness: Floats


def cosines(first: Vectors, second: Vectors) -> Floats:
    """Compute the cosine of each row of `first` with the same row of `second`; 0 where one of them is all zeros.

    Args:
        first: shape (rows, dimensions).
        second: of the same shape.
    """
    products = np.einsum("rd,rd->r", _unit(first), _unit(second))
    return np.asarray(products, np.float64)


def retrieve_own(names: Vectors, journeys: Vectors) -> RetrievalScores:
    """Rank all journeys for each name, by cosine, and find its own.

    A journey that is as near as its own ranks higher: ties count against the name, so that one that fits all
    journeys retrieves none.

    Args:
        names: shape (names, dimensions); all zeros for a blank name.
        journeys: of the same shape: `mean_vectors` of the titles of each name's journey.

    Raises:
        ValueError: when there are fewer than two.
    """
    if len(names) < 2 or names.shape != journeys.shape:
        raise ValueError(f"at least two names with a journey each are needed, got {names.shape} and {journeys.shape}")
    pairs = (_unit(names), _unit(journeys))
    rivals = np.concatenate([_rivals(*pairs, start) for start in range(0, len(names), _NAMES_PER_BLOCK)])
    return RetrievalScores((rivals == 0).astype(np.float64), 1 / (1 + rivals), rivals / (len(names) - 1))


def _rivals(names: Floats, journeys: Floats, start: int) -> npt.NDArray[np.int64]:
    """Count for each name of a block the other journeys that are at least as near as its own."""
    similarity = names[start : start + _NAMES_PER_BLOCK] @ journeys.T
    own = np.diagonal(similarity, start)
    return np.asarray((similarity > own[:, None] - _TOLERANCE).sum(axis=1) - 1)


def mean_vectors(vectors: Vectors, offsets: npt.NDArray[np.int64]) -> Vectors:
    """Compute the mean vector of each group, shape (groups, dimensions); zeros for an empty group.

    Args:
        vectors: shape (texts, dimensions), group after group.
        offsets: where groups begin and end, shape (groups + 1,).
    """
    groups = [vectors[start:end] for start, end in itertools.pairwise(offsets)]
    zeros = np.zeros(vectors.shape[1], np.float32)
    return np.stack([group.mean(axis=0) if len(group) else zeros for group in groups])


def medoids(vectors: Vectors, offsets: npt.NDArray[np.int64]) -> list[int | None]:
    """Find in each group the index of the vector nearest to the mean; the first of equals, None in an empty group.

    Args:
        vectors: as for `mean_vectors`.
        offsets: as for `mean_vectors`.
    """
    found: list[int | None] = []
    for start, end, mean in zip(offsets[:-1], offsets[1:], mean_vectors(vectors, offsets), strict=True):
        similarity = cosines(vectors[start:end], np.broadcast_to(mean, (end - start, len(mean))))
        found.append(int(np.argmax(similarity > similarity.max() - _TOLERANCE)) if end > start else None)
    return found


def _unit(vectors: Vectors) -> Floats:
    doubles = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(doubles, axis=1, keepdims=True)
    return np.asarray(doubles / np.where(lengths > 0, lengths, 1))
