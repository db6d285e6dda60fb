"""Training: a hidden intent is found, its collapse is noticed, and equal seeds give equal bytes."""

import dataclasses
import functools
import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tests.transforms.intents.latent.worlds import FOLLOWING, ITEMS, hidden_intents, item_clusters, item_vectors
from transforms.intents.latent.config import LatentConfig
from transforms.intents.latent.measures import (
    ElboParts,
    check_collapse,
    elbo_parts,
    measure_lists,
    merge_in_turn,
    top_items,
)
from transforms.intents.latent.serving import measure_rows, prior_means, prior_samples, score_items
from transforms.intents.latent.training import (
    EpochMetrics,
    Trained,
    beta_at,
    penalized_divergence,
    train_latent,
)

pytestmark = pytest.mark.models

SMALL = LatentConfig(
    latent_dimensions=2,
    hidden=32,
    layers=1,
    dropout=0.0,
    warm_up_epochs=5,
    learning_rate=5e-3,
    batch_size=64,
    max_epochs=25,
    patience=25,
)


def last_tenth(count: int) -> np.ndarray:
    """Select the validation rows: rows are random, so which they are does not matter."""
    return np.arange(count) >= count - count // 10


@functools.cache
def trained(**changed: float) -> Trained:
    rows, _ = hidden_intents(1500, seed=1)
    return train_latent(rows, item_vectors(), dataclasses.replace(SMALL, **changed), last_tenth(1500))


@functools.cache
def held_out(**changed: float) -> ElboParts:
    rows, _ = hidden_intents(1000, seed=2)
    return elbo_parts(measure_rows(trained(**changed).model, rows, samples=4))


def test_a_hidden_intent_is_worth_its_information_on_held_out_rows() -> None:
    with_intent, without = held_out(), held_out(latent_dimensions=0)
    # Without the intent all items are equally probable. With it, each of n items gains log 2 nats, and to know it costs
    # log 2 nats once: (n - 1) log 2 is the gain of the true model. Half of it distinguishes it from one without.
    assert without.reconstruction == pytest.approx(-FOLLOWING * math.log(ITEMS), abs=0.1)
    possible = (FOLLOWING - 1) * math.log(2)
    assert possible / 2 < with_intent.elbo - without.elbo < possible + 0.1
    assert with_intent.active_units >= 1
    assert with_intent.divergence > math.log(2) / 2
    assert check_collapse(with_intent) == (False, "")


def test_the_posterior_knows_the_intent_and_the_prior_does_not() -> None:
    rows, intents = hidden_intents(1000, seed=2)
    model = trained().model
    shifts = measure_rows(model, rows).shifts
    posterior = max(abs(np.corrcoef(unit, intents)[0, 1]) for unit in shifts.T)
    prior = max(abs(np.corrcoef(unit, intents)[0, 1]) for unit in prior_means(model, rows.contexts).T)
    assert posterior > 0.8
    assert prior < 0.15


def test_several_samples_of_the_prior_serve_both_intents() -> None:
    rows, _ = hidden_intents(300, seed=2)
    model = trained().model
    several = prior_samples(model, rows.contexts, samples=8, seed=0)
    lists = np.stack([top_items(score_items(model, rows.contexts, each), 6) for each in several])
    measured = [
        measure_lists(each, rows.following, item_clusters(), item_vectors())
        for each in (lists[0], merge_in_turn(lists))
    ]
    # One sample is of one intent; eight of a fair coin are of both but for one row in 128.
    assert measured[0].clusters.mean() < 1.5
    assert measured[1].clusters.mean() > 1.8


def test_a_collapse_under_a_huge_beta_is_noticed() -> None:
    found = check_collapse(held_out(beta=200.0, warm_up_epochs=0, max_epochs=12))
    assert found.is_collapsed
    assert found.reason


def test_equal_seeds_give_equal_bytes_whatever_else_is_random() -> None:
    rows, _ = hidden_intents(200, seed=3)
    config = dataclasses.replace(SMALL, max_epochs=3, dropout=0.2)
    first = train_latent(rows, item_vectors(), config, last_tenth(200))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = train_latent(rows, item_vectors(), config, last_tenth(200))
    assert torch.equal(torch.get_rng_state(), state)
    other = train_latent(rows, item_vectors(), dataclasses.replace(config, seed=1), last_tenth(200))
    assert first.epochs == second.epochs
    weights, same, different = (
        [value.numpy().tobytes() for value in each.model.state_dict().values()] for each in (first, second, other)
    )
    assert weights == same
    assert weights != different


