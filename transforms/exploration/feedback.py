"""Collective feedback on novel clusters: how many users of a context came back to a candidate (2504.05522, section 4).

A single user's return to a cluster says little. The returns of all users with the same context are therefore counted
together; contexts and candidates of few users are dropped, and return rates are normalised and rounded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.exploration.transitions import (
    Codes,
    FirstOccurrences,
    Flags,
    Integers,
    Transitions,
    context_keys,
    take_transitions,
)

Fractions = npt.NDArray[np.float64]


class Period(NamedTuple):
    """A span of time in which novel clusters are consumed and users come back to them; in microseconds.

    All users are observed equally long: counted are those with `horizon` left before the end, and whether they came
    back within `horizon`. Otherwise clusters of recent users would have low rates. Nothing after the end is used.

    Attributes:
        start: first time that belongs to it.
        end: first time after it.
        horizon: time within which a user comes back, above 0.
    """

    start: int
    end: int
    horizon: int

    def counts(self, times: Integers) -> Flags:
        """Return whether first interactions at these times are counted, bool, shape (times,)."""
        return (times >= self.start) & (times <= self.end - self.horizon)

    def returns(self, times: Integers, return_times: Integers) -> Flags:
        """Return whether users came back in time, bool, shape (times,).

        Args:
            times: int64: times of first interactions.
            return_times: int64: times of second interactions; `NEVER` without one.
        """
        return return_times < times + self.horizon


class Feedback(NamedTuple):
    """Feedback by context and candidate, by ascending context, then candidate.

    Attributes:
        contexts: int32, shape (rows, K): the context.
        candidates: int32, shape (rows,): the cluster that was novel to the users.
        users: int64, shape (rows,): number of users who consumed the candidate after the context.
        returned: int64, shape (rows,): number of these who came back to the candidate.
    """

    contexts: Codes
    candidates: Codes
    users: Integers
    returned: Integers

    @property
    def rates(self) -> Fractions:
        """The return rate of each row, float64, shape (rows,), in [0, 1]."""
        return self.returned / np.maximum(self.users, 1)


class Outcomes(NamedTuple):
    """The outcomes of transitions of single users.

    Attributes:
        transitions: the transitions into a novel cluster in a period.
        returned: bool, shape (rows,): whether the user came back to it within the period's horizon.
    """

    transitions: Transitions
    returned: Flags


def outcomes_of(transitions: Transitions, return_times: Integers, period: Period) -> Outcomes:
    """Select the transitions of a period, and whether their users came back within it.

    Args:
        transitions: transitions of all periods.
        return_times: int64, shape (occurrences,): as `cluster_histories.return_times_of`, for each position of
            `FirstOccurrences.clusters`.
        period: the period.
    """
    kept = take_transitions(transitions, period.counts(transitions.times))
    return Outcomes(kept, period.returns(kept.times, return_times[kept.positions]))


def aggregate(outcomes: Outcomes, cluster_count: int) -> Feedback:
    """Count users and returns by context and candidate.

    Args:
        outcomes: the outcomes of all users.
        cluster_count: number of clusters, C.
    """
    contexts, candidates = outcomes.transitions.contexts, outcomes.transitions.next_clusters
    keys = context_keys(np.column_stack([contexts, candidates]), cluster_count)
    order = np.argsort(keys, kind="stable")
    starts = run_offsets(keys[order])
    rows = order[starts[:-1]]
    returned = np.concatenate([[0], np.cumsum(outcomes.returned[order])])
    return Feedback(contexts[rows], candidates[rows], np.diff(starts), np.diff(returned[starts]).astype(np.int64))


def take_feedback(feedback: Feedback, rows: Flags | Integers) -> Feedback:
    """Return some rows of feedback, by flags or by indices."""
    contexts, candidates, users, returned = feedback
    return Feedback(contexts[rows], candidates[rows], users[rows], returned[rows])


def drop_few_users(feedback: Feedback, min_users: int) -> Feedback:
    """Drop the rows of fewer than `min_users` users, whose rates are mostly chance and could identify a user."""
    return take_feedback(feedback, feedback.users >= min_users)


def labels_of(feedback: Feedback, interval: float = 0.1) -> Fractions:
    """Normalise return rates and round them to a fixed interval, as labels of an alignment model (2504.05522).

    The paper states neither the normalisation nor the interval. Here the lowest rate becomes 0 and the highest one 1.

    Args:
        feedback: the rows; drop those of few users before.
        interval: distance between two labels, in (0, 1]; labels are multiples of it, and 1.

    Returns:
        float64, shape (rows,), in [0, 1]; 0.5 if all rates are equal.

    Raises:
        ValueError: when `interval` is out of range.
    """
    if not 0 < interval <= 1:
        raise ValueError(f"interval must be in (0, 1], got {interval}")
    rates = feedback.rates
    if not len(rates) or rates.min() == rates.max():
        return np.full(len(rates), 0.5)
    normalised = (rates - rates.min()) / (rates.max() - rates.min())
    return np.minimum(np.round(normalised / interval) * interval, 1.0)


def candidate_rates(
    first: FirstOccurrences, return_times: Integers, period: Period, cluster_count: int, prior: float = 0.0
) -> Fractions:
    """Compute the return rate of each cluster, whatever the context: the rival of an alignment model.

    Args:
        first: the first occurrences of all periods.
        return_times: as for `outcomes_of`.
        period: the period.
        cluster_count: number of clusters, C.
        prior: not negative: number of users that are added to each cluster, with the mean rate.

    Returns:
        float64, shape (C,), in [0, 1]; the mean rate for a cluster without users.
    """
    counted = period.counts(first.times)
    users = np.bincount(first.clusters[counted], minlength=cluster_count)
    counted &= period.returns(first.times, return_times)
    returned = np.bincount(first.clusters[counted], minlength=cluster_count)
    mean = returned.sum() / max(users.sum(), 1)
    total = users + prior
    return np.where(total > 0, (returned + prior * mean) / np.where(total > 0, total, 1.0), mean)
