"""The sampled users of the page, and the rows that their views need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.report.reading import read_batches, read_rows, rows_with
from schemas import (
    CLUSTER_HISTORIES,
    INTENTS,
    JOURNEY_NAMES,
    JOURNEYS,
    LIFECYCLES,
    LOOKUP,
    RECOMMENDATIONS,
    TRANSITIONS,
)
from transforms.datasets.files import Source
from transforms.page.sampling import HashSample
from transforms.page.user_views import TableRow, UserRows, context_of, shorter_contexts

JOURNEY_COLUMNS = tuple(column.name for column in JOURNEYS.columns)
_OVERSAMPLED = 8
_OF_USERS = (JOURNEYS.name, RECOMMENDATIONS.name, CLUSTER_HISTORIES.name)
_TRAINING = "train"


def sample_users(sources: Mapping[str, Source], count: int, seed: int) -> list[str]:
    """Sample users, preferably such that are in all datasets of users; sorted by id.

    Args:
        sources: datasets by name.
        count: number of users.
        seed: seed of the sample.
    """
    samples = []
    for name in _OF_USERS:
        if name in sources:
            sample = HashSample(_OVERSAMPLED * count, seed)
            for batch in read_batches(sources[name], ["user_id"]):
                sample.add(batch["user_id"])
            samples.append(sample.texts())
    number: dict[str, int] = {}
    for texts in samples:
        for text in texts:
            number[text] = number.get(text, 0) + 1
    order = HashSample(max(len(number), 1), seed)
    order.add(pa.array(sorted(number), pa.string()))
    return sorted(sorted(order.texts(), key=lambda user: -number[user])[:count])


def rows_of_users(sources: Mapping[str, Source], users: Sequence[str]) -> list[UserRows]:
    """Read the rows of users, in the order of the users."""

    def read(schema: Any, columns: Iterable[str] = ()) -> dict[str, list[dict[str, Any]]]:
        names = tuple(columns) or tuple(column.name for column in schema.columns)
        by_user: dict[str, list[dict[str, Any]]] = {}
        for row in rows_with(sources.get(schema.name), names, "user_id", users):
            by_user.setdefault(row["user_id"], []).append(row)
        return by_user

    journeys, names, recommendations = (read(schema) for schema in (JOURNEYS, JOURNEY_NAMES, RECOMMENDATIONS))
    clusters, intents = read(CLUSTER_HISTORIES, ("user_id", "cluster_ids")), read(INTENTS)
    lifecycles = read(LIFECYCLES)
    return [
        UserRows(
            user,
            journeys.get(user, ()),
            names.get(user, ()),
            next(iter(clusters.get(user, ())), None),
            recommendations.get(user, ()),
            next(iter(intents.get(user, ())), None),
            lifecycles.get(user, ()),
        )
        for user in users
    ]


class Table(NamedTuple):
    """The rows of the lookup table that the page shows.

    Attributes:
        rows: rows by context, by ascending rank: contexts of users, and those of the picture.
        transitions: by context of a user, the number of users by next cluster; None: `transitions` are missing.
        context_size: number of clusters of a context.
    """

    rows: dict[str, list[TableRow]]
    transitions: dict[str, dict[str, int]] | None
    context_size: int


def read_table(sources: Mapping[str, Source], users: Sequence[UserRows], shown: Sequence[str], max_rank: int) -> Table:
    """Read the rows of the lookup table for users, and those for the picture.

    Args:
        sources: datasets by name.
        users: rows of users.
        shown: clusters of the picture.
        max_rank: number of successors of a context of the picture.
    """
    size = context_size_of(sources)
    contexts = sorted({text for user in users for text in shorter_contexts(context_of(user, size))})
    of_users, of_picture = pa.array(contexts, pa.string()), pa.array(shown, pa.string())
    separators = min(size, 2) - 1

    def keep(batch: pa.RecordBatch) -> pa.BooleanArray:
        is_of_user = pc.is_in(batch["context"], of_users)
        is_shown = pc.and_(
            pc.equal(pc.count_substring(batch["context"], " "), separators),
            pc.less_equal(batch["rank"], max_rank),
        )
        ends = pc.split_pattern(batch["context"], " ")
        for place in (0, -1):
            is_shown = pc.and_(is_shown, pc.is_in(_element(ends, place), of_picture))
        return pc.or_(is_of_user, is_shown)

    rows: dict[str, list[TableRow]] = {}
    columns = ("context", "rank", "next", "score", "source")
    for row in sorted(
        read_rows(sources.get(LOOKUP.name), columns, keep), key=lambda each: (each["context"], each["rank"])
    ):
        found = TableRow(row["rank"], row["next"], row["score"], row["source"])
        rows.setdefault(row["context"], []).append(found)
    return Table(rows, _transitions(sources, contexts), size)


def context_size_of(sources: Mapping[str, Source]) -> int:
    """Return the number of clusters of a context of the lookup table; 0 without a table."""
    source = sources.get(LOOKUP.name)
    if source is None or source.manifest is None:
        return 0
    return int(source.manifest.configuration["transitions"]["context_size"])


def _element(lists: pa.ListArray, place: int) -> pa.StringArray:
    """Return the first or the last entry of each list; each has one."""
    offsets = np.asarray(lists.offsets)
    positions = offsets[:-1] if place == 0 else offsets[1:] - 1
    return lists.values.take(pa.array(positions))


def _transitions(sources: Mapping[str, Source], contexts: Sequence[str]) -> dict[str, dict[str, int]] | None:
    source = sources.get(TRANSITIONS.name)
    if source is None:
        return None
    wanted = pa.array(contexts, pa.string())

    def keep(batch: pa.RecordBatch) -> pa.BooleanArray:
        return pc.and_(pc.is_in(batch["context"], wanted), pc.equal(batch["split"], _TRAINING))

    counts: dict[str, dict[str, int]] = {}
    for row in read_rows(source, ("context", "next", "split", "users"), keep):
        counts.setdefault(row["context"], {})[row["next"]] = row["users"]
    return counts
