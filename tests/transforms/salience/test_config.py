import math
from typing import Any

import pytest

from transforms.salience.config import LearnedSalienceConfig, SalienceConfig, VocabularyConfig


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("min_term_items", 0),
        ("max_term_fraction", 0.0),
        ("max_term_fraction", 1.5),
        ("max_term_fraction", math.nan),
        ("min_association", -1.1),
        ("min_association", math.nan),
    ],
)
def test_the_vocabulary_refuses_what_is_not_allowed_by_name(setting: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{setting} must be .*got {value}$"):
        VocabularyConfig(**{setting: value})


def test_salience_refuses_what_is_not_allowed_by_name() -> None:
    with pytest.raises(ValueError, match=r"^max_terms must be in \[1, 1000\], got 0$"):
        SalienceConfig(max_terms=0)


def test_the_limits_are_allowed() -> None:
    for association in (-1, 1):
        limits = VocabularyConfig(min_term_items=1, max_term_fraction=1, min_association=association)
        assert SalienceConfig(limits, max_terms=1).vocabulary == limits


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("max_context_terms", 0, r"in \[1, 1e\+06\]"),
        ("neighbours", -1, "at least 0"),
        ("min_items", 0, "at least 1"),
        ("max_items", 0, "at least 1"),
        ("max_labels", 0, "at least 1"),
        ("min_pairs", 0, "at least 1"),
        ("min_fraction_in_text", 1.5, r"in \[0, 1\]"),
        ("calibration_fraction", 0.0, r"in \(0, 1\)"),
        ("calibration_fraction", math.nan, r"in \(0, 1\)"),
    ],
)
def test_learning_refuses_what_is_not_allowed_by_name(setting: str, value: Any, allowed: str) -> None:
    with pytest.raises(ValueError, match=rf"^{setting} must be {allowed}, got {value}$"):
        LearnedSalienceConfig(**{setting: value})
    assert LearnedSalienceConfig(neighbours=0).neighbours == 0
