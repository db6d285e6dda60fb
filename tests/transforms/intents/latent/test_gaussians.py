import math

import pytest

pytest.importorskip("torch")

import torch
from torch.distributions import Normal, kl_divergence

from transforms.intents.latent.gaussians import Gaussian, divergence, soft_clip

pytestmark = pytest.mark.models


def test_log_variances_are_soft_clipped_by_hand() -> None:
    # Bounds -6 and 2: the sharpness is 10 / 8. At the upper bound, the first softplus is log(2) / 1.25.
    at_bound = 2 - math.log(2) / 1.25 + math.log1p(math.exp(-8 * 1.25)) / 1.25
    found = soft_clip(torch.tensor([2.0, -2.0, -6.0], dtype=torch.float64), -6.0, 2.0)
    assert found.tolist() == pytest.approx([at_bound, -2.0, -4 - at_bound], abs=1e-12)


def test_soft_clipped_values_are_within_the_bounds_and_ascend() -> None:
    values = torch.linspace(-18, 14, 2001, dtype=torch.float64, requires_grad=True)
    found = soft_clip(values, -6.0, 2.0)
    assert bool((found > -6).all())
    assert bool((found < 2).all())
    assert bool((found.diff() > 0).all())
    found.sum().backward()
    assert values.grad is not None
    assert bool((values.grad > 0).all())
    middle = (values > -4) & (values < 0)
    assert float((found - values).detach()[middle].abs().max()) < 0.1
    extreme = soft_clip(torch.tensor([-1e4, 1e4]), -6.0, 2.0)
    assert extreme.tolist() == pytest.approx([-6, 2], abs=1e-3)


def test_the_divergence_of_two_gaussians_by_hand() -> None:
    prior = Gaussian(torch.zeros(1, 3), torch.tensor([[0.0, 0.0, math.log(4)]]))
    posterior = Gaussian(torch.tensor([[0.0, 3.0, 2.0]]), torch.zeros(1, 3))
    # Equal; the mean alone, 3^2 / 2; log 2 + (1 + 2^2) / (2 * 4) - 1/2.
    expected = [0, 4.5, math.log(2) + 5 / 8 - 1 / 2]
    assert divergence(posterior, prior)[0].tolist() == pytest.approx(expected, abs=1e-6)


def test_the_divergence_equals_that_of_torch() -> None:
    torch.manual_seed(0)
    prior, posterior = (Gaussian(*torch.randn(2, 50, 4, dtype=torch.float64)) for _ in range(2))
    first, second = (Normal(each.means, (0.5 * each.log_variances).exp()) for each in (posterior, prior))
    assert torch.allclose(divergence(posterior, prior), kl_divergence(first, second), atol=1e-12)


def test_samples_have_the_moments_of_the_gaussian() -> None:
    noise = torch.randn(100_000, 1, generator=torch.Generator().manual_seed(0))
    samples = Gaussian(torch.tensor([[2.0]]), torch.tensor([[math.log(9.0)]])).at(noise)
    assert float(samples.mean()) == pytest.approx(2, abs=0.05)
    assert float(samples.std()) == pytest.approx(3, abs=0.05)
