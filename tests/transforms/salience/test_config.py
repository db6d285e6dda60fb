import math
from typing import Any

import pytest

from transforms.salience.config import SalienceConfig, VocabularyConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("min_term_items", 0),
        ("max_term_share", 0.0),
        ("max_term_share", 1.5),
        ("max_term_share", math.nan),
        ("min_association", -1.1),
        ("min_association", math.nan),
    ],
)
def test_the_vocabulary_refuses_what_is_not_allowed_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be .*got {value}$"):
        VocabularyConfig(**{setting: value})


def test_salience_refuses_what_is_not_allowed_by_name() -> None:
    with pytest.raises(ValueError, match=r"^max_terms must be at least 1, got 0$"):
        SalienceConfig(max_terms=0)


def test_the_limits_are_allowed() -> None:
    for association in (-1, 1):
        limits = VocabularyConfig(min_term_items=1, max_term_share=1, min_association=association)
        assert SalienceConfig(limits, max_terms=1).vocabulary == limits
