"""Configuration of the latent intent model. Kept import-light so that errors in options surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class LatentConfig:
    """Configuration of the latent intent model and its training.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    latent_dimensions: int = setting(
        16, minimum=0, maximum=1024, help="Number of latent units; 0: the model has no latent intent."
    )
    hidden: int = setting(128, minimum=1, maximum=8192, help="Width of the hidden layers.")
    layers: int = setting(2, minimum=1, maximum=8, help="Number of hidden layers of the prior, posterior and decoder.")
    dropout: float = setting(
        0.1, minimum=0, maximum=1, below=True, help="Fraction of hidden units that dropout sets to 0."
    )
    min_log_variance: float = setting(-6.0, help="Lower bound of the logarithm of the variance of a latent unit.")
    max_log_variance: float = setting(2.0, help="Upper bound of the logarithm of the variance of a latent unit.")
    beta: float = setting(
        1.0, minimum=0, help="Weight of the divergence of the posterior from the prior in the objective."
    )
    warm_up_epochs: int = setting(
        10, minimum=0, help="Number of epochs in which the weight of the divergence rises linearly from 0."
    )
    free_bits: float = setting(
        0.0,
        minimum=0,
        help="Divergence per latent unit, in bits and as the mean of a batch, below which it is not penalized.",
    )
    learning_rate: float = setting(1e-3, minimum=0, above=True, help="Learning rate of Adam.")
    batch_size: int = setting(256, minimum=1, help="Rows of one step.")
    max_epochs: int = setting(100, minimum=1, help="Maximum number of passes over the training rows.")
    patience: int = setting(
        10,
        minimum=1,
        help="Training stops when the objective of the validation rows, the ELBO if beta is 1 and no bits are free, "
        "has not risen for this number of epochs after the warm-up.",
    )
    seed: int = setting(0, minimum=0, help="Random seed of the parameters, the order of rows, the noise and dropout.")

    def __post_init__(self) -> None:
        validate(self)
        if self.min_log_variance >= self.max_log_variance:
            raise ValueError(
                f"min_log_variance must be below max_log_variance, got {self.min_log_variance} and "
                f"{self.max_log_variance}"
            )
