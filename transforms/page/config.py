"""Limits of the page: the size of the samples, and their seed."""

from __future__ import annotations

import dataclasses

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class PageConfig:
    """The configuration of the page."""

    users: int = setting(40, help="Number of users on the page, a sample.", minimum=1, maximum=500)
    map_journeys: int = setting(
        600, help="Number of journeys on the map, a sample; 0: clusters alone.", minimum=0, maximum=20_000
    )
    table_clusters: int = setting(
        80,
        help="Number of clusters in the picture of the lookup table, those with the most traffic.",
        minimum=2,
        maximum=200,
    )
    seed: int = setting(0, help="Seed of the samples and of the map.", minimum=0)

    def __post_init__(self) -> None:
        validate(self)
