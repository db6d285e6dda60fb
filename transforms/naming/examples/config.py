"""Which collections become examples. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class ExampleConfig:
    """Which collections that people named become examples of a journey's name, and what each example is for.

    Attributes:
        min_titles: a collection has at least so many distinct titles, at least 2.
        max_name_sources: a name that more sources use says nothing alone; at least 1.
        min_continuity: least mean cosine of the titles of a collection, in [-1, 1].
        min_relevance: least cosine of a name with the mean of the titles, in [-1, 1]. The two stand for the classifier
            of raters' scores of continuity and title relevance, by which 2305.15498 chooses playlists.
        held_out: share of the sources that is looked at by an evaluation alone, in [0, 1).
        validation: share of the sources by which training is ended, in [0, 1); below 1 with `held_out`.
        max_source_share: sources that have a larger share of all collections are for training alone, since one of them
            would decide the figures; in (0, 1].
        most_of_source: most training examples of one source, at least 1.
        most_examples: most training examples of all sources, at least 1; None: no limit.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    min_titles: int = 3
    max_name_sources: int = 2
    min_continuity: float = 0.05
    min_relevance: float = 0.2
    held_out: float = 0.1
    validation: float = 0.05
    max_source_share: float = 0.01
    most_of_source: int = 500
    most_examples: int | None = None

    def __post_init__(self) -> None:
        for name, lowest in (("min_titles", 2), ("max_name_sources", 1), ("most_of_source", 1), ("most_examples", 1)):
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {value}")
        for name in ("min_continuity", "min_relevance"):
            if not -1 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [-1, 1], got {getattr(self, name)}")
        for name in ("held_out", "validation"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if self.held_out + self.validation >= 1:
            raise ValueError(
                f"held_out and validation must leave something for training, got {self.held_out} and {self.validation}"
            )
        if not 0 < self.max_source_share <= 1:
            raise ValueError(f"max_source_share must be in (0, 1], got {self.max_source_share}")
