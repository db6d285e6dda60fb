"""Configuration of salient terms. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
from typing import Any

from transforms.function_words import FUNCTION_WORDS
from transforms.settings import setting, validate

MIN_ITEMS_FOR_FRACTION = 10
"""A term of at most this number of items is never too frequent, whatever `VocabularyConfig.max_term_fraction` is."""


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """Configuration of the vocabulary: the terms that can be salient.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    min_term_items: int = setting(
        2, help="Minimum number of items that contain a term; rarer terms are not salient.", minimum=1
    )
    max_term_fraction: float = setting(
        0.2,
        help="Maximum fraction of the items that contain a term; more frequent terms are not salient.",
        minimum=0,
        above=True,
        maximum=1,
    )
    min_association: float = setting(
        0.3,
        help="Minimum normalised pointwise mutual information of the two words of a bigram; other bigrams are not "
        "salient.",
        minimum=-1,
        maximum=1,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class SalienceConfig:
    """Configuration of the salient terms of items.

    Attributes:
        vocabulary: the terms that can be salient.
        stop_words: words that carry no topic, normalised.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    vocabulary: VocabularyConfig = dataclasses.field(default_factory=VocabularyConfig)
    max_terms: int = setting(
        16, help="Maximum number of salient terms kept per item: the most salient ones.", minimum=1, maximum=1000
    )
    stop_words: frozenset[str] = FUNCTION_WORDS

    def __post_init__(self) -> None:
        validate(self)

    def described(self) -> dict[str, Any]:
        """Return the configuration as plain values in a fixed order, for manifests."""
        return dataclasses.asdict(self) | {"stop_words": sorted(self.stop_words)}


@dataclasses.dataclass(frozen=True)
class LearnedSalienceConfig:
    """Configuration of learned salience: how the model is trained, and how many terms beyond the text are considered.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    max_context_terms: int = setting(
        8192,
        help="Maximum number of terms that can be assigned to an item whose text does not contain them: the most "
        "frequent ones. Bounds time and memory.",
        minimum=1,
        maximum=1_000_000,
    )
    neighbours: int = setting(
        128,
        help="Number of terms considered per item in addition to those of its text: the nearest ones.",
        minimum=0,
    )
    min_items: int = setting(
        5,
        help="Minimum number of items that contain a term for it to be assigned to items whose text does not "
        "contain it.",
        minimum=1,
    )
    max_items: int = setting(
        10_000,
        help="Maximum number of items from which the model is trained: a sample by a stable hash of the item ids.",
        minimum=1,
    )
    max_labels: int = setting(
        8, help="Maximum number of labels of an item from which the model is trained: a random sample.", minimum=1
    )
    min_pairs: int = setting(500, help="Minimum number of labels in total for a model to be trained.", minimum=1)
    min_fraction_in_text: float = setting(  # from tags that are codes a model learns that the text is irrelevant
        0.05,
        help="Minimum fraction of the labels that occur in the text of their items for a model to be trained.",
        minimum=0,
        maximum=1,
    )
    calibration_fraction: float = setting(
        0.25,
        help="Fraction of the items that is used to calibrate the model instead of fitting it.",
        minimum=0,
        above=True,
        maximum=1,
        below=True,
    )
    seed: int = setting(0, help="Random seed of the training pairs.", minimum=0)

    def __post_init__(self) -> None:
        validate(self)
