"""Views of users: journeys on a time line, proposals of the lookup table, and recommended items with reasons."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.context import format_context, parse_context
from transforms.page.axis import Tick, date_of, time_ticks
from transforms.page.content import (
    NamedCluster,
    Proposal,
    Recommended,
    ShownItem,
    ShownJourney,
    ShownLife,
    ShownMonth,
    ShownUser,
)
from transforms.page.text import TITLE_CHARACTERS, shorten

MAX_JOURNEYS = 12
"""Number of journeys of a user on the page."""

MAX_ITEMS = 8
"""Number of items of a journey on the page."""

MAX_MONTHS = 12
"""Number of months of a journey on the page."""

_MAX_PLACES = 60
_NAME_TERMS = 4
_FIRST_PROPOSALS = 10
_MARGIN = 1.5
"""Percent of the time line that is left free at both ends."""

Row = Mapping[str, Any]


class TableRow(NamedTuple):
    """A row of the lookup table.

    Attributes:
        rank: its rank.
        next: the next cluster.
        score: logarithm of its probability.
        source: the source of the score.
    """

    rank: int
    next: str
    score: float
    source: str


@dataclasses.dataclass(frozen=True)
class References:
    """Lookups of the views of all users.

    Attributes:
        titles: titles by item.
        descriptions: descriptions by cluster.
        table: rows of the lookup table by context, by ascending rank.
        transitions: by context, the number of users by next cluster, in the training period; None: it is missing.
        context_size: number of clusters of a context.
    """

    titles: Mapping[str, str] = dataclasses.field(default_factory=dict)
    descriptions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    table: Mapping[str, Sequence[TableRow]] = dataclasses.field(default_factory=dict)
    transitions: Mapping[str, Mapping[str, int]] | None = None
    context_size: int = 0


@dataclasses.dataclass(frozen=True)
class UserRows:
    """The rows of one user; times in microseconds since 1970.

    Attributes:
        user_id: the user.
        journeys: rows of `journeys`.
        names: rows of `journey_names`.
        clusters: the row of `cluster_histories`; None: there is none.
        recommendations: rows of `recommendations`.
        intent: the row of `intents`; None: there is none.
        lifecycles: rows of `lifecycles`.
    """

    user_id: str
    journeys: Sequence[Row] = ()
    names: Sequence[Row] = ()
    clusters: Row | None = None
    recommendations: Sequence[Row] = ()
    intent: Row | None = None
    lifecycles: Sequence[Row] = ()


def context_of(rows: UserRows, context_size: int) -> tuple[str, ...]:
    """Return the clusters for which the table is looked up, the most recent last.

    They are those of the recommendations, otherwise the last ones of the history of clusters.
    """
    if rows.recommendations:
        return parse_context(rows.recommendations[0]["context"])
    consumed = rows.clusters["cluster_ids"] if rows.clusters else []
    return tuple(consumed[-context_size:]) if context_size else ()


def shorter_contexts(context: Sequence[str]) -> list[str]:
    """Return a context, and the shorter ones that replace it if the table has no row for it, down to the empty one."""
    return [format_context(context[start:]) for start in range(len(context) + 1)]


def view_user(number: int, rows: UserRows, references: References) -> ShownUser:
    """Return the view of a user.

    Args:
        number: its number on the page, from 1.
        rows: its rows.
        references: titles, descriptions and the table.
    """
    journeys, ticks = _journeys(rows, references)
    context = context_of(rows, references.context_size)
    used = next((each for each in shorter_contexts(context) if each in references.table), "")
    return ShownUser(
        number=number,
        user_id=rows.user_id,
        journeys=journeys,
        journeys_left_out=len(rows.journeys) - len(journeys),
        ticks=ticks,
        context=_named(context, references),
        used_context=_named(parse_context(used), references),
        proposals=_proposals(used, rows, references),
        recommendations=_recommended(rows, references),
        intent=rows.intent["cluster_probability"] if rows.intent else None,
    )


def name_of(journey: Row, names: Mapping[str, Row]) -> tuple[str, str]:
    """Return the name of a journey and its method; without a name its first terms, and no method."""
    named = names.get(journey["journey_id"])
    if named is not None:
        return shorten(named["name"]), named["method"]
    terms = ", ".join(journey["terms"][:_NAME_TERMS])
    return shorten(terms) if terms else f"journey {journey['rank']}", ""


def _journeys(rows: UserRows, references: References) -> tuple[tuple[ShownJourney, ...], tuple[Tick, ...]]:
    chosen = sorted(rows.journeys, key=lambda each: each["rank"])[:MAX_JOURNEYS]
    if not chosen:
        return (), ()
    names = {row["journey_id"]: row for row in rows.names}
    first = min(each["first_timestamp"] for each in chosen)
    last = max(each["last_timestamp"] for each in chosen)
    scale = _Scale(first, max(last - first, 1))
    ticks = tuple(
        Tick(scale.percent(first + tick.position * scale.span) / 100, tick.label) for tick in time_ticks(first, last)
    )
    lives = {row["journey_id"]: view_life(row) for row in rows.lifecycles}
    shown = (_journey(each, names, scale, references) for each in chosen)
    return tuple(dataclasses.replace(each, life=lives.get(each.journey_id)) for each in shown), ticks


class _Scale(NamedTuple):
    """A time line.

    Attributes:
        first: its beginning, in microseconds.
        span: its length, in microseconds.
    """

    first: int
    span: int

    def percent(self, time: float) -> float:
        """Return the place of a time."""
        return _MARGIN + (100 - 2 * _MARGIN) * (time - self.first) / self.span


def _journey(journey: Row, names: Mapping[str, Row], scale: _Scale, references: References) -> ShownJourney:
    name, method = name_of(journey, names)
    times = journey["timestamps"]
    latest = _latest_items(journey["item_ids"], times)
    places = sorted({round(scale.percent(time), 2) for time in times})
    begin, end = (scale.percent(journey[f"{which}_timestamp"]) for which in ("first", "last"))
    return ShownJourney(
        journey_id=journey["journey_id"],
        rank=journey["rank"],
        name=name,
        method=method,
        terms=tuple(map(shorten, journey["terms"])),
        size=journey["size"],
        first=str(date_of(journey["first_timestamp"])),
        last=str(date_of(journey["last_timestamp"])),
        coherence=journey["coherence"],
        items=tuple(_item(item, references, str(date_of(time))) for item, time in latest[:MAX_ITEMS]),
        left_out=max(len(latest) - MAX_ITEMS, 0),
        places=tuple(_evenly(places, _MAX_PLACES)),
        span=(begin, end - begin),
    )


def view_life(row: Row) -> ShownLife:
    """Return the view of a row of `lifecycles`."""
    periods = row["periods"]
    largest = max((each["interactions"] for each in periods), default=1)
    months = tuple(
        ShownMonth(
            month=each["month"],
            interactions=each["interactions"],
            fraction=each["interactions"] / largest,
            terms=tuple(map(shorten, each["terms"])),
            similarity=each["similarity"],
        )
        for each in periods[-MAX_MONTHS:]
    )
    return ShownLife(
        place=row["rank"],
        stage=row["stage"],
        recurrence=row["recurrence"],
        confidence=row["confidence"],
        silent_days=row["silent_days"],
        ongoing_days=row["ongoing_days"],
        effective_months=row["effective_months"],
        drift=row["drift"],
        months=months,
        months_left_out=len(periods) - len(months),
    )


def _latest_items(items: Sequence[str], times: Sequence[int]) -> list[tuple[str, int]]:
    """Return the distinct items with the time of their last interaction, the latest first."""
    last = dict(zip(items, times, strict=True))
    return sorted(last.items(), key=lambda each: (-each[1], each[0]))


def _evenly(places: Sequence[float], count: int) -> list[float]:
    """Return at most some of the places, the first and the last among them."""
    if len(places) <= count:
        return list(places)
    return [places[round(number * (len(places) - 1) / (count - 1))] for number in range(count)]


def _item(item_id: str, references: References, date: str = "") -> ShownItem:
    return ShownItem(shorten(item_id), shorten(references.titles.get(item_id, ""), TITLE_CHARACTERS), date)


def named_cluster(cluster_id: str, descriptions: Mapping[str, str]) -> NamedCluster:
    """Return a cluster with its description, cut if it is too long."""
    return NamedCluster(cluster_id, shorten(descriptions.get(cluster_id, "")))


def _named(context: Sequence[str], references: References) -> tuple[NamedCluster, ...]:
    return tuple(named_cluster(each, references.descriptions) for each in context)


def _proposals(context: str, rows: UserRows, references: References) -> tuple[Proposal, ...]:
    """Return the first rows of the table for a context, and those of recommended clusters."""
    recommended = {row["cluster_id"] for row in rows.recommendations if row["policy"] == "novel"}
    consumed = set(rows.clusters["cluster_ids"]) if rows.clusters else set()
    counts = None if references.transitions is None else references.transitions.get(context, {})
    return tuple(
        Proposal(
            rank=row.rank,
            cluster=named_cluster(row.next, references.descriptions),
            score=row.score,
            probability=math.exp(row.score),
            source=row.source,
            followed=None if counts is None else counts.get(row.next, 0),
            observed=sum(counts.values()) if counts else 0,
            is_consumed=row.next in consumed,
        )
        for row in references.table.get(context, ())
        if row.rank <= _FIRST_PROPOSALS or row.next in recommended
    )


def _recommended(rows: UserRows, references: References) -> tuple[Recommended, ...]:
    names = {row["journey_id"]: row for row in rows.names}
    journeys = {row["journey_id"]: name_of(row, names)[0] for row in rows.journeys}
    return tuple(
        Recommended(
            rank=row["rank"],
            item=_item(row["item_id"], references),
            cluster=named_cluster(row["cluster_id"], references.descriptions),
            policy=row["policy"],
            reason=_reason(row, journeys),
            score=row["score"],
        )
        for row in sorted(rows.recommendations, key=lambda each: each["rank"])
    )


def _reason(row: Row, journeys: Mapping[str, str]) -> str:
    if row["policy"] == "novel":
        return f"rank {row['table_rank']} of the table for this context; new to the user"
    if row["policy"] == "popular":
        return "popular; fills a list that would be too short"
    if row["journey_id"] is None:
        return "a cluster of the user's history"
    name = journeys.get(row["journey_id"])
    return f"continues the journey “{name}”" if name else f"continues the journey {row['journey_id']}"
