"""The sampled softmax estimates the full one."""

import pytest

pytest.importorskip("torch")

import torch

from transforms.recommendation.sequence.losses import full_softmax, sampled_softmax

pytestmark = pytest.mark.models

ITEMS, DIMENSIONS = 30, 5


def _examples(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    users, vectors = torch.randn(count, DIMENSIONS), torch.randn(ITEMS, DIMENSIONS)
    return users, vectors, torch.randint(ITEMS, (count,))


def test_the_full_softmax_by_hand() -> None:
    vectors = torch.tensor([[0.0], [1.0], [2.0]])
    found = full_softmax(torch.tensor([[1.0], [1.0]]), vectors, torch.tensor([2, 0]))
    total = torch.exp(vectors).sum().log()
    assert float(found) == pytest.approx(float(total) - 1.0)


def test_with_all_items_as_negatives_both_are_equal() -> None:
    users, vectors, targets = _examples(7)
    every = torch.arange(ITEMS)
    found = sampled_softmax(users, vectors[targets], targets, vectors, every, ITEMS)
    assert float(found) == pytest.approx(float(full_softmax(users, vectors, targets)), rel=1e-5)


def test_the_sum_over_a_sample_estimates_that_over_all_other_items() -> None:
    users, vectors, targets = _examples(1)
    losses = []
    for _ in range(100):
        sampled = torch.randint(ITEMS, (40,))
        losses.append(sampled_softmax(users, vectors[targets], targets, vectors[sampled], sampled, ITEMS))
    sums = torch.exp(torch.stack(losses) + users @ vectors[targets[0]])  # of exponentials, with that of the target
    expected = float(torch.exp(users @ vectors.T).sum())
    assert float(sums.mean()) == pytest.approx(expected, rel=0.05)


def test_a_sample_of_nothing_but_targets_has_no_negatives() -> None:
    users, vectors, _ = _examples(2)
    targets = torch.tensor([3, 3])
    sampled = torch.tensor([3, 3, 3])
    loss = sampled_softmax(users, vectors[targets], targets, vectors[sampled], sampled, ITEMS)
    assert float(loss) == 0.0
