"""The validation period in slices, each with the counts of what is before it.

Parameters chosen by counts that end before the whole period depend on what changed at that one time. Slices measure the
same transitions by counts that end shortly before each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.exploration.training_counts import (
    TrainingCounts,
    count_training,
    drop_rare_counts,
    training_periods,
)
from transforms.exploration.transitions import (
    VALIDATION,
    FirstOccurrences,
    SplitTimes,
    Transitions,
    take_transitions,
    transitions_of_split,
)

VALIDATION_SLICES = 4
"""Number of slices of the validation period."""


class Validation(NamedTuple):
    """A period on which parameters are chosen.

    Attributes:
        transitions: the transitions of the period.
        first: the first occurrences of all users, of which those before a transition are not candidates.
    """

    transitions: Transitions
    first: FirstOccurrences


class ValidationSlice(NamedTuple):
    """A slice of the validation period.

    Attributes:
        training: counts of all that is before the slice.
        validation: the slice.
    """

    training: TrainingCounts
    validation: Validation


def slice_starts(times: npt.NDArray[np.integer], boundaries: SplitTimes) -> tuple[int, ...]:
    """Compute the starts of slices of the validation period with equal numbers of first interactions, but for ties.

    Args:
        times: shape (interactions,): times of first interactions, in any order, in microseconds.
        boundaries: boundaries of the periods.

    Returns:
        From 1 to `VALIDATION_SLICES` distinct times, ascending; the first one is the start of the validation period.
    """
    ordered = np.sort(times)
    low, high = np.searchsorted(ordered, [boundaries.validation, boundaries.test]).tolist()
    inner = ordered[low:high][(high - low) * np.arange(1, VALIDATION_SLICES) // VALIDATION_SLICES] if high > low else []
    return tuple(sorted({boundaries.validation, *(int(time) for time in inner)}))


def divide_validation(
    counted: Sequence[TrainingCounts], starts: Sequence[int], validation: Validation
) -> tuple[ValidationSlice, ...]:
    """Divide the validation period into slices.

    Args:
        counted: counts before each slice.
        starts: the starts of the slices, ascending; the first one is that of the validation period.
        validation: the whole period.

    Returns:
        All slices; a slice may have no transitions.
    """
    slices = np.searchsorted(starts, validation.transitions.times, side="right") - 1
    return tuple(
        ValidationSlice(training, Validation(take_transitions(validation.transitions, slices == own), validation.first))
        for own, training in enumerate(counted)
    )


def count_slices(
    first: FirstOccurrences, cluster_count: int, size: int, boundaries: SplitTimes, min_users: int = 1
) -> tuple[ValidationSlice, ...]:
    """Count a log in memory before each slice of the validation period.

    Args:
        first: the first occurrences of all periods.
        cluster_count: number of clusters, C.
        size: number of clusters of a context, K.
        boundaries: boundaries of the periods.
        min_users: counts of fewer users are dropped.
    """
    starts = slice_starts(first.times, boundaries)
    counted = (count_training(first, cluster_count, size, training_periods(first.times, start)) for start in starts)
    validation = Validation(transitions_of_split(first, size, boundaries, VALIDATION), first)
    return divide_validation([drop_rare_counts(counts, min_users) for counts in counted], starts, validation)


def whole_validation(slices: Iterable[ValidationSlice]) -> Validation:
    """Return the whole validation period, slice by slice."""
    parts = [each.validation for each in slices]
    columns = zip(*(part.transitions for part in parts), strict=True)
    return Validation(Transitions(*(np.concatenate(column) for column in columns)), parts[0].first)
