"""What decides which terms are salient. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from transforms.salience.text import FUNCTION_WORDS

MIN_ITEMS_FOR_FRACTION = 10


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """Which terms are kept.

    Attributes:
        min_term_items: a term must occur in at least so many items, at least 1.
        max_term_fraction: and in at most this fraction of them, in (0, 1]; `MIN_ITEMS_FOR_FRACTION` are always allowed.
        min_association: least normalised pointwise mutual information of a bigram's words, in [-1, 1].

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    min_term_items: int = 2
    max_term_fraction: float = 0.2
    min_association: float = 0.3

    def __post_init__(self) -> None:
        if self.min_term_items < 1:
            raise ValueError(f"min_term_items must be at least 1, got {self.min_term_items}")
        if not 0 < self.max_term_fraction <= 1:
            raise ValueError(f"max_term_fraction must be in (0, 1], got {self.max_term_fraction}")
        if not -1 <= self.min_association <= 1:
            raise ValueError(f"min_association must be in [-1, 1], got {self.min_association}")


@dataclasses.dataclass(frozen=True)
class SalienceConfig:
    """How salient terms are found.

    Attributes:
        vocabulary: which terms can be salient.
        max_terms: how many terms an item keeps, at least 1.
        stop_words: words that carry no topic, normalised.

    Raises:
        ValueError: when `max_terms` is not positive.
    """

    vocabulary: VocabularyConfig = dataclasses.field(default_factory=VocabularyConfig)
    max_terms: int = 16
    stop_words: frozenset[str] = FUNCTION_WORDS

    def __post_init__(self) -> None:
        if self.max_terms < 1:
            raise ValueError(f"max_terms must be at least 1, got {self.max_terms}")

    def described(self) -> dict[str, Any]:
        """The same as plain values in a fixed order, for manifests."""
        return dataclasses.asdict(self) | {"stop_words": sorted(self.stop_words)}


@dataclasses.dataclass(frozen=True)
class LearnedSalienceConfig:
    """How salience is learnt, and how far items are expanded.

    Attributes:
        max_context_terms: the most frequent terms, which get a context, at least 1. Bounds time and memory.
        neighbours: how many of them are considered for an item besides those of its text: the nearest, at least 0.
        min_items: a term of fewer items is not considered where it does not stand in the text, at least 1.
        max_items: items that a model is learnt from, by a stable hash of their ids, at least 1.
        max_labels: labels of an item that a model is learnt from, drawn, at least 1.
        min_pairs: with fewer labels in all no model is learnt, at least 1.
        min_fraction_in_text: nor where a smaller share of the labels stands in the text of their items, in [0, 1]: from
            tags that are codes a model would learn that what the text says is irrelevant.
        calibration_fraction: share of the items on which the model is calibrated and not fitted, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    max_context_terms: int = 8192
    neighbours: int = 128
    min_items: int = 5
    max_items: int = 10_000
    max_labels: int = 8
    min_pairs: int = 500
    min_fraction_in_text: float = 0.05
    calibration_fraction: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_context_terms", "neighbours", "min_items", "max_items", "max_labels", "min_pairs"):
            least = 0 if name == "neighbours" else 1
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.min_fraction_in_text <= 1:
            raise ValueError(f"min_fraction_in_text must be in [0, 1], got {self.min_fraction_in_text}")
        if not 0 < self.calibration_fraction < 1:
            raise ValueError(f"calibration_fraction must be in (0, 1), got {self.calibration_fraction}")
