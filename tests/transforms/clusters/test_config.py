import math

import pytest

from transforms.clusters.config import TreeConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("levels", (0, 8)),
        ("levels", (8, 40_000)),
        ("max_imbalance", 1.0),
        ("max_imbalance", math.inf),
        ("sample_items", 0),
        ("keywords", 0),
        ("keywords", 17),
        ("seed", -1),
    ],
)
def test_the_field_and_its_range_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .* got "):
        TreeConfig(**{name: value})


@pytest.mark.parametrize(("levels", "given"), [((), "no level"), ((8, 8), "8, 8"), ((64, 8), "64, 8")])
def test_levels_are_ascending(levels: tuple[int, ...], given: str) -> None:
    with pytest.raises(ValueError, match=f"^levels must be at least one number, and ascending, got {given}$"):
        TreeConfig(levels=levels)


def test_the_limits_are_allowed() -> None:
    assert TreeConfig().levels == (8, 64)
    assert TreeConfig(levels=(1, 32_767), max_imbalance=1.01, sample_items=1, keywords=16, seed=0).keywords == 16
