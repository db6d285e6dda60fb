from dataclasses import fields

import pytest

from transforms.language_models.compact.config import NetworkConfig, TrainingConfig


@pytest.mark.parametrize("name", [field.name for field in fields(NetworkConfig)])
def test_sizes_are_positive(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        NetworkConfig(**{name: 0})


def test_heads_share_the_width() -> None:
    with pytest.raises(ValueError, match="width must be a multiple of heads = 3, got 256"):
        NetworkConfig(heads=3)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("epochs", 0, "epochs must be at least 1, got 0"),
        ("seed", -1, "seed must be at least 0, got -1"),
        ("most_texts", 2, "most_texts must be at least 3, got 2"),
        ("kept_texts", 7, "kept_texts must be at least 8, got 7"),
        ("learning_rate", 0.0, "learning_rate must be above 0, got 0.0"),
        ("weight_decay", -0.1, "weight_decay must be at least 0, got -0.1"),
        ("dropout", 1.0, r"dropout must be in \[0, 1\), got 1.0"),
        ("terms_alone", 0.9, "with_terms and terms_alone must not exceed 1 together, got 0.4 and 0.9"),
    ],
)
def test_wrong_training_is_refused(name: str, value: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TrainingConfig(**{name: value})
