"""Selection and splits of naming examples. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class ExampleConfig:
    """Selection of collections as naming examples, and their splits.

    The two similarity thresholds replace the classifier of rated continuity and title relevance by which 2305.15498
    selects playlists.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    min_titles: int = setting(3, help="Minimum number of distinct titles of a collection.", minimum=2)
    max_name_sources: int = setting(
        2,
        help="Maximum number of sources that use a name; names of more sources mean nothing on their own.",
        minimum=1,
    )
    min_continuity: float = setting(
        0.05, help="Minimum mean cosine similarity of the titles of a collection.", minimum=-1, maximum=1
    )
    min_relevance: float = setting(
        0.2,
        help="Minimum cosine similarity of the name of a collection and the mean of its titles.",
        minimum=-1,
        maximum=1,
    )
    test_fraction: float = setting(
        0.1,
        help="Fraction of the sources in the split `test`, which only `evaluate` reads.",
        minimum=0,
        maximum=1,
        below=True,
    )
    validation_fraction: float = setting(
        0.05,
        help="Fraction of the sources in the split `validation`, which decides when training stops.",
        minimum=0,
        maximum=1,
        below=True,
    )
    max_source_fraction: float = setting(
        0.01,
        help="Maximum fraction of all collections from one source in `validation` and `test`; larger sources are in "
        "`train`, as they would dominate the metrics.",
        minimum=0,
        above=True,
        maximum=1,
    )
    max_examples_per_source: int = setting(
        500, help="Maximum number of examples of one source in the split `train`.", minimum=1
    )
    max_examples: int | None = setting(
        None, help="Maximum number of examples in the split `train`. Default: no limit.", minimum=1
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.test_fraction + self.validation_fraction >= 1:
            raise ValueError(
                "test_fraction and validation_fraction must leave sources for training, got "
                f"{self.test_fraction} and {self.validation_fraction}"
            )
