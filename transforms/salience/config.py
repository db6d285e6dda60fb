"""What decides which terms are salient. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from transforms.salience.text import FUNCTION_WORDS

FEWEST_ITEMS_FOR_SHARE = 10


@dataclasses.dataclass(frozen=True)
class VocabularyConfig:
    """Which terms are kept.

    Attributes:
        min_term_items: a term must occur in at least so many items, at least 1.
        max_term_share: and in at most this share of them, in (0, 1]; in `FEWEST_ITEMS_FOR_SHARE` items it always may.
        min_association: least normalised pointwise mutual information of a bigram's words, in [-1, 1].

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    min_term_items: int = 2
    max_term_share: float = 0.2
    min_association: float = 0.3

    def __post_init__(self) -> None:
        if self.min_term_items < 1:
            raise ValueError(f"min_term_items must be at least 1, got {self.min_term_items}")
        if not 0 < self.max_term_share <= 1:
            raise ValueError(f"max_term_share must be in (0, 1], got {self.max_term_share}")
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
class LearningConfig:
    """How salience is learnt, and how far items are expanded.

    Attributes:
        most_terms: terms of the vocabulary that get a context: the most frequent, at least 1. Bounds time and memory.
        neighbours: how many of them are considered for an item besides those of its text: the nearest, at least 0.
        fewest_items: a term of fewer items is not considered where it does not stand in the text, at least 1.
        most_items: items that a model is learnt from, by a stable hash of their ids, at least 1.
        most_labels: labels of an item that a model is learnt from, drawn, at least 1.
        fewest_pairs: with fewer labels in all no model is learnt, at least 1.
        least_share_in_text: nor where a smaller share of the labels stands in the text of their items, in [0, 1]: from
            tags that are codes a model would learn that what the text says is irrelevant.
        calibration_share: share of the items on which the model is calibrated and not fitted, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    most_terms: int = 8192
    neighbours: int = 128
    fewest_items: int = 5
    most_items: int = 10_000
    most_labels: int = 8
    fewest_pairs: int = 500
    least_share_in_text: float = 0.05
    calibration_share: float = 0.25
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("most_terms", "neighbours", "fewest_items", "most_items", "most_labels", "fewest_pairs"):
            least = 0 if name == "neighbours" else 1
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 <= self.least_share_in_text <= 1:
            raise ValueError(f"least_share_in_text must be in [0, 1], got {self.least_share_in_text}")
        if not 0 < self.calibration_share < 1:
            raise ValueError(f"calibration_share must be in (0, 1), got {self.calibration_share}")
