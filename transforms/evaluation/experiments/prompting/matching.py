"""Assignment of names to references, each to at most one, with the largest total similarity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Matching(NamedTuple):
    """Names that are assigned to references.

    Attributes:
        names: int64, shape (references,): the name of each reference; -1: none is left for it.
        similarities: float64, shape (references,): the similarity of the two; 0 without a name.
    """

    names: npt.NDArray[np.int64]
    similarities: Floats


class SoftScores(NamedTuple):
    """Agreement of a set of names with a set of references, each in [0, 1].

    Attributes:
        recall: sum of the similarities of assigned pairs divided by the number of references.
        precision: the same sum divided by the number of names; 0 without names.
        f1: twice the sum divided by both numbers together.
    """

    recall: float
    precision: float
    f1: float


def match_names(similarities: npt.ArrayLike) -> Matching:
    """Assign names to references so that the sum of similarities is as large as possible.

    As many pairs are formed as there are names or references, whichever is less. A negative similarity counts as 0.

    Args:
        similarities: shape (references, names).

    Raises:
        ValueError: when the shape has not two dimensions, or a value is not finite.
    """
    from scipy.optimize import linear_sum_assignment

    values = np.asarray(similarities, np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"similarities must be finite, of shape (references, names), got {values.shape}")
    values = np.maximum(values, 0.0)
    chosen, found = np.full(len(values), -1, np.int64), np.zeros(len(values))
    references, names = linear_sum_assignment(values, maximize=True)
    chosen[references] = names
    found[references] = values[references, names]
    return Matching(chosen, found)


def soft_scores(matching: Matching, names: int) -> SoftScores:
    """Compute the agreement of names with references.

    Args:
        matching: the assignment, for at least one reference.
        names: number of names.
    """
    total, references = float(matching.similarities.sum()), len(matching.similarities)
    return SoftScores(total / references, total / names if names else 0.0, 2 * total / (references + names))
