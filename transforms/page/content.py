"""The content of the page as values; the templates show them and compute nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from transforms.page.axis import Tick
from transforms.page.heat_map import HeatMap
from transforms.page.labels import Box
from transforms.page.line_chart import LineChart
from transforms.page.tree_rows import TreeBox, TreeCluster
from transforms.report.table import Section, Table


@dataclasses.dataclass(frozen=True)
class Measured:
    """A value of `metrics`, or a number of rows that a manifest states.

    Attributes:
        label: what it is, for readers.
        value: the value.
        low: lower end of its 95 % interval; None: there is none.
        high: upper end.
        count: number of observations; None: it is no mean.
        origin: the metric with its slice, or the dataset.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int | None = None
    origin: str = ""


@dataclasses.dataclass(frozen=True)
class NamedCluster:
    """A cluster as a reader knows it.

    Attributes:
        cluster_id: its id.
        description: its description; empty if the tree is missing.
    """

    cluster_id: str
    description: str


@dataclasses.dataclass(frozen=True)
class ShownItem:
    """An item of a journey or a list.

    Attributes:
        item_id: its id.
        title: its title; empty if the catalogue is missing.
        date: the date of the interaction, ISO 8601; empty in a list of recommendations.
    """

    item_id: str
    title: str
    date: str = ""


@dataclasses.dataclass(frozen=True)
class ShownMonth:
    """A month of a journey.

    Attributes:
        month: the month, such as `2026-01`.
        interactions: number of interactions.
        fraction: the number as a fraction of that of the journey's largest month.
        terms: its terms.
        similarity: cosine of its terms with those of the month before; None: it is the first one.
    """

    month: str
    interactions: int
    fraction: float
    terms: tuple[str, ...]
    similarity: float | None


@dataclasses.dataclass(frozen=True)
class ShownLife:
    """The life of a journey.

    Attributes:
        place: its place in the diverse list of the user.
        stage: `ongoing` or `ended`.
        recurrence: `evergreen` or `situational`.
        confidence: the probability that an item of it belongs to its topic; None: it was not estimated.
        silent_days: days since its last interaction.
        ongoing_days: days of silence up to which it is ongoing.
        effective_months: effective number of months.
        drift: how far its terms moved; None: not known.
        months: its latest months, in time order.
        months_left_out: number of earlier months.
    """

    place: int
    stage: str
    recurrence: str
    confidence: float | None
    silent_days: float
    ongoing_days: float
    effective_months: float
    drift: float | None
    months: tuple[ShownMonth, ...]
    months_left_out: int