def test_the_best_epoch_on_the_validation_rows_is_kept() -> None:
    rows, _ = hidden_intents(300, seed=4)
    shown: list[EpochMetrics] = []
    config = dataclasses.replace(SMALL, max_epochs=60, warm_up_epochs=4, patience=2, learning_rate=0.02)
    is_validation = np.arange(300) >= 250
    found = train_latent(rows, item_vectors(), config, is_validation, shown.append)
    assert tuple(shown) == found.epochs
    assert [metrics.epoch for metrics in shown] == list(range(1, len(shown) + 1))
    assert found.best_epoch == 1 + int(np.argmax([metrics.objective for metrics in shown]))
    assert len(shown) == max(found.best_epoch, 4) + 2  # it stopped, and not within the warm-up
    assert [metrics.beta for metrics in shown[:5]] == [0.25, 0.5, 0.75, 1, 1]
    assert all(metrics.objective == pytest.approx(metrics.elbo) for metrics in shown)  # beta 1, no free bits
    assert not found.model.training


def test_training_does_not_stop_within_the_warm_up() -> None:
    rows, _ = hidden_intents(60, seed=4)
    noise = np.random.default_rng(0).integers(0, ITEMS, len(rows.following.items)).astype(np.int32)
    rows = rows._replace(following=rows.following._replace(items=noise))  # overfitted from the first epochs on
    config = dataclasses.replace(SMALL, warm_up_epochs=12, patience=1, learning_rate=0.05)
    found = train_latent(rows, item_vectors(), config, last_tenth(60))
    assert found.best_epoch < 11
    assert len(found.epochs) == 13


def test_validation_rows_are_not_trained_on() -> None:
    rows, _ = hidden_intents(120, seed=5)
    is_validation = np.arange(120) >= 80
    changed = rows.following.items.copy()
    changed[80 * FOLLOWING :] = 0
    config = dataclasses.replace(SMALL, max_epochs=2)
    losses = [
        [metrics.loss for metrics in train_latent(each, item_vectors(), config, is_validation).epochs]
        for each in (rows, rows._replace(following=rows.following._replace(items=changed)))
    ]
    assert losses[0] == losses[1]


def test_beta_rises_linearly_in_the_warm_up() -> None:
    config = LatentConfig(beta=0.5, warm_up_epochs=2)
    assert [beta_at(step, 2, config) for step in range(1, 7)] == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]
    assert beta_at(1, 2, LatentConfig(beta=0.5, warm_up_epochs=0)) == 0.5


def test_free_bits_are_not_penalized() -> None:
    # Means 1 and 3 bits: at 2 free bits per unit the first counts as 2.
    bits = torch.tensor([[0.0, 2.0], [2.0, 4.0]], requires_grad=True)
    penalty = penalized_divergence(bits * math.log(2), 2.0)
    assert penalty.item() == pytest.approx(5 * math.log(2))
    penalty.backward()
    assert bits.grad is not None
    assert bits.grad[:, 0].tolist() == [0, 0]
    assert float(bits.grad[:, 1].min()) > 0
    assert penalized_divergence(bits * math.log(2), 0.0).item() == pytest.approx(4 * math.log(2))


def test_free_bits_keep_a_latent_in_use_that_a_large_beta_would_not() -> None:
    changed = {"beta": 20.0, "warm_up_epochs": 0, "max_epochs": 12}
    assert held_out(**changed).divergence < 0.1
    assert held_out(**changed, free_bits=0.5).divergence > 0.5


def test_invalid_rows_are_refused() -> None:
    rows, _ = hidden_intents(10, seed=0)
    with pytest.raises(ValueError, match="codes of next items must be in"):
        train_latent(rows, item_vectors()[:5], SMALL, last_tenth(10))
    for chosen in (np.zeros(10, bool), np.ones(10, bool), np.ones(3, bool)):
        with pytest.raises(ValueError, match="is_validation must select some but not all of the 10 rows"):
            train_latent(rows, item_vectors(), SMALL, chosen)


def test_a_constant_component_of_contexts_is_allowed() -> None:
    rows, _ = hidden_intents(40, seed=0)
    contexts = rows.contexts.copy()
    contexts[:, 1] = 0.1
    config = dataclasses.replace(SMALL, max_epochs=1)
    found = train_latent(rows._replace(contexts=contexts), item_vectors(), config, last_tenth(40))
    assert float(found.model.context_scales[1]) == 1
    assert math.isfinite(found.epochs[0].loss)
