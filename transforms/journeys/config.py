"""Configuration of journey extraction. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.datasets.interaction_filter import InteractionFilter
from transforms.settings import setting, validate

Join = Literal["broadcast", "shuffle"]
Assign = Literal["best", "all"]
Centroid = Literal["mean", "sum"]


MAX_HISTORY_BY_VECTORS = 5000
"""Maximum of `ExtractConfig.max_history` where journeys are formed by vectors: memory grows with its square. At 5,000
interactions, four float64 matrices take 0.8 GB."""


@dataclasses.dataclass(frozen=True)
class IcpcConfig:
    """Configuration of the clustering by salient terms.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    threshold: float = setting(  # lower: better on mixtures, but journeys of long histories are too broad
        0.01,
        help="Clustering by terms: minimum cosine similarity between an item and the centroid of a journey for the "
        "item to join it.",
        minimum=0,
        above=True,
        maximum=1,
    )
    assign: Assign = setting(
        "best",
        help="Clustering by terms: `best`: an item joins the most similar journey; `all`: every journey above the "
        "threshold.",
    )
    min_size: int = setting(  # the paper's c is `min_size - 1`
        3, help="Minimum number of distinct items of a journey; smaller journeys are dropped.", minimum=1
    )
    centroid: Centroid = setting(  # does not change the journeys: cosine is the same for both
        "mean", help="Whether the term weights of a journey contain the mean or the sum of saliences over its items."
    )
    journey_terms: int = setting(
        10,
        help="Maximum number of terms written per journey: those with the largest weights, without repeated words.",
        minimum=1,
        maximum=1000,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class BayesianConfig:
    """Configuration of the clustering by vectors.

    The merge score of two sets of items is the log evidence for one journey above that for two, per dimension.
    Orthogonal items are evidence against membership, weak for small journeys: one item scores -0.03 with a journey of
    one item, -0.3 with a journey of fifty. A threshold below 0 is therefore not enough to keep unrelated items out of
    small journeys: `merge_fraction`, a limit relative to the score of orthogonal sets, keeps small journeys apart, and
    `min_coherence` leaves out what belongs to none.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    assign_threshold: float = setting(  # 0.05: wrong joins, which the refinement undoes in part; 0.15: slower
        0.1,
        help="Clustering by vectors: minimum merge score of an item and a journey for the item to join it in the first "
        "pass.",
    )
    merge_threshold: float = setting(  # lower: better on mixtures of communities, but journeys of logs are too broad
        -0.3,
        help="Clustering by vectors: minimum merge score of two journeys that are merged. Lower: fewer and wider "
        "journeys.",
    )
    merge_fraction: float = setting(  # matters most where histories are short
        0.9,
        help="Clustering by vectors: two journeys are merged only if their (negative) merge score is better than this "
        "fraction of the score of orthogonal journeys. Lower: more and narrower journeys.",
        minimum=0,
        maximum=1,
    )
    min_coherence: float = setting(  # docs/evaluation.md has the curve
        0.225,
        help="Clustering by vectors: minimum `coherence` of a journey; other journeys are dropped. Before, items below "
        "half of it are left out of their journey. Higher: fewer one-off items in journeys. 0: nothing is left out.",
        minimum=0,
        maximum=1,
        below=True,
    )
    explained_variance: float = setting(
        0.25,
        help="Clustering by vectors: fraction of the variance of an item that its journey explains.",
        minimum=0,
        above=True,
        maximum=1,
        below=True,
    )
    rounds: int = setting(
        3, help="Clustering by vectors: maximum number of rounds in which items are re-assigned.", minimum=0
    )
    refine: bool = setting(
        True, help="Clustering by vectors: whether journeys are merged and items re-assigned after the first pass."
    )

    def __post_init__(self) -> None:
        validate(self)


THRESHOLDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08),
    *(0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
)
"""Values of `IcpcConfig.threshold` that a sweep tries."""

MERGE_THRESHOLDS = (
    *(-5.0, -3.0, -2.0, -1.5, -1.2, -1.0, -0.8, -0.7, -0.6, -0.5, -0.45, -0.4, -0.35, -0.3, -0.25),
    *(-0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2),
)
"""Values of `BayesianConfig.merge_threshold` that a sweep tries."""

_MIN_SIZES = tuple(range(1, 11))


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Configuration of the sweep: thresholds are tried on a sample of users.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    target_journeys_per_user: float | None = setting(
        None,
        help="Target for the mean number of journeys per user: the --threshold, or --merge_threshold, that comes "
        "closest on a sample of users is used, of those that leave about as many interactions in journeys as the "
        "default. Implies --sweep.",
        minimum=0,
        above=True,
        maximum=1e6,
    )
    min_relative_coverage: float = setting(
        0.8,
        help="Minimum fraction of interactions in journeys, relative to that at the default threshold, of a threshold "
        "that is chosen for a target.",
        minimum=0,
        maximum=1,
    )
    users: int = setting(
        4096, help="Number of users in the sample of a sweep: those with the smallest hashes.", minimum=1
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
    """Configuration of journey extraction from histories.

    Attributes:
        icpc: the clustering by terms; its `min_size`, `centroid` and `journey_terms` also apply to the clustering by
            vectors.
        interactions: the interactions that are kept.
        bayesian: the clustering by vectors; None: journeys are formed by terms.
        sweep: how other thresholds are tried on a sample of users; None: they are not.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    icpc: IcpcConfig = dataclasses.field(default_factory=IcpcConfig)
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)
    max_history: int = setting(
        2000, help="Maximum number of interactions kept per user: the most recent ones.", minimum=1
    )
    min_term_users: int = setting(
        1,
        help="Privacy: minimum number of users who consumed an item with a term; rarer terms are neither used nor "
        "written.",
        minimum=1,
    )
    join: Join = setting(
        "broadcast",
        help="How interactions are joined with items: `broadcast`: each worker holds the whole catalogue; `shuffle`: "
        "log and catalogue are shuffled by item.",
    )
    buckets: int = setting(
        64,
        help="Number of groups into which users, and in a shuffle items, are hashed; the result is the same.",
        minimum=1,
    )
    bayesian: BayesianConfig | None = None
    sweep: SweepConfig | None = None
    half_life_days: float | None = setting(
        None,
        help="Half-life in days of an interaction's weight, relative to the user's last interaction. Journeys are then "
        "ranked by importance, the sum of these weights. Default: they are ranked by size.",
        minimum=0,
        above=True,
        maximum=1e6,
    )

    def __post_init__(self) -> None:
        validate(self)

    @property
    def threshold_option(self) -> str:
        """The name of the threshold that controls how wide journeys are."""
        return "threshold" if self.bayesian is None else "merge_threshold"

    @property
    def threshold(self) -> float:
        """The value of the threshold that `threshold_option` names."""
        return self.icpc.threshold if self.bayesian is None else self.bayesian.merge_threshold

    def with_threshold(self, threshold: float) -> ExtractConfig:
        """Return a copy with another threshold."""
        if self.bayesian is None:
            return dataclasses.replace(self, icpc=dataclasses.replace(self.icpc, threshold=threshold))
        return dataclasses.replace(self, bayesian=dataclasses.replace(self.bayesian, merge_threshold=threshold))

    @property
    def swept_thresholds(self) -> tuple[float, ...]:
        """The thresholds that a sweep tries, ascending; the configured one is included."""
        tried = THRESHOLDS if self.bayesian is None else MERGE_THRESHOLDS
        return tuple(sorted({*tried, self.threshold}))

    @property
    def swept_min_sizes(self) -> tuple[int, ...]:
        """The minimum journey sizes that a sweep reports, ascending; the configured one is included."""
        return tuple(sorted({*_MIN_SIZES, self.icpc.min_size}))
