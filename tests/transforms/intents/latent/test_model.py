import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.transforms.intents.latent.worlds import ITEMS, hidden_intents, item_vectors
from transforms.intents.latent import model as module
from transforms.intents.latent import serving
from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.model import LatentModel
from transforms.intents.latent.rows import Rows
from transforms.intents.latent.serving import measure_rows, prior_means, prior_samples, score_items

pytestmark = pytest.mark.models


def latent_model(units: int = 2, vectors: np.ndarray | None = None) -> LatentModel:
    torch.manual_seed(0)
    config = LatentConfig(latent_dimensions=units, hidden=8, layers=2)
    own = item_vectors() if vectors is None else vectors
    return LatentModel(config, own, np.array([1, 2, 3], np.float32), np.array([1, 2, 4], np.float32)).eval()


def test_the_likelihood_of_a_bag_is_the_product_of_those_of_its_items() -> None:
    model = latent_model(vectors=np.random.default_rng(0).normal(size=(ITEMS, 4)).astype(np.float32))
    vectors = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    items, offsets = torch.tensor([3, 3, 7, 0]), torch.tensor([0, 3, 4])
    found = model.log_likelihood(vectors, model.sums(items, offsets[:-1]), torch.diff(offsets))
    logs = torch.log_softmax(model.logits(vectors), dim=1)
    expected = [2 * logs[0, 3] + logs[0, 7], logs[1, 0]]
    assert found.tolist() == pytest.approx([each.item() for each in expected], abs=1e-4)


def test_log_variances_stay_within_the_bounds_of_the_configuration() -> None:
    model = latent_model()
    prior = model.prior(1e6 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0)))
    assert bool(((prior.log_variances >= -6) & (prior.log_variances <= 2)).all())


def test_contexts_are_scaled_by_the_moments() -> None:
    assert latent_model().scaled(torch.tensor([[2.0, 2.0, 11.0]])).tolist() == [[1, 0, 2]]


def test_vectors_of_any_scale_give_the_same_model() -> None:
    contexts, latents = np.ones((1, 3), np.float32), np.ones((1, 2), np.float32)
    found = [score_items(latent_model(vectors=item_vectors() * scale), contexts, latents) for scale in (1, 1000)]
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_the_order_of_next_items_does_not_matter() -> None:
    rows, _ = hidden_intents(4, seed=0)
    items = rows.following.items.reshape(4, -1)[:, ::-1].ravel()
    turned = Rows(rows.contexts, rows.following._replace(items=np.ascontiguousarray(items)))
    first, second = (measure_rows(latent_model(), each) for each in (rows, turned))
    assert first.divergences == pytest.approx(second.divergences, abs=1e-6)
    assert first.reconstruction == pytest.approx(second.reconstruction, abs=1e-4)


def test_rows_are_measured_equally_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = hidden_intents(7, seed=0)
    whole = measure_rows(latent_model(), rows)
    monkeypatch.setattr(serving, "_NUMBERS_PER_BLOCK", 2 * ITEMS)
    for one, other in zip(whole, measure_rows(latent_model(), rows), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_terms_are_those_of_the_objective() -> None:
    rows, _ = hidden_intents(6, seed=0)
    model = latent_model()
    noise = np.random.default_rng(3).standard_normal((1, 6, 2), np.float32)[0]
    with torch.no_grad():
        expected = model(
            torch.from_numpy(rows.contexts),
            torch.from_numpy(rows.following.items.astype(np.int64)),
            torch.from_numpy(rows.following.offsets),
            torch.from_numpy(noise),
        )
    found = measure_rows(model, rows, seed=3)
    assert found.reconstruction == pytest.approx(expected.reconstruction.numpy(), abs=1e-5)
    assert found.divergences == pytest.approx(expected.divergences.numpy(), abs=1e-5)


def test_shifts_are_in_standard_deviations_of_the_prior() -> None:
    rows, _ = hidden_intents(6, seed=0)
    model = latent_model()
    offsets = torch.from_numpy(rows.following.offsets)
    sums = model.sums(torch.from_numpy(rows.following.items.astype(np.int64)), offsets[:-1])
    with torch.no_grad():
        prior = model.prior(torch.from_numpy(rows.contexts))
        posterior = model.posterior(torch.from_numpy(rows.contexts), sums, torch.diff(offsets))
    found = measure_rows(model, rows)
    deviations = np.sqrt(np.exp(prior.log_variances.numpy()))
    assert deviations.min() < 0.8  # so that a division differs from a product
    assert found.means == pytest.approx(posterior.means.numpy(), abs=1e-5)
    assert found.shifts == pytest.approx((posterior.means - prior.means).numpy() / deviations, abs=1e-4)


def test_samples_of_the_prior_have_its_mean_and_their_seed() -> None:
    model, contexts = latent_model(), np.ones((1, 3), np.float32)
    many = prior_samples(model, contexts, samples=20_000, seed=0)
    assert many.shape == (20_000, 1, 2)
    assert many.mean(axis=0) == pytest.approx(prior_means(model, contexts), abs=0.05)
    assert prior_samples(model, contexts, 3, 5).tobytes() == prior_samples(model, contexts, 3, 5).tobytes()
    assert prior_samples(model, contexts, 3, 5).tobytes() != prior_samples(model, contexts, 3, 6).tobytes()


def test_a_model_without_latent_intent_reconstructs_from_the_context_alone() -> None:
    rows, _ = hidden_intents(4, seed=0)
    model = latent_model(units=0)
    found = measure_rows(model, rows)
    assert found.divergences.shape == found.means.shape == found.shifts.shape == (4, 0)
    scores = score_items(model, rows.contexts, prior_means(model, rows.contexts))
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    expected = np.take_along_axis(logs, rows.following.items.reshape(4, -1), axis=1).sum(axis=1)
    assert found.reconstruction == pytest.approx(expected, abs=1e-4)
    assert math.isfinite(found.reconstruction.sum())


def test_arrays_of_other_shapes_are_refused() -> None:
    model, contexts = latent_model(), np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"contexts must have the shape \(rows, 3\)"):
        prior_means(model, contexts[:, :2])
    with pytest.raises(ValueError, match=r"latents must have the shape \(2, 2\)"):
        score_items(model, contexts, np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="samples must be at least 1"):
        measure_rows(model, hidden_intents(2, seed=0)[0], samples=0)


def test_catalogues_that_are_too_large_or_empty_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ITEMS", ITEMS - 1)
    with pytest.raises(ValueError, match="1 to 19 items"):
        latent_model()
    with pytest.raises(ValueError, match="1 to 19 items"):
        latent_model(vectors=np.zeros((0, 2), np.float32))
    with pytest.raises(ValueError, match="not all 0"):
        latent_model(vectors=np.zeros((3, 2), np.float32))
