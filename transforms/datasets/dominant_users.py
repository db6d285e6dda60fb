"""Users who have a large part of all interactions: their id, such as `guest` or `0`, may stand for several people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.datasets.counts import Count, CountKey, count

METRIC = "interactions_of_dominant_users"
"""The metric of the interactions of each such user."""

_MIN_INTERACTIONS = 100
_MIN_USERS = 20
_MIN_FRACTION = 0.1
_DROPPED_AFTER_CHECKS = ("duplicate", "beyond_max_history")


def count_large_users(user_ids: pa.StringArray, interactions: npt.NDArray[np.int64]) -> Iterator[Count]:
    """Count the interactions of the users with a large part of those of a bucket; every dominant user is among them.

    Args:
        user_ids: the users of a bucket, who are in no other one.
        interactions: numbers of interactions of each user, shape (users,).
    """
    least = max(_MIN_INTERACTIONS, _MIN_FRACTION * interactions.sum())
    for user in np.flatnonzero(interactions >= least).tolist():
        yield count(METRIC, int(interactions[user]), user_ids[user].as_py())


def without_other_users(counts: Iterable[Count]) -> list[Count]:
    """Return the summed counts of a run without those of users who have few of all interactions."""
    found = dict(counts)
    dominant = dominant_users(found)
    return [(key, number) for key, number in found.items() if key[0] != METRIC or key[1] in dominant]


def dominant_users(counts: Mapping[CountKey, float]) -> dict[str, float]:
    """Compute the fraction of all valid interactions that each dominant user has, the largest first.

    Args:
        counts: summed counts, or metrics, of a run.
    """
    total = counts.get(("interactions_kept", ""), 0) + sum(
        counts.get(("interactions_dropped", reason), 0) for reason in _DROPPED_AFTER_CHECKS
    )
    if counts.get(("users", ""), 0) < _MIN_USERS:
        return {}
    numbers = {user: number for (metric, user), number in counts.items() if metric == METRIC}
    ordered = sorted(numbers, key=lambda user: (-numbers[user], user))
    return {user: numbers[user] / total for user in ordered if numbers[user] > _MIN_FRACTION * total}
