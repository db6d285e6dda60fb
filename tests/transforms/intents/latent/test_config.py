import pytest

from transforms.intents.latent.config import LatentConfig


def test_a_model_without_latent_intent_is_allowed() -> None:
    assert LatentConfig(latent_dimensions=0).latent_dimensions == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"latent_dimensions": -1}, r"latent_dimensions must be in \[0, 1024\], got -1"),
        ({"beta": float("inf")}, "beta must be"),
        ({"min_log_variance": 2.0}, "min_log_variance must be below max_log_variance, got 2.0 and 2.0"),
    ],
)
def test_invalid_values_are_named(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentConfig(**values)