@dataclasses.dataclass(frozen=True)
class ShownJourney:
    """A journey of a user.

    Attributes:
        journey_id: its id.
        rank: its rank among the journeys of the user.
        name: its name, or its first terms.
        method: the method of the name; empty: the name is terms.
        terms: its terms.
        size: number of its distinct items.
        first: date of the first interaction.
        last: date of the last interaction.
        coherence: how near its items are to each other; None: a single item.
        items: its latest items.
        left_out: number of items that are not among them.
        places: places of its interactions on the time line, in percent.
        span: beginning and width of the journey on the time line, in percent.
        life: its life; None: it was not computed.
    """

    journey_id: str
    rank: int
    name: str
    method: str
    terms: tuple[str, ...]
    size: int
    first: str
    last: str
    coherence: float | None
    items: tuple[ShownItem, ...]
    left_out: int
    places: tuple[float, ...]
    span: tuple[float, float]
    life: ShownLife | None = None


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A row of the lookup table for the context of a user, and the observed transitions behind it.

    Attributes:
        rank: its rank in the table.
        cluster: the next cluster.
        score: logarithm of its probability.
        probability: its probability.
        source: the source of the score.
        followed: number of users of the training period who consumed it next; None: `transitions` are missing.
        observed: number of all transitions of the training period after the context.
        is_consumed: whether the user has consumed the cluster, so that it is not new.
    """

    rank: int
    cluster: NamedCluster
    score: float
    probability: float
    source: str
    followed: int | None
    observed: int
    is_consumed: bool


@dataclasses.dataclass(frozen=True)
class Recommended:
    """A recommended item.

    Attributes:
        rank: its rank.
        item: the item.
        cluster: its cluster.
        policy: the policy.
        reason: the reason, a sentence.
        score: the score of the ranker.
    """

    rank: int
    item: ShownItem
    cluster: NamedCluster
    policy: str
    reason: str
    score: float


@dataclasses.dataclass(frozen=True)
class ShownUser:
    """A user of the sample.

    Attributes:
        number: its number on the page, from 1.
        user_id: its id.
        journeys: its largest journeys.
        journeys_left_out: number of journeys that are not among them.
        ticks: dates of the time line.
        context: the clusters for which the table is looked up, the most recent last.
        used_context: the part of the context for which the table has rows.
        proposals: the first rows of the table, and those of recommended clusters.
        recommendations: the list of the user.
        intent: probability that the next interaction is with a new cluster; None: not computed.
    """

    number: int
    user_id: str
    journeys: tuple[ShownJourney, ...] = ()
    journeys_left_out: int = 0
    ticks: tuple[Tick, ...] = ()
    context: tuple[NamedCluster, ...] = ()
    used_context: tuple[NamedCluster, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    recommendations: tuple[Recommended, ...] = ()
    intent: float | None = None


@dataclasses.dataclass(frozen=True)
class MapPoint:
    """A point of the map.

    Attributes:
        x: its place, in units of the picture.
        y: the same.
        radius: its radius.
        group: number of its colour.
        details: what is shown about it: a heading and lines.
    """

    x: float
    y: float
    radius: float
    group: int
    details: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class MapLabel:
    """A name on the map.

    Attributes:
        box: the place of the text.
        text: the name.
        anchor: where the text begins in its box, as it may be narrower: `start`, `middle` or `end`, nearest to its
            point.
    """

    box: Box
    text: str
    anchor: Literal["start", "middle", "end"] = "start"

    @property
    def x(self) -> float:
        """The place of the anchor."""
        left, right = self.box.left, self.box.right
        return {"start": left, "middle": (left + right) / 2, "end": right}[self.anchor]


@dataclasses.dataclass(frozen=True)
class ShownMap:
    """The map.

    Attributes:
        width: width of the picture.
        height: height of the picture.
        clusters: points of clusters, by descending traffic.
        journeys: points of journeys.
        labels: names of clusters.
        groups: the names of colours.
        description: what the map shows and how it was computed.
    """

    width: float
    height: float
    clusters: tuple[MapPoint, ...]
    journeys: tuple[MapPoint, ...]
    labels: tuple[MapLabel, ...]
    groups: tuple[str, ...]
    description: str


@dataclasses.dataclass(frozen=True)
class ShownTree:
    """The tree of clusters.

    Attributes:
        boxes: the picture.
        children: the clusters by parent.
        levels: number of levels.
        traffic: the traffic of all clusters of level 1.
        measure: what traffic is.
    """

    boxes: tuple[TreeBox, ...]
    children: Mapping[str | None, Sequence[TreeCluster]]
    levels: int
    traffic: int
    measure: str


@dataclasses.dataclass(frozen=True)
class ShownTable:
    """The lookup table.

    Attributes:
        picture: the heat map.
        clusters: the clusters of rows and columns.
        size: number of clusters of a context in the picture.
        groups: for each block of neighbours of one parent: its first row, its length and its name.
        data: the first successors of each context, for the script.
        contexts: number of contexts in the picture.
        description: what the picture shows.
    """

    picture: HeatMap
    clusters: tuple[NamedCluster, ...]
    size: int
    groups: tuple[tuple[int, int, str], ...]
    data: Mapping[str, Any]
    contexts: int
    description: str


@dataclasses.dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: its heading.
        notes: sentences on samples.
        headline: the main values.
        users: the sampled users.
        map: the map; None: what it needs is missing.
        tree: the tree; None: it is missing.
        table: the lookup table; None: it is missing.
        granularity: charts of the number and the size of journeys by threshold.
        tuning: charts of trainings.
        experiments: the tables of experiments.
        errors: numbers of invalid rows by reason.
        datasets: what was run on what.
        metrics: all values of `metrics`, by pipeline.
        missing: for each section without content a sentence with the command that writes it.
    """

    title: str
    notes: tuple[str, ...] = ()
    headline: tuple[Measured, ...] = ()
    users: tuple[ShownUser, ...] = ()
    map: ShownMap | None = None
    tree: ShownTree | None = None
    table: ShownTable | None = None
    granularity: tuple[LineChart, ...] = ()
    tuning: tuple[LineChart, ...] = ()
    experiments: tuple[Section, ...] = ()
    errors: Table | None = None
    datasets: tuple[Provenance, ...] = ()
    metrics: tuple[tuple[str, tuple[Measured, ...]], ...] = ()
    missing: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Provenance:
    """A dataset that the page shows: what wrote it, from what.

    Attributes:
        name: its name.
        workspace: where it is.
        rows: number of rows.
        bytes: size of its parts.
        digest: the SHA-256 of its manifest.
        code_version: the version of the code that wrote it.
        inputs: its inputs: names with digests or paths.
        options: the given options, as a command line has them.
        configuration: the whole configuration, as JSON.
    """

    name: str
    workspace: str
    rows: int
    bytes: int
    digest: str
    code_version: str
    inputs: tuple[tuple[str, str], ...]
    options: str
    configuration: str
