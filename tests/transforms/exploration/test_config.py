import pytest

from transforms.exploration.config import TransitionConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("context_size", 0),
        ("context_size", 4),
        ("min_users", 0),
        ("test_fraction", -0.1),
        ("test_fraction", 1),
        ("validation_fraction", 1),
        ("per_label", 0),
    ],
)
def test_what_is_not_allowed_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be .* got "):
        TransitionConfig(**{name: value})


def test_interactions_must_be_left_for_training() -> None:
    with pytest.raises(ValueError, match=r"left for training, got 0\.6 \+ 0\.4"):
        TransitionConfig(test_fraction=0.6, validation_fraction=0.4)


def test_the_limits_are_allowed() -> None:
    assert TransitionConfig(3, 1, 0, 0, per_label=1).context_size == 3
