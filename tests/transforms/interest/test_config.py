import math

import pytest

from transforms.interest.config import InterestConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dimensions", 0),
        ("epochs", 0),
        ("negatives", 0),
        ("pool", 0),
        ("regularisation", -0.1),
        ("margin", math.inf),
        ("cause_weight", -1),
        ("discrepancy_weight", math.nan),
        ("seed", -1),
        ("learning_rate", 0),
        ("decay", 0),
        ("decay", 1.01),
        ("discrepancy", "cosine"),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: float | str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .* got "):
        InterestConfig(**{name: value})


def test_the_limits_are_allowed() -> None:
    config = InterestConfig(1, 1, 0.001, 0, 1, False, 0, 1, 0, 1, "l2", 0, 0)
    assert not config.causal_negatives
