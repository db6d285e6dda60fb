"""What decides which terms are salient. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses

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
