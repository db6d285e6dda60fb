"""Conversion of journeys to rows of `journeys`: ids, ranks, items, terms and coherence."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import JOURNEYS, TIMESTAMP
from transforms.columnar import list_array
from transforms.hashing import stable_hash
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.coherence import journey_coherence
from transforms.journeys.explaining_terms import JourneyTerms
from transforms.journeys.histories import Histories
from transforms.journeys.icpc import Journeys
from transforms.journeys.importance import importances

_HEXADECIMAL = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint8).reshape(256, 2)


def journey_rows(
    journeys: Journeys,
    terms: JourneyTerms,
    histories: Histories,
    items: npt.NDArray[np.int32],
    catalogue: Catalogue,
    half_life_days: float | None = None,
) -> pa.RecordBatch:
    """Convert journeys to rows of `journeys`, sorted by user and rank.

    Args:
        journeys: the journeys.
        terms: the terms of each journey.
        histories: the histories from which they were extracted.
        items: int32, shape (events,): the index of each event's item in the catalogue.
        catalogue: ids of items, terms, and vectors if the journeys were formed by vectors.
        half_life_days: half-life of interactions, above 0, for ranks by importance; None: ranks are by size.
    """
    times = histories.events["timestamp"].cast(pa.int64()).to_numpy()
    starts = journeys.member_offsets[:-1]
    first = journeys.members[starts]
    last_times = times[journeys.members[journeys.member_offsets[1:] - 1]]
    users = histories.user_ids.take(pa.array(journeys.users))

    opened = np.arange(len(starts))
    scores = journeys.sizes
    if half_life_days is not None:
        scores = importances(journeys, histories.offsets, times, half_life_days)
    order = np.lexsort((opened, -last_times, -scores, journeys.users))
    first_of_user = np.searchsorted(journeys.users, journeys.users)
    ranks = np.empty(len(order), np.int64)
    ranks[order] = opened - first_of_user[order] + 1

    rows = pa.RecordBatch.from_arrays(
        [
            users,
            _journey_ids(users, catalogue.item_ids.take(pa.array(items[first])), times[first]),
            pa.array(ranks.astype(np.int32)),
            pa.array(journeys.sizes.astype(np.int32)),
            list_array(journeys.member_offsets, catalogue.item_ids.take(pa.array(items[journeys.members]))),
            list_array(journeys.member_offsets, histories.events["timestamp"].take(pa.array(journeys.members))),
            list_array(terms.offsets, catalogue.vocabulary.take(pa.array(terms.terms))),
            list_array(terms.offsets, pa.array(terms.weights.astype(np.float32))),
            pa.array(times[first]).cast(TIMESTAMP),
            pa.array(last_times).cast(TIMESTAMP),
            pa.array(journey_coherence(journeys, items, catalogue).astype(np.float32), from_pandas=True),
        ],
        schema=JOURNEYS.arrow,
    )
    return rows.take(pa.array(order))


def _journey_ids(users: pa.StringArray, items: pa.StringArray, times: npt.NDArray[np.int64]) -> pa.StringArray:
    """Hash the interaction that opened each journey. An interaction opens at most one journey."""
    identity = pc.binary_join_element_wise(users, items, pa.array(times).cast(pa.string()), "\x1f")
    digests = stable_hash(identity).astype(">u8").view(np.uint8).reshape(-1, 8)
    digits = np.ascontiguousarray(_HEXADECIMAL[digests])
    ends = np.arange(0, 16 * len(users) + 1, 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(users), pa.py_buffer(ends), pa.py_buffer(digits))
