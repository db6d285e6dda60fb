"""Configuration of the topical tree. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
import itertools

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class TreeConfig:
    """Configuration of the topical tree of a catalogue.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    levels: tuple[int, ...] = setting(
        (8, 64),
        help="Numbers of nodes of the levels of the tree, from the broadest level to the most specific one, ascending.",
        minimum=1,
        maximum=32_767,
    )
    max_imbalance: float = setting(
        1.3,
        help="Maximum traffic of a node, divided by the mean traffic of the nodes of its level. A single item with "
        "more traffic than this exceeds it.",
        minimum=1,
        above=True,
    )
    sample_items: int = setting(
        100_000, help="Maximum number of items of a node from which its centroids are computed: a sample.", minimum=1
    )
    keywords: int = setting(3, help="Number of keywords of the description of a node.", minimum=1, maximum=16)
    seed: int = setting(0, help="Random seed of the samples and of the first centroids.", minimum=0)

    def __post_init__(self) -> None:
        validate(self)
        ascending = all(upper < lower for upper, lower in itertools.pairwise(self.levels))
        if not self.levels or not ascending:
            given = ", ".join(map(str, self.levels)) or "no level"
            raise ValueError(f"levels must be at least one number, and ascending, got {given}")
